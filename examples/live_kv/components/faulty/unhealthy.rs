//! An engine that says of itself that it is not healthy.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::Unhealthy;
