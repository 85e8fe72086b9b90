//! `plan`, `rehearse`, `replace`, `add`, `remove`, `sync` and `check`: changes, and what they would do.

use std::path::{self, Path};

use lcr::manifest::Manifest;
use serde_json::{Map, Value as Json, json};

use crate::{
    arguments::{
        Add, ChangeOptions, Check, Commit, Condition, Plan, Remove, Replace, Replaced, Sync, TrialEnds, Until,
    },
    exit::{Failure, Outcome},
    files,
    output::{Output, Style},
};

use super::{Process, list, nothing, number, text};

/// What one transaction is to do, in the words of the protocol.
#[derive(Debug, Default)]
pub(crate) struct Change {
    members: Map<String, Json>,
}

impl Change {
    /// A change with the options of the command line.
    pub(crate) fn new(options: &ChangeOptions) -> Change {
        let mut change = Change::default();
        let milliseconds = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if let Some(reason) = &options.reason {
            change.put("reason", reason.as_str());
        }
        if let Some(time) = options.timeout {
            change.put("timeout_ms", milliseconds(time));
        }
        if let Some(time) = options.deadline {
            change.put("deadline_ms", milliseconds(time));
        }
        if let Some(time) = options.gate_wait {
            change.put("gate_wait_ms", milliseconds(time));
        }
        if options.override_protected {
            change.put("override_protected", true);
        }
        if options.allow_panic_abort {
            change.put("allow_panic_abort", true);
        }
        if options.require_patches {
            change.put("require_patches", true);
        }
        if !options.discard_state.is_empty() {
            change.put("discard_state", options.discard_state.clone());
        }
        let mut trial = Map::new();
        match options.trial {
            Some(TrialEnds::Time(time)) => {
                trial.insert("time_ms".to_owned(), milliseconds(time).into());
            }
            Some(TrialEnds::Calls(calls, within)) => {
                trial.insert("calls".to_owned(), calls.into());
                if let Some(within) = within {
                    trial.insert("within_ms".to_owned(), milliseconds(within).into());
                }
            }
            None => {}
        }
        if let Some(faults) = options.trial_faults {
            trial.insert("faults_allowed".to_owned(), faults.into());
        }
        if !trial.is_empty() {
            change.put("trial", trial);
        }
        let canary = options.canary.map(|canary| {
            let mut rules = json!({ "share": canary.share });
            if canary.of_requests {
                rules["of_requests"] = true.into();
            }
            if !options.matching.is_empty() {
                rules["matching"] = options.matching.iter().map(condition).collect();
            }
            (rules, canary.until)
        });
        let shadow = options.shadow.as_ref().map(|shadow| {
            let mut rules = json!({ "shadow": shadow.methods });
            if let Some(share) = shadow.share {
                rules["share"] = share.into();
            }
            if options.any_order {
                rules["any_order"] = true.into();
            }
            (rules, shadow.until)
        });
        if let Some((mut canary, Until { calls, within })) = canary.or(shadow) {
            if let Some(calls) = calls {
                canary["calls"] = calls.into();
            }
            if let Some(within) = within {
                canary["within_ms"] = milliseconds(within).into();
            }
            change.put("canary", canary);
        }
        change
    }

    pub(crate) fn put(&mut self, member: &str, value: impl Into<Json>) {
        self.members.insert(member.to_owned(), value.into());
    }

    fn push(&mut self, member: &str, value: Json) {
        let list = self.members.entry(member).or_insert_with(|| json!([]));
        if let Json::Array(list) = list {
            list.push(value);
        }
    }

    /// Replaces a component by that of a file.
    pub(crate) fn replace(&mut self, replaced: &Replaced) -> Result<(), Failure> {
        let mut replacement = json!({ "file": absolute(&replaced.file)? });
        if let Some(component) = &replaced.component {
            replacement["component"] = component.as_str().into();
        }
        self.push("replace", replacement);
        Ok(())
    }

    /// Adds the component of a file.
    pub(crate) fn add(&mut self, file: &Path) -> Result<(), Failure> {
        let file = absolute(file)?;
        self.push("add", file);
        Ok(())
    }

    /// Brings a file into a process: in the place of the component of its name, or of the only one that implements its
    /// interfaces, else beside the others.
    pub(crate) fn replace_or_add(&mut self, status: &Json, manifest: &Manifest, file: &Path) -> Result<(), Failure> {
        let has =
            |member: &str, wanted: &str| list(status, "components").iter().any(|each| text(each, member) == wanted);
        let is_present = has("name", &manifest.component.name)
            || manifest.exports.iter().any(|export| has("interface", &export.interface));
        match is_present {
            true => self.replace(&Replaced { component: None, file: file.to_owned() }),
            false => self.add(file),
        }
    }

    pub(crate) fn remove(&mut self, component: &str) {
        self.push("remove", component.into());
    }

    pub(crate) fn sync(&mut self, directory: &Path) -> Result<(), Failure> {
        let directory = absolute(directory)?;
        self.put("sync", directory);
        Ok(())
    }

    pub(crate) fn into_json(self) -> Json {
        self.members.into()
    }
}

/// What a call has to have for the canary to be of it, in the words of the protocol.
fn condition(Condition { method, argument, value }: &Condition) -> Json {
    json!({ "method": method, "argument": argument, "value": value })
}

/// The path for the process, whose directory is another one.
fn absolute(path: &Path) -> Result<Json, Failure> {
    let absolute = path::absolute(path).map_err(|error| Failure::system(path.display(), &error))?;
    match absolute.to_str() {
        Some(text) => Ok(text.into()),
        None => Err(Failure::usage(format!("{} is no UTF-8, which the protocol needs; rename it", path.display()))),
    }
}

/// Executes a change, or with `--dry-run` prints what it would do.
pub(crate) fn commit(arguments: &Commit, change: Change, output: &Output) -> Result<Outcome, Failure> {
    let is_canary = arguments.options.canary.is_some() || arguments.options.shadow.is_some();
    if arguments.wait && !(is_canary || arguments.options.is_trial()) {
        return Err(Failure::usage("--wait waits for the end of a --trial, --canary or --shadow; say one of them"));
    }
    let mut process = Process::find(&arguments.target)?;
    if arguments.options.is_trial() {
        process.require("trial")?;
    }
    if is_canary {
        process.require("canary")?;
    }
    if change.members.contains_key("rollback") {
        process.require("revisions")?;
    }
    if arguments.dry_run {
        return show_plan(&mut process, "plan", &change.into_json(), output);
    }
    let report = process.ask_for_long("commit", &change.into_json(), output)?;
    if is_canary && report["unchanged"] != true {
        return super::canary::begun(&mut process, &report, (arguments.wait, arguments.options.is_trial()), output);
    }
    // A directory in which nothing differs puts nothing on trial.
    let is_trial = arguments.options.is_trial() && report["unchanged"] != true;
    if output.is_json() {
        output.json(&report)?;
    } else {
        output.text(&report_text(&report, output))?;
        if is_trial && !arguments.wait {
            output.line("on trial: `lcr trial` follows it, `lcr confirm` and `lcr abandon` end it")?;
        }
    }
    if arguments.wait && is_trial {
        return super::trial::wait(&mut process, number(&report, "generation"), output);
    }
    Ok(Outcome::Done)
}

/// A report, as people read it.
pub(crate) fn report_text(report: &Json, output: &Output) -> String {
    let mut lines = format!("{}\n", output.paint(Style::Good, text(report, "text")));
    for straggler in list(report, "stragglers") {
        lines += &format!("  still inside the old version: {}\n", super::straggler(straggler));
    }
    lines
}

/// Prints a plan. It says no if the plan would be refused.
pub(super) fn show_plan(
    process: &mut Process,
    command: &str,
    change: &Json,
    output: &Output,
) -> Result<Outcome, Failure> {
    let plan = process.ask_for_long(command, change, output)?;
    let refusals = list(&plan, "refusals");
    if output.is_json() {
        output.json(&plan)?;
        return Ok(Outcome::of(refusals.is_empty()));
    }
    let mut shown = String::new();
    for line in text(&plan, "text").lines() {
        let is_refusal = line.trim_start().starts_with("refused (");
        let style = if is_refusal { Style::Bad } else { Style::Plain };
        shown += &format!("{}\n", output.paint(style, line));
    }
    output.text(&shown)?;
    Ok(Outcome::of(refusals.is_empty()))
}

/// `plan`: what a change would do.
pub(crate) fn plan(arguments: &Plan, output: &Output) -> Result<Outcome, Failure> {
    let change = of_plan(arguments)?;
    let mut process = Process::find(&arguments.target)?;
    show_plan(&mut process, "plan", &change.into_json(), output)
}

/// `rehearse`: tries a change on a copy of the live state, and throws the copy away.
pub(crate) fn rehearse(arguments: &Plan, output: &Output) -> Result<Outcome, Failure> {
    let change = of_plan(arguments)?;
    let mut process = Process::find(&arguments.target)?;
    let rehearsal = process.ask_for_long("rehearse", &change.into_json(), output)?;
    match output.is_json() {
        true => output.json(&rehearsal)?,
        false => output.line(text(&rehearsal, "text"))?,
    }
    Ok(Outcome::Done)
}

/// The change that `plan` and `rehearse` are asked about.
fn of_plan(arguments: &Plan) -> Result<Change, Failure> {
    let mut change = Change::new(&arguments.options);
    arguments.files.iter().try_for_each(|file| change.replace(file))?;
    arguments.add.iter().try_for_each(|file| change.add(file))?;
    arguments.remove.iter().for_each(|component| change.remove(component));
    arguments.sync.iter().try_for_each(|directory| change.sync(directory))?;
    Ok(change)
}

/// `replace`
pub(crate) fn replace(arguments: &Replace, output: &Output) -> Result<Outcome, Failure> {
    let mut change = Change::new(&arguments.commit.options);
    arguments.files.iter().try_for_each(|file| change.replace(file))?;
    commit(&arguments.commit, change, output)
}

/// `add`
pub(crate) fn add(arguments: &Add, output: &Output) -> Result<Outcome, Failure> {
    let mut change = Change::new(&arguments.commit.options);
    arguments.files.iter().try_for_each(|file| change.add(file))?;
    commit(&arguments.commit, change, output)
}

/// `remove`. Where a component cannot go, this says which others need it; if none do, the program itself has handles.
pub(crate) fn remove(arguments: &Remove, output: &Output) -> Result<Outcome, Failure> {
    let mut change = Change::new(&arguments.commit.options);
    arguments.components.iter().for_each(|component| change.remove(component));
    commit(&arguments.commit, change, output).map_err(|failure| match failure.kind() {
        "invalid" | "dependency" => match dependents(arguments) {
            needed if needed.is_empty() => failure,
            needed => failure.and(&needed.join("\n")),
        },
        _ => failure,
    })
}

/// Who needs the components that are to be removed, one line each; nothing if the process does not say.
fn dependents(arguments: &Remove) -> Vec<String> {
    let graph = Process::find(&arguments.commit.target).and_then(|mut process| process.ask("graph", &nothing()));
    let Ok(graph) = graph else { return Vec::new() };
    let is_removed = |name: &str| arguments.components.iter().any(|component| component == name);
    let edges = list(&graph, "edges").iter();
    let needed = edges.filter(|edge| is_removed(text(edge, "to")) && !is_removed(text(edge, "from")));
    needed
        .map(|edge| {
            let (from, to, interface) = (text(edge, "from"), text(edge, "to"), text(edge, "interface"));
            format!("  `{from}` needs {interface}, which `{to}` serves")
        })
        .collect()
}

/// `sync`
pub(crate) fn sync(arguments: &Sync, output: &Output) -> Result<Outcome, Failure> {
    let mut change = Change::new(&arguments.commit.options);
    change.sync(&arguments.directory)?;
    commit(&arguments.commit, change, output)
}

/// `check`: whether a file would be taken, by a process or in the place of another file.
pub(crate) fn check(arguments: &Check, output: &Output) -> Result<Outcome, Failure> {
    if let Some(old) = &arguments.against {
        return files::fit::compare(old, &arguments.file, output);
    }
    let manifest = Manifest::read(&arguments.file)?;
    let mut process = Process::find(&arguments.target)?;
    let status = process.ask("status", &nothing())?;
    let mut change = Change::default();
    change.replace_or_add(&status, &manifest, &arguments.file)?;
    show_plan(&mut process, "plan", &change.into_json(), output)
}
