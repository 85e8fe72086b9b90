//! A check's name, as it stands on the board.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many bytes a check's name may have.
pub(crate) const LABEL: usize = 48;

const WORDS: usize = LABEL / 8;

/// A name of at most [`LABEL`] bytes: text without control characters, whatever it was read from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    len: u8,
    bytes: [u8; LABEL],
}

impl Label {
    /// `name`, if it is not empty, not too long and without control characters.
    pub(crate) fn new(name: &str) -> Option<Label> {
        if name.is_empty() || name.len() > LABEL || name.chars().any(char::is_control) {
            return None;
        }
        let mut bytes = [0; LABEL];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Some(Label { len: name.len() as u8, bytes })
    }

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..self.len as usize]).unwrap_or("?")
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A label in shared memory: zero bytes follow the text. The instance writes it before the word that publishes
/// it. A reader that comes at another time finds any bytes, which `read` makes harmless.
#[repr(C)]
#[derive(Debug)]
pub(super) struct LabelLayout([AtomicU64; WORDS]);

impl LabelLayout {
    pub(super) fn write(&self, label: &Label) {
        for (word, bytes) in self.0.iter().zip(label.bytes.chunks_exact(8)) {
            word.store(u64::from_ne_bytes(bytes.try_into().unwrap_or_default()), Ordering::Relaxed);
        }
    }

    /// What stands there, as text. Bytes that `Label::new` would not take read as `?`.
    pub(super) fn read(&self) -> Label {
        let mut bytes = [0; LABEL];
        for (word, bytes) in self.0.iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes());
        }
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(LABEL);
        match str::from_utf8(&bytes[..len]).ok().and_then(Label::new) {
            Some(label) => label,
            None => Label { len: 1, bytes: std::array::from_fn(|at| if at == 0 { b'?' } else { 0 }) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(byte: u8) -> LabelLayout {
        LabelLayout(std::array::from_fn(|_| AtomicU64::new(u64::from_ne_bytes([byte; 8]))))
    }

    #[test]
    fn a_name_survives_the_board() {
        for name in ["a", "database writer", "\u{e9}t\u{e9}", &"x".repeat(LABEL)] {
            let layout = layout(0xff);
            layout.write(&Label::new(name).unwrap());
            assert_eq!(layout.read().as_str(), name);
        }
    }

    #[test]
    fn names_that_break_a_log_line_are_refused() {
        for name in ["", "a\nb", "\u{1b}[31m", &"x".repeat(LABEL + 1)] {
            assert!(Label::new(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn any_bytes_read_as_harmless_text() {
        for byte in 0..=255 {
            let text = layout(byte).read();
            assert!(!text.as_str().is_empty());
            assert!(!text.as_str().chars().any(char::is_control));
        }
    }
}
