//! Values by shape: what a caller that does not know a type can do with a value of it.
//!
//! The [`Shape`](super::image::shape::Shape) of a signature says how each argument and result lies in memory, so an
//! operator's call, a trace, a record or a comparison needs no code of the interface. [`types`] makes a [`Type`] of a
//! shape, once a signature; everything else walks memory along a [`Type`]:
//!
//! | file | does |
//! |---|---|
//! | [`types`] | turns a shape into offsets, and refuses one that describes no representation |
//! | [`view`] | reads one node of a value; all that only reads is safe code upon it |
//! | [`part`] | finds a part of a value, by the way to it |
//! | [`text`] | prints, in bounded length, without secrets |
//! | [`difference`] | compares two values, and says where they differ |
//! | [`ownership`] | makes a bitwise copy a value of its own; releases what a value owns |
//! | [`memory`] | memory that is given to a component, and what borrowed parts of an argument lie in |
//! | [`weight`] | how much memory a value takes |
//! | [`value`] | a value in memory of ours, released when it is dropped |
//! | [`json`] | writes JSON; reads it in two passes, of which the second cannot fail |
//!
//! Invariants
//! 1. Every value of every interface can be printed, compared, released and written as JSON. A function is shown and
//!    compared by identity. It cannot be made from JSON, and a `Box<dyn Fn>` cannot be copied; both are refused before
//!    anything is made ([`check`](json), [`Type::refuses_copies`]).
//! 2. Nothing is read that the shape does not promise: no padding, no payload of a `None`, no variant that is not
//!    there. Representations are never compared or hashed as bytes, unless every byte of them has a meaning.
//! 3. A walk is as deep as the type, which is at most as deep as a shape may be, and `wire::DEPTH` levels of a `Serde`
//!    value more. What is written is bounded by a limit in bytes, and what is compared by a budget of steps; the time
//!    of a walk is in proportion to that.
//! 4. A sender may be broken: a tag that no variant has, a `bool` of 7, a text that is not UTF-8. Such a value is shown
//!    as what it is, is never equal to another, and is refused as JSON; what it owns behind an unknown tag leaks.
//! 5. What is built for a component keeps the rules that the component trusts: characters, UTF-8, tags, `NonZero`,
//!    nanoseconds. They are checked before anything is built.
//!
//! None of this runs code of a component or of an author, except the functions that free what a value owns. It
//! takes no lock.

pub(in crate::host) mod difference;
pub(in crate::host) mod json;
pub(in crate::host) mod memory;
mod ownership;
pub(in crate::host) mod part;
pub(in crate::host) mod text;
pub(in crate::host) mod types;
pub(in crate::host) mod value;
pub(in crate::host) mod view;
pub(in crate::host) mod weight;

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
