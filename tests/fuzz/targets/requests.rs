//! libFuzzer on [`lcr_fuzz::requests`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::requests(bytes));
