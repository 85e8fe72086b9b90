//! What a broken connection leaves open, and how a new one finds it out.
//!
//! A request that was not answered may have been executed or not; the server says which,
//! and from then on the ledger is certain again. Whatever was acknowledged must be there.

use std::{collections::BTreeSet, io};

use super::{Expected, Traffic};
use crate::load::reply::Reply;

/// Entries whose last writes were not answered.
#[derive(Default)]
struct Doubts {
    keys: BTreeSet<usize>,
    counters: BTreeSet<usize>,
    pairs: BTreeSet<usize>,
}

impl Traffic<'_> {
    /// After `error`: connects again, if that is wanted, and finds out what is.
    ///
    /// # Errors
    /// `error` if it is no broken connection, and those of the new connection.
    pub(crate) fn recover(&mut self, error: io::Error) -> io::Result<()> {
        let Some(recovery) = self.load.recovery else { return Err(error) };
        let doubts = self.doubts();
        let mut error = error;
        loop {
            self.client = recovery.connect(self.load.address, self.number, error)?;
            match self.resolve(&doubts) {
                Ok(()) => return Ok(()),
                Err(broken) => error = broken,
            }
        }
    }

    /// Gives up what is expected. Additions to the shared counter stay in doubt: others add
    /// to it, too.
    fn doubts(&mut self) -> Doubts {
        let mut doubts = Doubts::default();
        for expected in self.expected.drain(..) {
            match expected {
                Expected::Stored(stored) => doubts.keys.extend(stored.iter().map(|(index, _)| *index)),
                Expected::Count(index, _) => drop(doubts.counters.insert(index)),
                Expected::PairStored(index, _) => drop(doubts.pairs.insert(index)),
                _ => {}
            }
        }
        doubts
    }

    fn resolve(&mut self, doubts: &Doubts) -> io::Result<()> {
        for index in doubts.keys.iter().copied() {
            let reply = self.client.ask(&[b"GET", &self.ledger.key(index)])?;
            let version = bulk(&reply).and_then(|found| self.ledger.key_version(index, found));
            let sent = self.ledger.keys[index].sent();
            self.ledger.keys[index].settle(version.unwrap_or(sent));
            self.keep(version.is_some(), &self.ledger.key(index), &reply);
        }
        for index in doubts.counters.iter().copied() {
            let reply = self.client.ask(&[b"GET", &self.ledger.counter(index)])?;
            let version = bulk(&reply).and_then(|found| self.ledger.counter_version(index, found));
            let sent = self.ledger.counters[index].sent();
            self.ledger.counters[index].settle(version.unwrap_or(sent));
            self.keep(version.is_some(), &self.ledger.counter(index), &reply);
        }
        for index in doubts.pairs.iter().copied() {
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

fn bulk(reply: &Reply) -> Option<Option<&[u8]>> {
    match reply {
        Reply::Bulk(found) => Some(found.as_deref()),
        _ => None,
    }
}
