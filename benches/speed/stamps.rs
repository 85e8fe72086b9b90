//! Many components out of one: records of a manifest, and copies of a library, that
//! carry another name or version.
//!
//! The record gets other characters of the same number, and its checksum anew. A library
//! registers the very record that is in its file, so nothing else has to change.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::Outcome;

/// The first bytes of a record, whatever its version.
const MAGIC: &[u8] = b"LCRMANI";
/// Bytes in front of the record's length, and in front of what the checksum covers.
const LENGTH_AT: usize = 8;
const BODY_AT: usize = LENGTH_AT + 4 + 8;

/// Replaces the first text of each pair by the second one, in a whole record.
pub(crate) fn stamp(record: &mut [u8], changes: &[(&str, &str)]) -> Outcome<()> {
    let (head, body) = record.split_at_mut_checked(BODY_AT).ok_or("the record is cut off")?;
    for (old, new) in changes {
        overwrite(body, old, new)?;
    }
    head[LENGTH_AT + 4..].copy_from_slice(&fnv1a(body).to_le_bytes());
    Ok(())
}

fn overwrite(body: &mut [u8], old: &str, new: &str) -> Outcome<()> {
    if old.len() != new.len() {
        return Err(format!("{new} is not as long as {old}").into());
    }
    let place = body.windows(old.len()).position(|window| window == old.as_bytes());
    let place = place.ok_or_else(|| format!("the record does not contain {old}"))?;
    body[place..place + new.len()].copy_from_slice(new.as_bytes());
    Ok(())
}

/// The record's checksum (Fowler, Noll, Vo; 64 bits).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A library to copy, and a folder of its own for the copies.
pub(crate) struct Stamps {
    bytes: Vec<u8>,
    /// The name of the library's component, up to its number.
    stem: &'static str,
    folder: TempDir,
}

impl Stamps {
    /// Copies of `library`, whose component is called `stem-00000` in version 1.0.10000.
    pub(crate) fn of(library: &Path, stem: &'static str) -> Outcome<Stamps> {
        Ok(Stamps { bytes: fs::read(library)?, stem, folder: TempDir::new()? })
    }

    /// Makes each copy `len` bytes longer.
    pub(crate) fn padded(mut self, len: usize) -> Stamps {
        self.bytes.resize(self.bytes.len() + len, 0);
        self
    }

    /// The size of a copy.
    pub(crate) fn file_len(&self) -> usize {
        self.bytes.len()
    }

    /// The folder that the copies are in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of the component with this number.
    pub(crate) fn name(&self, number: usize) -> String {
        format!("{}-{number:05}", self.stem)
    }

    /// Removes the copies made so far.
    pub(crate) fn clear(&self) -> Outcome<()> {
        for entry in fs::read_dir(self.folder())? {
            fs::remove_file(entry?.path())?;
        }
        Ok(())
    }

    /// Writes the component with this number in this version.
    pub(crate) fn write(&self, number: usize, version: usize) -> Outcome<PathBuf> {
        let mut bytes = self.bytes.clone();
        let (name, version) = (self.name(number), format!("1.0.{}", 10_000 + version));
        stamp(record(&mut bytes)?, &[(&self.name(0), &name), ("1.0.10000", &version)])?;
        let path = self.folder().join(format!("{name}-{version}.so"));
        fs::write(&path, bytes)?;
        Ok(path)
    }
}

/// The one record of a library.
fn record(bytes: &mut [u8]) -> Outcome<&mut [u8]> {
    let mut places = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    let (Some((start, _)), None) = (places.next(), places.next()) else {
        return Err("the library to copy does not have one record".into());
    };
    let length = bytes.get(start + LENGTH_AT..start + LENGTH_AT + 4).ok_or("the record is cut off")?;
    let length = u32::from_le_bytes(length.try_into()?) as usize;
    Ok(bytes.get_mut(start..start + length).ok_or("the record is cut off")?)
}
