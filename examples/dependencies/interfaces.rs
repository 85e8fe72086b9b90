//! What the program and the components agree on.

/// Keeps lines.
#[lcr::interface(name = "dependencies.journal", version = 1)]
pub trait Journal {
    /// Appends a line, and returns how the journal wrote it.
    fn append(&self, line: &str) -> String;
}

/// Keeps accounts, and writes each change to a journal. `deps(Journal)` says that no
/// implementation is constructed before a journal is there.
#[lcr::interface(name = "dependencies.accounts", version = 1, deps(Journal))]
pub trait Accounts {
    /// Adds to an account, and returns the line of the journal.
    fn deposit(&self, account: &str, amount: u64) -> String;
}
