//! Writing a value.
//!
//! Invariants
//! 1. A sequence is *packed* while all of its elements were scalars of one tag: only the
//!    first one's tag is written. The first element of another kind puts the tags back.
//! 2. [`Encoder::elide`] is the tag to leave out, between the moment at which a packed
//!    sequence asks for its next element and the first byte of that; 0 at any other time.
//! 3. After an error nothing is given out, also if the author's `Serialize` ignores it.

use serde::{Serialize, ser};

use super::{
    error::{DEPTH, Error, FORMAT},
    tag::{self, width},
};

pub(super) fn value<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder { out: vec![FORMAT], depth: 0, elide: 0, missed: false, failed: None };
    value.serialize(&mut encoder)?;
    match encoder.failed {
        Some(error) => Err(error),
        None => Ok(encoder.out),
    }
}

struct Encoder {
    out: Vec<u8>,
    depth: usize,
    elide: u8,
    /// What was written instead of the elided tag's scalar is something else.
    missed: bool,
    failed: Option<Error>,
}

impl Encoder {
    /// Begins a value that is no scalar.
    fn tag(&mut self, tag: u8) {
        if self.elide != 0 {
            self.elide = 0;
            self.missed = true;
        }
        self.out.push(tag);
    }

    #[inline]
    fn scalar<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        if self.elide == tag {
            self.elide = 0;
        } else {
            self.tag(tag);
        }
        self.out.extend_from_slice(&bytes);
    }

    fn blob(&mut self, tag: u8, bytes: &[u8]) {
        self.tag(tag);
        self.name(bytes);
    }

    fn name(&mut self, bytes: &[u8]) {
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

    /// Begins a sequence or map inside `levels` levels, its own one included.
    fn items(&mut self, tag: u8, announced: Option<usize>, levels: usize) -> Result<Items<'_>, Error> {
        self.enter()?;
        self.tag(tag);
        let start = self.out.len();
        let (length, digits) = length(announced.unwrap_or(0));
        self.out.extend_from_slice(&length[..digits]);
        let body = self.out.len();
        Ok(Items { encoder: self, start, body, count: 0, values: 0, packed: 0, levels })
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

/// A sequence or map that is being written.
struct Items<'a> {
    encoder: &'a mut Encoder,
    /// Where its length is; the tag is before that.
    start: usize,
    /// Where its first element is.
    body: usize,
    /// Elements of a sequence, keys of a map.
    count: usize,
    /// Values of a map.
    values: usize,
    /// The tag of all elements so far; 0 if they have none in common.
    packed: u8,
    levels: usize,
}

impl Items<'_> {
    /// Writes a value; notes its error, which the author's code may ignore.
    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(&mut *self.encoder).inspect_err(|error| self.encoder.failed = Some(error.clone()))
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let at = self.encoder.out.len();
        let outer = std::mem::replace(&mut self.encoder.missed, false);
        self.encoder.elide = self.packed;
        self.write(value)?;
        let missed = std::mem::replace(&mut self.encoder.missed, outer);
        if self.count == 0 {
            let first = &self.encoder.out[at..];
            self.packed = first.first().copied().filter(|tag| first.len() == 1 + width(*tag)).unwrap_or(0);
            self.packed = if width(self.packed) == 0 { 0 } else { self.packed };
        } else if missed {
            self.unpack(at);
        }
        self.count += 1;
        Ok(())
    }

    /// Puts back the tags of the elements, which end at `end`.
    #[cold]
    fn unpack(&mut self, end: usize) {
        let out = &mut self.encoder.out;
        let width = width(self.packed);
        let tail = out.split_off(self.body + 1 + width);
        let (rest, last) = tail.split_at(end - out.len());
        for scalar in rest.chunks_exact(width) {
            out.push(self.packed);
            out.extend_from_slice(scalar);
        }
        out.extend_from_slice(last);
        self.packed = 0;
    }

    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.count += 1;
        self.write(key)
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.values += 1;
        self.write(value)
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.encoder.blob(tag::STR, name.as_bytes());
        self.count += 1;
        self.value(value)
    }

    fn end_seq(self) -> Result<(), Error> {
        if self.packed != 0 {
            self.encoder.out[self.start - 1] = tag::PACKED;
        }
        self.end();
        Ok(())
    }

    fn end_map(self) -> Result<(), Error> {
        if self.count != self.values {
            return Err(Error::new(format!("a map has {} keys and {} values", self.count, self.values)));
        }
        self.end();
        Ok(())
    }

    /// Writes the length, for which what was announced made room.
    fn end(self) {
        let (length, digits) = length(self.count);
        self.encoder.out.splice(self.start..self.body, length[..digits].iter().copied());
        self.encoder.depth -= self.levels;
    }
}

macro_rules! scalars {
    ($($method:ident $type:ty, $tag:ident;)*) => {$(
        #[inline]
        fn $method(self, value: $type) -> Result<(), Error> {
            self.scalar(tag::$tag, value.to_le_bytes());
            Ok(())
        }
    )*};
}

impl<'a> ser::Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Items<'a>;
    type SerializeTuple = Items<'a>;
    type SerializeTupleStruct = Items<'a>;
    type SerializeTupleVariant = Items<'a>;
    type SerializeMap = Items<'a>;
    type SerializeStruct = Items<'a>;
    type SerializeStructVariant = Items<'a>;

    fn is_human_readable(&self) -> bool {
        true
    }

    scalars! {
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_u128 u128, U128;
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_i128 i128, I128;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.tag(if value { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.scalar(tag::CHAR, u32::from(value).to_le_bytes());
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

    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'a>, Error> {
        self.items(tag::SEQ, len, 1)
    }

    fn serialize_tuple(self, len: usize) -> Result<Items<'a>, Error> {
        self.items(tag::SEQ, Some(len), 1)
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items<'a>, Error> {
        self.items(tag::SEQ, Some(len), 1)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(variant)?;
        self.items(tag::SEQ, Some(len), 2)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Items<'a>, Error> {
        self.items(tag::MAP, len, 1)
    }

    fn serialize_struct(self, _: &'static str, len: usize) -> Result<Items<'a>, Error> {
        self.items(tag::MAP, Some(len), 1)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Items<'a>, Error> {
        self.variant(variant)?;
        self.items(tag::MAP, Some(len), 2)
    }
}

macro_rules! compounds {
    ($($trait:ident, $item:ident($($name:ident: $type:ty)?) by $write:ident, $end:ident;)*) => {$(
        impl ser::$trait for Items<'_> {
            type Ok = ();
            type Error = Error;
            fn $item<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), Error> {
                self.$write($($name,)? value)
            }
            fn end(self) -> Result<(), Error> {
                self.$end()
            }
        }
    )*};
}

compounds! {
    SerializeSeq, serialize_element() by element, end_seq;
    SerializeTuple, serialize_element() by element, end_seq;
    SerializeTupleStruct, serialize_field() by element, end_seq;
    SerializeTupleVariant, serialize_field() by element, end_seq;
    SerializeStruct, serialize_field(name: &'static str) by field, end_map;
    SerializeStructVariant, serialize_field(name: &'static str) by field, end_map;
}

impl ser::SerializeMap for Items<'_> {
    type Ok = ();
    type Error = Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key(key)
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }
    fn end(self) -> Result<(), Error> {
        self.end_map()
    }
}
