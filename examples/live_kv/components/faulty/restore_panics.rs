//! An engine that panics when it takes the state of its predecessor over.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::RestorePanics;
