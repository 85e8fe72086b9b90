//! When a version goes bad: not at once, but under load.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many calls a version serves well.
const WELL: u64 = 2_000;

/// Counts the calls of a version.
#[derive(Default)]
pub(crate) struct Fuse(AtomicU64);

impl Fuse {
    /// Counts a call. Returns how many came before it since the version went bad; `None` before that.
    pub(crate) fn call(&self) -> Option<u64> {
        self.0.fetch_add(1, Ordering::Relaxed).checked_sub(WELL)
    }

    /// Whether the version has gone bad.
    #[allow(dead_code, reason = "not each library asks")]
    pub(crate) fn has_burnt(&self) -> bool {
        self.0.load(Ordering::Relaxed) > WELL
    }
}
