//! Finds and changes manifests in the bytes of a library, as an attacker who knows their format would.

use std::ops::Range;

/// The section that holds a library's records.
pub const MANIFEST: &str = ".lcr.manifest";

/// The first bytes of a record, without the version of the binary contract.
const MAGIC: &[u8] = b"LCRMANI";
/// The offsets of a record's length, of its checksum, and of the bytes that the checksum covers.
const LENGTH_AT: usize = 8;
const CHECKSUM_AT: usize = 12;
const BODY_AT: usize = 20;

/// Where the header of a section is in a 64-bit library, and where its contents are.
///
/// # Panics
/// If there is no such section.
pub fn section(library: &[u8], name: &str) -> (usize, Range<usize>) {
    let number = |at: usize, len: usize| {
        let mut bytes = [0; 8];
        bytes[..len].copy_from_slice(&library[at..at + len]);
        usize::try_from(u64::from_le_bytes(bytes)).expect("the offset fits a usize")
    };
    let (headers, count, names) = (number(0x28, 8), number(0x3c, 2), number(0x3e, 2));
    let header = |index: usize| headers + index * 64;
    let names = number(header(names) + 0x18, 8);
    let named = |&at: &usize| library[names + number(at, 4)..].starts_with(format!("{name}\0").as_bytes());
    let at = (0..count).map(header).find(named).expect("the library has a section of that name");
    let start = number(at + 0x18, 8);
    (at, start..start + number(at + 0x20, 8))
}

/// Gives a record the checksum of its present bytes.
pub fn sum_up(library: &mut [u8], record: &Range<usize>) {
    let fnv1a = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let sum = library[record.start + BODY_AT..record.end].iter().fold(0xcbf2_9ce4_8422_2325, fnv1a);
    library[record.start + CHECKSUM_AT..record.start + BODY_AT].copy_from_slice(&sum.to_le_bytes());
}

/// Writes a name over another one of the same length, wherever records of a library have it. A library
/// registers the very records that its file has, so nothing else has to change.
///
/// # Panics
/// If no record has the name, or if the names are not of one length.
pub fn rename(library: &mut [u8], old: &str, new: &str) {
    assert_eq!(old.len(), new.len());
    let (_, section) = section(library, MANIFEST);
    let starts = |at: &usize| library[*at..].starts_with(MAGIC);
    let records: Vec<usize> = section.filter(starts).collect();
    let mut found = 0;
    for start in records {
        let length = library[start + LENGTH_AT..start + CHECKSUM_AT].try_into().expect("four bytes");
        let record = start..start + usize::try_from(u32::from_le_bytes(length)).expect("the length fits a usize");
        let body = &mut library[start + BODY_AT..record.end];
        let places: Vec<usize> =
            body.windows(old.len()).enumerate().filter(|(_, text)| *text == old.as_bytes()).map(|(at, _)| at).collect();
        for at in &places {
            body[*at..at + new.len()].copy_from_slice(new.as_bytes());
        }
        found += places.len();
        sum_up(library, &record);
    }
    assert!(found > 0, "no record has {old}");
}
