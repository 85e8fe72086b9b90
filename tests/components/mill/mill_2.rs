//! A mill, version 2.0.0, which writes other labels.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "wheel.rs"]
mod wheel;

mill!("2.0.0", 2, ", fine");
