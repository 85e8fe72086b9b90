//! A cdylib with nothing of its own: its components are those of the crate it links.

use lcr_tests_both as _;
