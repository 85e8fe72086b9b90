//! Marks: what this instance does that may take it down, for the instance after it.
//!
//! They are one page of memory that the supervisor holds: a hash, a length, and a line for each mark. The kernel copies
//! a page in one go, and a page that does not fit its hash says nothing.

use std::collections::BTreeSet;

use crate::host::image::content_hash::ContentHash;

/// The size of the marks.
pub(super) const PAGE: usize = 4096;

/// What the marks say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) restoring: BTreeSet<String>,
    pub(super) on_trial: Vec<String>,
    /// The generation that began the trial; not written.
    pub(super) generation: u64,
}

impl Marked {
    /// A hash, a length, and a line for each mark.
    pub(super) fn to_page(&self) -> [u8; PAGE] {
        let restoring = self.restoring.iter().map(|name| format!("restoring {name}\n"));
        let on_trial = self.on_trial.iter().map(|name| format!("trial {name}\n"));
        let mut text = String::new();
        for line in restoring.chain(on_trial) {
            if 32 + 2 + text.len() + line.len() <= PAGE {
                text.push_str(&line);
            }
        }
        let mut page = [0; PAGE];
        page[34..34 + text.len()].copy_from_slice(text.as_bytes());
        page[32..34].copy_from_slice(&u16::try_from(text.len()).unwrap_or_default().to_le_bytes());
        let hash = ContentHash::of(&page[32..]);
        page[..32].copy_from_slice(hash.as_bytes());
        page
    }

    /// Reads a page. What is none says nothing.
    pub(super) fn of_page(page: &[u8]) -> Marked {
        let mut marked = Marked::default();
        if page.len() != PAGE || ContentHash::of(&page[32..]).as_bytes() != &page[..32] {
            return marked;
        }
        let len = usize::from(u16::from_le_bytes([page[32], page[33]]));
        let text = String::from_utf8_lossy(page[34..].get(..len).unwrap_or_default());
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("restoring", name)) => _ = marked.restoring.insert(name.to_owned()),
                Some(("trial", name)) => marked.on_trial.push(name.to_owned()),
                _ => {}
            }
        }
        marked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_they_were_written_and_damaged_ones_say_nothing() {
        let marked = Marked {
            restoring: ["a", "b b"].map(String::from).into(),
            on_trial: vec!["kv 1.2.3".to_owned(), "engine 2.0.0".to_owned()],
            generation: 0,
        };
        let page = marked.to_page();
        assert_eq!(Marked::of_page(&page), marked);
        for at in 0..PAGE {
            let mut changed = page;
            changed[at] ^= 1;
            assert_eq!(Marked::of_page(&changed), Marked::default(), "{at}");
            assert_eq!(Marked::of_page(&page[..at]), Marked::default(), "{at}");
        }
        let many = Marked { on_trial: vec!["x".repeat(100); 100], ..Marked::default() };
        assert!(Marked::of_page(&many.to_page()).on_trial.len() > 30);
    }
}
