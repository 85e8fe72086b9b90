//! The ledger with a field of another type.

lcr_tests::changed_ledger! {
    struct Position { page: u32, line: u32 }
    struct Entry { id: u64, amount: i64, note: Option<Vec<u8>>, at: Position }
    enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
    enum Refusal { Full = 1, Unknown = 2 }
    fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
    fn state(&self, id: u64) -> State;
    fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
    fn key(&self) -> [u8; 16];
}
