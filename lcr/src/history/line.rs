//! One line of the journal: a record with its length and its checksum.
//!
//! ```text
//! {"len":      137,"sum":"5f0c...","record":{"number":4,"at":"2026-...","entry":"intent",...}}
//! ```
//! A line is JSON, so `less` and `jq` read it. The head has a fixed width. `len` is the length of the record's text in
//! bytes, and `sum` the first 16 digits of the BLAKE3 hash of the *sum of the line before* and that text. So the lines
//! form a chain: a line that was changed, taken out, doubled or moved is found.
//!
//! What a crash leaves, byte by byte. A line is appended by one write, and is acknowledged when it is synced; only then
//! the next one is written. So of all lines only the last one can be incomplete, and then nothing relied on it:
//!
//! - *The process died in the write*: the file ends with a strict prefix of the line, down to none of it.
//! - *The machine died before the sync*: the file's length may be on the disk ahead of its blocks. What is missing
//!   reads as zeros, in whole sectors or up to the file's end. The text of a line has no zero byte.
//!
//! [`scan`] takes exactly these for a torn tail, which may be cut. Everything else that does not fit is damage: the
//! answer is where it is and what was found, and nothing is cut. A record that was acknowledged and then lost a bit is
//! damage also at the end of the file, since to cut it would bring back what served before it.
//!
//! [`scan`] reads bytes that anybody may have written: it takes time in proportion to their number, and allocates
//! nothing but the places of the lines.

use std::ops::Range;

/// The longest record, in bytes.
pub(super) const LONGEST: usize = 8 << 20;
/// What stands in place of the sum of the line before the first one.
pub(super) const FIRST_SUM: Sum = *b"0000000000000000";

const SECTOR: usize = 512;
const LEN_DIGITS: usize = 9;
const OPENS: &[u8] = b"{\"len\":";
const SUMMED: &[u8] = b",\"sum\":\"";
const RECORDED: &[u8] = b"\",\"record\":";
const CLOSES: &[u8] = b"}\n";
const HEAD: usize = OPENS.len() + LEN_DIGITS + SUMMED.len() + 16 + RECORDED.len();

/// The checksum of a line, as it is written.
pub(super) type Sum = [u8; 16];

/// What the bytes of a journal hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scan {
    /// The places of the records' texts, in order.
    pub(super) records: Vec<Range<usize>>,
    /// Where the next line begins.
    pub(super) end: usize,
    /// The sum of the last line.
    pub(super) sum: Sum,
    /// How many bytes of an incomplete line follow.
    pub(super) torn: usize,
}

/// Where a journal is damaged, and what is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// The number of the line, from 1.
    pub(super) line: usize,
    /// The place of its first byte.
    pub(super) at: usize,
    pub(super) what: &'static str,
}

/// The line of a record, and its sum.
pub(super) fn line(before: &Sum, record: &str) -> (Vec<u8>, Sum) {
    let sum = sum(before, record.as_bytes());
    let mut line = Vec::with_capacity(HEAD + record.len() + CLOSES.len());
    line.extend_from_slice(OPENS);
    line.extend_from_slice(format!("{:>LEN_DIGITS$}", record.len()).as_bytes());
    line.extend_from_slice(SUMMED);
    line.extend_from_slice(&sum);
    line.extend_from_slice(RECORDED);
    line.extend_from_slice(record.as_bytes());
    line.extend_from_slice(CLOSES);
    (line, sum)
}

fn sum(before: &Sum, record: &[u8]) -> Sum {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before).update(record);
    let digits = hasher.finalize().to_hex();
    let mut sum = FIRST_SUM;
    sum.copy_from_slice(&digits.as_bytes()[..16]);
    sum
}

/// Reads the lines of a journal.
pub(super) fn scan(bytes: &[u8]) -> Result<Scan, Damage> {
    let mut scan = Scan { records: Vec::new(), end: 0, sum: FIRST_SUM, torn: 0 };
    while scan.end < bytes.len() {
        match read(&bytes[scan.end..], &scan.sum) {
            Ok((record, sum, len)) => {
                scan.records.push(scan.end + record.start..scan.end + record.end);
                scan.sum = sum;
                scan.end += len;
            }
            Err(_) if is_torn(bytes, scan.end) => {
                scan.torn = bytes.len() - scan.end;
                return Ok(scan);
            }
            Err(what) => return Err(Damage { line: scan.records.len() + 1, at: scan.end, what }),
        }
    }
    Ok(scan)
}

/// The record at the start of `bytes`, the sum and the length of its line.
fn read(bytes: &[u8], before: &Sum) -> Result<(Range<usize>, Sum, usize), &'static str> {
    let (len, found) = head(bytes).ok_or("no head of a record")?;
    let record = bytes.get(HEAD..HEAD + len).ok_or("a record that is longer than the file")?;
    if bytes.get(HEAD + len..HEAD + len + CLOSES.len()) != Some(CLOSES) {
        return Err("a record that does not end where its length says");
    }
    if sum(before, record) != found {
        return Err("a record whose checksum is another one");
    }
    Ok((HEAD..HEAD + len, found, HEAD + len + CLOSES.len()))
}

/// The length and the sum in the head of a line.
fn head(bytes: &[u8]) -> Option<(usize, Sum)> {
    let rest = bytes.get(..HEAD)?.strip_prefix(OPENS)?;
    let (digits, rest) = rest.split_at(LEN_DIGITS);
    let rest = rest.strip_prefix(SUMMED)?;
    let (sum, rest) = rest.split_at(16);
    rest.strip_prefix(RECORDED)?;
    let len: usize = std::str::from_utf8(digits).ok()?.trim_start_matches(' ').parse().ok()?;
    // The one way to write a length, so that each byte counts.
    let is_canonical = format!("{len:>LEN_DIGITS$}").as_bytes() == digits;
    (is_canonical && len <= LONGEST).then_some((len, sum.try_into().ok()?))
}

/// Whether what begins at `at`, and is no line, is what a crash leaves of the last line.
fn is_torn(bytes: &[u8], at: usize) -> bool {
    let tail = &bytes[at..];
    is_prefix(tail) || has_lost_sectors(bytes, at)
}

/// Whether this is a strict prefix of a line, as far as can be seen.
fn is_prefix(tail: &[u8]) -> bool {
    match head(tail) {
        Some((len, _)) => {
            let body = &tail[HEAD..];
            // The line end is the last byte of a line.
            body.len() < len + CLOSES.len() && !body.contains(&b'\n') && !body.contains(&0)
        }
        None if tail.len() >= HEAD => false,
        None => {
            let is_digit = |byte: u8| byte == b' ' || byte.is_ascii_digit();
            let form: Vec<Option<u8>> = [
                OPENS.iter().copied().map(Some).collect::<Vec<_>>(),
                vec![None; LEN_DIGITS],
                SUMMED.iter().copied().map(Some).collect(),
                vec![None; 16],
                RECORDED.iter().copied().map(Some).collect(),
            ]
            .concat();
            let is_sum = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            tail.iter().zip(form).enumerate().all(|(place, (&byte, expected))| match expected {
                Some(expected) => byte == expected,
                None if place < OPENS.len() + LEN_DIGITS => is_digit(byte),
                None => is_sum(byte),
            })
        }
    }
}

/// Whether whole sectors of the last line are zeros, or all that follows its beginning.
fn has_lost_sectors(bytes: &[u8], at: usize) -> bool {
    let mut place = at;
    let mut lost = false;
    while let Some(zero) = bytes[place..].iter().position(|&byte| byte == 0) {
        let from = place + zero;
        let len = bytes[from..].iter().position(|&byte| byte != 0).unwrap_or(bytes.len() - from);
        let to = from + len;
        let begins = from == at || from.is_multiple_of(SECTOR);
        // One byte alone may be a character that has lost its only bit.
        if !begins || !(to.is_multiple_of(SECTOR) || to == bytes.len()) || len < 2 {
            return false;
        }
        lost = true;
        place = to;
    }
    // A second line would have been acknowledged.
    lost && bytes[at..].iter().filter(|&&byte| byte == b'\n').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(records: &[&str]) -> Vec<u8> {
        let mut sum = FIRST_SUM;
        let mut bytes = Vec::new();
        for record in records {
            let (line, next) = line(&sum, record);
            bytes.extend(line);
            sum = next;
        }
        bytes
    }

    fn records<'a>(bytes: &'a [u8], scan: &Scan) -> Vec<&'a str> {
        scan.records.iter().map(|range| std::str::from_utf8(&bytes[range.clone()]).unwrap()).collect()
    }

    const RECORDS: [&str; 3] = ["{\"number\":1}", "{\"number\":2,\"text\":\"a b\"}", "{\"number\":3}"];

    #[test]
    fn a_journal_is_read_as_it_was_written_and_is_json() {
        let bytes = journal(&RECORDS);
        let scan = scan(&bytes).unwrap();
        assert_eq!((records(&bytes, &scan), scan.end, scan.torn), (RECORDS.to_vec(), bytes.len(), 0));
        for line in bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            serde_json::from_slice::<serde_json::Value>(line).unwrap();
        }
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_every_complete_line_and_says_how_much_is_torn() {
        let bytes = journal(&RECORDS);
        let ends: Vec<usize> = scan(&bytes).unwrap().records.iter().map(|record| record.end + CLOSES.len()).collect();
        for cut in 0..bytes.len() {
            let scan = scan(&bytes[..cut]).unwrap();
            let complete = ends.iter().filter(|&&end| end <= cut).count();
            assert_eq!(records(&bytes, &scan), RECORDS[..complete], "cut at {cut}");
            assert_eq!(scan.end + scan.torn, cut);
        }
    }

    #[test]
    fn no_flipped_bit_goes_unnoticed_anywhere_and_none_is_cut_away() {
        let bytes = journal(&RECORDS);
        let line_of = |at: usize| bytes[..at].iter().filter(|&&byte| byte == b'\n').count() + 1;
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                let damage = scan(&flipped).expect_err(&format!("byte {at}, bit {bit}"));
                assert_eq!(damage.line, line_of(at), "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn a_line_that_is_missing_doubled_or_moved_is_damage() {
        let bytes = journal(&RECORDS);
        let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
        for order in [&[0, 2][..], &[1, 2], &[0, 0, 1, 2], &[1, 0, 2], &[0, 2, 1]] {
            let other: Vec<u8> = order.iter().flat_map(|&at: &usize| lines[at]).copied().collect();
            assert!(scan(&other).is_err(), "{order:?}");
        }
    }

    #[test]
    fn sectors_that_never_reached_the_disk_are_a_torn_tail_and_a_lone_zero_is_not() {
        let long = format!("{{\"number\":4,\"text\":\"{}\"}}", "x".repeat(2_000));
        let before = journal(&RECORDS);
        let bytes = journal(&[&RECORDS[..], &[long.as_str()]].concat());
        let at = before.len();
        for from in [at, at.next_multiple_of(SECTOR), at.next_multiple_of(SECTOR) + SECTOR] {
            for to in [from.next_multiple_of(SECTOR).max(from + 1).next_multiple_of(SECTOR), bytes.len()] {
                let mut lost = bytes.clone();
                lost[from..to].fill(0);
                let scan = scan(&lost).unwrap();
                assert_eq!((scan.records.len(), scan.torn), (3, bytes.len() - at), "{from}..{to}");
            }
        }
        let mut flipped = bytes.clone();
        flipped[at + 100] = 0;
        assert!(scan(&flipped).is_err());
        let mut earlier = bytes;
        earlier[..SECTOR.min(at)].fill(0);
        assert!(scan(&earlier).is_err(), "an acknowledged line follows");
    }

    #[test]
    fn random_bytes_are_answered() {
        let mut seed = 7_u64;
        for len in 0..600 {
            let next = |seed: &mut u64| {
                *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (*seed >> 33) as u8
            };
            let bytes: Vec<u8> = (0..len).map(|_| next(&mut seed)).collect();
            let _ = scan(&bytes);
        }
    }
}
