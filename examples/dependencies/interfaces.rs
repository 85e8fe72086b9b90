//! The interfaces that the program and its components share.

/// Keeps lines.
#[lcr::interface(name = "dependencies.journal", version = 1)]
pub trait Journal {
    /// Appends a line, and returns how the journal wrote it.
    fn append(&self, line: &str) -> String;
}

/// Keeps accounts, and writes each change to a journal. `deps(Journal)` has the runtime construct a
/// journal before it constructs any implementation of this interface.
#[lcr::interface(name = "dependencies.accounts", version = 1, deps(Journal))]
pub trait Accounts {
    /// Adds to an account, and returns the line of the journal.
    fn deposit(&self, account: &str, amount: u64) -> String;
}
