//! What a container gives to its reader: elements, entries, a variant's content.
//!
//! The author's `Visitor` decides how much it asks for. What it leaves unread would be taken
//! for the next value, so each container here is refused then.

use serde::{
    Deserialize,
    de::{self, DeserializeSeed, IntoDeserializer as _, Visitor, value::BorrowedStrDeserializer},
};

use super::{super::error::Error, Decoder};

#[cold]
pub(super) fn unread() -> Error {
    Error::new("a value that is there was not read by the type that is to be made of it")
}

/// The elements of a sequence, or the entries of a map, that are left.
pub(super) struct Items<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
    packed: u8,
    /// A map's key was read, and its value was not.
    half: bool,
}

impl<'a, 'de> Items<'a, 'de> {
    /// So many elements; `packed` is the tag that they share, or 0.
    pub(super) fn new(decoder: &'a mut Decoder<'de>, left: usize, packed: u8) -> Items<'a, 'de> {
        Items { decoder, left, packed, half: false }
    }

    #[inline]
    fn next<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Error> {
        let before = self.decoder.input.left();
        self.decoder.input.implied = self.packed;
        let value = seed.deserialize(&mut *self.decoder)?;
        self.decoder.input.implied = 0;
        if self.decoder.input.left() == before { Err(unread()) } else { Ok(value) }
    }

    /// Ends a container that had `count` elements.
    pub(super) fn end(self, count: usize) -> Result<(), Error> {
        match self.left {
            0 if self.half => Err(unread()),
            0 => Ok(()),
            left => Err(Error::new(format!("{count} elements are there where {} are expected", count - left))),
        }
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
        if self.half {
            return Err(unread());
        }
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.half = true;
        self.next(seed).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        if !self.half {
            return Err(Error::new("a map's value is asked for before its key"));
        }
        self.half = false;
        self.next(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// A variant that is told as a map of one entry, see [`wire`](super::super).
pub(super) struct Entry<'a, 'de> {
    name: Option<&'de str>,
    content: Option<&'a mut Decoder<'de>>,
}

impl<'a, 'de> Entry<'a, 'de> {
    pub(super) fn new(name: &'de str, content: Option<&'a mut Decoder<'de>>) -> Entry<'a, 'de> {
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
pub(super) struct Variant<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    /// Its name; `None` if a value before the content is the name.
    name: Option<&'de str>,
    /// How many bytes are left where its content begins.
    content: &'a mut usize,
}

impl<'de> Variant<'_, 'de> {
    /// Gives a variant to `visitor`, which must read all of it.
    pub(super) fn visit<V: Visitor<'de>>(
        decoder: &mut Decoder<'de>,
        name: Option<&'de str>,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut content = 0;
        let value = visitor.visit_enum(Variant { decoder: &mut *decoder, name, content: &mut content })?;
        if decoder.input.left() < content { Ok(value) } else { Err(unread()) }
    }
}

impl<'de> de::EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let variant = match self.name {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            None => seed.deserialize(&mut *self.decoder),
        };
        *self.content = self.decoder.input.left();
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
