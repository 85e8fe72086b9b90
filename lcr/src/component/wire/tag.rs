//! The first byte of a value, and what follows it.
//!
//! A *length* is a little-endian base-128 number: seven bits a byte, the highest bit set
//! on all but the last. Numbers are little-endian, of the width of their type.

/// Nothing follows.
pub(super) const UNIT: u8 = 0x00;
/// Nothing follows.
pub(super) const NONE: u8 = 0x01;
/// A value.
pub(super) const SOME: u8 = 0x02;
/// Nothing follows.
pub(super) const FALSE: u8 = 0x03;
/// Nothing follows.
pub(super) const TRUE: u8 = 0x04;

/// A `u32`.
pub(super) const CHAR: u8 = 0x10;
pub(super) const U8: u8 = 0x11;
pub(super) const U16: u8 = 0x12;
pub(super) const U32: u8 = 0x13;
pub(super) const U64: u8 = 0x14;
pub(super) const U128: u8 = 0x15;
pub(super) const I8: u8 = 0x16;
pub(super) const I16: u8 = 0x17;
pub(super) const I32: u8 = 0x18;
pub(super) const I64: u8 = 0x19;
pub(super) const I128: u8 = 0x1a;
pub(super) const F32: u8 = 0x1b;
pub(super) const F64: u8 = 0x1c;

/// A length, and so many bytes of UTF-8.
pub(super) const STR: u8 = 0x20;
/// A length, and so many bytes.
pub(super) const BYTES: u8 = 0x21;
/// A length, and so many values.
pub(super) const SEQ: u8 = 0x22;
/// A length that is not 0, the tag of a scalar, and so many of these without their tag.
pub(super) const PACKED: u8 = 0x23;
/// A length, and so many pairs of values.
pub(super) const MAP: u8 = 0x24;
/// A name (a length, and so many bytes of UTF-8): a unit variant.
pub(super) const NAME: u8 = 0x25;
/// A name and a value: any other variant, with what it holds.
pub(super) const VARIANT: u8 = 0x26;

/// How many bytes follow the tag of a scalar; 0 for any other tag.
pub(super) const fn width(tag: u8) -> usize {
    match tag {
        U8 | I8 => 1,
        U16 | I16 => 2,
        CHAR | U32 | I32 | F32 => 4,
        U64 | I64 | F64 => 8,
        U128 | I128 => 16,
        _ => 0,
    }
}

/// What a tag says, for messages.
pub(super) const fn name(tag: u8) -> &'static str {
    match tag {
        UNIT => "()",
        NONE => "None",
        FALSE => "false",
        TRUE => "true",
        CHAR => "a char",
        U8 => "a u8",
        U16 => "a u16",
        U32 => "a u32",
        U64 => "a u64",
        U128 => "a u128",
        I8 => "an i8",
        I16 => "an i16",
        I32 => "an i32",
        I64 => "an i64",
        I128 => "an i128",
        F32 => "an f32",
        F64 => "an f64",
        BYTES => "bytes",
        _ => "a value",
    }
}
