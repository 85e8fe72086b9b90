//! Why a value was not encoded or decoded, and what bounds it.

use std::fmt;

/// How many values may be inside each other: sequences, maps, structs, newtypes, `Some`
/// and the contents of enum variants count as one each.
pub const DEPTH: usize = 256;

/// The first byte of every encoded value: the format's version. It begins no MessagePack
/// value, which is what earlier versions wrote.
pub(super) const FORMAT: u8 = 0xc1;

/// Why a value was not encoded or decoded.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Reason>);

#[derive(Clone, PartialEq, Eq)]
enum Reason {
    TooDeep,
    /// What the type's own reader says of the value, and why it may say so.
    Unreadable(String, Option<Cause>),
    /// Where the value changes, and how.
    Changed(String),
    Other(String),
}

/// What serde's own buffers have no place for; see the [module](super).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    /// A 128-bit integer.
    Wide,
    /// A key of a flattened map that is neither a text nor bytes nor a scalar.
    Key,
    /// A key that is the name of the tag, or that is twice in a flattened map.
    Repeated,
}

impl Cause {
    fn advice(self) -> &'static str {
        match self {
            Cause::Wide => {
                "serde keeps untagged, internally tagged and flattened values in a buffer that has no 128-bit \
                 integers; write them as text or as two u64, by #[serde(with)]"
            }
            Cause::Key => {
                "serde reads the keys of flattened maps as texts, bytes or scalars only; use such keys, or do not \
                 flatten the map"
            }
            Cause::Repeated => {
                "a key of a map is the name of a field or of the tag beside it; rename that, or do not flatten the map"
            }
        }
    }
}

impl Error {
    /// Whether the value is deeper than [`DEPTH`].
    pub fn is_too_deep(&self) -> bool {
        *self.0 == Reason::TooDeep
    }

    /// Whether the value's own type cannot read what was written of it, or reads another
    /// value.
    pub fn is_unreadable(&self) -> bool {
        matches!(*self.0, Reason::Unreadable(..) | Reason::Changed(_))
    }

    pub(super) fn unreadable(reader: &Error, cause: Option<Cause>) -> Error {
        Error(Box::new(Reason::Unreadable(reader.to_string(), cause)))
    }

    pub(super) fn changed(path: &str, difference: &str) -> Error {
        let path = if path.is_empty() { "the value" } else { path.trim_start_matches('.') };
        Error(Box::new(Reason::Changed(format!("at `{path}`, {difference}"))))
    }

    pub(super) fn unwanted() -> Error {
        Error::new("nobody waits for it any more")
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
            Reason::Unreadable(reader, cause) => {
                write!(f, "the value could not be read again by its own type: {reader}")?;
                cause.map_or(Ok(()), |cause| write!(f, "; {}", cause.advice()))
            }
            Reason::Changed(difference) => write!(
                f,
                "the value is read again as another one: {difference}; an untagged variant or a flattened field \
                 takes what belongs to another"
            ),
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
