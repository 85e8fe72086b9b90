//! A keeper whose image may be unmapped.

lcr_tests::keeper!(unload);
