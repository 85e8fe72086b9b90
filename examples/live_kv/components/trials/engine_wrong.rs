//! An engine that begins to answer wrongly.

#[path = "engine.rs"]
mod bad;

const FAULT: bad::Fault = bad::Fault::AnswersWrongly;
