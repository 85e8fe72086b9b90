//! Doors for fuzzers to what reads bytes that nobody trusts (feature `fuzzing`; package
//! `lcr-fuzz` goes through them). No part of it is stable.

use crate::{
    abi::{
        manifest::{HEADER, MAGIC},
        shape::fnv1a,
    },
    host::image::{
        manifest::{InterfaceManifest, Manifest},
        stage::read_elf,
    },
};

/// Reads `bytes` as the records of a manifest, as an interface, and as the body of one
/// record whose magic, length and checksum are right. Whether the last was accepted.
///
/// # Panics
/// If what was accepted cannot be shown.
pub fn manifest(bytes: &[u8]) -> bool {
    drop(InterfaceManifest::decode(bytes));
    drop(Manifest::decode(bytes));
    let mut record = MAGIC.to_vec();
    record.extend_from_slice(&u32::try_from(HEADER + bytes.len()).expect("an input is small").to_le_bytes());
    record.extend_from_slice(&fnv1a(bytes).to_le_bytes());
    record.extend_from_slice(bytes);
    match Manifest::decode(&record) {
        Ok(manifest) => {
            assert!(!manifest.to_string().is_empty());
            true
        }
        Err(_) => false,
    }
}

/// Reads `bytes` as a library's file. Whether the loader may have it, whatever its manifest.
pub fn file(bytes: &[u8]) -> bool {
    read_elf(bytes)
}
