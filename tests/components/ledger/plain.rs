//! The ledger with a struct of plain data, which crosses as before.

lcr_tests::ledger_contract! {
    interface "test.ledger";
    #[derive(Copy)]
    #[abi(plain)]
    #[repr(C)]
    struct Position { page: u32, line: u32 }
    struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
    enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
    enum Refusal { Full = 1, Unknown = 2 }
    fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
    fn state(&self, id: u64) -> State;
    fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
    fn key(&self) -> [u8; 16];
}

/// Remembers nothing.
#[derive(Default)]
pub struct Book;

#[lcr::component(name = "ledger", version = "2.0.0")]
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
