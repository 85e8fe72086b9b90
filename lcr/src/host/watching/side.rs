//! [`Side`]: the calls of one of the two versions that are compared.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::{histogram::Histogram, layer::Ended};

/// One of the two versions.
pub(super) struct Side {
    pub(super) ended: AtomicU64,
    pub(super) faults: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) slow: AtomicU64,
    times: Histogram,
}

/// The numbers of one version at a moment. Times are in nanoseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) calls: u64,
    pub(crate) faults: u64,
    pub(crate) errors: u64,
    pub(crate) slow: u64,
    pub(crate) p50_ns: u64,
    pub(crate) p99_ns: u64,
}

/// How a call ended, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Good,
    Error,
    Fault,
}

/// In which ways a request has gone wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) faulted: bool,
    pub(super) erred: bool,
    pub(super) took_long: bool,
}

impl Wrong {
    pub(super) fn is_any(self) -> bool {
        self != Wrong::default()
    }

    pub(super) fn and(self, other: Wrong) -> Wrong {
        let Wrong { faulted, erred, took_long } = other;
        Wrong { faulted: self.faulted || faulted, erred: self.erred || erred, took_long: self.took_long || took_long }
    }

    pub(super) fn without(self, other: Wrong) -> Wrong {
        let Wrong { faulted, erred, took_long } = other;
        Wrong {
            faulted: self.faulted && !faulted,
            erred: self.erred && !erred,
            took_long: self.took_long && !took_long,
        }
    }
}

impl How {
    /// An async method has no candidate, so no call of one ends by being dropped.
    pub(super) fn of(ended: &Ended<'_>) -> How {
        match ended {
            Ended::Fault(_) => How::Fault,
            Ended::Value(value) if value.is_err() => How::Error,
            Ended::Value(_) | Ended::Dropped => How::Good,
        }
    }
}

impl Side {
    /// Counts a call, but that it has ended.
    pub(super) fn count(&self, took: Duration, how: How) {
        self.times.note(took);
        match how {
            How::Good => {}
            How::Error => _ = self.errors.fetch_add(1, Ordering::Relaxed),
            How::Fault => _ = self.faults.fetch_add(1, Ordering::Relaxed),
        }
    }

    pub(super) fn new() -> Side {
        let [ended, faults, errors, slow] = [const { AtomicU64::new(0) }; 4];
        Side { ended, faults, errors, slow, times: Histogram::new() }
    }

    pub(super) fn now(&self) -> Counted {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counted {
            calls: count(&self.ended),
            faults: count(&self.faults),
            errors: count(&self.errors),
            slow: count(&self.slow),
            p50_ns: self.times.quantile(500),
            p99_ns: self.times.quantile(990),
        }
    }
}
