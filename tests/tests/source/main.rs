//! Invariants of the source text, and tables that name tests.

mod named_tests;
mod peers;
mod tidy;
