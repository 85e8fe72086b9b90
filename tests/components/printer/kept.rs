//! Prints without ending its lines.

#[macro_use]
#[path = "press.rs"]
mod press;

printer!(version = "1.0.0");
