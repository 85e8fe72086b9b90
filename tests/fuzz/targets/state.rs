//! libFuzzer on [`lcr_fuzz::state`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::state(bytes));
