//! Notes where a fault began while the fault passes through this image as a panic.
//!
//! A panic carries a text only, because authors' code, hooks and test harnesses expect such a
//! payload. So the code that turns a fault into a panic also leaves a note in this image, for its
//! thread, that says where the fault began. The barrier that catches a panic of the same text
//! passes the note on to the next image.
//!
//! A panic that an author catches leaves its note behind. The next note replaces it, and a panic of
//! another text does not take it.

use std::{cell::Cell, mem::ManuallyDrop};

use crate::abi::fault::Beginning;

struct Note {
    text: String,
    beginning: Beginning,
}

thread_local! {
    // Without a destructor, which would tie the image to the thread: a note that is left when the
    // thread ends is leaked.
    static NOTE: Cell<ManuallyDrop<Option<Box<Note>>>> = const { Cell::new(ManuallyDrop::new(None)) };
}

fn replace(note: Option<Box<Note>>) -> Option<Box<Note>> {
    NOTE.with(|cell| ManuallyDrop::into_inner(cell.replace(ManuallyDrop::new(note))))
}

/// Notes where a fault began that is about to become a panic with the text `text`.
pub(super) fn note(text: &str, beginning: Beginning) {
    drop(replace(Some(Box::new(Note { text: text.to_owned(), beginning }))));
}

/// Takes the note of a panic with the text `text`: where its fault began. `None` if the panic was no
/// fault.
pub(super) fn take(text: &str) -> Option<Beginning> {
    replace(None).filter(|note| note.text == text).map(|note| note.beginning)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_taken_once_and_by_its_own_text() {
        let beginning = Beginning { component: "kv 1.0.0".to_owned(), generation: 7 };
        note("a", beginning.clone());
        assert_eq!(take("a"), Some(beginning.clone()));
        assert_eq!(take("a"), None);
        note("a", beginning.clone());
        note("b", Beginning { generation: 8, ..beginning.clone() });
        assert_eq!(take("a"), None);
        assert_eq!(take("b"), None, "a panic of another text has gone by");
    }
}
