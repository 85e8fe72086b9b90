//! JSON that is written piece by piece, up to a limit.

use std::{fmt, io};

use crate::host::reflect::view::Broken;

/// JSON so far.
pub(super) struct Out {
    text: Vec<u8>,
    limit: usize,
}

/// The text would be longer than its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Why a value was not written as JSON.
#[derive(Debug)]
pub(crate) enum NotWritten {
    /// It has more bytes as JSON than the limit.
    TooLong,
    /// Its sender is broken.
    Broken(String),
}

impl fmt::Display for NotWritten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotWritten::TooLong => f.write_str("it is longer than the limit"),
            NotWritten::Broken(what) => write!(f, "it has {what}; its sender is broken"),
        }
    }
}

impl From<Full> for NotWritten {
    fn from(_: Full) -> NotWritten {
        NotWritten::TooLong
    }
}

impl From<Broken> for NotWritten {
    fn from(broken: Broken) -> NotWritten {
        NotWritten::Broken(broken.to_string())
    }
}

impl Out {
    pub(super) fn new(limit: usize) -> Out {
        Out { text: Vec::new(), limit }
    }

    /// What was written.
    pub(super) fn into_text(self) -> String {
        String::from_utf8(self.text).expect("only texts are written")
    }

    /// How many bytes are left of the limit.
    fn left(&self) -> usize {
        self.limit - self.text.len()
    }

    /// Another text, that may have what is left of this one's limit.
    pub(super) fn rest(&self) -> Out {
        Out::new(self.left())
    }

    pub(super) fn raw(&mut self, text: &str) -> Result<(), Full> {
        if text.len() > self.left() {
            return Err(Full);
        }
        self.text.extend_from_slice(text.as_bytes());
        Ok(())
    }

    /// Writes what needs no quotes.
    pub(super) fn number(&mut self, number: impl fmt::Display) -> Result<(), Full> {
        fmt::Write::write_fmt(self, format_args!("{number}")).map_err(|_| Full)
    }

    pub(super) fn u8(&mut self, number: u8) -> Result<(), Full> {
        let digits = [b'0' + number / 100, b'0' + number / 10 % 10, b'0' + number % 10];
        let zeros = digits[..2].iter().take_while(|digit| **digit == b'0').count();
        self.raw(str::from_utf8(&digits[zeros..]).expect("digits are a text"))
    }

    /// Writes a string, in quotes.
    pub(super) fn string(&mut self, text: &str) -> Result<(), Full> {
        // No escape is shorter than what it stands for.
        if text.len() > self.left() {
            return Err(Full);
        }
        serde_json::to_writer(self, text).map_err(|_| Full)
    }

    /// Writes hexadecimal digits, in quotes.
    pub(super) fn hex(&mut self, bytes: &[u8]) -> Result<(), Full> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // With the quotes.
        if self.left() < 2 || bytes.len() > (self.left() - 2) / 2 {
            return Err(Full);
        }
        self.raw("\"")?;
        self.text.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)])));
        self.raw("\"")
    }

    /// Writes a comma before each item but the first.
    pub(super) fn separate(&mut self, place: usize) -> Result<(), Full> {
        if place > 0 { self.raw(",") } else { Ok(()) }
    }

    pub(super) fn float(&mut self, value: f64, shortest: impl fmt::Debug) -> Result<(), Full> {
        match value {
            _ if value.is_nan() => self.raw("\"NaN\""),
            f64::INFINITY => self.raw("\"inf\""),
            f64::NEG_INFINITY => self.raw("\"-inf\""),
            // As Rust writes a float: `1.0`, `1e300`, with the digits that lead back to it.
            _ => fmt::Write::write_fmt(self, format_args!("{shortest:?}")).map_err(|_| Full),
        }
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text).map_err(|Full| fmt::Error)
    }
}

impl io::Write for Out {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if text.len() > self.left() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What `write` writes of eight bytes at each limit.
    #[track_caller]
    fn assert_limited(write: impl Fn(&mut Out) -> Result<(), Full>) {
        for limit in 0..20 {
            let mut out = Out::new(limit);
            assert_eq!(write(&mut out), if limit < 8 { Err(Full) } else { Ok(()) }, "with a limit of {limit}");
            assert!(out.text.len() <= limit, "{} bytes with a limit of {limit}", out.text.len());
            assert_eq!(out.rest().limit, limit - out.text.len());
        }
    }

    #[test]
    fn nothing_is_longer_than_the_limit() {
        assert_limited(|out| out.raw("12345678"));
        assert_limited(|out| out.number(12_345_678));
        assert_limited(|out| out.string("123456"));
        assert_limited(|out| out.string("12\n\""));
        assert_limited(|out| out.hex(&[1, 2, 3]));
        assert_limited(|out| out.float(1.234_567, 1.234_567_f64));
    }
}
