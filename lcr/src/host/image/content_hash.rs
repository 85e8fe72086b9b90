//! The hash that names a file by its content.

use std::fmt;

/// The BLAKE3 hash of a file's bytes.
///
/// `Display` and `Debug` write it as `b3sum` prints it: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// How many digits of a hash are in names.
const SHORT: usize = 16;

impl ContentHash {
    /// The hash of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(blake3::hash(bytes).into())
    }

    /// The 32 bytes of the hash, in the order in which `Display` writes them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 digits, for messages and for the names of files.
    pub(crate) fn short(&self) -> String {
        let mut digits = self.to_string();
        digits.truncate(SHORT);
        digits
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}
