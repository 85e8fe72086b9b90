//! What came of [`downgrade`](super::downgrade)s, and what a successor is made of then.

use std::collections::HashMap;

use crate::{
    error::{Error, ErrorKind, HeldBy, LifecycleStep},
    host::{ids::ServiceId, image::manifest::ExportManifest, service::construct::Creation},
};

/// A saved state as an older version: the version with the bytes, or why it is not downgraded.
pub(super) type Older = Result<(u32, Vec<u8>), Error>;

/// What became of the downgrades of a transaction.
#[derive(Default)]
pub(super) struct Downgrades(HashMap<ServiceId, Result<(), String>>);

impl Downgrades {
    /// Notes what became of the one of a service.
    pub(super) fn note(&mut self, id: ServiceId, outcome: Result<(), String>) {
        self.0.insert(id, outcome);
    }

    /// What became of the one of a service; `None` if its state was not to be downgraded.
    pub(super) fn of(&self, id: ServiceId) -> Option<&Result<(), String>> {
        self.0.get(&id)
    }
}

/// Why a state does not go back from `newer` to `older` by a downgrade, although `newer` knows some: a downgrade leads
/// from one version to another one, and a rollback makes one.
pub(super) fn no_way(newer: &ExportManifest, older: &ExportManifest) -> Option<String> {
    let (from, to) = (newer.state_version?, older.state_version?);
    if newer.downgrades_to.is_empty() || newer.downgrades_to.contains(&to) || to >= from {
        return None;
    }
    let known: Vec<String> = newer.downgrades_to.iter().map(ToString::to_string).collect();
    let known = known.join(", ");
    Some(format!(
        "state v{from} of `{}` is not downgraded to v{to}: it declares downgrades_to({known}), and downgrades are not \
         chained; go back one version after the other, or list {to} there too",
        newer.component
    ))
}

/// What a successor is made of: the downgraded state if there is one, else the state as it was saved.
pub(super) fn creation<'a>(version: u32, saved: &'a [u8], older: Option<&'a Older>) -> Creation<'a> {
    match older {
        Some(Ok((version, bytes))) => Creation::Restore(*version, bytes),
        _ => Creation::Restore(version, saved),
    }
}

/// The refusal of a successor, with the reason for which the state was not downgraded before.
pub(super) fn refusal(error: Error, older: Option<Older>) -> Error {
    match older {
        Some(Err(first)) if error.kind() == ErrorKind::State => {
            Error::new(ErrorKind::State, format!("{first}; then {error}"))
        }
        _ => error,
    }
}

/// Whether a transaction was refused because a downgrade did not return.
pub(super) fn has_hung(error: &Error) -> bool {
    let is_downgrade = |held_by: &HeldBy| matches!(held_by, HeldBy::Step { step: LifecycleStep::Downgrade, .. });
    error.stragglers().iter().any(|straggler| is_downgrade(&straggler.held_by))
}
