//! `replay`: makes the calls of a record again, and says which outcomes differ.
//!
//! The calls are made one after the other, in the order in which they ended when they were recorded: of a running
//! process through its control socket, or of libraries that this process loads into a runtime of its own. Each goes to
//! the component that it was recorded of, or to the one that the user names. Before the first call of a method its
//! signature is compared: JSON that was made of one type may be read as another one, and mean something else.

mod difference;
mod subject;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
};

use lcr::Runtime;
use serde_json::{Value as Json, json, value::RawValue};

use crate::{
    arguments::watching::Replay,
    exact,
    exit::{Failure, Outcome, Status},
    output::{Output, Style, counted},
    process::{Process, list, text, watching::FORM},
};
use subject::Subject;

/// The longest line of a record, in bytes.
const LINE: u64 = 1 << 20;

/// A call of a record.
struct Recorded {
    method: String,
    /// The component, with its version. Records of earlier versions lack it.
    component: Option<String>,
    arguments: Box<RawValue>,
    outcome: Json,
}

/// Makes the calls of a record again.
pub(crate) fn replay(replay: &Replay, output: &Output) -> Result<Outcome, Failure> {
    let mut lines = Lines::open(&replay.file)?;
    let methods = lines.head()?;
    let mut subject = match &replay.library[..] {
        [] => {
            refuse_effects(replay, &methods)?;
            let process = Process::find(&replay.target)?;
            process.require("call")?;
            Subject::process(process)
        }
        libraries => {
            let runtime = Runtime::builder().linked(false).build()?;
            libraries.iter().try_for_each(|library| runtime.load(library).map(drop))?;
            Subject::libraries(runtime)
        }
    };
    let (mut calls, mut differ, mut skipped, mut dropped) = (0_u64, 0_u64, 0_u64, 0_u64);
    while let Some((line, recorded)) = lines.next_call()? {
        let called = called(&methods, &recorded).map_err(|why| lines.damaged(why))?;
        if called["cannot_be_replayed"].is_string() {
            skipped += 1;
            continue;
        }
        // Of an async method. How far it had come is not known, so there is nothing to compare.
        if recorded.outcome["dropped"] == true {
            dropped += 1;
            continue;
        }
        calls += 1;
        let component = subject.component(called, replay.component.as_deref())?;
        let found = subject.call(&recorded, &component, called["is_pure"] != true)?;
        let Some(difference) = difference::of_outcomes(&recorded.outcome, &found, replay.any_order) else { continue };
        differ += 1;
        if output.is_json() {
            let arguments: Json = serde_json::from_str(recorded.arguments.get()).unwrap_or_default();
            output.json(&json!({
                "line": line, "method": recorded.method, "arguments": arguments, "path": difference.path,
                "was": difference.was, "is": difference.is
            }))?;
        } else {
            let called = format!("{}{}", recorded.method, recorded.arguments.get());
            output.line(format!("line {line}: {}: {difference}", output.paint(Style::Strong, called)))?;
        }
    }
    match output.is_json() {
        true => output.json(&json!({ "calls": calls, "differ": differ, "skipped": skipped, "dropped": dropped }))?,
        false => {
            let not_made = if skipped > 0 { format!(", {skipped} cannot be made again") } else { String::new() };
            let without_end =
                if dropped > 0 { format!(", {dropped} had been dropped or cancelled") } else { String::new() };
            let verb = if differ == 1 { "differs" } else { "differ" };
            output.line(format!("{}: {differ} {verb}{not_made}{without_end}", counted(calls, "call")))?;
        }
    }
    if calls == 0 {
        return Err(nothing_compared(skipped, dropped));
    }
    Ok(Outcome::of(differ == 0))
}

/// A record without a call to compare. That is no difference, and must not pass for a test that found none.
fn nothing_compared(skipped: u64, dropped: u64) -> Failure {
    let secret = "cannot be made again, since a secret, a function or a handle is in them";
    let calls = counted(skipped + dropped, "call");
    let what = match (skipped, dropped) {
        (0, 0) => "the record has no call".to_owned(),
        (0, _) => format!("the record has {calls}, all of which their callers dropped or a replacement cancelled"),
        (_, 0) => format!("the record has {calls}, all of which {secret}"),
        _ => format!(
            "the record has {calls}: {dropped} which their callers dropped or a replacement cancelled, and {skipped} \
             which {secret}"
        ),
    };
    let text =
        format!("{what}; there is nothing to compare: record calls that end, of methods that can be called again");
    Failure::new(Status::Unavailable, "nothing-to-compare", text)
}

/// What the head of a record says of the method of a call.
fn called<'a>(methods: &'a [Json], recorded: &Recorded) -> Result<&'a Json, String> {
    let is_its = |method: &&Json| {
        let component = recorded.component.as_deref();
        text(method, "method") == recorded.method && component.is_none_or(|name| text(method, "component") == name)
    };
    // Without its component, a call may be of any that has the method.
    let mut found = methods.iter().filter(is_its);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(format!("its first line does not name `{:.200}`", recorded.method)),
        (Some(_), Some(_)) => Err(format!("several components have `{:.200}`, and it names none", recorded.method)),
    }
}

/// Refuses calls of a running process that may change something.
fn refuse_effects(replay: &Replay, methods: &[Json]) -> Result<(), Failure> {
    let effects = methods.iter().find(|method| method["is_pure"] != true && !method["cannot_be_replayed"].is_string());
    match effects {
        Some(method) if !replay.yes => Err(Failure::usage(format!(
            "calls of {} may change something in the process, since it is not declared #[lcr(pure)]; say --yes if that \
             is meant, or replay against a --library",
            text(method, "method")
        ))),
        _ => Ok(()),
    }
}

/// The lines of a record.
struct Lines {
    name: String,
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> Result<Lines, Failure> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| Failure::system(&name, &error))?;
        Ok(Lines { name, file: BufReader::new(file), number: 0 })
    }

    fn damaged(&self, why: impl std::fmt::Display) -> Failure {
        Failure::new(Status::Format, "record", format!("{} is no record: line {}: {why}", self.name, self.number))
    }

    /// The next line; `None` at the end, and at a line that was cut when its writer was killed.
    fn next_line(&mut self) -> Result<Option<String>, Failure> {
        self.number += 1;
        let mut line = String::new();
        let read = (&mut self.file).take(LINE).read_line(&mut line);
        read.map_err(|error| Failure::system(format!("{} cannot be read", self.name), &error))?;
        if line.len() as u64 == LINE {
            return Err(self.damaged(format!("it has more than {LINE} bytes")));
        }
        Ok(line.ends_with('\n').then_some(line))
    }

    /// The methods that the first line names.
    fn head(&mut self) -> Result<Vec<Json>, Failure> {
        let line = self.next_line()?.unwrap_or_default();
        let head: Json = serde_json::from_str(&line).map_err(|error| self.damaged(error))?;
        if head["lcr_record"] != FORM {
            let found = &head["lcr_record"];
            return Err(self.damaged(format!("its form is {found}, and this command knows form {FORM}")));
        }
        Ok(list(&head, "methods").to_vec())
    }

    /// The next call, with the number of its line.
    fn next_call(&mut self) -> Result<Option<(u64, Recorded)>, Failure> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        // The arguments stay as they are written, so that no number is rounded.
        let mut members: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(&line).map_err(|error| self.damaged(error))?;
        let mut take = |name: &str| members.remove(name).ok_or_else(|| self.damaged(format!("it has no `{name}`")));
        let (method, arguments, outcome) = (take("method")?, take("arguments")?, take("outcome")?);
        let component = take("component").ok().map(|component| serde_json::from_str(component.get()));
        let component = component.transpose().map_err(|error| self.damaged(error))?;
        let method = serde_json::from_str(method.get()).map_err(|error| self.damaged(error))?;
        let outcome = exact::read(outcome.get()).map_err(|error| self.damaged(error))?;
        Ok(Some((self.number, Recorded { method, component, arguments, outcome })))
    }
}
