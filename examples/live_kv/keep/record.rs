//! The journal's records: they say which values keys have, not which requests were executed.
//!
//! A record is its payload's length (`u32`), its payload's check (`u64`), both
//! little-endian, and the payload. A payload is empty (the map is), or entries one after
//! the other: the key's length, the value's length ([`ABSENT`] if the key is not there),
//! the key, the value.

use std::io::{self, ErrorKind, Read};

use kv::{Engine, EngineError, position};

const HEAD: usize = 12;

/// In place of a value's length.
const ABSENT: u32 = u32::MAX;

/// A record under construction.
pub(crate) struct Record(Vec<u8>);

impl Record {
    /// A record that removes every key, until an entry is added.
    pub(crate) fn new() -> Record {
        Record(vec![0; HEAD])
    }

    /// Adds that `key` has `value`, or is absent.
    ///
    /// # Panics
    /// If a length is 4 GiB or more; the protocol allows 512 MiB.
    pub(crate) fn add(&mut self, key: &[u8], value: Option<&[u8]>) {
        let len = |bytes: &[u8]| u32::try_from(bytes.len()).expect("keys and values are shorter than 4 GiB");
        self.0.extend_from_slice(&len(key).to_le_bytes());
        self.0.extend_from_slice(&value.map_or(ABSENT, len).to_le_bytes());
        self.0.extend_from_slice(key);
        self.0.extend_from_slice(value.unwrap_or_default());
    }

    /// The bytes to write.
    ///
    /// # Errors
    /// The payload is 4 GiB or longer.
    pub(crate) fn finish(mut self) -> io::Result<Vec<u8>> {
        let payload = &self.0[HEAD..];
        let len = u32::try_from(payload.len()).map_err(|_| io::Error::from(ErrorKind::FileTooLarge))?;
        let check = check(payload);
        self.0[..4].copy_from_slice(&len.to_le_bytes());
        self.0[4..HEAD].copy_from_slice(&check.to_le_bytes());
        Ok(self.0)
    }
}

/// The next payload, and the length of its record; `None` after the last whole record.
///
/// The last record may be cut, because its writer was killed while writing. The request was
/// not answered then, so no acknowledged write is lost with it.
///
/// # Errors
/// Reading fails.
pub(crate) fn next(from: &mut impl Read) -> io::Result<Option<(Vec<u8>, u64)>> {
    let mut head = Vec::with_capacity(HEAD);
    if from.by_ref().take(HEAD as u64).read_to_end(&mut head)? < HEAD {
        return Ok(None);
    }
    let (len, expected) = head.split_at(4);
    let len = u64::from(u32::from_le_bytes(len.try_into().unwrap_or_default()));
    let mut payload = Vec::new();
    let whole = from.by_ref().take(len).read_to_end(&mut payload)? as u64 == len;
    let sound = whole && check(&payload).to_le_bytes() == expected;
    Ok(sound.then(|| (payload, HEAD as u64 + len)))
}

/// Applies a payload to the engine.
///
/// # Errors
/// The engine fails, or the payload is not what [`Record`] writes.
pub(crate) fn apply(payload: &[u8], engine: &dyn Engine) -> Result<(), EngineError> {
    if payload.is_empty() {
        return engine.clear();
    }
    let (mut present, mut absent, mut rest) = (Vec::new(), Vec::new(), payload);
    while !rest.is_empty() {
        let Some((key, value, after)) = entry(rest) else {
            return Err(EngineError::Fault("the journal has a record that is not one".to_owned()));
        };
        match value {
            Some(value) => present.push((key, value)),
            None => absent.push(key),
        }
        rest = after;
    }
    if !present.is_empty() {
        engine.set_many(present)?;
    }
    if !absent.is_empty() {
        engine.remove(absent)?;
    }
    Ok(())
}

/// A key, its value, and what follows them.
type Entry<'a> = (&'a [u8], Option<&'a [u8]>, &'a [u8]);

fn entry(bytes: &[u8]) -> Option<Entry<'_>> {
    let (key, rest) = bytes.split_first_chunk()?;
    let (value, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_at_checked(u32::from_le_bytes(*key) as usize)?;
    match u32::from_le_bytes(*value) {
        ABSENT => Some((key, None, rest)),
        len => rest.split_at_checked(len as usize).map(|(value, rest)| (key, Some(value), rest)),
    }
}

/// A check against cuts, not against malice. Never 0 for an empty payload, so that a hole in the
/// file is not a record.
fn check(payload: &[u8]) -> u64 {
    position::of(payload)
}
