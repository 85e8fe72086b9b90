//! Records as honest and hostile files have them.

use super::{
    records::{Method, Records, Text},
    *,
};
use crate::abi::{
    shape::fnv1a,
    source_text::{HEADER, LIMIT, MAGIC},
};

/// A record of this table, with a checksum that is right.
fn record(table: &[u8]) -> Vec<u8> {
    record_of(table.len(), &miniz_oxide::deflate::compress_to_vec(table, 9))
}

/// A record of what is packed, whatever that is, with a checksum that is right.
fn record_of(unpacked: usize, packed: &[u8]) -> Vec<u8> {
    let body = [&u32::try_from(unpacked).unwrap().to_le_bytes(), packed].concat();
    let total = u32::try_from(HEADER + body.len()).unwrap();
    [&MAGIC[..], &total.to_le_bytes(), &fnv1a(&body).to_le_bytes(), &body].concat()
}

/// The number that a record has.
fn number(record: &[u8]) -> u64 {
    u64::from_le_bytes(record[12..20].try_into().unwrap())
}

fn name(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_le_bytes(), text.as_bytes()].concat()
}

/// A table of methods, each with its line.
fn table(methods: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut table = name("src/lib.rs");
    table.extend_from_slice(&u16::try_from(methods.len()).unwrap().to_le_bytes());
    for (method, line, text) in methods {
        table.extend(name(method));
        table.extend_from_slice(&line.to_le_bytes());
        table.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
        table.extend_from_slice(text);
    }
    table
}

fn unpack(section: &[u8], number: u64) -> Result<Text> {
    Records::of(&[section])?.get(number).expect("the record is there").unpack(&mut { TOTAL })
}

#[track_caller]
fn refused(section: &[u8], kind: ErrorKind, part: &str) {
    let error = unpack(section, number(section)).expect_err("unpacked");
    assert!(error.kind() == kind && error.to_string().contains(part), "{:?} {error}", error.kind());
}

#[test]
fn records_are_found_by_their_numbers_in_any_order_and_behind_zeros() {
    let one = record(&table(&[("get", 7, b"fn get(&self) {\n}")]));
    let two = record(&table(&[("get", 0, b"fn get (& self) { }"), ("set", 9, "fn set() { \"ä\" }".as_bytes())]));
    let section = [&two[..], &[0; 5], &one, &[0]].concat();
    let methods = |methods: &[(&str, u32, &str)]| -> Vec<Method> {
        let method = |&(name, line, text): &(&str, u32, &str)| Method { name: name.into(), line, text: text.into() };
        methods.iter().map(method).collect()
    };
    let text = unpack(&section, number(&one)).unwrap();
    let expected = Text { file: "src/lib.rs".into(), methods: methods(&[("get", 7, "fn get(&self) {\n}")]) };
    assert_eq!(text, expected);
    let text = unpack(&section, number(&two)).unwrap();
    assert_eq!(text.methods, methods(&[("get", 0, "fn get (& self) { }"), ("set", 9, "fn set() { \"ä\" }")]));
    assert!(Records::of(&[&section]).unwrap().get(4711).is_none());
}

#[test]
fn a_record_that_unpacks_to_more_than_it_says_or_may_is_refused() {
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![b'a'; 64 << 20], 9);
    assert!(bomb.len() < 100_000);
    refused(&record_of(100, &bomb), ErrorKind::BadManifest, "HasMoreOutput while unpacking");
    refused(&record_of(LIMIT, &bomb), ErrorKind::BadManifest, "HasMoreOutput while unpacking");
    refused(&record_of(64 << 20, &bomb), ErrorKind::BadManifest, "the limit is 4194304");
    refused(&record_of(5, &miniz_oxide::deflate::compress_to_vec(b"abcd", 9)), ErrorKind::BadManifest, "4 bytes found");
    // Many implementations of one component share the room.
    let packed = record(&table(&[("get", 1, &vec![b' '; 1000])]));
    let records = Records::of(&[&packed]).unwrap();
    let record = records.get(number(&packed)).unwrap();
    let mut room = 1500;
    record.unpack(&mut room).unwrap();
    let error = record.unpack(&mut room).unwrap_err();
    assert!(error.to_string().contains("the limit is"), "{error}");
}

#[test]
fn damage_is_refused_with_what_was_found() {
    let good = record(&table(&[("get", 7, b"fn get(&self) {}")]));
    unpack(&good, number(&good)).unwrap();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    refused(&with(0, b'X'), ErrorKind::BadManifest, "found for a record");
    refused(&with(7, 2), ErrorKind::Mismatch, "has form 2");
    refused(&with(8, 1), ErrorKind::BadManifest, "a record of 1 bytes");
    refused(&with(11, 0xff), ErrorKind::BadManifest, "damaged source text: a record of");
    refused(&with(12, good[12] ^ 1), ErrorKind::BadManifest, "does not match its checksum");
    refused(&with(good.len() - 1, good[good.len() - 1] ^ 1), ErrorKind::BadManifest, "does not match its checksum");
    refused(&record_of(5, b"\xff\xff\xff"), ErrorKind::BadManifest, "while unpacking");
    refused(&record_of(0, b"\x03\x00"), ErrorKind::BadManifest, "2 bytes expected, 0 left");
    refused(&record(&table(&[("get", 7, b"\xff\xfe")])), ErrorKind::BadManifest, "a text of `get` that is no UTF-8");
    refused(&record(&[&table(&[]), &[0][..]].concat()), ErrorKind::BadManifest, "1 bytes too many");
    let mut cut = table(&[("get", 7, b"fn get(&self) {}")]);
    cut.truncate(cut.len() - 1);
    refused(&record(&cut), ErrorKind::BadManifest, "16 bytes expected, 15 left");
    for len in 1..good.len() {
        assert!(Records::of(&[&good[..len]]).is_err(), "{len} bytes of a record were accepted");
    }
}

#[test]
fn a_manifest_names_the_text_and_a_file_without_it_says_so() {
    let component = ComponentId::new("kv", semver::Version::new(1, 0, 0));
    let wanted = |number| Wanted {
        interface: "kv.store".to_owned(),
        type_name: "HashStore".to_owned(),
        methods: vec!["get".to_owned(), "len".to_owned()],
        number,
    };
    let file = crate::host::image::stage::samples::good().bytes();
    let error = of_bytes(&file, &component, &[wanted(None)]).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("feature `source` of lcr"), "{error}");
    let error = of_bytes(&file, &component, &[wanted(Some(4711))]).unwrap_err();
    assert!(error.kind() == ErrorKind::NotFound && error.to_string().contains("took it out"), "{error}");
    let error = of_bytes(b"no library", &component, &[wanted(Some(4711))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotALibrary, "{error}");
}
