//! An engine that counts a key once, however often it is named.

#[path = "engine.rs"]
mod bad;

const FAULT: bad::Fault = bad::Fault::CountsOnce;
