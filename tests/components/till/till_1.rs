//! A till of version 1.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

till_1!(name = "till");
