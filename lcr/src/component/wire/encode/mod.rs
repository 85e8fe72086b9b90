//! Writing a value.
//!
//! Invariants
//! 1. A sequence is *packed* while all of its elements were scalars of one tag: only the
//!    first element's tag is written. The first element of another kind puts the tags back.
//! 2. [`Encoder::elide`] is the tag to leave out, between the moment at which a packed
//!    sequence asks for its next element and the first byte of that element; 0 at any other
//!    time.
//! 3. After an error the encoder gives no bytes out, also if the author's `Serialize`
//!    ignores the error.
//! 4. Keys and values of a map alternate, whatever the author's `Serialize` calls.
//!
//! Whoever waits for the bytes may give up. A value that is written under a lock must not keep it then, so the encoder
//! looks each time another [`PIECE`] bytes are written, and ends with an error.

mod items;

use std::ops::Range;

use serde::{Serialize, ser};

use super::{
    error::{Cause, DEPTH, Error, FORMAT},
    tag,
    unwanted::Unwanted,
};

use items::Items;

/// How many bytes are written between two looks at whether they are still wanted.
const PIECE: usize = 4096;

/// A value's bytes, and why its own type may be unable to read them. Ends with an error when `unwanted` says so.
pub(super) fn value<T: Serialize + ?Sized>(
    value: &T,
    unwanted: Unwanted<'_>,
) -> Result<(Vec<u8>, Option<Cause>), Error> {
    let mut encoder = Encoder {
        out: vec![FORMAT],
        depth: 0,
        elide: 0,
        missed: false,
        failed: None,
        doubt: None,
        keys: Vec::new(),
        unwanted,
        next_look: 0,
    };
    value.serialize(&mut encoder)?;
    match encoder.failed {
        Some(error) => Err(error),
        None => Ok((encoder.out, encoder.doubt)),
    }
}

struct Encoder<'u> {
    out: Vec<u8>,
    depth: usize,
    elide: u8,
    /// What was written in the place of the elided tag's scalar is of another kind.
    missed: bool,
    failed: Option<Error>,
    /// The last thing that was written and that serde's own buffers do not take.
    doubt: Option<Cause>,
    /// Where the keys are of the flattened maps that are being written.
    keys: Vec<Range<usize>>,
    unwanted: Unwanted<'u>,
    /// How many bytes are there when it looks again whether they are wanted.
    next_look: usize,
}

impl Encoder<'_> {
    /// Notes that the next value has another tag than the one to elide, if there is one.
    #[inline]
    fn miss(&mut self) {
        if self.elide != 0 {
            self.elide = 0;
            self.missed = true;
        }
    }

    /// Begins a value that is no scalar.
    #[inline]
    fn tag(&mut self, tag: u8) {
        self.miss();
        self.out.push(tag);
    }

    /// Looks whether the bytes are still wanted.
    #[cold]
    fn look(&mut self) -> Result<(), Error> {
        self.next_look = self.out.len().saturating_add(PIECE);
        if self.unwanted.is_set() { Err(Error::unwanted()) } else { Ok(()) }
    }

    fn blob(&mut self, tag: u8, bytes: &[u8]) {
        self.tag(tag);
        let (length, digits) = length(bytes.len());
        self.out.extend_from_slice(&length[..digits]);
        self.out.extend_from_slice(bytes);
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.depth == DEPTH {
            return Err(Error::too_deep());
        }
        self.depth += 1;
        Ok(())
    }

    fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.enter()?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn variant(&mut self, name: &str) -> Result<(), Error> {
        self.blob(tag::VARIANT, name.as_bytes());
        self.enter()
    }
}

/// A number as a length is written: its bytes, and how many of them there are.
fn length(number: usize) -> ([u8; 10], usize) {
    let (mut bytes, mut rest, mut at) = ([0; 10], number as u64, 0);
    while rest > 0x7f {
        bytes[at] = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
        at += 1;
    }
    bytes[at] = rest as u8;
    (bytes, at + 1)
}

/// Writes a scalar: a tag, unless it is elided, and bytes.
macro_rules! scalar {
    ($encoder:ident, $tag:ident, $bytes:expr) => {{
        let bytes = $bytes;
        if $encoder.elide == tag::$tag {
            $encoder.elide = 0;
            $encoder.out.extend_from_slice(&bytes);
        } else {
            // At once, as this is what most states are made of.
            let mut tagged = [tag::$tag; 1 + tag::width(tag::$tag)];
            tagged[1..].copy_from_slice(&bytes);
            $encoder.miss();
            $encoder.out.extend_from_slice(&tagged);
        }
    }};
}

macro_rules! scalars {
    ($($method:ident $type:ty, $tag:ident;)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), Error> {
            scalar!(self, $tag, value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a, 'u> ser::Serializer for &'a mut Encoder<'u> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a, 'u>;
    type SerializeTuple = Items<'a, 'u>;
    type SerializeTupleStruct = Items<'a, 'u>;
    type SerializeTupleVariant = Items<'a, 'u>;
    type SerializeMap = Items<'a, 'u>;
    type SerializeStruct = Items<'a, 'u>;
    type SerializeStructVariant = Items<'a, 'u>;

    fn is_human_readable(&self) -> bool {
        true
    }

    scalars! {
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
    }

    fn serialize_u128(self, value: u128) -> Result<(), Error> {
        self.doubt = Some(Cause::Wide);
        scalar!(self, U128, value.to_le_bytes());
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<(), Error> {
        self.doubt = Some(Cause::Wide);
        scalar!(self, I128, value.to_le_bytes());
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.tag(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        scalar!(self, CHAR, u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.blob(tag::STR, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.blob(tag::BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.tag(tag::NONE);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        self.tag(tag::SOME);
        self.nested(value)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.tag(tag::UNIT);
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Error> {
        self.blob(tag::NAME, variant.as_bytes());
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Error> {
        self.nested(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'a, 'u>, Error> {
        Items::begin(self, tag::SEQ, len, 1)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a, 'u>, Error> {
        Items::begin(self, tag::SEQ, Some(len), 1)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items<'a, 'u>, Error> {
        Items::begin(self, tag::SEQ, Some(len), 1)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a, 'u>, Error> {
        self.variant(variant)?;
        Items::begin(self, tag::SEQ, Some(len), 2)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Items<'a, 'u>, Error> {
        Items::begin_map(self, len)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Items<'a, 'u>, Error> {
        Items::begin(self, tag::MAP, Some(len), 1)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a, 'u>, Error> {
        self.variant(variant)?;
        Items::begin(self, tag::MAP, Some(len), 2)
    }
}
