//! An archive, which a desk in the east needs, and a till, which needs the ledger in the east.

#[path = "parts/drawer.rs"]
mod drawer;

#[path = "parts/files.rs"]
mod files;

use drawer::Drawer;
use files::Files;
use lcr::Handle;
use lcr_tests::office::{Archive, Desk, Epoch, Till};

#[lcr::component(name = "west", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Till for Drawer {
    fn note(&self, text: String) {
        Drawer::note(self, text);
    }
}

#[lcr::component(name = "west", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Archive for Files {
    fn epoch(&self) -> Epoch {
        Files::epoch(self)
    }
    fn file(&self, line: String) -> u64 {
        Files::file(self, line)
    }
    fn lines(&self) -> Vec<String> {
        Files::lines(self)
    }
    fn report_to(&self, desk: Handle<dyn Desk>) {
        Files::report_to(self, desk);
    }
}
