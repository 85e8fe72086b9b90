//! What the layer has served: its state, which survives its replacement.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

/// The counts as they cross from one version to the next.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// When counting began, in seconds since 1970.
    pub(crate) since: u64,
    /// Calls by command; may name commands that this version does not have.
    pub(crate) calls: BTreeMap<String, u64>,
    /// Requests for unknown commands.
    pub(crate) unknown: u64,
    /// Requests that were answered by an error line.
    pub(crate) refused: u64,
}

impl Counts {
    /// All requests.
    pub(crate) fn total(&self) -> u64 {
        self.calls.values().sum::<u64>() + self.unknown
    }
}

/// The counts while they grow, under many threads.
pub(crate) struct Served {
    before: Counts,
    calls: Vec<AtomicU64>,
    unknown: AtomicU64,
    refused: AtomicU64,
}

impl Served {
    /// Goes on from `before`; commands are counted by their number in `names`.
    pub(crate) fn resumed(names: impl Iterator<Item = &'static str>, before: Counts) -> Served {
        let calls = names.map(|_| AtomicU64::default()).collect();
        Served { before, calls, unknown: AtomicU64::default(), refused: AtomicU64::default() }
    }

    pub(crate) fn call(&self, number: usize) {
        self.calls[number].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// The sum of before and since; exact when no call is running.
    pub(crate) fn counts(&self, names: impl Iterator<Item = &'static str>) -> Counts {
        let mut counts = self.before.clone();
        for (name, calls) in names.zip(&self.calls) {
            *counts.calls.entry(name.to_owned()).or_default() += calls.load(Ordering::Relaxed);
        }
        counts.unknown += self.unknown.load(Ordering::Relaxed);
        counts.refused += self.refused.load(Ordering::Relaxed);
        counts
    }
}
