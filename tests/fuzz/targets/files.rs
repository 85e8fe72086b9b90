//! libFuzzer on [`lcr_fuzz::files`].

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lcr_fuzz::files(bytes));
