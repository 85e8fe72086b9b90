//! A cursor over encoded bytes that are not trusted: manifests, interfaces, shapes, source text.
//!
//! Invariants:
//! 1. Never panics and never reads beyond its bytes; each failure says where and what was expected.
//! 2. Allocates only for items that were read, so a list that claims 65,535 items costs nothing.

use crate::error::{Error, ErrorKind, Result};

/// Reads little-endian numbers, names and lists, front to back.
pub(in crate::host) struct Reader<'a> {
    /// What the bytes are, for errors.
    what: &'static str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::host) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader::of("manifest", bytes)
    }

    /// A reader whose errors call the bytes `what`.
    pub(in crate::host) fn of(what: &'static str, bytes: &'a [u8]) -> Reader<'a> {
        Reader { what, bytes, at: 0 }
    }

    /// An error at the place up to which this has read.
    #[cold]
    pub(in crate::host) fn error(&self, found: impl std::fmt::Display) -> Error {
        let (what, at) = (self.what, self.at);
        let text = format!("damaged {what}: {found} before byte {at}; build or copy the library again");
        Error::new(ErrorKind::BadManifest, text)
    }

    pub(in crate::host) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..len) else {
            return Err(self.error(format_args!("{len} bytes expected, {} left", rest.len())));
        };
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(in crate::host) fn u8(&mut self) -> Result<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(in crate::host) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(in crate::host) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(in crate::host) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(in crate::host) fn i64(&mut self) -> Result<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A byte that is 0 or 1.
    pub(in crate::host) fn flag(&mut self) -> Result<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(self.error(format_args!("{other} found for yes or no"))),
        }
    }

    /// A name or short text. Control characters are refused: names end up on terminals.
    pub(in crate::host) fn name(&mut self) -> Result<&'a str> {
        let len = self.u16()?;
        let bytes = self.take(len.into())?;
        match str::from_utf8(bytes) {
            Ok(name) if !name.contains(char::is_control) => Ok(name),
            _ => Err(self.error(format_args!("\"{}\" found for a name", bytes.escape_ascii()))),
        }
    }

    /// A counted list.
    pub(in crate::host) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let count = self.u16()?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// The bytes that are left.
    pub(in crate::host) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Refuses bytes after the last item.
    pub(in crate::host) fn end(&self) -> Result<()> {
        match self.rest().len() {
            0 => Ok(()),
            more => Err(self.error(format_args!("{more} bytes too many"))),
        }
    }
}
