//! Doors for fuzzers to what a supervisor reads from an instance (feature `fuzzing`;
//! package `lcr-fuzz` goes through them). No part of it is stable.

/// Reads `bytes` as packets of an instance; how many of them were messages.
///
/// # Panics
/// If a message is not written as it was read.
pub fn packets(bytes: &[u8]) -> usize {
    crate::wire::understood(bytes)
}

/// Reads `bytes` as a datagram of `sd_notify(3)`; how many lines said something.
///
/// # Panics
/// If it says more than it has lines.
pub fn notices(bytes: &[u8]) -> usize {
    let understood = crate::supervisor::understood(bytes);
    assert!(understood <= bytes.split(|&byte| byte == b'\n').count());
    understood
}
