//! The hash that names a file by its content.

use std::{error::Error as StdError, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The BLAKE3 hash of a file's bytes.
///
/// `Display` and `Debug` write it as `b3sum` prints it: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// How many digits of a hash are in names.
const SHORT: usize = 16;

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> ContentHash {
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

/// A text that is no content hash: those are 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoContentHash;

impl fmt::Display for NoContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a content hash has 64 hexadecimal digits")
    }
}

impl StdError for NoContentHash {}

/// Reads what `Display` writes; the case of the digits does not matter.
impl FromStr for ContentHash {
    type Err = NoContentHash;

    fn from_str(text: &str) -> Result<ContentHash, NoContentHash> {
        let digits: Vec<u8> = text.chars().map_while(|c| Some(c.to_digit(16)? as u8)).take(65).collect();
        if digits.len() != 64 || text.len() != 64 {
            return Err(NoContentHash);
        }
        let mut hash = [0; 32];
        hash.iter_mut().zip(digits.chunks(2)).for_each(|(byte, pair)| *byte = pair[0] << 4 | pair[1]);
        Ok(ContentHash(hash))
    }
}

/// Written as `Display` does.
impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ContentHash, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_as_it_is_written_and_nothing_else_is() {
        let hash = ContentHash::of(b"kv");
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse(), Ok(hash));
        for other in ["", &text[1..], &format!("{text}0"), &text.replace(&text[..1], "g"), &"\u{e4}".repeat(32)] {
            assert_eq!(other.parse::<ContentHash>(), Err(NoContentHash), "{other}");
        }
    }
}
