//! A till of version 2 whose image may be unmapped.
#![forbid(unsafe_code)]

#[macro_use]
#[path = "drawer.rs"]
mod drawer;

till_2!(name = "till", unload);
