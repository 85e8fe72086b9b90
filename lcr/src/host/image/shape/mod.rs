//! The structure of values and signatures as a file or another image describes it.
//!
//! `abi::shape` has the same tree as constants of an image; this is the owned tree, decoded from bytes. [`compare`]
//! decides whether two methods may be linked.
//!
//! Invariants:
//! 1. [`compare`] finds nothing exactly when the two would encode to the same bytes: sizes,
//!    alignments, offsets, names, numbers of parts, discriminants, all the way down; but for the
//!    bounds of a callback, which a caller may promise without being asked.
//! 2. An unknown kind, or parts that do not fit their kind, never become a [`Shape`].
//! 3. No tree is deeper than [`DEPTH`], so recursion over it is bounded.

mod difference;
mod parts;
#[cfg(test)]
pub(in crate::host) mod tests;
mod text;

pub use crate::abi::shape::Kind;
use crate::abi::shape::{self, Sink, bounds};
pub use difference::Difference;
pub(crate) use difference::{compare, hides_more};
pub use parts::{Field, Variant};

use super::reader::Reader;
use crate::error::Result;

/// The deepest nesting that is accepted.
pub(in crate::host) const DEPTH: usize = 64;

/// The structure of a value or a method.
///
/// `Display` writes it as Rust would: `Option<Vec<u8>>`, `fn get(&self, &str) -> Option<Vec<u8>>`.
/// `{:#}` spells out a struct or enum: `struct Key { id: u64, name: String }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The kind of this node.
    pub(in crate::host) kind: Kind,
    /// The name of a scalar, struct, enum, variant, handle or method; of a callback, its bounds
    /// beside `Fn`, such as `Send + Sync`; else empty.
    pub(in crate::host) name: String,
    /// The size of the representation, in bytes; of a handle, its interface's version.
    pub(in crate::host) size: u32,
    /// The alignment of the representation, in bytes.
    pub(in crate::host) align: u16,
    /// Fields, variants, elements; arguments followed by the result.
    pub(in crate::host) parts: Vec<Part>,
}

/// A field, variant, element, argument or result of a [`Shape`].
#[derive(Clone, Debug)]
pub(crate) struct Part {
    /// The name of a field or variant, `->` for a result, else empty.
    pub(in crate::host) name: String,
    /// A field's offset in bytes, a variant's discriminant, an array's length, else 0.
    pub(in crate::host) at: i64,
    /// The part's own structure.
    pub(in crate::host) shape: Shape,
    /// Whether its value must not be shown, as the notes of a manifest say. Not compared.
    pub(in crate::host) is_secret: bool,
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        (&self.name, self.at, &self.shape) == (&other.name, other.at, &other.shape)
    }
}

impl Eq for Part {}

/// Every kind, in the order of its number, from 1.
#[rustfmt::skip]
const KINDS: [Kind; 24] = [
    Kind::Scalar, Kind::Unit, Kind::Str, Kind::Slice, Kind::SliceMut, Kind::String, Kind::Vec, Kind::Array,
    Kind::Option, Kind::Result, Kind::Box, Kind::Tuple, Kind::Duration, Kind::Struct, Kind::Enum, Kind::Variant,
    Kind::Bytes, Kind::Handle, Kind::Callback, Kind::BoxedCallback, Kind::Serde, Kind::Method,
    Kind::Future, Kind::Stream,
];

impl Shape {
    /// The signature of a function of that name with these arguments and this result.
    pub(in crate::host) fn of_signature(name: &str, parts: &'static [shape::Part]) -> Result<Shape> {
        let signature = shape::Shape::method("", parts);
        let mut measured = Sink::new(&mut []);
        measured.shape(&signature);
        let mut bytes = vec![0; measured.len()];
        Sink::new(&mut bytes).shape(&signature);
        let shape = Shape::decode_method(&mut Reader::of("signature", &bytes))?;
        Ok(Shape { name: name.to_owned(), ..shape })
    }

    /// Reads the shape of a method.
    pub(in crate::host) fn decode_method(reader: &mut Reader<'_>) -> Result<Shape> {
        let shape = Shape::decode(reader, None, 0)?;
        match shape.kind {
            Kind::Method => Ok(shape),
            other => Err(reader.error(format_args!("{other:?} found for a method"))),
        }
    }

    /// Reads how a type lies in memory.
    pub(in crate::host) fn decode_memory(reader: &mut Reader<'_>) -> Result<Shape> {
        Shape::decode(reader, Some(Kind::Struct), 0)
    }

    fn decode(reader: &mut Reader<'_>, parent: Option<Kind>, depth: usize) -> Result<Shape> {
        if depth == DEPTH {
            return Err(reader.error(format_args!("a type nested {DEPTH} deep")));
        }
        let number = reader.u8()?;
        let kind = usize::from(number).checked_sub(1).and_then(|at| KINDS.get(at).copied());
        let Some(kind) = kind else {
            return Err(reader.error(format_args!("unknown kind {number} of type")));
        };
        let placed = match kind {
            Kind::Method => parent.is_none(),
            Kind::Variant => parent == Some(Kind::Enum),
            Kind::Future | Kind::Stream => parent == Some(Kind::Method),
            _ => parent.is_some_and(|parent| parent != Kind::Enum),
        };
        let name = reader.name()?.to_owned();
        let (size, align) = (reader.u32()?, reader.u16()?);
        let parts = reader.list(|reader| {
            let (name, at) = (reader.name()?.to_owned(), reader.i64()?);
            Ok(Part { name, at, shape: Shape::decode(reader, Some(kind), depth + 1)?, is_secret: false })
        })?;
        let shape = Shape { kind, name, size, align, parts };
        if !placed || !shape.fits() {
            let what = format!("{kind:?} with {} parts out of place", shape.parts.len());
            return Err(reader.error(what));
        }
        Ok(shape)
    }

    /// Reads which parts are secret, and marks them: see [`notes`](crate::abi::notes).
    pub(in crate::host) fn read_secrets(&mut self, reader: &mut Reader<'_>) -> Result<()> {
        let places = reader.list(Reader::u32)?;
        let mut left = &places[..];
        self.mark_secrets(&mut left, 0);
        match left.first() {
            Some(place) => Err(reader.error(format_args!("a secret at {place} of `{}`", self.name))),
            None => Ok(()),
        }
    }

    /// Marks the parts at these places as secret. Parts are counted as [`notes`](crate::abi::notes) counts them, from
    /// `at` on. Takes those that it finds off the front of `places`; returns the place behind the last part.
    fn mark_secrets(&mut self, places: &mut &[u32], mut at: u32) -> u32 {
        for part in &mut self.parts {
            if let Some((&first, rest)) = places.split_first()
                && first == at
            {
                part.is_secret = true;
                *places = rest;
            }
            at = part.shape.mark_secrets(places, at + 1);
        }
        at
    }

    /// Whether the number and the names of the parts fit the kind.
    fn fits(&self) -> bool {
        let (count, last) = (self.parts.len(), self.parts.last());
        match self.kind {
            Kind::Method => {
                let is_polled = |part: &Part| part.shape.is_polled();
                let takes_none = self.parts.split_last().is_some_and(|(_, arguments)| !arguments.iter().any(is_polled));
                takes_none && last.is_some_and(|part| part.name == "->")
            }
            Kind::Future | Kind::Stream => count == 1,
            Kind::Callback | Kind::BoxedCallback => {
                let is_known = [false, true].iter().any(|&sync| self.name == bounds(true, sync))
                    || self.kind == Kind::Callback
                        && [false, true].iter().any(|&sync| self.name == bounds(false, sync));
                is_known && last.is_some_and(|part| part.name == "->")
            }
            Kind::Slice | Kind::SliceMut | Kind::Vec | Kind::Option | Kind::Box | Kind::Array => count == 1,
            Kind::Result => count == 2,
            Kind::Enum => count > 0,
            Kind::Struct | Kind::Variant | Kind::Tuple => true,
            Kind::Scalar | Kind::Unit | Kind::Str | Kind::String | Kind::Duration => count == 0,
            Kind::Bytes | Kind::Handle | Kind::Serde => count == 0,
        }
    }

    /// The first difference between this shape and `found`; `None` if `found` can serve callers of this shape: it is
    /// the same, or wants fewer bounds of a callback that it takes.
    pub fn difference(&self, found: &Shape) -> Option<Difference> {
        compare(self, found)
    }

    /// The arguments and the result of a signature.
    fn signature(&self) -> (&[Part], Option<&Shape>) {
        match self.parts.split_last() {
            Some((result, arguments)) => (arguments, Some(&result.shape)),
            None => (&[], None),
        }
    }
}
