//! Reading a value.
//!
//! Invariants
//! 1. A length is compared with what is left of the input before it is used; every
//!    element and every entry has at least a byte.
//! 2. Whatever makes the author's `Deserialize` recurse without an end takes a level of
//!    [`DEPTH`], also where no byte is read (an `Option` of what is there).
//! 3. A value ends where its bytes end: what the author's `Deserialize` leaves unread of it is
//!    an error, and is never taken for the next value.

mod access;
mod input;

use serde::{
    de::{self, DeserializeOwned, Visitor, value::BorrowedStrDeserializer},
    forward_to_deserialize_any,
};

use super::{
    error::{DEPTH, Error},
    tag,
};

use access::{Entry, Items, Variant, unread};

pub(super) use input::{Input, unknown};

pub(super) fn value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut decoder = Decoder { input: Input::new(bytes)?, levels: DEPTH };
    let value = T::deserialize(&mut decoder)?;
    match decoder.input.left() {
        0 => Ok(value),
        rest => Err(Error::new(format!("{rest} bytes are behind the value, which must end the input"))),
    }
}

struct Decoder<'de> {
    input: Input<'de>,
    /// How many more values may be inside each other.
    levels: usize,
}

impl<'de> Decoder<'de> {
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.levels = self.levels.checked_sub(1).ok_or_else(Error::too_deep)?;
        let value = read(self)?;
        self.levels += 1;
        Ok(value)
    }

    /// The same for what holds one value, which `read` must read.
    fn content<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let before = self.input.left();
        let value = self.nested(read)?;
        if self.input.left() < before { Ok(value) } else { Err(unread()) }
    }

    fn seq<V: Visitor<'de>>(&mut self, count: usize, packed: u8, visitor: V) -> Result<V::Value, Error> {
        self.nested(|decoder| {
            let mut items = Items::new(decoder, count, packed);
            let value = visitor.visit_seq(&mut items)?;
            items.end(count)?;
            Ok(value)
        })
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let count = self.input.length(2)?;
        self.nested(|decoder| {
            let mut items = Items::new(decoder, count, 0);
            let value = visitor.visit_map(&mut items)?;
            items.end(count)?;
            Ok(value)
        })
    }
}

macro_rules! number {
    ($decoder:ident, $visitor:ident, $($tag:ident $type:ty, $visit:ident;)*) => {
        match $decoder.input.tag()? {
            $(tag::$tag => $visitor.$visit(<$type>::from_le_bytes($decoder.input.array()?)),)*
            tag::UNIT => $visitor.visit_unit(),
            tag::NONE => $visitor.visit_none(),
            tag::SOME => $decoder.content(|decoder| $visitor.visit_some(decoder)),
            tag::FALSE => $visitor.visit_bool(false),
            tag::TRUE => $visitor.visit_bool(true),
            tag::CHAR => $visitor.visit_char($decoder.input.character()?),
            tag::STR => $visitor.visit_borrowed_str($decoder.input.text()?),
            tag::BYTES => $visitor.visit_borrowed_bytes($decoder.input.bytes()?),
            tag::SEQ => {
                let count = $decoder.input.length(1)?;
                $decoder.seq(count, 0, $visitor)
            }
            tag::PACKED => {
                let (count, tag) = $decoder.input.packed()?;
                $decoder.seq(count, tag, $visitor)
            }
            tag::MAP => $decoder.map($visitor),
            tag::NAME => $visitor.visit_map(Entry::new($decoder.input.text()?, None)),
            tag::VARIANT => {
                let name = $decoder.input.text()?;
                $decoder.content(|decoder| $visitor.visit_map(Entry::new(name, Some(decoder))))
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
        if self.input.implied == tag::U8 {
            self.input.implied = 0;
            let [byte] = self.input.array()?;
            return visitor.visit_u8(byte);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.input.peek()? {
            tag::NONE | tag::SOME => self.deserialize_any(visitor),
            _ => self.nested(|decoder| visitor.visit_some(decoder)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.nested(|decoder| visitor.visit_newtype_struct(decoder))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.input.peek()? != tag::NAME {
            return self.deserialize_any(visitor);
        }
        self.input.tag()?;
        visitor.visit_borrowed_str(self.input.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.input.peek()? != tag::PACKED {
            return self.deserialize_any(visitor);
        }
        self.input.tag()?;
        match self.input.packed()? {
            (count, tag::U8) => visitor.visit_borrowed_bytes(self.input.take(count)?),
            (count, tag) => self.seq(count, tag, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.input.peek()? != tag::BYTES {
            return self.deserialize_any(visitor);
        }
        self.input.tag()?;
        let count = self.input.length(1)?;
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
        match self.input.tag()? {
            tag::NAME | tag::STR => visitor.visit_enum(BorrowedStrDeserializer::new(self.input.text()?)),
            tag::VARIANT => {
                let name = self.input.text()?;
                self.nested(|decoder| Variant::visit(decoder, Some(name), visitor))
            }
            // A `Serialize` by hand may write an enum as a map of one entry.
            tag::MAP => match self.input.length(2)? {
                1 => self.nested(|decoder| Variant::visit(decoder, None, visitor)),
                entries => Err(Error::new(format!("a map of {entries} entries is there where a variant is expected"))),
            },
            tag => Err(Error::new(format!("a value of the tag {tag:#04x} is there where a variant is expected"))),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.input.skip()?;
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u16 u32 u64 u128 f32 f64 char unit unit_struct map struct
    }
}
