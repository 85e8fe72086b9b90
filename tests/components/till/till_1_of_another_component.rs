//! A till of version 1 by another component.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

till_1!(name = "second_till");
