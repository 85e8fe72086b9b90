//! The door of the fuzzer.

use super::{
    difference::difference,
    json::{self, Secrets},
    text::text,
    types::Type,
    value::Value,
};
use crate::host::image::{reader::Reader, shape::Shape};

/// The longest JSON that is written, in bytes.
const LIMIT: usize = 1 << 20;

/// Reads a shape and, behind it, JSON of a value. Returns whether a value was made.
///
/// # Panics
/// If a value that was made is not written, copied and read again as itself.
pub(crate) fn value(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Ok(shape) = Shape::decode_memory(&mut reader) else { return false };
    let (Ok(ty), Ok(json)) = (Type::of(&shape), str::from_utf8(reader.rest())) else { return false };
    let Ok(value) = json::decode(&ty, json, "it") else { return false };
    let here = value.at().expect("it is there");
    assert!(text(here, 100).len() <= 100);
    if let Ok(copy) = Value::copy_of(&ty, here) {
        let found = difference(here, copy.at().expect("it is there"), LIMIT);
        assert!(!matches!(found, Ok(Some(_))), "a copy differs: {found:?}");
    }
    let Ok(written) = json::encode(here, Secrets::Shown, LIMIT) else { return true };
    let again = json::decode(&ty, &written, "it").unwrap_or_else(|error| panic!("{written}: {error}"));
    let found = difference(here, again.at().expect("it is there"), LIMIT);
    assert!(!matches!(found, Ok(Some(_))), "{written} differs: {found:?}");
    true
}
