//! The ledger with single changes, each in an interface of its own. A test writes `test.ledger` over the
//! name of one of them, which is as long, and so has a library whose ledger differs by that change.

/// The ledger with a field of another type.
mod field_type {
    lcr_tests::changed_ledger! {
        interface "test.ledg01";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<Vec<u8>>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with two fields changed over.
mod field_order {
    lcr_tests::changed_ledger! {
        interface "test.ledg02";
        struct Position { line: u32, page: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a field more.
mod field_added {
    lcr_tests::changed_ledger! {
        interface "test.ledg03";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, rate: f64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a field less.
mod field_removed {
    lcr_tests::changed_ledger! {
        interface "test.ledg04";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a variant more.
mod variant_added {
    lcr_tests::changed_ledger! {
        interface "test.ledg05";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64), Lost }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a variant less.
mod variant_removed {
    lcr_tests::changed_ledger! {
        interface "test.ledg06";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a wider field, deep inside.
mod width {
    lcr_tests::changed_ledger! {
        interface "test.ledg07";
        struct Position { page: u32, line: u64 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a field of another sign.
mod sign {
    lcr_tests::changed_ledger! {
        interface "test.ledg08";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: u64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with another discriminant.
mod discriminant {
    lcr_tests::changed_ledger! {
        interface "test.ledg09";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 3 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a method of another name.
mod method_renamed {
    lcr_tests::changed_ledger! {
        interface "test.ledg10";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn status(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with an argument more.
mod argument_added {
    lcr_tests::changed_ledger! {
        interface "test.ledg11";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64, at: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with an argument of another type.
mod argument_replaced {
    lcr_tests::changed_ledger! {
        interface "test.ledg12";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: Vec<u8>) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with an argument less.
mod argument_dropped {
    lcr_tests::changed_ledger! {
        interface "test.ledg13";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with another result.
mod result {
    lcr_tests::changed_ledger! {
        interface "test.ledg14";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, State>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}

/// The ledger with a longer array.
mod length {
    lcr_tests::changed_ledger! {
        interface "test.ledg15";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, &str) -> bool) -> u32;
        fn key(&self) -> [u8; 17];
    }
}

/// The ledger with a callback of another signature.
mod callback {
    lcr_tests::changed_ledger! {
        interface "test.ledg16";
        struct Position { page: u32, line: u32 }
        struct Entry { id: u64, amount: i64, note: Option<String>, at: Position }
        enum State { Open, Held { by: String, until: u64 }, Closed(i64) }
        enum Refusal { Full = 1, Unknown = 2 }
        fn put(&self, entry: Entry, seal: &[u8]) -> Result<u64, Refusal>;
        fn state(&self, id: u64) -> State;
        fn scan(&self, from: u64, visit: &dyn Fn(u64, String) -> bool) -> u32;
        fn key(&self) -> [u8; 16];
    }
}
