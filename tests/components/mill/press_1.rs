//! A press, version 1.0.0.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "screw.rs"]
mod screw;

press!("1.0.0", 1);
