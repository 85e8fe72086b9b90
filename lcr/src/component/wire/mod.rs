//! The self-describing form in which state, configuration and [`Serde`](crate::Serde)
//! values cross: it gives every serde value back as it was.
//!
//! Authors meet this module in tests of their own, to write and read a state as a
//! hand-over does, and in [`RawState::as_bytes`](crate::RawState::as_bytes).
//!
//! # Why a format of our own
//! What a self-describing format must keep apart for that, the well-kept ones do not:
//! MessagePack (`rmp-serde`), CBOR (`ciborium`) and JSON write `Some(None)` as `None`
//! and `Some(())` as `None`; the first two refuse a byte vector inside an internally
//! tagged enum; none bounds the depth of what it *writes*. Formats that keep them apart
//! because they describe nothing (`bincode`, `postcard`) cannot skip a removed field.
//!
//! # Why each value comes back
//! Every value is one tag byte and what the tag says (`tag.rs`). Serde's data model has 29
//! types; each has a tag of its own, except that
//! - a newtype struct is what it wraps, and a unit struct is a unit: the reader's type
//!   knows which of the two to ask for, and neither holds anything else;
//! - a tuple, a tuple struct and a sequence are one, as are a struct and a map;
//! - neighbours of one scalar type in a sequence share one tag.
//!
//! Integers and floats keep their width, floats their bits. Variants go by name.
//!
//! A derived reader of an untagged or internally tagged enum, or of a flattened struct,
//! first asks for *anything* and keeps that in serde's private buffer. The buffer tells
//! `Some(x)`, `None` and a unit apart, and bytes from a sequence of numbers; both are
//! told to it as they were written, so that what is read out of it later is what the
//! writer's type was. It has no enums: a variant is told to it as a map of one entry,
//! its name and its content (a unit if it has none), which it gives back to an enum, and
//! to no string. It has no 128-bit integers either: such a field behind an untagged,
//! internally tagged or flattened type is written, and refused with an error when it is
//! read. It claims to be human-readable, whatever the format says of itself, so this
//! format says so too: else an `IpAddr` would be written as bytes and expected as text.
//!
//! # Growth
//! Structs are written with their fields' names: fields may be in another order, a field
//! with `#[serde(default)]` may be missing, and a field that the reader's type does not
//! have is skipped. A value is accepted where an `Option` of it is expected.
//!
//! # Bounds
//! Lengths are compared with the bytes that are there before anything is made of them,
//! and collections grow by what was read, not by what was announced: reading needs memory
//! and time in proportion to the input (for types whose own reading does). More than
//! [`DEPTH`] values inside each other are refused, when they are written and when they
//! are read, so that recursion is bounded; skipping a field does not recurse. Bytes
//! behind the value are refused.

mod decode;
mod encode;
mod error;
mod tag;

pub use error::{DEPTH, Error};

use serde::{Serialize, de::DeserializeOwned};

/// Encodes a value.
///
/// # Errors
/// If the value is deeper than [`DEPTH`], if its `Serialize` says other lengths than it
/// writes, or with the error of its `Serialize`.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    encode::value(value)
}

/// Decodes a value.
///
/// # Errors
/// If the bytes are not exactly one value of the type `T`, or deeper than [`DEPTH`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    decode::value(bytes)
}
