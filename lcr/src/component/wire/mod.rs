//! The self-describing form in which state, configuration and [`Serde`](crate::Serde)
//! values cross: it gives every serde value back as it was, or refuses to write it.
//!
//! Authors meet this module in tests of their own, to write and read a state as a
//! hand-over does and to [`verify`] it, and in
//! [`RawState::as_bytes`](crate::RawState::as_bytes).
//!
//! # Why a format of our own
//! The well-kept self-describing formats do not keep apart what differs: MessagePack
//! (`rmp-serde`), CBOR (`ciborium`) and JSON write `Some(None)` as `None` and `Some(())` as
//! `None`; the first two refuse a byte vector inside an internally tagged enum; none bounds
//! the depth of what it *writes*. Formats that describe nothing (`bincode`, `postcard`) keep
//! values apart, but cannot skip a removed field.
//!
//! # Why each value comes back
//! Every value is one tag byte and what the tag says (`tag.rs`). Serde's data model has 29
//! types; each has a tag of its own, except that
//! - a newtype struct is what it wraps, and a unit struct is a unit: the reader's type
//!   knows which of the two to ask for, and neither holds anything else;
//! - a tuple, a tuple struct and a sequence are one, as are a struct and a map;
//! - neighbours of one scalar type in a sequence share one tag.
//!
//! Integers and floats keep their width, floats their bits. Variants go by name. Keys of maps
//! are values of any kind.
//!
//! # What goes through serde's buffer
//! A derived reader of an untagged or internally tagged enum, or of a flattened struct,
//! first asks for *anything* and keeps that in serde's private buffer. The buffer tells
//! `Some(x)`, `None` and a unit apart, and bytes from a sequence of numbers. The decoder tells
//! it both as they were written, so that the writer's type can be read out of it later. The
//! buffer has no enums: the decoder tells it a variant as a map of one entry, the variant's
//! name and its content (a unit if it has none), which the buffer gives back to an enum, and
//! to no string. The buffer claims to be human-readable, whatever the format says of itself,
//! so this format says so too: else an `IpAddr` would be written as bytes and expected as text.
//!
//! Three things cannot go through the buffer:
//! 1. 128-bit integers;
//! 2. keys of a flattened map that are options, sequences, maps or variants with a content:
//!    serde reads them as names of fields;
//! 3. a key of a flattened map that is also the name of a field beside it, or a key that is
//!    the tag of an internally tagged enum around its map.
//!
//! The encoder is not told what will go through a buffer: to a `Serializer` an internally
//! tagged variant is a struct, and an untagged one is its content. But it sees each of the
//! three. So where the reader's type is the writer's (`save`, an argument or result that is
//! `Serde`), and one of the three was written, the bytes are decoded for a trial, and the value
//! is refused if they cannot be. Such a state takes about twice as long; whatever has none of the
//! three pays nothing. A configuration is read by another image's type, so the constructor that reads
//! it refuses it.
//!
//! # What a type reads as another value
//! The bytes say what was written, and a type may still take it for something else, without an
//! error. An untagged enum takes the first variant that fits: a `u16` that fits a `u8`, a struct
//! whose fields may all be missing, a map for a variant. Two flattened maps each take all
//! entries. A tuple struct that skips a field closes its ranks. No encoder can see that, and a
//! hand-over that looked for it would hold its callers for more than twice as long. [`verify`]
//! looks for it, in a unit test of each type of state; `save` may call it as well. A field that
//! `skip_serializing_if` leaves out needs `#[serde(default)]`, else `restore` refuses.
//!
//! # Growth
//! Structs are written with their fields' names: fields may be in another order, a field
//! with `#[serde(default)]` may be missing, and a field that the reader's type does not
//! have is skipped. A value is accepted where an `Option` of it is expected, and a newtype
//! where its content is expected, or the other way round.
//!
//! # Two builds of this module
//! The old instance's image writes a state, and the new one's reads it, each by the `lcr` that
//! it was built with. The format's first byte is its number. Under one number the bytes of a
//! value never change, and a reader refuses any other number, so that no state is read by the
//! rules of another format (a test holds the bytes of each kind of value). The
//! version of the state's *type* is another matter: see
//! [`STATE_VERSION`](crate::Stateful::STATE_VERSION).
//!
//! # Bounds
//! Lengths are compared with the bytes that are there before anything is made of them,
//! and collections grow by what was read, not by what was announced: reading needs memory
//! and time in proportion to the input (for types whose own reading does). Serde's buffer
//! takes 32 bytes for each scalar, also for each byte of a `Vec<u8>`; `serde_bytes` avoids that.
//! More than [`DEPTH`] values inside each other are refused, when they are written and when
//! they are read, so that recursion is bounded; skipping a field does not recurse. Bytes
//! behind the value are refused, and so is a value that its reader leaves unread.
//!
//! The stack that [`DEPTH`] levels take is the author's types' own. Of small types, measured, it is
//! at most 192 KiB with optimisation and 1 MiB without. `save` and `restore` run on threads with
//! 16 MiB; a `Serde` argument or result takes what it needs from the thread of the call. What
//! serde does between its buffer and a type is not bounded here: behind an untagged enum the
//! type `struct Again(Option<Box<Again>>)` recurses without an end, in serde, if the bytes have a
//! number in its place.

mod decode;
mod encode;
mod error;
mod tag;
mod unwanted;
mod verify;
#[cfg(feature = "reflect")]
mod walk;

pub use error::{DEPTH, Error};
pub(crate) use unwanted::Unwanted;
#[cfg(feature = "reflect")]
pub(crate) use walk::{Item, Items};

use serde::{Serialize, de::DeserializeOwned};

/// Encodes a value.
///
/// # Errors
/// If the value is deeper than [`DEPTH`], if its `Serialize` gives a map other than keys and
/// values by turns, or with the error of its `Serialize`.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    encode::value(value, Unwanted::default()).map(|(bytes, _)| bytes)
}

/// Encodes a value that its own type is going to read: a state, or a `Serde` argument. Reads
/// it for a trial if something in it may not pass through serde's buffers.
pub(crate) fn encode_readable<T: Serialize + DeserializeOwned>(value: &T) -> Result<Vec<u8>, Error> {
    write(value, Unwanted::default())?.readable::<T>()
}

/// The first half of [`encode_readable`], which may be given up.
pub(super) fn write<T: Serialize>(value: &T, unwanted: Unwanted<'_>) -> Result<Written, Error> {
    encode::value(value, unwanted).map(|(bytes, doubt)| Written { bytes, doubt })
}

/// A value's bytes that its own type may be unable to read.
pub(super) struct Written {
    bytes: Vec<u8>,
    doubt: Option<error::Cause>,
}

impl Written {
    /// The bytes, if a `T`, which they are of, can be read from them.
    pub(super) fn readable<T: DeserializeOwned>(self) -> Result<Vec<u8>, Error> {
        match self.doubt {
            Some(_) => decode::value::<T>(&self.bytes)
                .map_err(|error| Error::unreadable(&error, self.doubt))
                .map(|_| self.bytes),
            None => Ok(self.bytes),
        }
    }
}

/// Decodes a value.
///
/// # Errors
/// If the bytes are not exactly one value of the type `T`, or deeper than [`DEPTH`].
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    decode::value(bytes)
}

/// Checks that a value comes back as it was: writes it, reads it, writes what was read, and
/// compares the two. Elements of sequences and entries of maps may come in another order, as
/// those of a `HashMap` do.
///
/// This is for a test of each type of state; see [the module](self) for what it finds. It takes
/// 1.2 to 1.4 times as long as [`encode`] and [`decode`] together, and about seven times where
/// orders differ. [`Stateful::save`](crate::Stateful::save) may call it where that time is there.
///
/// ```
/// use lcr::wire;
///
/// #[derive(serde::Serialize, serde::Deserialize)]
/// #[serde(untagged)]
/// enum Job {
///     Named { name: Option<String> },
///     Numbered { number: u64 },
/// }
///
/// // The first variant reads this value, too: its field may be missing.
/// let error = wire::verify(&vec![Job::Numbered { number: 3 }]).unwrap_err();
/// assert!(error.is_unreadable());
/// assert!(error.to_string().contains("[0].number"), "{error}");
/// ```
///
/// # Errors
/// Those of [`encode`], and an error that [`is_unreadable`](Error::is_unreadable) if the value's
/// type refuses what was written or reads another value of it.
pub fn verify<T: Serialize + DeserializeOwned>(value: &T) -> Result<(), Error> {
    verify::value(value)
}

/// Where two encoded values differ first, and how: as [`verify`] compares, unless the order of sequences counts.
#[cfg(feature = "reflect")]
pub(crate) fn difference(was: &[u8], is: &[u8], order_counts: bool) -> Result<Option<(String, String)>, Error> {
    verify::difference(was, is, order_counts)
}
