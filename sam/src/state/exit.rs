//! How a process ended.

/// How a process ended.
///
/// `Display` writes it after the process's name: `ended with status 3`, `died of SIGSEGV and left a core`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// The process exited with this code, 0 to 255.
    Code(i32),
    /// A signal ended the process.
    Signal {
        /// The signal's number.
        signal: i32,
        /// Whether the kernel wrote a core dump.
        core: bool,
    },
}
