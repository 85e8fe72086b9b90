//! An engine whose health check fails.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::Unhealthy;
