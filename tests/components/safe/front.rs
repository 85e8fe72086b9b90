//! A safe, version 1.0.0.

#[macro_use]
#[path = "parts.rs"]
mod parts;

safe!("1.0.0", front { state = texts }, back {  });
