//! An engine that ends the process.

#[path = "engine.rs"]
mod bad;

const FAULT: bad::Fault = bad::Fault::EndsTheProcess;
