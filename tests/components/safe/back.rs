//! A safe, version 2.0.0.

#[macro_use]
#[path = "parts.rs"]
mod parts;

safe!("2.0.0", front {  }, back { state = texts });
