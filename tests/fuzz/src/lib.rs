//! A function for each reader of bytes that nobody trusts. It takes any bytes, and panics
//! if a rule of the reader is broken; libFuzzer (`targets/`) and the tests on the corpus
//! (`tests/corpus.rs`) call it.
//!
//! `corpus/` holds a few small inputs from which the fuzzers start. An input that broke
//! something is added there, so that the tests show it for ever.

/// The reader of component records in a manifest, and the check of one against itself.
pub fn manifests(bytes: &[u8]) {
    lcr::__fuzzing::manifest(bytes);
}

/// The reader of ELF files, and the manifest that it finds in one.
pub fn files(bytes: &[u8]) {
    lcr::__fuzzing::file(bytes);
}

/// The reader of state, configuration and `Serde` values.
pub fn state(bytes: &[u8]) {
    lcr_tests::zoo::read_hostile(bytes);
    // What is read and written begins with the format's own byte; the fuzzer need not find that.
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
