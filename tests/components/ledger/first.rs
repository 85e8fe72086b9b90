//! The ledger as the host knows it.

use lcr_tests::ledger::{Entry, Ledger, Refusal, State};

/// Remembers nothing.
#[derive(Default)]
pub struct Book;

#[lcr::component(name = "ledger", version = "1.0.0")]
impl Ledger for Book {
    fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal> {
        if seal.is_empty() { Err(Refusal::Unknown) } else { Ok(entry.id + u64::from(entry.at.line)) }
    }
    fn state(&self, id: u64) -> State {
        State::Held { by: id.to_string(), until: id + 1 }
    }
    fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32 {
        visit(from, "entry").into()
    }
    fn key(&self) -> [u8; 16] {
        *b"the ledger's key"
    }
}
