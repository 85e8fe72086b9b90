//! Stands on a till.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "counting.rs"]
mod counting;

clerk!();
