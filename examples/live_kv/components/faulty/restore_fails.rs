//! An engine that refuses the state of its predecessor.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::RestoreFails;
