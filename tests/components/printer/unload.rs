//! Prints without ending its lines, and may be unmapped.

#[macro_use]
#[path = "press.rs"]
mod press;

printer!(version = "2.0.0", unload);
