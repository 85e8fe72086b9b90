//! libFuzzer on [`lcr_fuzz::messages`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::messages(bytes));
