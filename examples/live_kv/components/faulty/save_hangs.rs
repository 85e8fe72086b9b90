//! An engine that serves well, and whose first save hangs.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::SaveHangs;
