//! `history`: what was changed and what was refused, by whom and why.

use serde_json::Value as Json;

use crate::{
    arguments::History,
    exit::{Failure, Outcome},
    output::{Output, Style},
    table::Table,
};

use super::{Process, actor, component, events, list, micros, nothing, number, text};

/// Prints the last entries, the newest last. A process without a history has its revisions only: the generations that
/// it can go back to.
pub(crate) fn history(arguments: &History, output: &Output) -> Result<Outcome, Failure> {
    let mut process = Process::find(&arguments.target)?;
    if !process.knows("history") && process.knows("revisions") {
        return revisions(&mut process, output);
    }
    let answer = process.ask("history", &serde_json::json!({ "count": arguments.count }))?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let entries = list(&answer, "entries");
    for entry in entries {
        output.text(&shown(entry, output))?;
    }
    if entries.is_empty() {
        output.line("nothing was changed yet")?;
    }
    Ok(Outcome::Done)
}

/// Prints the generations that a process can go back to, and the present one.
fn revisions(process: &mut Process, output: &Output) -> Result<Outcome, Failure> {
    let answer = process.ask("revisions", &nothing())?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(Outcome::Done);
    }
    let mut table = Table::new(&["GENERATION", "SINCE", "COMPONENTS", "IS"]);
    for revision in list(&answer, "revisions") {
        let components: Vec<String> = list(revision, "components").iter().map(component).collect();
        table.row([
            number(revision, "generation").to_string(),
            events::moment(text(revision, "at")),
            components.join(", "),
            if revision["is_present"] == true { "present".to_owned() } else { String::new() },
        ]);
    }
    output.text(&table.text(output))?;
    Ok(Outcome::Done)
}

/// One entry, over one to three lines.
fn shown(entry: &Json, output: &Output) -> String {
    let outcome = text(entry, "outcome");
    let (style, mark) = match outcome {
        "committed" | "confirmed" => (Style::Good, "*"),
        "refused" | "failed" => (Style::Bad, "!"),
        _ => (Style::Warning, "?"),
    };
    let generation = match entry["generation"].as_u64() {
        Some(generation) => format!("{generation:>4}"),
        None => "   -".to_owned(),
    };
    let members: Vec<String> = list(entry, "members").iter().map(events::member).collect();
    let said = if members.is_empty() { text(entry, "text").to_owned() } else { members.join(", ") };
    let at = events::moment(text(entry, "at"));
    let mut shown = format!("{} {generation}  {at}  {said}", output.paint(style, mark));
    if entry["held_us"].is_u64() && outcome != "refused" {
        shown += &format!("; held {}", micros(entry, "held_us"));
    }
    // A generation without components says nothing.
    shown.truncate(shown.trim_end().len());
    shown.push('\n');
    if outcome == "refused" {
        shown += &format!("          refused ({}): {}\n", text(entry, "kind"), text(entry, "text"));
    }
    if let Some(trial) = entry["trial"].as_object() {
        let said = trial.get("outcome").and_then(Json::as_str).unwrap_or("under way").replace('_', " ");
        let why = trial.get("why").and_then(Json::as_str).unwrap_or_default();
        shown += &format!("          trial: {said}{}{why}\n", if why.is_empty() { "" } else { ": " });
    }
    let mut asked = Vec::new();
    if let Some(number) = entry["number"].as_u64() {
        asked.push(format!("entry {number}"));
    }
    if let Some(reason) = entry["reason"].as_str() {
        asked.push(reason.to_owned());
    }
    if entry["actor"].is_object() {
        asked.push(format!("asked by {}", actor(&entry["actor"])));
    }
    if !asked.is_empty() {
        shown += &format!("          {}\n", output.paint(Style::Faint, asked.join("; ")));
    }
    shown
}
