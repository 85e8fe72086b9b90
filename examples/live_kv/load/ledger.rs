//! One connection's memory of what it wrote, and of what the server acknowledged.
//!
//! Each entry is written by one connection alone, with values that contain their version. So the connection can check
//! every later answer of the server: the answer must have the version that was acknowledged last, or a later version
//! whose acknowledgement did not arrive.

use std::ops::RangeInclusive;

use super::{Load, reply::Reply};

/// Counters of a connection, and pairs of keys that are always written together.
pub(crate) const COUNTERS: usize = 64;
pub(crate) const PAIRS: usize = 64;

/// The versions of one entry; 0 is "not written".
#[derive(Clone, Copy, Default)]
pub(crate) struct Versions {
    sent: u64,
    acknowledged: u64,
}

impl Versions {
    /// The version to send next.
    pub(crate) fn send(&mut self) -> u64 {
        self.sent += 1;
        self.sent
    }

    /// The version that was sent last.
    pub(crate) fn sent(self) -> u64 {
        self.sent
    }

    /// Notes an acknowledgement.
    pub(crate) fn acknowledge(&mut self, version: u64) {
        self.acknowledged = self.acknowledged.max(version);
    }

    /// The server has this version; versions sent after it will never arrive.
    pub(crate) fn settle(&mut self, version: u64) {
        (self.sent, self.acknowledged) = (version, version);
    }

    /// The versions that the server may have.
    pub(crate) fn allowed(self) -> RangeInclusive<u64> {
        self.acknowledged..=self.sent
    }
}

/// The writes of one connection.
pub(crate) struct Ledger {
    prefix: String,
    number: usize,
    least: usize,
    /// Plain keys.
    pub(crate) keys: Vec<Versions>,
    /// Counters; their version is their value.
    pub(crate) counters: Vec<Versions>,
    /// Pairs of keys.
    pub(crate) pairs: Vec<Versions>,
    /// Additions to the counter that all connections share.
    pub(crate) shared: Versions,
}

impl Ledger {
    /// The ledger of connection `number`, which has its share of the keys.
    pub(crate) fn new(load: &Load<'_>, number: usize) -> Ledger {
        Ledger {
            prefix: load.prefix.to_owned(),
            number,
            least: load.least,
            keys: vec![Versions::default(); share(load, number)],
            counters: vec![Versions::default(); COUNTERS],
            pairs: vec![Versions::default(); PAIRS],
            shared: Versions::default(),
        }
    }

    /// The name of a plain key.
    pub(crate) fn key(&self, index: usize) -> Vec<u8> {
        format!("{}:key:{}:{index}", self.prefix, self.number).into_bytes()
    }

    /// The name of a counter.
    pub(crate) fn counter(&self, index: usize) -> Vec<u8> {
        format!("{}:counter:{}:{index}", self.prefix, self.number).into_bytes()
    }

    /// The two keys of a pair, which may be another connection's.
    pub(crate) fn pair(&self, of: usize, index: usize) -> [Vec<u8>; 2] {
        ["left", "right"].map(|side| format!("{}:pair:{of}:{index}:{side}", self.prefix).into_bytes())
    }

    /// A key's value in some version: it names both, and has one of 64 lengths unless it is lengthened to the
    /// least one.
    pub(crate) fn value(&self, index: usize, version: u64) -> Vec<u8> {
        let mut value = format!("{}:{index}:{version}:", self.number).into_bytes();
        let padding = (index as u64).wrapping_mul(31).wrapping_add(version) % 64;
        value.resize((value.len() + padding as usize).max(self.least), b'.');
        value
    }

    /// The version that `found` is of a plain key, if the server may have it.
    pub(crate) fn key_version(&self, index: usize, found: Option<&[u8]>) -> Option<u64> {
        self.keys[index].allowed().find(|version| match version {
            0 => found.is_none(),
            version => found == Some(&self.value(index, *version)),
        })
    }

    /// The same of a counter.
    pub(crate) fn counter_version(&self, index: usize, found: Option<&[u8]>) -> Option<u64> {
        let value = found.map_or(Some(0), kv::integer::parse).and_then(|value| u64::try_from(value).ok());
        value.filter(|value| self.counters[index].allowed().contains(value))
    }

    /// The same of a pair.
    pub(crate) fn pair_version(&self, index: usize, found: &[Reply]) -> Option<u64> {
        self.pairs[index].allowed().find(|version| {
            let value = Reply::Bulk((*version > 0).then(|| version.to_string().into_bytes()));
            found == [value.clone(), value]
        })
    }
}

/// How many of the keys are connection `number`'s.
pub(crate) fn share(load: &Load<'_>, number: usize) -> usize {
    load.keys / load.connections + usize::from(number < load.keys % load.connections)
}
