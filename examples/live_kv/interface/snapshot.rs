//! An engine's contents on their way to another engine.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Keys and values, one after the other in one buffer.
///
/// Callers wait while a snapshot crosses, so it is quick: one buffer is
/// encoded and decoded by copying it, where a list of a million pairs would be a
/// million small values. Each entry is the key's length, the value's length (both
/// little-endian `u32`), the key, the value.
#[derive(Default, Serialize, Deserialize)]
pub struct Snapshot {
    entries: u64,
    #[serde(with = "serde_bytes")]
    flat: Vec<u8>,
}

impl Snapshot {
    /// An empty snapshot with room for `entries` entries of a usual size.
    pub fn with_capacity(entries: u64) -> Snapshot {
        let bytes = usize::try_from(entries).unwrap_or(0).saturating_mul(64);
        Snapshot { entries: 0, flat: Vec::with_capacity(bytes) }
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// If the key or the value is 4 GiB long or longer; the protocol allows 512 MiB.
    pub fn push(&mut self, key: &[u8], value: &[u8]) {
        for part in [key, value] {
            let len = u32::try_from(part.len()).expect("keys and values are shorter than 4 GiB");
            self.flat.extend_from_slice(&len.to_le_bytes());
        }
        self.flat.extend_from_slice(key);
        self.flat.extend_from_slice(value);
        self.entries += 1;
    }

    /// How many entries it says it has.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// The entries in the order of their addition; the last item is an error if the
    /// buffer is not what [`push`](Snapshot::push) wrote.
    pub fn pairs(&self) -> Pairs<'_> {
        Pairs { left: self.entries, rest: &self.flat }
    }
}

/// The entries of a snapshot.
pub struct Pairs<'a> {
    left: u64,
    rest: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 && self.rest.is_empty() {
            return None;
        }
        let entry = entry(self.rest).filter(|_| self.left > 0);
        let Some((pair, rest)) = entry else {
            (self.left, self.rest) = (0, &[]);
            return Some(Err(Damaged));
        };
        (self.left, self.rest) = (self.left - 1, rest);
        Some(Ok(pair))
    }
}

type Pair<'a> = (&'a [u8], &'a [u8]);

fn entry(flat: &[u8]) -> Option<(Pair<'_>, &[u8])> {
    let (key_len, flat) = flat.split_first_chunk()?;
    let (value_len, flat) = flat.split_first_chunk()?;
    let (key, flat) = flat.split_at_checked(u32::from_le_bytes(*key_len) as usize)?;
    let (value, flat) = flat.split_at_checked(u32::from_le_bytes(*value_len) as usize)?;
    Some(((key, value), flat))
}

/// A snapshot whose bytes are not entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged;

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the snapshot's bytes are not the entries that it announces")
    }
}

impl std::error::Error for Damaged {}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[Pair<'_>]) -> Snapshot {
        let mut snapshot = Snapshot::with_capacity(pairs.len() as u64);
        for (key, value) in pairs {
            snapshot.push(key, value);
        }
        snapshot
    }

    const PAIRS: [Pair<'static>; 3] = [(b"a", b"1"), (b"", b""), (b"key", b"a longer value")];

    #[test]
    fn entries_come_back_in_their_order() {
        let pairs: Result<Vec<_>, _> =
            of(&PAIRS).pairs().map(|pair| pair.map(|(k, v)| (k.to_vec(), v.to_vec()))).collect();
        assert_eq!(pairs.unwrap(), PAIRS.map(|(k, v)| (k.to_vec(), v.to_vec())));
    }

    #[test]
    fn a_snapshot_cut_anywhere_is_damaged() {
        let whole = of(&PAIRS);
        for len in 0..whole.flat.len() {
            let cut = Snapshot { entries: whole.entries, flat: whole.flat[..len].to_vec() };
            assert_eq!(cut.pairs().last(), Some(Err(Damaged)), "cut at {len}");
        }
    }

    #[test]
    fn a_snapshot_with_more_or_fewer_entries_than_it_announces_is_damaged() {
        for entries in [0, 2, 4, u64::MAX] {
            let whole = of(&PAIRS);
            let other = Snapshot { entries, flat: whole.flat };
            assert_eq!(other.pairs().last(), Some(Err(Damaged)), "{entries}");
        }
    }
}
