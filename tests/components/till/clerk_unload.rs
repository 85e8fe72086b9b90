//! Stands on a till, in an image that may be unmapped.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "counting.rs"]
mod counting;

clerk!(unload);
