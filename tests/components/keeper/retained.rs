//! A keeper whose image stays mapped.

lcr_tests::keeper!();
