//! Patches of the program in a history: each that comes or goes is an entry, as a plan is.
//!
//! A patch stands in the entry where a component would, by its name and a version that has its number. What closures do
//! is in no file, so the next process does not bring them back; its history says that they were there. A patch that
//! comes is refused if it cannot be recorded, as a plan is. One that goes is not: a full disk must not keep it.

use std::collections::BTreeMap;

use crate::{
    component::identity::ComponentId,
    error::Result,
    host::{actor::Actor, service::inner::RuntimeInner},
};

use super::{
    recorder::{Change, Intent, nobody_waits},
    report::Report,
};

/// The intent to put a patch in, or to take one off.
pub(super) fn intent(
    inner: &RuntimeInner,
    (before, after): (Option<ComponentId>, Option<ComponentId>),
    (actor, reason): (Actor, Option<String>),
    override_protected: bool,
) -> Intent {
    Intent {
        actor,
        reason,
        generation: inner.serial(),
        members: vec![Change { before, after, ..Change::default() }],
        bindings: BTreeMap::new(),
        configurations: BTreeMap::new(),
        override_protected,
        is_reload: false,
        is_rollback: false,
        is_patch: true,
        trial: None,
    }
}

/// Runs the transaction of a patch between its intent and its outcome. Not under the state lock.
///
/// # Errors
/// Those of `run`; `History` if the patch `comes` and its intent cannot be recorded.
pub(super) fn recorded<T>(
    inner: &RuntimeInner,
    intent: impl FnOnce() -> Intent,
    comes: bool,
    run: impl FnOnce() -> Result<T>,
    generation: impl FnOnce(&T) -> u64,
) -> Result<T> {
    let Some(recording) = inner.recording() else { return run() };
    match recording.begin(&intent()) {
        Err(error) if comes => return Err(error),
        Err(error) => tracing::warn!(%error, "a patch is taken off unrecorded"),
        Ok(()) => {}
    }
    match run() {
        Ok(done) => {
            let generation = generation(&done);
            recording.end(inner, &Ok(Report::lost(generation)), Some(generation));
            Ok(done)
        }
        Err(error) => {
            let refused: Result<Report> = Err(error);
            recording.end(inner, &refused, None);
            Err(refused.err().unwrap_or_else(nobody_waits))
        }
    }
}
