//! [`Copying`]: one instance whose state is copied ahead of the gate, look by look.
//!
//! [`precopy`](super::precopy) has the protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    error::LifecycleStep,
    host::{deadline::Deadline, ids::TransactionId, objects::instances::Instance},
};

use super::{report::PrecopyReport, rounds::Pace, stop::Stop, watch::Watch};

/// How long one look may take; the next one takes fewer items if it took longer.
const LOOK: Duration = Duration::from_millis(1);
/// How many items the first look takes, and the fewest and most that any one does ahead of the gate.
const FIRST: u64 = 256;
const FEWEST: u64 = 16;
const MOST: u64 = 1 << 16;

/// A successor that is copied ahead of the gate.
pub(super) struct Copying {
    old: Arc<Instance>,
    successor: Instance,
    /// The version of the old state.
    version: u32,
    transaction: TransactionId,
    /// How many items were left after the last look; `None` before the first.
    left: Option<u64>,
    /// How long a look takes that finds next to nothing.
    idle: Duration,
    limit: u64,
    pace: Pace,
    report: PrecopyReport,
}

impl Copying {
    pub(super) fn new(old: Arc<Instance>, successor: Instance, transaction: TransactionId) -> Copying {
        // The plan found a version in the manifest.
        let version = old.implementation().manifest.state_version.unwrap_or_default();
        let (pace, report) = (Pace::default(), PrecopyReport::default());
        Copying { old, successor, version, transaction, left: None, idle: Duration::ZERO, limit: FIRST, pace, report }
    }

    /// The instance that is copied.
    pub(super) fn old(&self) -> &Arc<Instance> {
        &self.old
    }

    /// The copy, and the report on it.
    pub(super) fn into_successor(self) -> (Instance, PrecopyReport) {
        (self.successor, self.report)
    }

    /// How many items were left after the last look.
    pub(super) fn left(&self) -> u64 {
        self.left.unwrap_or_default()
    }

    /// Begins to track the old instance, with at most `most` notes.
    pub(super) fn track(&self, watch: &Watch, most: u64) -> Result<(), Stop> {
        watch.step(Arc::clone(&self.old.implementation().component) as _, LifecycleStep::Changes)?;
        self.old.track(self.transaction, most)?;
        Ok(())
    }

    /// Notes in the report how long callers are expected to be held.
    pub(super) fn expect_hold(&mut self) {
        self.report.expected_hold = self.expected_hold();
    }

    /// How long callers would be held for what was left after the last look.
    pub(super) fn expected_hold(&self) -> Duration {
        match self.left {
            Some(0) => Duration::ZERO,
            left => self.idle.saturating_add(self.pace.time_for(left.unwrap_or(u64::MAX))),
        }
    }

    /// Copies as many items as are left now, at most until `deadline`; at least one look. Then looks what has changed
    /// meanwhile: callers make changes while the last items are made in the successor, too.
    pub(super) fn round(&mut self, watch: &Watch, deadline: Deadline) -> Result<(), Stop> {
        self.report.rounds += 1;
        let mut ahead = self.left;
        loop {
            let (begun, before) = (Instant::now(), self.left);
            let limit = self.limit.min(ahead.unwrap_or(u64::MAX)).max(1);
            let bytes = self.look(watch, limit)?;
            let looked = begun.elapsed();
            self.apply(watch, &bytes)?;
            self.report.bytes += bytes.len();
            self.limit = if looked > LOOK { self.limit / 2 } else { self.limit * 2 }.clamp(FEWEST, MOST);
            let left = self.left.unwrap_or_default();
            // A look may take more than it was asked for, and fewer if fewer are there.
            let items = before.map_or(limit, |before| limit.min(before).max(before.saturating_sub(left)));
            self.pace.add(items.max(1), begun.elapsed());
            ahead = Some(ahead.map_or(left, |ahead| ahead.saturating_sub(items)));
            if ahead == Some(0) || left == 0 || deadline.has_passed() {
                break;
            }
        }
        let begun = Instant::now();
        let bytes = self.look(watch, 1)?;
        self.idle = begun.elapsed();
        self.report.bytes += bytes.len();
        self.apply(watch, &bytes)
    }

    /// Takes everything that is left, while no call is inside.
    pub(super) fn last_looks(&mut self, watch: &Watch) -> Result<Vec<Vec<u8>>, Stop> {
        let mut changes = Vec::new();
        loop {
            let bytes = self.look(watch, u64::MAX)?;
            self.report.bytes += bytes.len();
            self.report.bytes_at_gate += bytes.len();
            changes.push(bytes);
            if self.left == Some(0) {
                return Ok(changes);
            }
        }
    }

    fn look(&mut self, watch: &Watch, limit: u64) -> Result<Vec<u8>, Stop> {
        watch.step(Arc::clone(&self.old.implementation().component) as _, LifecycleStep::Changes)?;
        let look = self.old.changes(self.transaction, limit)?;
        self.left = Some(look.left);
        Ok(look.bytes)
    }

    pub(super) fn apply(&self, watch: &Watch, bytes: &[u8]) -> Result<(), Stop> {
        watch.step(Arc::clone(&self.successor.implementation().component) as _, LifecycleStep::Apply)?;
        self.successor.apply(self.version, bytes)?;
        Ok(())
    }
}
