//! A desk, which needs the archive in the west, and a ledger, which a till in the west needs.

#[path = "parts/drawer.rs"]
mod drawer;

#[path = "parts/files.rs"]
mod files;

use drawer::Drawer;
use files::Files;
use lcr_tests::office::{Desk, Epoch, Ledger};

#[lcr::component(name = "east", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Desk for Drawer {
    fn epoch(&self) -> Epoch {
        self.terms.epoch
    }
    fn note(&self, text: String) {
        Drawer::note(self, text);
    }
}

#[lcr::component(name = "east", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Ledger for Files {
    fn file(&self, line: String) -> u64 {
        Files::file(self, line)
    }
    fn lines(&self) -> Vec<String> {
        Files::lines(self)
    }
}
