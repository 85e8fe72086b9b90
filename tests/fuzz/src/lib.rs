//! A function for each reader of untrusted bytes. It takes any bytes, and panics if the reader breaks a rule.
//! libFuzzer (`targets/`) and the tests on the corpus (`tests/corpus.rs`) call it.
//!
//! `corpus/` holds a few small inputs, from which the fuzzers start, and each input that broke a reader, so that
//! the tests try it for ever.

/// The reader of component records in a manifest, and the check of one against itself.
pub fn manifests(bytes: &[u8]) {
    lcr::__fuzzing::manifest(bytes);
}

/// The reader of ELF files, with the manifest and the source text that it finds in one; and the reader of that text on
/// the bytes themselves.
pub fn files(bytes: &[u8]) {
    lcr::__fuzzing::file(bytes);
    lcr::__fuzzing::source(bytes);
}

/// The reader of state, configuration and `Serde` values. What it makes of the bytes must come
/// back as itself ([`lcr::wire::verify`]).
pub fn state(bytes: &[u8]) {
    lcr_tests::zoo::read_hostile(bytes);
    // Encoded values begin with a byte of the format, which the fuzzer need not find.
    let mut marked = lcr::wire::encode(&()).expect("nothing can be encoded");
    marked.truncate(1);
    marked.extend_from_slice(bytes);
    lcr_tests::zoo::read_hostile(&marked);
}

/// The readers of what an instance sends to its supervisor: packets and notices.
pub fn messages(bytes: &[u8]) {
    sam::__fuzzing::packets(bytes);
    sam::__fuzzing::notices(bytes);
}

/// The control socket: what a client sends, in pieces, and the arguments of the requests in it.
pub fn requests(bytes: &[u8]) {
    lcr::__fuzzing::requests(bytes);
}

/// The reader of values that are known by their shape: a shape, and JSON behind it.
pub fn values(bytes: &[u8]) {
    lcr::__fuzzing::value(bytes);
}

/// The reader of a history's journal: the bytes as they are, and each line of them as a record whose length and
/// checksum are right.
pub fn journals(bytes: &[u8]) {
    lcr::__fuzzing::journal(bytes);
    let text = String::from_utf8_lossy(bytes);
    let records: Vec<&str> = text.split('\n').collect();
    lcr::__fuzzing::journal(&lcr::__fuzzing::journal_of(&records));
}
