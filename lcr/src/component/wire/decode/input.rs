//! The bytes that are left to read.

use std::str;

use super::super::{
    error::{Error, FORMAT},
    tag::{self, width},
};

pub(in super::super) struct Input<'de> {
    rest: &'de [u8],
    /// The tag of a packed element, which is not among the bytes; else 0.
    pub(super) implied: u8,
}

impl<'de> Input<'de> {
    /// What is behind the format's own byte.
    pub(in super::super) fn new(bytes: &'de [u8]) -> Result<Input<'de>, Error> {
        match bytes.split_first() {
            Some((&FORMAT, rest)) => Ok(Input::of(rest)),
            _ => Err(Error::new("these bytes are no value in lcr's wire format; they do not begin as one")),
        }
    }

    /// These bytes, which begin with a value.
    pub(in super::super) fn of(rest: &'de [u8]) -> Input<'de> {
        Input { rest, implied: 0 }
    }

    /// How many bytes are left.
    pub(in super::super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn peek(&self) -> Result<u8, Error> {
        match self.implied {
            0 => self.rest.first().copied().ok_or_else(ended),
            tag => Ok(tag),
        }
    }

    pub(in super::super) fn tag(&mut self) -> Result<u8, Error> {
        match std::mem::take(&mut self.implied) {
            0 => Ok(u8::from_le_bytes(self.array()?)),
            tag => Ok(tag),
        }
    }

    pub(in super::super) fn take(&mut self, len: usize) -> Result<&'de [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(ended)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(ended)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A number of elements that have `size` bytes or more each.
    pub(in super::super) fn length(&mut self, size: usize) -> Result<usize, Error> {
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
                let fits = length.and_then(|length| length.checked_mul(size)).is_some_and(|all| all <= self.rest.len());
                return length.filter(|_| fits).ok_or_else(ended);
            }
        }
        Err(Error::new("a length has more than 64 bits"))
    }

    pub(in super::super) fn bytes(&mut self) -> Result<&'de [u8], Error> {
        let length = self.length(1)?;
        self.take(length)
    }

    pub(in super::super) fn text(&mut self) -> Result<&'de str, Error> {
        str::from_utf8(self.bytes()?).map_err(|error| Error::new(format!("a text is not UTF-8: {error}")))
    }

    pub(super) fn character(&mut self) -> Result<char, Error> {
        let number = u32::from_le_bytes(self.array()?);
        char::from_u32(number).ok_or_else(|| Error::new(format!("{number:#x} is no character")))
    }

    /// How many elements a packed sequence has, and the tag of each.
    pub(in super::super) fn packed(&mut self) -> Result<(usize, u8), Error> {
        let count = self.length(1)?;
        let [tag] = self.array()?;
        match count.checked_mul(width(tag)) {
            Some(0) => Err(Error::new(format!("a packed sequence has {count} elements of the tag {tag:#x}"))),
            Some(size) if size <= self.rest.len() => Ok((count, tag)),
            _ => Err(ended()),
        }
    }

    /// Skips a value, without recursion.
    pub(in super::super) fn skip(&mut self) -> Result<(), Error> {
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
pub(in super::super) fn unknown(tag: u8) -> Error {
    Error::new(format!("{tag:#04x} is no tag of a value"))
}
