//! Text in memory of a fixed size: the supervisor allocates nothing.

use std::fmt::{self, Write};

/// Up to `N` bytes of text. What does not fit is cut off.
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Text<N> {
        Text { bytes: [0; N], len: 0 }
    }

    pub(crate) fn of(arguments: fmt::Arguments<'_>) -> Text<N> {
        let mut text = Text::new();
        // Writing cuts off and never fails.
        let _ = text.write_fmt(arguments);
        text
    }

    /// Bytes of another process as one line: this replaces what is no text, and what could change how a
    /// terminal shows the line.
    pub(crate) fn plain(bytes: &[u8]) -> Text<N> {
        let mut text = Text::new();
        for chunk in bytes.utf8_chunks() {
            for character in chunk.valid().chars() {
                let shown = if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
                let _ = text.write_char(shown);
            }
            if !chunk.invalid().is_empty() {
                let _ = text.write_char(char::REPLACEMENT_CHARACTER);
            }
        }
        text
    }

    /// Appends as much of `text` as fits, and returns how many bytes that was.
    pub(crate) fn take(&mut self, text: &str) -> usize {
        let room = N - self.len;
        let fits = (0..=room.min(text.len())).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        self.bytes[self.len..self.len + fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.len += fits;
        fits
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.take(text);
        Ok(())
    }
}

/// Bytes as a string of JSON. Bytes that are no text are replaced.
pub(crate) struct Json<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Json<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '"' => out.write_str("\\\"")?,
                    '\\' => out.write_str("\\\\")?,
                    control if control < ' ' => write!(out, "\\u{:04x}", u32::from(control))?,
                    other => out.write_char(other)?,
                }
            }
            if !chunk.invalid().is_empty() {
                out.write_char(char::REPLACEMENT_CHARACTER)?;
            }
        }
        out.write_char('"')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_off_between_characters() {
        let text = Text::<5>::of(format_args!("{}{}", "ab", "c\u{e9}\u{e9}"));
        assert_eq!(text.as_bytes(), "abc\u{e9}".as_bytes());
    }

    #[test]
    fn words_of_strangers_stay_on_one_line() {
        let text = Text::<64>::plain(b"a\x1b[2J\n\xffb\xc2\x9b");
        assert_eq!(text.as_bytes(), "a\u{fffd}[2J\u{fffd}\u{fffd}b\u{fffd}".as_bytes());
    }

    #[test]
    fn json_strings_are_escaped() {
        assert_eq!(Json(b"a\"b\\c\n\xc3\xa9\xff").to_string(), "\"a\\\"b\\\\c\\u000a\u{e9}\u{fffd}\"");
    }
}
