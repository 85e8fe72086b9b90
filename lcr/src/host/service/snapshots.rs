//! Saved states: what a component with state had saved when it was replaced.
//!
//! A state that was copied by serde is in memory as bytes when its hand-over ends. The bytes are kept with the revision
//! that the commit left, for a rollback whose older version does not take what the newer one wrote. Such a rollback
//! loses what was written since, so it uses a snapshot only if its plan allows that. A state that moved by pointer or
//! was copied ahead of the gate has no snapshot, and only that of the shared instance is kept.
//!
//! The bytes are bounded; the oldest snapshots go first, and all of them with their revision.

use std::{collections::VecDeque, sync::Arc};

/// How many bytes are kept. Default: 64 MiB.
pub(crate) const LIMIT: usize = 64 << 20;

/// The snapshots of one runtime, oldest first.
pub(crate) struct Snapshots {
    kept: VecDeque<Snapshot>,
    bytes: usize,
    limit: usize,
}

/// A saved state.
#[derive(Clone)]
pub(crate) struct Snapshot {
    /// The generation that was left when it was saved.
    pub(crate) generation: u64,
    /// The component that had saved it, by name.
    pub(crate) component: String,
    /// The interface of its implementation.
    pub(crate) interface: String,
    /// The version of the state.
    pub(crate) version: u32,
    pub(crate) bytes: Arc<Vec<u8>>,
}

impl Default for Snapshots {
    fn default() -> Snapshots {
        Snapshots { kept: VecDeque::new(), bytes: 0, limit: LIMIT }
    }
}

impl Snapshots {
    /// Keeps a snapshot, if it is not larger than all that is kept.
    pub(crate) fn keep(&mut self, snapshot: Snapshot) {
        if snapshot.bytes.len() <= self.limit {
            self.bytes += snapshot.bytes.len();
            self.kept.push_back(snapshot);
            self.trim();
        }
    }

    /// Sets how many bytes are kept.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.trim();
    }

    /// Forgets the snapshots of generations before `oldest`.
    pub(super) fn forget_before(&mut self, oldest: u64) {
        while self.kept.front().is_some_and(|first| first.generation < oldest) {
            self.drop_first();
        }
    }

    /// The newest snapshot that an implementation takes as it is.
    pub(crate) fn find(&self, component: &str, interface: &str, version: u32) -> Option<&Snapshot> {
        self.kept
            .iter()
            .rev()
            .find(|kept| kept.component == component && kept.interface == interface && kept.version == version)
    }

    /// How many bytes were saved when a generation was left.
    pub(crate) fn bytes_of(&self, generation: u64) -> usize {
        self.kept.iter().filter(|kept| kept.generation == generation).map(|kept| kept.bytes.len()).sum()
    }

    fn trim(&mut self) {
        while self.bytes > self.limit {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.bytes -= first.bytes.len();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn of(generation: u64, version: u32, len: usize) -> Snapshot {
        let (component, interface) = ("a".to_owned(), "i".to_owned());
        Snapshot { generation, component, interface, version, bytes: Arc::new(vec![0; len]) }
    }

    #[test]
    fn the_oldest_snapshots_go_first_and_the_newest_that_fits_is_found() {
        let mut snapshots = Snapshots::default();
        snapshots.set_limit(100);
        (1..=4).for_each(|generation| snapshots.keep(of(generation, u32::from(generation > 2), 40)));
        assert_eq!((snapshots.bytes, snapshots.bytes_of(2), snapshots.bytes_of(4)), (80, 0, 40));
        snapshots.keep(of(5, 1, 101));
        assert_eq!(snapshots.find("a", "i", 1).map(|found| found.generation), Some(4), "one too large is not kept");
        assert!(snapshots.find("a", "i", 0).is_none() && snapshots.find("b", "i", 1).is_none());
        snapshots.forget_before(4);
        assert_eq!((snapshots.bytes, snapshots.kept.len()), (40, 1));
        snapshots.set_limit(0);
        assert_eq!((snapshots.bytes, snapshots.kept.len()), (0, 0));
    }
}
