//! An engine whose constructor panics.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::CreatePanics;
