//! The records of the section, and what is packed in one.

use std::collections::HashMap;

use crate::{
    abi::{
        shape::fnv1a,
        source_text::{HEADER, LIMIT, MAGIC},
    },
    error::{Error, ErrorKind, Result},
    host::image::reader::Reader,
};

/// What errors call these bytes.
const WHAT: &str = "source text";

/// The records of a file, by their numbers. None is unpacked yet.
#[derive(Debug)]
pub(super) struct Records<'a>(HashMap<u64, Record<'a>>);

/// One record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    number: u64,
    body: &'a [u8],
}

/// What is packed in a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) file: String,
    pub(super) methods: Vec<Method>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    pub(super) name: String,
    pub(super) line: u32,
    pub(super) text: String,
}

impl<'a> Records<'a> {
    /// Finds the records. A linker may have put zeros between them.
    ///
    /// # Errors
    /// `BadManifest`; `Mismatch` if a record has a form of a later version.
    pub(super) fn of(sections: &[&'a [u8]]) -> Result<Records<'a>> {
        let mut records = HashMap::new();
        for section in sections {
            let mut rest = *section;
            while let Some(start) = rest.iter().position(|&byte| byte != 0) {
                let (record, behind) = next(&rest[start..])?;
                records.insert(record.number, record);
                rest = behind;
            }
        }
        Ok(Records(records))
    }

    pub(super) fn get(&self, number: u64) -> Option<&Record<'a>> {
        self.0.get(&number)
    }

    #[cfg(feature = "fuzzing")]
    pub(super) fn all(&self) -> impl Iterator<Item = &Record<'a>> {
        self.0.values()
    }
}

/// The record that `bytes` begin with, and what is behind it.
fn next(bytes: &[u8]) -> Result<(Record<'_>, &[u8])> {
    let mut reader = Reader::of(WHAT, bytes);
    let magic = reader.take(MAGIC.len())?;
    if magic[..7] != MAGIC[..7] {
        return Err(reader.error(format_args!("\"{}\" found for a record", magic.escape_ascii())));
    }
    if magic[7] != MAGIC[7] {
        let text = format!(
            "its source text has form {}, and this version of lcr reads form {}; read it with the lcr that it was \
             built with",
            magic[7], MAGIC[7]
        );
        return Err(Error::new(ErrorKind::Mismatch, text));
    }
    let total = reader.u32()? as usize;
    let number = reader.u64()?;
    if total < HEADER || total > bytes.len() {
        return Err(reader.error(format_args!("a record of {total} bytes")));
    }
    let (record, behind) = bytes.split_at(total);
    Ok((Record { number, body: &record[HEADER..] }, behind))
}

impl Record<'_> {
    /// Unpacks and reads the record. Takes its bytes from `room`.
    ///
    /// # Errors
    /// `BadManifest` if a byte is wrong, or the room is too small.
    pub(super) fn unpack(&self, room: &mut usize) -> Result<Text> {
        let mut reader = Reader::of(WHAT, self.body);
        if fnv1a(self.body) != self.number {
            return Err(reader.error("a record that does not match its checksum"));
        }
        let len = reader.u32()? as usize;
        if len > LIMIT || len > *room {
            return Err(reader.error(format_args!("a text of {len} bytes, the limit is {},", LIMIT.min(*room))));
        }
        let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(reader.rest(), len);
        let table = unpacked.map_err(|error| reader.error(format_args!("{:?} while unpacking", error.status)))?;
        if table.len() != len {
            return Err(reader.error(format_args!("{} bytes found for {len}", table.len())));
        }
        *room -= len;
        Text::read(&table)
    }
}

impl Text {
    fn read(table: &[u8]) -> Result<Text> {
        let mut reader = Reader::of(WHAT, table);
        let file = reader.name()?.to_owned();
        let methods = reader.list(|reader| {
            let (name, line) = (reader.name()?.to_owned(), reader.u32()?);
            let len = reader.u32()? as usize;
            let bytes = reader.take(len)?;
            match str::from_utf8(bytes) {
                Ok(text) => Ok(Method { name, line, text: text.to_owned() }),
                Err(error) => Err(reader.error(format_args!("a text of `{name}` that is no UTF-8")).with_source(error)),
            }
        })?;
        reader.end()?;
        Ok(Text { file, methods })
    }
}
