//! The commands about the history: what was changed, and for how long that is kept.
//!
//! A program without a history on disk still knows the generations that it can go back to, which are its past then.

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use crate::{ComponentId, Result, Runtime};

use super::{
    protocol::{self, ITEMS},
    served::Served,
    view,
};

/// How many entries are shown if the request does not say.
const COUNT: usize = 20;

pub(super) fn history(served: Served<'_>) -> Result<Box<RawValue>> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Arguments {
        #[serde(default)]
        count: Option<usize>,
    }
    let Arguments { count } = served.request.arguments()?;
    let count = count.unwrap_or(COUNT).min(ITEMS);
    let on_disk = on_disk::entries(served.runtime, count)?;
    let is_on_disk = on_disk.is_some();
    let entries = on_disk.map_or_else(|| of_this_process(served.runtime, count), Ok)?;
    let mut out = Map::new();
    out.insert("on_disk".to_owned(), is_on_disk.into());
    view::put(&mut out, "entries", entries.into_iter());
    protocol::value(&out)
}

/// The commits whose generations can be gone back to, oldest first.
fn of_this_process(runtime: &Runtime, count: usize) -> Result<Vec<Value>> {
    let revisions = runtime.revisions();
    let first = revisions.len().saturating_sub(count);
    let entry = |revision: &crate::Revision| {
        let listed = |ids: &[ComponentId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut text = listed(&revision.components);
        if !revision.patches.is_empty() {
            text = format!("{text}; patched by {}", listed(&revision.patches));
        }
        let mut out = view::document(revision)?;
        out.extend(view::object(json!({ "outcome": "committed", "members": [], "text": text })));
        Ok(out.into())
    };
    revisions[first..].iter().map(entry).collect()
}

#[cfg(feature = "history")]
pub(super) use on_disk::options;

#[cfg(not(feature = "history"))]
mod on_disk {
    use super::*;

    pub(super) fn entries(_: &Runtime, _: usize) -> Result<Option<Vec<Value>>> {
        Ok(None)
    }
}

#[cfg(feature = "history")]
mod on_disk {
    use std::time::Duration;

    use serde::Deserializer;

    use crate::{
        Error, ErrorKind,
        history::{Entry, Options},
    };

    use super::*;

    /// The last entries, oldest first; `None` if the runtime keeps no history.
    pub(super) fn entries(runtime: &Runtime, count: usize) -> Result<Option<Vec<Value>>> {
        let Some(history) = runtime.history() else { return Ok(None) };
        let entries = history.entries(count)?;
        entries.iter().map(entry).collect::<Result<_>>().map(Some)
    }

    /// An entry, with what came of it beside what was asked for: so its members are those of the commit, if there was
    /// one.
    fn entry(entry: &Entry) -> Result<Value> {
        let mut out = view::document(entry)?;
        let mut take = |member: &str| out.remove(member).unwrap_or_default();
        let (actor, result, trial, why) = (take("by"), take("result"), take("trial"), take("trial_why"));
        out.insert("actor".to_owned(), actor);
        out.extend(view::object(result));
        if !trial.is_null() {
            out.insert("trial".to_owned(), json!({ "outcome": trial, "why": why }));
        }
        Ok(out.into())
    }

    /// What is given, if only `null`, which is a value here and not the absence of one.
    fn given<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
    where
        T: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        T::deserialize(deserializer).map(Some)
    }

    /// Shows the options of the history, and changes those that the request names.
    pub(in crate::control) fn options(served: Served<'_>) -> Result<Box<RawValue>> {
        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Arguments {
            keep: Option<usize>,
            #[serde(deserialize_with = "given")]
            keep_for_s: Option<Option<u64>>,
            #[serde(deserialize_with = "given")]
            reload_on_start: Option<Option<bool>>,
            persist_on_shutdown: Option<bool>,
            unload_on_shutdown: Option<bool>,
            allow_unrecorded: Option<bool>,
        }
        let wanted: Arguments = served.request.arguments()?;
        let Some(history) = served.runtime.history() else {
            let text = "the program keeps no history; RuntimeBuilder::history begins one";
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        if wanted.keep == Some(0) {
            return Err(Error::new(ErrorKind::Invalid, "a history keeps at least 1 transaction, and `keep` is 0"));
        }
        history.change(|options| {
            options.keep = wanted.keep.unwrap_or(options.keep);
            if let Some(time) = wanted.keep_for_s {
                options.keep_for = time.map(Duration::from_secs);
            }
            options.reload_on_start = wanted.reload_on_start.unwrap_or(options.reload_on_start);
            options.persist_on_shutdown = wanted.persist_on_shutdown.unwrap_or(options.persist_on_shutdown);
            options.unload_on_shutdown = wanted.unload_on_shutdown.unwrap_or(options.unload_on_shutdown);
            options.allow_unrecorded = wanted.allow_unrecorded.unwrap_or(options.allow_unrecorded);
        })?;
        let Options {
            keep, keep_for, reload_on_start, persist_on_shutdown, unload_on_shutdown, allow_unrecorded, ..
        } = history.options();
        protocol::value(&json!({
            "directory": history.directory().to_string_lossy(),
            "keep": keep,
            "keep_for_s": keep_for.map(|time| time.as_secs()),
            "reload_on_start": reload_on_start,
            "persist_on_shutdown": persist_on_shutdown,
            "unload_on_shutdown": unload_on_shutdown,
            "allow_unrecorded": allow_unrecorded,
        }))
    }
}
