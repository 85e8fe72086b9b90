//! The parts of a shape, for programs that look at signatures.

use super::{Kind, Part, Shape};

/// A field of a struct, of a variant or of a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field<'a> {
    /// The field's name: `0`, `1` and so on in a tuple struct, `None` in a tuple.
    pub name: Option<&'a str>,
    /// The field's offset in the representation, in bytes.
    pub offset: i64,
    /// The field's own shape.
    pub shape: &'a Shape,
    /// Whether the author marked the field with `#[abi(secret)]`: its value must not be shown.
    pub is_secret: bool,
}

/// A variant of an enum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant<'a> {
    /// The variant's name.
    pub name: &'a str,
    /// The number that stands for the variant in the representation.
    pub discriminant: i64,
    /// The variant's own shape; its [`Shape::fields`] are the variant's fields.
    pub shape: &'a Shape,
}

impl Shape {
    /// The kind of the value.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name of a scalar, struct, enum, variant or method, or of a handle's interface; `None` for other kinds.
    pub fn name(&self) -> Option<&str> {
        let has_name = !self.is_callback() && !self.name.is_empty();
        has_name.then_some(self.name.as_str())
    }

    /// The bounds of a callback beside `Fn`, such as `Send + Sync`; `None` if it has no others, and for other kinds.
    pub fn callback_bounds(&self) -> Option<&str> {
        let has_bounds = self.is_callback() && !self.name.is_empty();
        has_bounds.then_some(self.name.as_str())
    }

    /// The version of a handle's interface; `None` for other kinds.
    pub fn interface_version(&self) -> Option<u32> {
        (self.kind == Kind::Handle).then_some(self.size)
    }

    /// The size and the alignment of the representation, in bytes. `None` for a method, which has none, and for a
    /// handle, which has those of a pointer.
    pub fn layout(&self) -> Option<(u32, u16)> {
        (!matches!(self.kind, Kind::Method | Kind::Future | Kind::Stream | Kind::Handle))
            .then_some((self.size, self.align))
    }

    /// The fields of a struct, of a variant or of a tuple, in order; empty for other kinds.
    pub fn fields(&self) -> impl Iterator<Item = Field<'_>> {
        self.parts_of(&[Kind::Struct, Kind::Variant, Kind::Tuple]).map(|Part { name, at, shape, is_secret }| {
            let name = (!name.is_empty()).then_some(name.as_str());
            Field { name, offset: *at, shape, is_secret: *is_secret }
        })
    }

    /// The variants of an enum, in order; empty for other kinds.
    pub fn variants(&self) -> impl Iterator<Item = Variant<'_>> {
        self.parts_of(&[Kind::Enum]).map(|Part { name, at, shape, .. }| Variant { name, discriminant: *at, shape })
    }

    /// The shape of what a slice, a vector, an array, an option or a box holds; `None` for other kinds.
    pub fn element(&self) -> Option<&Shape> {
        let kinds = [Kind::Slice, Kind::SliceMut, Kind::Vec, Kind::Array, Kind::Option, Kind::Box];
        self.parts_of(&kinds).next().map(|part| &part.shape)
    }

    /// How many elements an array has; `None` for other kinds.
    pub fn array_len(&self) -> Option<i64> {
        self.parts_of(&[Kind::Array]).next().map(|part| part.at)
    }

    /// The shapes of a `Result`: of its value, and of its error; `None` for other kinds.
    pub fn ok_and_err(&self) -> Option<(&Shape, &Shape)> {
        let mut parts = self.parts_of(&[Kind::Result]);
        Some((&parts.next()?.shape, &parts.next()?.shape))
    }

    /// The arguments of a method or of a callback, in order and without `self`; empty for other kinds.
    pub fn arguments(&self) -> impl Iterator<Item = &Shape> {
        let (arguments, _) = if self.is_call() { self.signature() } else { (&[][..], None) };
        arguments.iter().map(|part| &part.shape)
    }

    /// The shape of what a method or a callback returns: of an `async fn` the output, and of a method that returns
    /// a stream the item. `None` for other kinds.
    pub fn result(&self) -> Option<&Shape> {
        let result = if self.is_call() { self.signature().1 } else { None };
        result.map(
            |result| {
                if result.is_polled() { result.parts.first().map_or(result, |part| &part.shape) } else { result }
            },
        )
    }

    /// Whether this is a method that is an `async fn`.
    pub fn is_async(&self) -> bool {
        self.returns(Kind::Future)
    }

    /// Whether this is a method that returns a stream.
    pub fn is_stream(&self) -> bool {
        self.returns(Kind::Stream)
    }

    /// Whether this is a method whose calls may go on between polls.
    pub(crate) fn returns_polled(&self) -> bool {
        self.is_async() || self.is_stream()
    }

    /// Whether this is a future or a stream.
    pub(super) fn is_polled(&self) -> bool {
        matches!(self.kind, Kind::Future | Kind::Stream)
    }

    fn returns(&self, kind: Kind) -> bool {
        self.is_call() && self.signature().1.is_some_and(|result| result.kind == kind)
    }

    fn is_callback(&self) -> bool {
        matches!(self.kind, Kind::Callback | Kind::BoxedCallback)
    }

    fn is_call(&self) -> bool {
        self.is_callback() || self.kind == Kind::Method
    }

    fn parts_of(&self, kinds: &[Kind]) -> impl Iterator<Item = &Part> + use<'_> {
        let parts = if kinds.contains(&self.kind) { &self.parts[..] } else { &[] };
        parts.iter()
    }
}
