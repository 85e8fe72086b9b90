//! Walking through an encoded value, for code that does not know its type.

use super::{
    decode::{Input, unknown},
    error::Error,
    tag::{self, width},
};

/// The next thing in an encoded value. What holds values is followed by them.
pub(crate) enum Item<'a> {
    Unit,
    None,
    /// A value follows.
    Some,
    Bool(bool),
    Char(char),
    Unsigned(u128),
    Signed(i128),
    F32(f32),
    F64(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A variant without a content.
    Name(&'a str),
    /// So many values follow.
    Seq(usize),
    /// So many pairs of values follow.
    Map(usize),
    /// A value follows.
    Variant(&'a str),
}

/// The things in an encoded value, in their order.
pub(crate) struct Items<'a> {
    input: Input<'a>,
    /// The tag of the packed elements that follow, and how many do.
    packed: (u8, usize),
}

impl<'a> Items<'a> {
    /// Those of this value.
    ///
    /// # Errors
    /// If the bytes are none.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Items<'a>, Error> {
        Ok(Items { input: Input::new(bytes)?, packed: (0, 0) })
    }

    /// Whether all bytes were read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.input.left() == 0
    }

    /// Reads the next thing.
    ///
    /// # Errors
    /// If there is none, or its bytes are damaged.
    pub(crate) fn next(&mut self) -> Result<Item<'a>, Error> {
        let tag = match &mut self.packed {
            (_, 0) => self.input.tag()?,
            (tag, left) => {
                *left -= 1;
                *tag
            }
        };
        Ok(match tag {
            tag::UNIT => Item::Unit,
            tag::NONE => Item::None,
            tag::SOME => Item::Some,
            tag::FALSE => Item::Bool(false),
            tag::TRUE => Item::Bool(true),
            tag::STR => Item::Text(self.input.text()?),
            tag::BYTES => Item::Bytes(self.input.bytes()?),
            tag::NAME => Item::Name(self.input.text()?),
            tag::SEQ => Item::Seq(self.input.length(1)?),
            tag::MAP => Item::Map(self.input.length(2)?),
            tag::VARIANT => Item::Variant(self.input.text()?),
            tag::PACKED => {
                let (count, tag) = self.input.packed()?;
                self.packed = (tag, count);
                Item::Seq(count)
            }
            tag if width(tag) != 0 => self.scalar(tag)?,
            tag => return Err(unknown(tag)),
        })
    }

    fn scalar(&mut self, tag: u8) -> Result<Item<'a>, Error> {
        let mut bytes = [0; 16];
        let taken = self.input.take(width(tag))?;
        bytes[..taken.len()].copy_from_slice(taken);
        let number = u128::from_le_bytes(bytes);
        // The highest bits to the top and back, which keeps the sign.
        let signed = |width: usize| (number << (128 - 8 * width)) as i128 >> (128 - 8 * width);
        Ok(match tag {
            tag::CHAR => {
                let character = u32::try_from(number).ok().and_then(char::from_u32);
                Item::Char(character.ok_or_else(|| Error::new(format!("{number:#x} is no character")))?)
            }
            tag::F32 => Item::F32(f32::from_bits(number as u32)),
            tag::F64 => Item::F64(f64::from_bits(number as u64)),
            tag::I8 | tag::I16 | tag::I32 | tag::I64 | tag::I128 => Item::Signed(signed(width(tag))),
            _ => Item::Unsigned(number),
        })
    }
}
