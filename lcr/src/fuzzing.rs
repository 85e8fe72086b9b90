//! The functions that read untrusted bytes, for the fuzzers of the package `lcr-fuzz` (feature
//! `fuzzing`). No part of this module is stable.

use crate::{
    abi::{
        manifest::{HEADER, MAGIC},
        shape::fnv1a,
        source_text,
    },
    host::image::{
        manifest::{InterfaceManifest, Manifest},
        source_text::{read_section, section},
        stage::read_elf,
    },
};

/// Reads `bytes` as the records of a manifest, as an interface, and as the body of a record whose
/// magic, length and checksum are right. Returns whether the record was accepted.
///
/// # Panics
/// If an accepted record has no text.
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

/// Reads `bytes` as what a client sends to the control socket. Returns how many requests it held.
///
/// # Panics
/// If the connection breaks a bound, or does not end.
pub fn requests(bytes: &[u8]) -> usize {
    crate::control::fuzz(bytes)
}

/// Reads `bytes` as a library's file. Returns whether the loader may map the file, whatever its
/// manifest says.
pub fn file(bytes: &[u8]) -> bool {
    section(bytes).map(|section| read_section(&section));
    read_elf(bytes)
}

/// Reads `bytes` as the section with source text, as what is packed in a record of it, and as the table that is packed
/// there, each with a checksum that is right. Returns how many records were read.
pub fn source(bytes: &[u8]) -> usize {
    let packed = |table: &[u8]| miniz_oxide::deflate::compress_to_vec(table, 1);
    let record = |unpacked: usize, packed: &[u8]| {
        let body = [&u32::try_from(unpacked).expect("an input is small").to_le_bytes(), packed].concat();
        let total = u32::try_from(source_text::HEADER + body.len()).expect("an input is small");
        [&source_text::MAGIC[..], &total.to_le_bytes(), &fnv1a(&body).to_le_bytes(), &body].concat()
    };
    let of_packed = bytes
        .split_at_checked(2)
        .map_or(0, |(len, packed)| read_section(&record(u16::from_le_bytes([len[0], len[1]]).into(), packed)));
    read_section(bytes) + of_packed + read_section(&record(bytes.len(), &packed(bytes)))
}

/// Reads `bytes` as a shape with JSON of a value behind it. Returns whether a value was made.
///
/// # Panics
/// If a value that was made is not written, copied and read again as itself.
pub fn value(bytes: &[u8]) -> bool {
    crate::host::reflect::fuzzing::value(bytes)
}

/// Reads `bytes` as a history's journal. Returns how many records it has; `None` if it is refused.
pub fn journal(bytes: &[u8]) -> Option<usize> {
    crate::history::read(bytes)
}

/// A journal of these records, each with its length and checksum, which a fuzzer need not find.
pub fn journal_of(records: &[&str]) -> Vec<u8> {
    crate::history::write(records)
}
