//! libFuzzer on [`lcr_fuzz::values`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::values(bytes));
