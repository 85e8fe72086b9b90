//! An engine whose constructor returns an error.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::CreateFails;
