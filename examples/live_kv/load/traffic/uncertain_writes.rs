//! Writes that a broken connection or a version on trial leaves uncertain, and how they are resolved.
//!
//! The server may or may not have executed a request that it did not answer, or that failed. The client
//! reads each such entry back, and from then on the ledger is certain again. Acknowledged writes must
//! be there.

use std::{collections::BTreeSet, io, mem};

use super::{Expected, Traffic};
use crate::load::reply::Reply;

/// Entries whose last writes were not answered, or failed.
#[derive(Default)]
pub(super) struct UncertainWrites {
    keys: BTreeSet<usize>,
    counters: BTreeSet<usize>,
    pairs: BTreeSet<usize>,
}

impl UncertainWrites {
    /// Notes what the request would have written. Additions to the shared counter stay uncertain, because other
    /// clients add to it, too.
    pub(super) fn note(&mut self, expected: &Expected) {
        match expected {
            Expected::Stored(stored) => self.keys.extend(stored.iter().map(|(index, _)| *index)),
            Expected::Count(index, _) => drop(self.counters.insert(*index)),
            Expected::PairStored(index, _) => drop(self.pairs.insert(*index)),
            _ => {}
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.counters.is_empty() && self.pairs.is_empty()
    }

    pub(super) fn has_key(&self, index: usize) -> bool {
        self.keys.contains(&index)
    }

    pub(super) fn has_counter(&self, index: usize) -> bool {
        self.counters.contains(&index)
    }
}

impl Traffic<'_> {
    /// After `error`: connects again, if the load wants that, and reads uncertain entries back.
    ///
    /// # Errors
    /// `error` if the load does not recover, and the errors of the new connection.
    pub(crate) fn recover(&mut self, error: io::Error) -> io::Result<()> {
        let Some(recovery) = self.load.recovery else { return Err(error) };
        for expected in self.expected.drain(..) {
            self.uncertain.note(&expected);
        }
        let mut error = error;
        loop {
            self.client = recovery.connect(self.load.address, self.number, error)?;
            match self.make_certain() {
                Ok(()) => return Ok(()),
                Err(broken) => error = broken,
            }
        }
    }

    /// Reads uncertain entries back. If the connection breaks, they stay uncertain.
    ///
    /// # Errors
    /// The connection fails.
    pub(super) fn make_certain(&mut self) -> io::Result<()> {
        let uncertain = mem::take(&mut self.uncertain);
        let resolved = self.resolve(&uncertain);
        if resolved.is_err() {
            self.uncertain = uncertain;
        }
        resolved
    }

    fn resolve(&mut self, uncertain: &UncertainWrites) -> io::Result<()> {
        for index in uncertain.keys.iter().copied() {
            let reply = self.client.ask(&[b"GET", &self.ledger.key(index)])?;
            let version = bulk(&reply).and_then(|found| self.ledger.key_version(index, found));
            let sent = self.ledger.keys[index].sent();
            self.ledger.keys[index].settle(version.unwrap_or(sent));
            self.keep(version.is_some(), &self.ledger.key(index), &reply);
        }
        for index in uncertain.counters.iter().copied() {
            let reply = self.client.ask(&[b"GET", &self.ledger.counter(index)])?;
            let version = bulk(&reply).and_then(|found| self.ledger.counter_version(index, found));
            let sent = self.ledger.counters[index].sent();
            self.ledger.counters[index].settle(version.unwrap_or(sent));
            self.keep(version.is_some(), &self.ledger.counter(index), &reply);
        }
        for index in uncertain.pairs.iter().copied() {
            let [left, right] = self.ledger.pair(self.number, index);
            let reply = self.client.ask(&[b"MGET", &left, &right])?;
            let version = match &reply {
                Reply::Array(Some(found)) => self.ledger.pair_version(index, found),
                _ => None,
            };
            let sent = self.ledger.pairs[index].sent();
            self.ledger.pairs[index].settle(version.unwrap_or(sent));
            self.keep(version.is_some(), &left, &reply);
        }
        Ok(())
    }
}

/// `None` for another reply, `Some(None)` for a key that is not there.
#[allow(clippy::option_option, reason = "no such reply, and no such key, are two answers")]
fn bulk(reply: &Reply) -> Option<Option<&[u8]>> {
    match reply {
        Reply::Bulk(found) => Some(found.as_deref()),
        _ => None,
    }
}
