//! An engine that loses half of the state of its predecessor, and notices.

#[path = "mod.rs"]
mod faulty;

const FAULT: faulty::Fault = faulty::Fault::LosesHalf;
