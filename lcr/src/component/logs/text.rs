//! A buffer for the texts of one record: on the stack, and on the heap only if they are long.

use std::fmt;

/// Room for the texts of most records.
const ROOM: usize = 256;

pub(super) struct Text {
    near: [u8; ROOM],
    len: usize,
    /// Everything, once it does not fit into `near`.
    far: Vec<u8>,
}

impl Text {
    pub(super) fn new() -> Text {
        Text { near: [0; ROOM], len: 0, far: Vec::new() }
    }

    #[cfg(any(feature = "tracing", test))]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.far.is_empty() && end <= ROOM {
            self.near[self.len..end].copy_from_slice(bytes);
        } else {
            if self.far.is_empty() {
                self.far.reserve(end.max(2 * ROOM));
                self.far.extend_from_slice(&self.near[..self.len]);
            }
            self.far.extend_from_slice(bytes);
        }
        self.len = end;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        if self.far.is_empty() { &self.near[..self.len] } else { &self.far }
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn texts_of_any_length_follow_each_other() {
        for step in [1, 7, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let (mut text, mut expected) = (Text::new(), Vec::new());
            for byte in 0..5_u8 {
                text.push(&vec![byte; step]);
                expected.extend(vec![byte; step]);
                assert_eq!((text.bytes(), text.len()), (&expected[..], expected.len()));
            }
        }
    }
}
