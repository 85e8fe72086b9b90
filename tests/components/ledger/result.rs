//! The ledger with another result.

lcr_tests::changed_ledger! {
    struct Position { page: u32, line: u32 }
    struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
    enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
    enum Refusal { Full = 1, Unknown = 2 }
    fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, State>;
    fn state(&self, id: u64) -> State;
    fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
    fn key(&self) -> [u8; 16];
}
