//! Structural descriptions of values and method signatures, built and hashed in
//! const context.
//!
//! A [`Shape`] is one uniform tree node, so that encoding, hashing and (in the host)
//! comparing and printing are each one recursive function. The tree itself never
//! crosses an image border: its encoding does, inside the manifest.
//!
//! # What follows from a shape
//!
//! A shape says everything about a representation, so that memory can be walked without its type. These rules are part
//! of the binary contract. `up(n, a)` is `n` rounded up to a multiple of `a`.
//!
//! | kind | representation |
//! |---|---|
//! | unit | one byte, which is initialised and has no meaning; a struct without fields the same |
//! | scalar | the type's own; `bool` is 0 or 1, `char` a scalar value of Unicode, in 4 bytes |
//! | struct, tuple | each field at its offset, in the order of the parts |
//! | array | so many elements, one behind the other |
//! | option | tag `u8`, 0 none, 1 some; the value at `up(1, align)` of the value |
//! | result | tag `u8`, 0 ok, 1 error; the value at `up(1, a)`, `a` the larger alignment of both |
//! | enum | tag `u32`: the *place* of the variant among the parts, whatever its discriminant |
//! | | the tag alone if no variant has fields; else a union of those that have, at `up(4, a)`, `a` their largest |
//! | | alignment. Offsets of fields count from there |
//! | str, slice | [`RawSlice`](super::value::sequences::RawSlice): address, length |
//! | string, vec, serde | [`RawVec`](super::value::sequences::RawVec): address, length, capacity, then |
//! | | `free(address, capacity)` |
//! | box | [`RawBox`](super::value::sequences::RawBox): address, `free(address, 1)` |
//! | bytes, struct `lcr::Shared` | [`RawCounted`](super::value::counted::RawCounted): address, length, owner |
//! | struct `alloc::sync::Arc` | [`RawArc`](super::value::shared::RawArc): address, length, `drop(address, length)` |
//! | duration | `u64` seconds, `u32` nanoseconds below 1,000,000,000 |
//! | handle | one pointer, with a reference to the slot; the shape's size is a *version* |
//! | callback | [`RawCallback`](super::value::callback::RawCallback): what it is called with, function |
//! | boxed callback | [`RawBoxedCallback`](super::value::callback::RawBoxedCallback): the same, `drop`, holds |
//! | outcome of a call | a pointer to a fault, or null; the value at `up(8, align)` of the value |
//!
//! The size of an option, result or enum is the end of its payload, rounded up to the whole's alignment. Of a
//! `lcr::Shared` or `Arc` the one part is the content as it would be lent: a str, a slice, or the type itself. A struct
//! whose name has `::` in it is a type of std or of another crate, which stands for its one field; no type of an author
//! has such a name.
//!
//! Padding, the payload of a `None` and the rest of a union are not initialised: no walk reads them. `free` and `drop`
//! are called once, on any thread, for every value, also if its capacity is 0.
//!
//! # Encoding
//!
//! The encoding is little endian: kind `u8`, name, size `u32`, align `u16`, number of
//! parts `u16`, then each part as name, `i64`, shape. A name is a `u16` length and
//! UTF-8 bytes.

/// What a value or signature is. The numbers are part of the binary contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u8)]
pub enum Kind {
    /// An integer, float, `bool` or `char`.
    Scalar = 1,
    /// `()`.
    Unit,
    /// `&str`.
    Str,
    /// `&[T]`.
    Slice,
    /// `&mut [T]`.
    SliceMut,
    /// `String`.
    String,
    /// `Vec<T>`.
    Vec,
    /// `[T; N]`.
    Array,
    /// `Option<T>`.
    Option,
    /// `Result<T, E>`.
    Result,
    /// `Box<T>`.
    Box,
    /// A tuple.
    Tuple,
    /// `core::time::Duration`.
    Duration,
    /// A struct with `#[derive(Abi)]`.
    Struct,
    /// An enum with `#[derive(Abi)]`.
    Enum,
    /// One variant of an enum.
    Variant,
    /// [`Bytes`](super::value::bytes::Bytes).
    Bytes,
    /// A handle on an interface.
    Handle,
    /// `&dyn Fn(..)`, with or without `Send` and `Sync`.
    Callback,
    /// `Box<dyn Fn(..) + Send>`, with or without `Sync`.
    BoxedCallback,
    /// A `Serde<T>`, which crosses in the format of [`wire`](crate::wire).
    Serde,
    /// A method of an interface.
    Method,
    /// The future of an async method: what the method's result is a part of.
    Future,
    /// The stream that a method returns: what the stream's item is a part of.
    Stream,
}

/// The structure of one value or signature, as a node of a tree.
///
/// | kind | name | size | parts |
/// |---|---|---|---|
/// | scalar | the type's | of the representation | |
/// | struct, variant, tuple | the type's or variant's | of the representation | fields |
/// | enum | the type's | of the representation | variants |
/// | array | | of the representation | the element; its `at` is the length |
/// | handle | the interface's | the interface's version | |
/// | callback | its [`bounds`] | of the representation | the arguments, then the result |
/// | method | the method's | 0 | the arguments, then the result |
/// | future | | 0 | the result of the async method |
/// | stream | | 0 | the item |
/// | others | | of the representation | what they hold |
#[derive(Debug)]
pub struct Shape {
    /// What this node is.
    pub kind: Kind,
    /// The name of a scalar, struct, enum, variant or method, or of a handle's interface; a callback's
    /// [`bounds`]; else empty.
    pub name: &'static str,
    /// The size of the representation, in bytes; of a handle, its interface's version.
    pub size: usize,
    /// The alignment of the representation, in bytes.
    pub align: usize,
    /// Fields, variants, elements; arguments followed by the result.
    pub parts: &'static [Part],
}

/// The name of a callback's node: which of `Send` and `Sync` it is, as Rust writes it.
pub const fn bounds(send: bool, sync: bool) -> &'static str {
    match (send, sync) {
        (false, false) => "",
        (true, false) => "Send",
        (false, true) => "Sync",
        (true, true) => "Send + Sync",
    }
}

/// One field, variant, element or argument of a [`Shape`].
#[derive(Debug)]
pub struct Part {
    /// The name of a field or variant, `->` for a result, else empty.
    pub name: &'static str,
    /// A field's offset in bytes, a variant's discriminant, an array's length, else 0.
    pub at: i64,
    /// The part's own structure.
    pub shape: &'static Shape,
    /// Whether its value must not be shown. It is not encoded in a shape, so it is not compared:
    /// `abi/notes` carries it.
    pub is_secret: bool,
}

impl Part {
    /// A part of this name at this place.
    pub const fn new(name: &'static str, at: i64, shape: &'static Shape) -> Part {
        Part { name, at, shape, is_secret: false }
    }

    /// A part without a name.
    pub const fn of(shape: &'static Shape) -> Part {
        Part::new("", 0, shape)
    }

    /// The result of a signature.
    pub const fn result(shape: &'static Shape) -> Part {
        Part::new("->", 0, shape)
    }

    /// The same part, whose value must not be shown.
    #[must_use]
    pub const fn secret(self) -> Part {
        Part { is_secret: true, ..self }
    }
}

impl Shape {
    /// A shape whose size and alignment are those of the representation `R`.
    pub const fn of<R>(kind: Kind, name: &'static str, parts: &'static [Part]) -> Shape {
        Shape { kind, name, size: size_of::<R>(), align: align_of::<R>(), parts }
    }

    /// The signature of a method: its arguments, then its result.
    pub const fn method(name: &'static str, parts: &'static [Part]) -> Shape {
        Shape { kind: Kind::Method, name, size: 0, align: 1, parts }
    }
}

impl Shape {
    /// The result of an async method, whose value is the one part.
    pub const fn future(value: &'static [Part]) -> Shape {
        Shape { kind: Kind::Future, name: "", size: 0, align: 1, parts: value }
    }

    /// The result of a method that returns a stream, whose item is the one part.
    pub const fn stream(item: &'static [Part]) -> Shape {
        Shape { kind: Kind::Stream, name: "", size: 0, align: 1, parts: item }
    }
}

/// Writes little-endian bytes in const context. Bytes beyond the buffer are only
/// counted, so that one pass with an empty buffer measures.
pub struct Sink<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Sink<'a> {
    /// A sink that writes to `buffer` from its start.
    pub const fn new(buffer: &'a mut [u8]) -> Sink<'a> {
        Sink { buffer, at: 0 }
    }

    /// How many bytes were written or counted.
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Appends `bytes`.
    pub const fn bytes(&mut self, bytes: &[u8]) {
        let mut i = 0;
        while i < bytes.len() {
            if self.at < self.buffer.len() {
                self.buffer[self.at] = bytes[i];
            }
            self.at += 1;
            i += 1;
        }
    }

    /// Appends one byte.
    pub const fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// Appends a 16-bit number; panics (at compile time) if it does not fit.
    pub const fn u16(&mut self, value: usize) {
        assert!(value <= u16::MAX as usize, "lcr: a name, list or alignment is longer than 65535");
        self.bytes(&(value as u16).to_le_bytes());
    }

    /// Appends a 32-bit number; panics (at compile time) if it does not fit.
    pub const fn u32(&mut self, value: usize) {
        assert!(value <= u32::MAX as usize, "lcr: a size is larger than 4 GiB");
        self.bytes(&(value as u32).to_le_bytes());
    }

    /// Appends a name: its length and its bytes.
    pub const fn str(&mut self, value: &str) {
        self.u16(value.len());
        self.bytes(value.as_bytes());
    }

    /// Appends a shape.
    pub const fn shape(&mut self, shape: &Shape) {
        self.u8(shape.kind as u8);
        self.str(shape.name);
        self.u32(shape.size);
        self.u16(shape.align);
        self.u16(shape.parts.len());
        let mut i = 0;
        while i < shape.parts.len() {
            let part = &shape.parts[i];
            self.str(part.name);
            self.bytes(&part.at.to_le_bytes());
            self.shape(part.shape);
            i += 1;
        }
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo): every step is a bijection of the state, so a
/// change of any one byte changes the result.
pub const fn fnv1a(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        i += 1;
    }
    hash
}
