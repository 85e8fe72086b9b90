//! Why a value was not encoded or decoded, and what bounds it.

use std::fmt;

/// How many values may be inside each other: sequences, maps, structs, newtypes, `Some`
/// and the contents of enum variants count as one each.
pub const DEPTH: usize = 256;

/// The first byte of every encoded value; it begins no MessagePack value, which is what
/// earlier versions wrote.
pub(super) const FORMAT: u8 = 0xc1;

/// Why a value was not encoded or decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Reason>);

#[derive(Clone, PartialEq, Eq)]
enum Reason {
    TooDeep,
    Other(String),
}

impl Error {
    /// Whether the value is deeper than [`DEPTH`].
    pub fn is_too_deep(&self) -> bool {
        *self.0 == Reason::TooDeep
    }

    pub(super) fn too_deep() -> Error {
        Error(Box::new(Reason::TooDeep))
    }

    pub(super) fn new(text: impl Into<String>) -> Error {
        Error(Box::new(Reason::Other(text.into())))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::TooDeep => {
                write!(f, "more than {DEPTH} values are inside each other; keep lists and graphs in a Vec, by index")
            }
            Reason::Other(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::new(message.to_string())
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::new(message.to_string())
    }
}
