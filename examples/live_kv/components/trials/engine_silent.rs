//! An engine that stops answering for a while.

#[path = "engine.rs"]
mod bad;

const FAULT: bad::Fault = bad::Fault::StopsAnswering;
