//! A till of version 1 whose image may be unmapped.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

till_1!(name = "till", unload);
