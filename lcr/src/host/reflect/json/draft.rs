//! What was read of JSON and fits its type: everything that is left to do is to write it to memory.

/// A value that was checked. Which of the cases there is follows from the type.
pub(super) enum Draft {
    /// `()`, and fields that are none.
    Unit,
    /// A scalar: the bytes of its representation, lowest first, of which its width counts.
    Scalar(u128),
    /// A `Duration`: seconds and nanoseconds.
    Duration(u64, u32),
    /// A text, a sequence of `u8`, or an encoded `Serde` value.
    Bytes(Box<[u8]>),
    /// Elements of a sequence, or fields.
    Parts(Box<[Draft]>),
    /// `None`.
    None,
    /// `Some`, and what is in a box or counted.
    Inside(Box<Draft>),
    /// The variant of this place, or 0 for `Ok` and 1 for `Err`, and what it holds.
    Variant(u32, Box<Draft>),
}
