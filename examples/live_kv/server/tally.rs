//! What the host itself counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one turn, added to the tally at its end so that threads do not meet at it
/// for every request.
#[derive(Default)]
pub(crate) struct Batch {
    /// Requests received.
    pub(crate) requests: u64,
    /// Requests that it could not answer.
    pub(crate) faults: u64,
    /// Connections closed because of bytes that are not a request.
    pub(crate) protocol_errors: u64,
}

/// Counts since the start; exact when no thread is at work.
#[derive(Default)]
pub(crate) struct Tally {
    requests: AtomicU64,
    faults: AtomicU64,
    protocol_errors: AtomicU64,
    connections: AtomicU64,
}

impl Tally {
    /// Adds a turn's counts.
    pub(crate) fn add(&self, batch: &Batch) {
        for (count, more) in [
            (&self.requests, batch.requests),
            (&self.faults, batch.faults),
            (&self.protocol_errors, batch.protocol_errors),
        ] {
            if more > 0 {
                count.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    /// Counts an accepted connection.
    pub(crate) fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests given to the command layer.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that the command layer could not answer.
    pub(crate) fn faults(&self) -> u64 {
        self.faults.load(Ordering::Relaxed)
    }

    /// Connections closed because of bytes that are not a request.
    pub(crate) fn protocol_errors(&self) -> u64 {
        self.protocol_errors.load(Ordering::Relaxed)
    }

    /// Connections accepted.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}
