//! A press, version 2.0.0.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "screw.rs"]
mod screw;

press!("2.0.0", 2);
