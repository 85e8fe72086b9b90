//! libFuzzer on [`lcr_fuzz::manifests`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::manifests(bytes));
