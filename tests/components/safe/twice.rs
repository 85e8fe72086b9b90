//! A safe, version 3.0.0.

#[macro_use]
#[path = "parts.rs"]
mod parts;

safe!("3.0.0", front { state = texts }, back { state = counts });
