//! libFuzzer on [`lcr_fuzz::journals`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::journals(bytes));
