//! Canaries: how one stands, and the wait for its end. `confirm` and `abandon` end it, as they end a trial.

use serde_json::Value as Json;

use crate::{
    exit::{Failure, Outcome},
    output::{Output, Style},
};

use super::{Process, nothing, number, text, trial};

/// The canary that is under way in a process; null if none is, or the process knows no canaries.
pub(super) fn of(process: &mut Process) -> Result<Json, Failure> {
    if !process.knows("canary") {
        return Ok(Json::Null);
    }
    Ok(process.ask("canary", &nothing())?["canary"].take())
}

/// Waits for the end of a canary, and says how it ended. Returns the generation that it was promoted to.
pub(super) fn wait(process: &mut Process, canary: u64, output: &Output) -> Result<Option<u64>, Failure> {
    let end = trial::end(process, ("canary", "wait_canary"), ("number", canary), output)?;
    let is_promoted = text(&end, "outcome") == "promoted";
    if output.is_json() {
        output.json(&end)?;
    } else {
        let style = if is_promoted { Style::Good } else { Style::Bad };
        output.line(output.paint(style, text(&end, "text")))?;
        if let Some(shadow) = end["shadow"]["text"].as_str() {
            output.line(shadow)?;
        }
    }
    Ok(is_promoted.then(|| number(&end, "generation")))
}

/// Says that a canary has begun, and with `waits` how it ends.
pub(super) fn begun(
    process: &mut Process,
    answer: &Json,
    (waits, is_trial): (bool, bool),
    output: &Output,
) -> Result<Outcome, Failure> {
    if output.is_json() {
        output.json(answer)?;
    } else {
        output.line(output.paint(Style::Good, text(answer, "text")))?;
        if !waits {
            output.line("`lcr trial` follows it, `lcr confirm` and `lcr abandon` end it")?;
        }
    }
    if !waits {
        return Ok(Outcome::Done);
    }
    match wait(process, number(&answer["canary"], "number"), output)? {
        Some(generation) if is_trial => trial::wait(process, generation, output),
        Some(_) => Ok(Outcome::Done),
        None => Ok(Outcome::Failed),
    }
}
