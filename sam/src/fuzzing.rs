//! Functions through which the fuzzers of the package `lcr-fuzz` reach what a supervisor reads from an
//! instance (feature `fuzzing`). None of them is stable.

/// Reads `bytes` as packets of an instance, and returns how many of them were messages.
///
/// # Panics
/// If a message, encoded again and decoded, is another message.
pub fn packets(bytes: &[u8]) -> usize {
    crate::wire::understood(bytes)
}

/// Reads `bytes` as a datagram of `sd_notify(3)`, and returns how many of its lines said something.
///
/// # Panics
/// If that is more than it has lines.
pub fn notices(bytes: &[u8]) -> usize {
    let understood = crate::supervisor::understood(bytes);
    assert!(understood <= bytes.split(|&byte| byte == b'\n').count());
    understood
}
