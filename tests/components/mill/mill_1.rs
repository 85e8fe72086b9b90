//! A mill, version 1.0.0.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "wheel.rs"]
mod wheel;

mill!("1.0.0", 1, "");
