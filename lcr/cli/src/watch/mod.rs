//! `watch`: builds a component at each change of its source, and replaces it in a running process.
//!
//! [`sources`] are the files that count, looked at again and again: that needs no descriptor for each folder, and works
//! on every file system. [`build`] has cargo build the component, whose messages go to the terminal as cargo prints
//! them. A component whose bytes are those that serve is not replaced. What fails is said, and the watch goes on.

pub(crate) mod build;
mod sources;

use std::{
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use lcr::manifest::Manifest;
use serde_json::{Value as Json, json};

use crate::{
    arguments::Watch,
    exit::{Failure, Outcome},
    output::{Output, Style},
    process::{self, Process, change, list, text},
};

use build::Built;
use sources::Sources;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// How long no file may change before cargo begins: editors write several files, and some twice.
const SETTLED: Duration = Duration::from_millis(60);

/// Watches until the user ends it, or nobody reads what it says; with `--once` until the first replacement.
pub(crate) fn watch(arguments: &Watch, output: &Output) -> Result<Outcome, Failure> {
    let package = build::find(arguments)?;
    let mut sources = Sources::new(package.folders.clone());
    say(output, Style::Strong, &json!({ "watching": package.name }), &format!("watching {}", package.name))?;
    let mut edited = None;
    loop {
        let seen = sources.look()?;
        let is_replaced = round(arguments, &package, edited, output)?;
        if (is_replaced && arguments.once) || output.reader_has_gone() {
            return Ok(Outcome::Done);
        }
        edited = Some(wait(&mut sources, seen)?);
    }
}

/// Waits until a file has changed and all are at rest. Returns when the last one was written.
fn wait(sources: &mut Sources, mut seen: sources::Seen) -> Result<SystemTime, Failure> {
    let mut written = None;
    loop {
        // A look at many files takes its time; at least half of all time is rest.
        thread::sleep(if written.is_some() { SETTLED } else { LOOK.max(sources.took()) });
        let now = sources.look()?;
        if now != seen {
            // A file that is gone has no time of its own.
            written = Some(now.written_since(&seen).unwrap_or_else(SystemTime::now));
            seen = now;
        } else if let Some(written) = written {
            return Ok(written);
        }
    }
}

/// Builds, and replaces if something else came of it. Returns whether it replaced. A failure of the build or of the
/// process is said and ends the round, not the watch.
fn round(
    arguments: &Watch,
    package: &build::Package,
    edited: Option<SystemTime>,
    output: &Output,
) -> Result<bool, Failure> {
    let library = match build::build(arguments, package)? {
        Built::Library(library) => library,
        Built::Refused => {
            say(output, Style::Bad, &json!({ "built": false }), "not built; what serves goes on serving")?;
            return Ok(false);
        }
    };
    match replace(arguments, &library, output) {
        Ok(None) => {
            say(output, Style::Faint, &json!({ "unchanged": true }), "built, and these are the bytes that serve")?;
            Ok(false)
        }
        Ok(Some(report)) => {
            let took = edited.and_then(|edited| edited.elapsed().ok());
            let mut said = text(&report, "text").to_owned();
            let mut document = json!({ "replaced": report });
            if let Some(took) = took {
                said += &format!("; serving {:.2} s after the edit", took.as_secs_f64());
                document["edit_to_serving_ms"] = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into();
            }
            say(output, Style::Good, &document, &said)?;
            Ok(true)
        }
        Err(failure) => {
            let document = json!({ "error": { "kind": failure.kind(), "text": failure.text() } });
            match output.is_json() {
                true => output.json(&document)?,
                false => output.complain(failure.text()),
            }
            Ok(false)
        }
    }
}

/// Brings the library into the process; `None` if its bytes serve there already.
fn replace(arguments: &Watch, library: &Path, output: &Output) -> Result<Option<Json>, Failure> {
    let (manifest, hash) = Manifest::read_hashed(library)?;
    // Each time anew: the process may have been started again.
    let mut process = Process::find(&arguments.target)?;
    let status = process.ask("status", &process::nothing())?;
    let hash = hash.to_string();
    if list(&status, "components").iter().any(|each| text(each, "hash") == hash) {
        return Ok(None);
    }
    let mut change = change::Change::new(&arguments.options);
    change.replace_or_add(&status, &manifest, library)?;
    process.ask_for_long("commit", &change.into_json(), output).map(Some)
}

/// Says something, as text or as JSON.
fn say(output: &Output, style: Style, document: &Json, text: &str) -> Result<(), Failure> {
    match output.is_json() {
        true => output.json(document)?,
        false => output.line(output.paint(style, text))?,
    }
    Ok(())
}
