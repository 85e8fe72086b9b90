//! `events`: what happens in a process, as it happens.

use std::time::Duration;

use lcr::control::Streamed;
use serde_json::{Value as Json, json};

use crate::{
    arguments::Events,
    exit::{Failure, Outcome},
    output::{Output, Style, counted},
};

use super::{Process, actor, component, list, micros, number, short, text};

/// For how long nothing has to happen until `events` without `--follow` ends.
const SETTLED: Duration = Duration::from_secs(1);

/// Prints what happens from now on.
pub(crate) fn events(arguments: &Events, output: &Output) -> Result<Outcome, Failure> {
    let process = Process::find(&arguments.target)?;
    process.require("events")?;
    let mut stream = process.into_client().events()?;
    let (mut left, mut seen) = (arguments.count.unwrap_or(u64::MAX), 0_u64);
    while left > 0 {
        match stream.next::<Json>(SETTLED)? {
            Some(Streamed::Event(event)) => {
                (left, seen) = (left - 1, seen + 1);
                match output.is_json() {
                    true => output.json(&event)?,
                    false => output.line(line(&event, output))?,
                }
            }
            Some(Streamed::Lost(lost)) => match output.is_json() {
                true => output.json(&json!({ "lost": lost }))?,
                false => {
                    let text = format!("{lost} events were left out here: they came faster than they were taken");
                    output.line(output.paint(Style::Warning, text))?;
                }
            },
            Some(_) => {}
            None if !arguments.follow && arguments.count.is_none() => break,
            None => {}
        }
        if output.reader_has_gone() {
            break;
        }
    }
    Ok(Outcome::of(seen > 0 || left == 0))
}

/// One event on one line.
pub(crate) fn line(event: &Json, output: &Output) -> String {
    let (style, said) = said(event);
    let at = moment(text(event, "at"));
    let head = format!("{at}  #{}", number(event, "number"));
    format!("{}  {}", output.paint(Style::Faint, head), output.paint(style, said))
}

/// `2026-11-30 07:08:09` of `2026-11-30T07:08:09.000123Z`: to the second, in UTC.
pub(crate) fn moment(text: &str) -> String {
    text.split('.').next().unwrap_or(text).trim_end_matches('Z').replacen('T', " ", 1)
}

/// What an event says, and how it stands out.
pub(crate) fn said(event: &Json) -> (Style, String) {
    let why = || text(event, "why");
    let generation = || number(event, "generation");
    match text(event, "event") {
        "committed" => {
            let members: Vec<String> = list(event, "members").iter().map(member).collect();
            let mut said = format!("generation {}: {}", generation(), members.join(", "));
            said += &format!("; held {}, {} in all", micros(event, "held_us"), micros(event, "total_us"));
            (Style::Good, said + &asked(event))
        }
        "refused" => {
            let what = if event["is_rehearsal"] == true { "rehearsal refused" } else { "refused" };
            let said = format!("{what} ({}): {}", text(event, "kind"), text(event, "text"));
            (Style::Bad, said + &asked(event))
        }
        "rolled_back" => {
            let to = number(event, "to");
            (Style::Warning, format!("generation {}: back to what served in {to}: {}", generation(), why()))
        }
        "trial_began" => {
            let members: Vec<String> = list(event, "members").iter().map(component).collect();
            let calls = event["calls"].as_u64().map(|calls| format!(", for {}", counted(calls, "call")));
            let began = format!("trial of generation {} began: {}", generation(), members.join(", "));
            (Style::Warning, began + &calls.unwrap_or_default())
        }
        "trial_ended" => {
            let outcome = text(event, "outcome");
            let style = if outcome == "confirmed" { Style::Good } else { Style::Bad };
            let outcome = outcome.replace('_', " ");
            (style, format!("trial of generation {} ended: {outcome}: {}", generation(), why()))
        }
        "canary_began" => {
            let (before, after) = (component(&event["before"]), component(&event["after"]));
            let percent = (event["share"].as_f64().unwrap_or_default() * 1e8).round() / 1e6;
            let which = match (event["is_matching"] == true, event["of_requests"] == true) {
                (true, _) => "calls that match",
                (false, true) => "requests",
                (false, false) => "calls",
            };
            let text = match event["is_shadow"] == true {
                true => format!("shadow began: {before} -> {after}, which gets copies of calls"),
                false => format!("canary began: {before} -> {after}, which gets {percent} % of the {which}"),
            };
            (Style::Warning, text)
        }
        "canary_ended" => {
            let style = if text(event, "outcome") == "promoted" { Style::Good } else { Style::Bad };
            (style, format!("canary ended: {}: {}", text(event, "outcome"), why()))
        }
        "fault" => {
            let component = if event["component"].is_null() { String::new() } else { component(&event["component"]) };
            let method = event["method"].as_str().map(|method| format!(".{method}")).unwrap_or_default();
            let at = format!("{}{method}", text(event, "interface"));
            (Style::Bad, format!("fault in {component} ({at}): {}", text(event, "message")))
        }
        "retired" => {
            let (component, took) = (component(&event["component"]), micros(event, "took_us"));
            (Style::Faint, format!("{component} is retired, {took} after generation {}", generation()))
        }
        "quarantined" => {
            let hash = short(text(event, "hash"));
            (Style::Bad, format!("{} ({hash}) is in quarantine: {}", component(&event["component"]), why()))
        }
        "released" => (Style::Good, format!("{} is out of quarantine", short(text(event, "hash")))),
        "recorded" => (Style::Bad, format!("history: {}", text(event, "problem"))),
        other => (Style::Plain, format!("{other} {event}")),
    }
}

/// `till 1.0.0 -> till 2.0.0`, `+ till 1.0.0`, `- till 1.0.0`. Of a plan that was refused also `~ till 2.0.0`, if it
/// was to replace what was not found; and a file in the place of its component, if it could not be read.
pub(crate) fn member(member: &Json) -> String {
    let side = |side: &str| (!member[side].is_null()).then(|| component(&member[side]));
    let after = side("after").or_else(|| member["source"].as_str().map(str::to_owned));
    let mut said = match (side("before"), after) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (None, Some(after)) if member["replaces"] == true => format!("~ {after}"),
        (None, Some(after)) => format!("+ {after}"),
        (Some(before), None) => format!("- {before}"),
        (None, None) => "nothing".to_owned(),
    };
    if let Some(version) = member["discarded_state"].as_u64() {
        said += &format!(" (state v{version} discarded)");
    }
    if member["overrode_protection"] == true {
        said += " (protection overridden)";
    }
    said
}

fn asked(event: &Json) -> String {
    let by = if event["actor"].is_object() { format!("; asked by {}", actor(&event["actor"])) } else { String::new() };
    match event["reason"].as_str() {
        Some(reason) => format!("{by}: {reason}"),
        None => by,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_one_line_that_says_what_happened_and_who_asked() {
        let actor = json!({ "uid": 0, "pid": 7, "program": "lcr" });
        let till = |version: &str| json!({ "name": "till", "version": version });
        let cases = [
            (
                json!({ "event": "committed", "generation": 4, "actor": actor, "reason": "ticket 81", "held_us": 93,
                        "total_us": 676, "members": [{ "before": till("1.0.0"), "after": till("2.0.0") }] }),
                "generation 4: till 1.0.0 -> till 2.0.0; held 93.0µs, 676.0µs in all; asked by lcr (pid 7, uid 0): \
                 ticket 81",
            ),
            (
                json!({ "event": "fault", "component": till("3.0.0"), "interface": "shop.till", "method": "take",
                        "message": "jammed" }),
                "fault in till 3.0.0 (shop.till.take): jammed",
            ),
            (
                json!({
                    "event": "canary_began", "number": 1, "before": till("1.0.0"), "after": till("2.0.0"),
                    "share": 0.07, "wanted": 1000
                }),
                "canary began: till 1.0.0 -> till 2.0.0, which gets 7 % of the calls",
            ),
            (
                json!({
                    "event": "canary_began", "number": 1, "before": till("1.0.0"), "after": till("2.0.0"),
                    "share": 0.5, "is_matching": true, "wanted": 1000
                }),
                "canary began: till 1.0.0 -> till 2.0.0, which gets 50 % of the calls that match",
            ),
            (
                json!({
                    "event": "canary_began", "number": 1, "before": till("1.0.0"), "after": till("2.0.0"),
                    "share": 0.5, "is_matching": false, "of_requests": true, "wanted": 1000
                }),
                "canary began: till 1.0.0 -> till 2.0.0, which gets 50 % of the requests",
            ),
            (
                json!({ "event": "canary_ended", "number": 1, "outcome": "withdrawn", "why": "4 faults" }),
                "canary ended: withdrawn: 4 faults",
            ),
            (
                json!({ "event": "trial_began", "generation": 5, "members": [till("2.0.0")], "calls": 1000 }),
                "trial of generation 5 began: till 2.0.0, for 1000 calls",
            ),
            (
                json!({ "event": "trial_ended", "generation": 5, "outcome": "rolled_back", "why": "1 fault" }),
                "trial of generation 5 ended: rolled back: 1 fault",
            ),
            (
                json!({ "event": "retired", "component": till("1.0.0"), "generation": 4, "took_us": 1500 }),
                "till 1.0.0 is retired, 1.5ms after generation 4",
            ),
        ];
        for (event, expected) in cases {
            assert_eq!(said(&event).1, expected);
        }
        assert_eq!(moment("2026-11-30T07:08:09.000123Z"), "2026-11-30 07:08:09");
    }
}
