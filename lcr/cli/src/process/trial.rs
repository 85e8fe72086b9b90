//! `trial`, `confirm`, `abandon` and `quarantine`: new versions on probation, and their ends.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::{
    arguments::{Abandon, Quarantine, Target},
    exit::{Failure, Outcome, Status},
    output::{Output, Style, counted},
    table::Table,
};

use super::{Process, canary, component, events, list, nothing, number, short, text};

/// How often the end of a trial or canary is asked for, so that a connection never stays silent for long.
const STEP: Duration = Duration::from_secs(10);

/// Prints the trial or canary that is under way. It says no if there is none.
pub(crate) fn trial(target: &Target, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(target)?;
    let answer = process.ask("trial", &nothing())?;
    let trial = &answer["trial"];
    let canary = if trial.is_null() { canary::of(&mut process)? } else { Json::Null };
    let is_there = !(trial.is_null() && canary.is_null());
    if output.is_json() {
        output.json(&if canary.is_null() { answer } else { json!({ "trial": null, "canary": canary }) })?;
        return Ok(Outcome::of(is_there));
    }
    match (trial.is_null(), canary.is_null()) {
        (true, true) => output.line("nothing is on trial")?,
        (true, false) => output.line(text(&canary, "text"))?,
        (false, _) => output.text(&shown(trial, output))?,
    }
    Ok(Outcome::of(is_there))
}

/// A trial under way, as people read it.
fn shown(trial: &Json, output: &Output) -> String {
    let members = list(trial, "members");
    let names: Vec<String> = members.iter().map(events::member).collect();
    let mut shown = format!("{}\n", output.paint(Style::Strong, format_args!("on trial: {}", names.join(", "))));
    shown += &format!("  since generation {}\n  {}\n", number(trial, "generation"), countdown(trial));
    let faults: u64 = members.iter().map(|member| number(member, "faults")).sum();
    shown += &format!("  {} so far, {} allowed\n", counted(faults, "fault"), number(trial, "faults_allowed"));
    if let Some(why) = trial["rolling_back"].as_str() {
        shown += &format!("  {}\n", output.paint(Style::Bad, format_args!("is about to be rolled back: {why}")));
    }
    shown
}

/// What is left of a trial.
pub(crate) fn countdown(trial: &Json) -> String {
    let time = trial["left_us"].as_u64().map(|micros| format!("{:.1?}", Duration::from_micros(micros)));
    let calls = trial["calls"].as_object().map(|_| counted(number(&trial["calls"], "left"), "call"));
    match (calls, time) {
        (Some(calls), Some(time)) => format!("{calls} left, {time} at most"),
        (Some(calls), None) => format!("{calls} left"),
        (None, Some(time)) => format!("{time} left"),
        (None, None) => "until it is confirmed or abandoned".to_owned(),
    }
}

/// Waits for the end of what is under way, with progress. `what` says what that is, and which request waits for it.
pub(super) fn end(
    process: &mut Process,
    (what, request): (&str, &str),
    (key, number): (&str, u64),
    output: &Output,
) -> Result<Json, Failure> {
    let begun = Instant::now();
    let milliseconds = u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX);
    let end = loop {
        output.progress(format_args!("{what} in {}: {} s", process.name(), begun.elapsed().as_secs()));
        match process.ask(request, &json!({ key: number, "timeout_ms": milliseconds })) {
            Ok(answer) if answer["end"].is_null() => {}
            Ok(mut answer) => break Ok(answer["end"].take()),
            Err(failure) => break Err(failure),
        }
    };
    output.progress_ends();
    end
}

/// Waits for the end of the trial that a commit began, and says how it ended.
pub(crate) fn wait(process: &mut Process, generation: u64, output: &Output) -> Result<Outcome, Failure> {
    let end = end(process, ("on trial", "wait_trial"), ("generation", generation), output)?;
    let is_confirmed = text(&end, "outcome") == "confirmed";
    if output.is_json() {
        output.json(&end)?;
    } else {
        let style = if is_confirmed { Style::Good } else { Style::Bad };
        let said = text(&end, "outcome").replace('_', " ");
        output.line(output.paint(style, format_args!("trial {said}: {}", text(&end, "why"))))?;
    }
    match is_confirmed {
        true => Ok(Outcome::Done),
        false => Ok(Outcome::Failed),
    }
}

/// `confirm`: ends the trial, and the new versions stay.
pub(crate) fn confirm(target: &Target, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(target)?;
    let answer = process.ask_for_long("confirm", &nothing(), output)?;
    done(&answer, "confirmed", output)
}

/// `abandon`: ends the trial, and the versions before it come back.
pub(crate) fn abandon(arguments: &Abandon, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(&arguments.target)?;
    let reason = arguments.reason.as_deref().unwrap_or("the operator abandoned it");
    let answer = process.ask_for_long("abandon", &json!({ "reason": reason }), output)?;
    done(&answer, "abandoned: the versions before it serve again", output)
}

fn done(answer: &Json, said: &str, output: &Output) -> Result<Outcome, Failure> {
    match output.is_json() {
        true => output.json(answer)?,
        false => {
            let told = text(answer, "text");
            output.line(output.paint(Style::Good, if told.is_empty() { said } else { told }))?;
        }
    }
    Ok(Outcome::Done)
}

/// `quarantine`: the files that are refused, and the end of that.
pub(crate) fn quarantine(arguments: &Quarantine, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(&arguments.target)?;
    let answer = process.ask("quarantine", &nothing())?;
    let found = list(&answer, "quarantine");
    let Some(wanted) = arguments.release() else {
        if output.is_json() {
            output.json(&answer)?;
            return Ok(Outcome::Done);
        }
        let mut table = Table::new(&["HASH", "COMPONENT", "SINCE", "WHY"]);
        for each in found {
            let hash = short(hashes(each)[0]).to_owned();
            table.row([
                hash,
                component(&each["component"]),
                events::moment(text(each, "at")),
                text(each, "why").to_owned(),
            ]);
        }
        match table.is_empty() {
            true => output.line("nothing is in quarantine")?,
            false => output.text(&table.text(output))?,
        }
        return Ok(Outcome::Done);
    };
    // The first digits will do, if they mean one hash.
    let meant: BTreeSet<&str> = found.iter().flat_map(hashes).filter(|hash| hash.starts_with(wanted)).collect();
    let hash = match Vec::from_iter(&meant)[..] {
        [&hash] => hash.to_owned(),
        [] if wanted.len() == 64 => wanted.to_owned(),
        [] => {
            let text = format!("nothing in quarantine has a hash that begins with {wanted}");
            return Err(Failure::new(Status::NotFound, "not-found", text));
        }
        _ => {
            let text = format!("{} hashes in quarantine begin with {wanted}; give more digits", meant.len());
            return Err(Failure::new(Status::Usage, "ambiguous", text));
        }
    };
    let answer = process.ask("release", &json!({ "hash": hash }))?;
    match output.is_json() {
        true => output.json(&answer)?,
        false => output.line(format!("{} may be used again", short(&hash)))?,
    }
    Ok(Outcome::Done)
}

/// The hashes that name a file in quarantine: that of the file together with the libraries that came with it, if there
/// are any, and that of the file, which may be there with others too.
fn hashes(quarantined: &Json) -> [&str; 2] {
    let file = text(quarantined, "hash");
    [quarantined["whole"].as_str().unwrap_or(file), file]
}
