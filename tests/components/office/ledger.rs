//! The ledger.

#[path = "parts/files.rs"]
mod files;

use files::Files;
use lcr_tests::office::Ledger;

#[lcr::component(name = "ledger", version = "1.0.0", create = Self::open, healthy = Self::check, state)]
impl Ledger for Files {
    fn file(&self, line: String) -> u64 {
        Files::file(self, line)
    }
    fn lines(&self) -> Vec<String> {
        Files::lines(self)
    }
}
