//! An engine that serves well, but at first does not let go of its state.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::SaveHangs;
