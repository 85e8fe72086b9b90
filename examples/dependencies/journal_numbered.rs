//! A journal that numbers its lines.

use std::sync::atomic::{AtomicU64, Ordering};

mod interfaces;
use interfaces::Journal;

#[derive(Default)]
struct Numbered(AtomicU64);

#[lcr::component(name = "numbered-journal", version = "1.0.0")]
impl Journal for Numbered {
    fn append(&self, line: &str) -> String {
        format!("{}: {line}", self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
