//! The archive.

#[path = "parts/files.rs"]
mod files;

use files::Files;
use lcr::Handle;
use lcr_tests::office::{Archive, Desk, Epoch};

#[lcr::component(name = "archive", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
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
