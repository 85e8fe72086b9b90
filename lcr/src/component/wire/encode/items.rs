//! Sequences, maps and structs that are being written.

use std::{collections::HashSet, mem, ops::Range};

use serde::{Serialize, ser};

use super::{
    super::{
        error::{Cause, Error},
        tag::{self, width},
    },
    Encoder, length,
};

/// A sequence, map or struct that is being written.
pub(super) struct Items<'a, 'u> {
    encoder: &'a mut Encoder<'u>,
    /// Where its length is; the tag is before that.
    start: usize,
    /// Where its first element is.
    body: usize,
    /// Elements of a sequence, keys of a map, fields of a struct.
    count: usize,
    /// How many levels end with it.
    levels: usize,
    /// The tag of all elements so far; 0 if they have none in common.
    packed: u8,
    /// A key of a map was written, and its value was not.
    half: bool,
    /// The name of a struct's first field: where it is an internally tagged variant, the tag.
    first: &'static str,
    keys: Keys,
}

/// What is looked for among the keys of a map.
enum Keys {
    /// Nothing.
    Plain,
    /// Whether its first key is a tag.
    New,
    /// Another key that is the tag.
    Tagged,
    /// A map whose length was not announced: serde writes a struct with flattened fields so.
    Flattened {
        /// How many of [`Encoder::keys`] are not its own.
        outer: usize,
        /// A bit for each key, chosen by the key.
        seen: u64,
        /// Two keys have one bit.
        alike: bool,
    },
}

impl<'a, 'u> Items<'a, 'u> {
    /// Begins a sequence or struct. `levels` end with it, its own one included.
    pub(super) fn begin(
        encoder: &'a mut Encoder<'u>,
        tag: u8,
        announced: Option<usize>,
        levels: usize,
    ) -> Result<Items<'a, 'u>, Error> {
        encoder.enter()?;
        encoder.tag(tag);
        let start = encoder.out.len();
        let (length, digits) = length(announced.unwrap_or(0));
        encoder.out.extend_from_slice(&length[..digits]);
        let body = encoder.out.len();
        Ok(Items { encoder, start, body, count: 0, levels, packed: 0, half: false, first: "", keys: Keys::Plain })
    }

    /// Begins a map.
    pub(super) fn begin_map(encoder: &'a mut Encoder<'u>, announced: Option<usize>) -> Result<Items<'a, 'u>, Error> {
        let keys = match announced {
            Some(_) => Keys::New,
            None => Keys::Flattened { outer: encoder.keys.len(), seen: 0, alike: false },
        };
        Items::begin(encoder, tag::MAP, announced, 1).map(|items| Items { keys, ..items })
    }

    /// Writes a value; notes its error, which the author's code may ignore.
    #[inline]
    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let encoder = &mut *self.encoder;
        let wanted = if encoder.out.len() >= encoder.next_look { encoder.look() } else { Ok(()) };
        wanted.and_then(|()| value.serialize(encoder)).inspect_err(|error| self.note(error))
    }

    #[cold]
    fn note(&mut self, error: &Error) {
        self.encoder.failed = Some(error.clone());
    }

    /// Refuses what the author's `Serialize` does, also if it ignores the error.
    #[cold]
    fn refuse(&mut self, text: &str) -> Result<(), Error> {
        let error = Error::new(text);
        self.note(&error);
        Err(error)
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let at = self.encoder.out.len();
        let outer = mem::replace(&mut self.encoder.missed, false);
        self.encoder.elide = self.packed;
        self.write(value)?;
        let missed = mem::replace(&mut self.encoder.missed, outer);
        if self.count == 0 {
            self.pack(at);
        } else if missed {
            self.unpack(at);
        }
        self.count += 1;
        Ok(())
    }

    /// Begins to leave out tags if the first element, which begins at `at`, is a scalar.
    fn pack(&mut self, at: usize) {
        let tag = self.encoder.out.get(at).copied().unwrap_or(0);
        self.packed = if width(tag) == 0 { 0 } else { tag };
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

    #[inline]
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        if self.half {
            return self.refuse("a map is given two keys in succession; a value must follow each key");
        }
        let at = self.encoder.out.len();
        self.write(key)?;
        self.half = true;
        self.count += 1;
        if !matches!(self.keys, Keys::Plain) {
            // Serde gives the tag as a `str`, which is unsized; the keys of maps have a size.
            self.look_at_key(at, size_of::<&T>() != size_of::<usize>());
        }
        Ok(())
    }

    #[inline]
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if !self.half {
            return self.refuse("a map is given a value without a key; a key must be before each value");
        }
        self.half = false;
        self.write(value)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        self.encoder.blob(tag::STR, name.as_bytes());
        if self.count == 0 {
            self.first = name;
        } else if name == self.first {
            self.encoder.doubt = Some(Cause::Repeated);
        }
        self.count += 1;
        self.write(value)
    }

    /// Looks at the key that begins at `at`. Keys are compared without their tags: serde's
    /// reader of fields' names takes a text, bytes and a variant of one name for one.
    fn look_at_key(&mut self, at: usize, is_unsized: bool) {
        let Encoder { out, keys, doubt, .. } = &mut *self.encoder;
        let start = (at + 1).min(out.len());
        let (before, key) = out.split_at(start);
        match &mut self.keys {
            Keys::Plain => {}
            Keys::New => self.keys = if is_unsized { Keys::Tagged } else { Keys::Plain },
            // No text's bytes are the beginning of another's.
            Keys::Tagged if before[self.body + 1..].starts_with(key) => *doubt = Some(Cause::Repeated),
            Keys::Tagged => {}
            Keys::Flattened { seen, alike, .. } => {
                let kind = before.get(at).copied();
                if let Some(tag::NONE | tag::SOME | tag::SEQ | tag::PACKED | tag::MAP | tag::VARIANT) = kind {
                    *doubt = Some(Cause::Key);
                }
                let sum = key.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
                let bit = 1 << (sum % 64);
                *alike |= *seen & bit != 0;
                *seen |= bit;
                keys.push(start..out.len());
            }
        }
    }

    /// Whether a key of a flattened map is there twice: a field, and a key of a map beside it.
    fn repeats_a_key(&mut self) -> bool {
        let Keys::Flattened { outer, alike, .. } = self.keys else {
            return false;
        };
        let Encoder { out, keys, .. } = &mut *self.encoder;
        let own = &keys[outer..];
        let key = |range: &Range<usize>| &out[range.clone()];
        let repeats = alike
            && match own {
                few if few.len() <= 16 => {
                    (1..few.len()).any(|at| few[..at].iter().any(|one| key(one) == key(&few[at])))
                }
                many => {
                    let mut distinct = HashSet::with_capacity(many.len());
                    !many.iter().all(|range| distinct.insert(key(range)))
                }
            };
        keys.truncate(outer);
        repeats
    }

    fn end_seq(self) -> Result<(), Error> {
        if self.packed != 0 {
            self.encoder.out[self.start - 1] = tag::PACKED;
        }
        self.end()
    }

    fn end_map(mut self) -> Result<(), Error> {
        if self.half {
            return self.refuse("a map ends after a key; a value must follow each key");
        }
        if self.repeats_a_key() {
            self.encoder.doubt = Some(Cause::Repeated);
        }
        self.end()
    }

    /// Writes the length, for which what was announced made room.
    fn end(self) -> Result<(), Error> {
        let (length, digits) = length(self.count);
        let out = &mut self.encoder.out;
        if self.body - self.start == digits {
            out[self.start..self.body].copy_from_slice(&length[..digits]);
        } else {
            out.splice(self.start..self.body, length[..digits].iter().copied());
        }
        self.encoder.depth -= self.levels;
        Ok(())
    }
}

macro_rules! compounds {
    ($($trait:ident: $($item:ident($($name:ident: $type:ty)?) by $write:ident),*; $end:ident.)*) => {$(
        impl ser::$trait for Items<'_, '_> {
            type Ok = ();
            type Error = Error;
            $(#[inline]
            fn $item<T: Serialize + ?Sized>(&mut self, $($name: $type,)? value: &T) -> Result<(), Error> {
                self.$write($($name,)? value)
            })*
            fn end(self) -> Result<(), Error> {
                self.$end()
            }
        }
    )*};
}

compounds! {
    SerializeSeq: serialize_element() by element; end_seq.
    SerializeTuple: serialize_element() by element; end_seq.
    SerializeTupleStruct: serialize_field() by element; end_seq.
    SerializeTupleVariant: serialize_field() by element; end_seq.
    SerializeMap: serialize_key() by key, serialize_value() by value; end_map.
    SerializeStruct: serialize_field(name: &'static str) by field; end.
    SerializeStructVariant: serialize_field(name: &'static str) by field; end.
}
