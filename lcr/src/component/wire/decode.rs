//! Reading a value.
//!
//! Invariants
//! 1. A length is compared with what is left of the input before it is used; every
//!    element and every entry has at least a byte.
//! 2. Whatever makes the author's `Deserialize` recurse without an end takes a level of
//!    [`DEPTH`], also where no byte is read (an `Option` of what is there).
//! 3. A container gives out neither less nor more elements than it has.

use std::str;

use serde::{
    Deserialize,
    de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer as _, Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};

use super::{
    error::{DEPTH, Error, FORMAT},
    tag::{self, width},
};

pub(super) fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let Some((&FORMAT, input)) = bytes.split_first() else {
        return Err(Error::new("these bytes are no value in lcr's wire format; they do not begin as one"));
    };
    let mut decoder = Decoder { input, levels: DEPTH, implied: 0 };
    let value = T::deserialize(&mut decoder)?;
    match decoder.input.len() {
        0 => Ok(value),
        rest => Err(Error::new(format!("{rest} bytes are behind the value, which must end the input"))),
    }
}

struct Decoder<'de> {
    input: &'de [u8],
    /// How many more values may be inside each other.
    levels: usize,
    /// The tag of a packed element, which is not in the input; else 0.
    implied: u8,
}

impl<'de> Decoder<'de> {
    fn peek(&self) -> Result<u8, Error> {
        match self.implied {
            0 => self.input.first().copied().ok_or_else(ended),
            tag => Ok(tag),
        }
    }

    fn tag(&mut self) -> Result<u8, Error> {
        match std::mem::take(&mut self.implied) {
            0 => Ok(u8::from_le_bytes(self.array()?)),
            tag => Ok(tag),
        }
    }

    fn take(&mut self, len: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.input.split_at_checked(len).ok_or_else(ended)?;
        self.input = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.input.split_first_chunk().ok_or_else(ended)?;
        self.input = rest;
        Ok(*taken)
    }

    /// A number of elements that have `size` bytes or more each.
    fn length(&mut self, size: usize) -> Result<usize, Error> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            let digit = u64::from(byte & 0x7f);
            if digit << shift >> shift != digit {
                break;
            }
            number |= digit << shift;
            if byte & 0x80 == 0 {
                let length = usize::try_from(number).ok();
                let fits =
                    length.and_then(|length| length.checked_mul(size)).is_some_and(|all| all <= self.input.len());
                return length.filter(|_| fits).ok_or_else(ended);
            }
        }
        Err(Error::new("a length has more than 64 bits"))
    }

    fn bytes(&mut self) -> Result<&'de [u8], Error> {
        let length = self.length(1)?;
        self.take(length)
    }

    fn text(&mut self) -> Result<&'de str, Error> {
        str::from_utf8(self.bytes()?).map_err(|error| Error::new(format!("a text is not UTF-8: {error}")))
    }

    fn character(&mut self) -> Result<char, Error> {
        let number = u32::from_le_bytes(self.array()?);
        char::from_u32(number).ok_or_else(|| Error::new(format!("{number:#x} is no character")))
    }

    /// How many elements a packed sequence has, and the tag of each.
    fn packed(&mut self) -> Result<(usize, u8), Error> {
        let count = self.length(1)?;
        let [tag] = self.array()?;
        match count.checked_mul(width(tag)) {
            Some(0) => Err(Error::new(format!("a packed sequence has {count} elements of the tag {tag:#x}"))),
            Some(size) if size <= self.input.len() => Ok((count, tag)),
            _ => Err(ended()),
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.levels = self.levels.checked_sub(1).ok_or_else(Error::too_deep)?;
        let value = read(self)?;
        self.levels += 1;
        Ok(value)
    }

    fn seq<V: Visitor<'de>>(&mut self, left: usize, packed: u8, visitor: V) -> Result<V::Value, Error> {
        self.nested(|decoder| {
            let mut items = Items { decoder, left, packed };
            let value = visitor.visit_seq(&mut items)?;
            items.end(left)?;
            Ok(value)
        })
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let left = self.length(2)?;
        self.nested(|decoder| {
            let mut items = Items { decoder, left, packed: 0 };
            let value = visitor.visit_map(&mut items)?;
            items.end(left)?;
            Ok(value)
        })
    }

    /// Skips a value, without recursion.
    fn skip(&mut self) -> Result<(), Error> {
        let mut values = 1_u128;
        while values > 0 {
            values -= 1;
            match self.tag()? {
                tag::UNIT | tag::NONE | tag::FALSE | tag::TRUE => {}
                tag::SOME => values += 1,
                tag::STR | tag::BYTES | tag::NAME => _ = self.bytes()?,
                tag::SEQ => values += self.length(1)? as u128,
                tag::PACKED => {
                    let (count, tag) = self.packed()?;
                    self.take(count * width(tag))?;
                }
                tag::MAP => values += 2 * self.length(2)? as u128,
                tag::VARIANT => {
                    self.bytes()?;
                    values += 1;
                }
                tag if width(tag) != 0 => _ = self.take(width(tag))?,
                tag => return Err(unknown(tag)),
            }
        }
        Ok(())
    }
}

#[cold]
fn ended() -> Error {
    Error::new("the bytes end in the middle of a value")
}

#[cold]
fn unknown(tag: u8) -> Error {
    Error::new(format!("{tag:#04x} is no tag of a value"))
}

macro_rules! number {
    ($decoder:ident, $visitor:ident, $($tag:ident $type:ty, $visit:ident;)*) => {
        match $decoder.tag()? {
            $(tag::$tag => $visitor.$visit(<$type>::from_le_bytes($decoder.array()?)),)*
            tag::UNIT => $visitor.visit_unit(),
            tag::NONE => $visitor.visit_none(),
            tag::SOME => $decoder.nested(|decoder| $visitor.visit_some(decoder)),
            tag::FALSE => $visitor.visit_bool(false),
            tag::TRUE => $visitor.visit_bool(true),
            tag::CHAR => $visitor.visit_char($decoder.character()?),
            tag::STR => $visitor.visit_borrowed_str($decoder.text()?),
            tag::BYTES => $visitor.visit_borrowed_bytes($decoder.bytes()?),
            tag::SEQ => {
                let count = $decoder.length(1)?;
                $decoder.seq(count, 0, $visitor)
            }
            tag::PACKED => {
                let (count, tag) = $decoder.packed()?;
                $decoder.seq(count, tag, $visitor)
            }
            tag::MAP => $decoder.map($visitor),
            tag::NAME => $visitor.visit_map(Entry::new($decoder.text()?, None)),
            tag::VARIANT => {
                let name = $decoder.text()?;
                $decoder.nested(|decoder| $visitor.visit_map(Entry::new(name, Some(decoder))))
            }
            tag => Err(unknown(tag)),
        }
    };
}

impl<'de> de::Deserializer<'de> for &mut Decoder<'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        true
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        number! { self, visitor,
            U8 u8, visit_u8;
            U16 u16, visit_u16;
            U32 u32, visit_u32;
            U64 u64, visit_u64;
            U128 u128, visit_u128;
            I8 i8, visit_i8;
            I16 i16, visit_i16;
            I32 i32, visit_i32;
            I64 i64, visit_i64;
            I128 i128, visit_i128;
            F32 f32, visit_f32;
            F64 f64, visit_f64;
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.implied == tag::U8 {
            self.implied = 0;
            let [byte] = self.array()?;
            return visitor.visit_u8(byte);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.peek()? {
            tag::NONE | tag::SOME => self.deserialize_any(visitor),
            _ => self.nested(|decoder| visitor.visit_some(decoder)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.nested(|decoder| visitor.visit_newtype_struct(decoder))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek()? != tag::NAME {
            return self.deserialize_any(visitor);
        }
        self.tag()?;
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek()? != tag::PACKED {
            return self.deserialize_any(visitor);
        }
        self.tag()?;
        match self.packed()? {
            (count, tag::U8) => visitor.visit_borrowed_bytes(self.take(count)?),
            (count, tag) => self.seq(count, tag, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.peek()? != tag::BYTES {
            return self.deserialize_any(visitor);
        }
        self.tag()?;
        let count = self.length(1)?;
        self.seq(count, tag::U8, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.tag()? {
            tag::NAME | tag::STR => visitor.visit_enum(BorrowedStrDeserializer::new(self.text()?)),
            tag::VARIANT => {
                let name = self.text()?;
                self.nested(|decoder| visitor.visit_enum(Variant { decoder, name: Some(name) }))
            }
            // What writes an enum as a map of one entry by hand.
            tag::MAP => match self.length(2)? {
                1 => self.nested(|decoder| visitor.visit_enum(Variant { decoder, name: None })),
                entries => Err(Error::new(format!("a map of {entries} entries is there where a variant is expected"))),
            },
            tag => Err(Error::new(format!("a value of the tag {tag:#04x} is there where a variant is expected"))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char unit unit_struct map struct
    }
}

/// The elements of a sequence, or the entries of a map, that are left.
struct Items<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
    packed: u8,
}

impl<'de> Items<'_, 'de> {
    #[inline]
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let before = self.decoder.input.len();
        self.decoder.implied = self.packed;
        let value = seed.deserialize(&mut *self.decoder)?;
        self.decoder.implied = 0;
        if self.decoder.input.len() == before {
            return Err(Error::new("an element was not read by the type that is to be made of it"));
        }
        Ok(value)
    }

    fn end(self, count: usize) -> Result<(), Error> {
        if self.left == 0 {
            return Ok(());
        }
        Err(Error::new(format!("{count} elements are there where {} are expected", count - self.left)))
    }
}

impl<'de> de::SeqAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.next(seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> de::MapAccess<'de> for &mut Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.next(seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant that is told as a map of one entry, see [`super`].
struct Entry<'a, 'de> {
    name: Option<&'de str>,
    content: Option<&'a mut Decoder<'de>>,
}

impl<'a, 'de> Entry<'a, 'de> {
    fn new(name: &'de str, content: Option<&'a mut Decoder<'de>>) -> Entry<'a, 'de> {
        Entry { name: Some(name), content }
    }
}

impl<'de> de::MapAccess<'de> for Entry<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.name.take().map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.content.take() {
            Some(decoder) => seed.deserialize(decoder),
            None => seed.deserialize(().into_deserializer()),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.name.is_some()))
    }
}

/// A variant that holds something.
struct Variant<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    /// Its name, if that is no value.
    name: Option<&'de str>,
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = match self.name {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            None => seed.deserialize(&mut *self.decoder),
        };
        Ok((variant?, self))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Deserialize::deserialize(self.decoder)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.decoder)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_seq(self.decoder, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self.decoder, visitor)
    }
}
