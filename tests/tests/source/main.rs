//! Invariants of the source text, tables that name tests, and sources that the macros refuse.

mod named_tests;
mod peers;
mod refusals;
mod tidy;
