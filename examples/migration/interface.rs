//! What the program and both versions agree on.

/// Counts visits.
#[lcr::interface(name = "migration.visits", version = 1)]
pub trait Visits {
    /// Notes a visit, and returns how many there were, this one included.
    fn visit(&self, name: &str) -> u64;
    /// How many of them had this name, as far as it was noted.
    fn of(&self, name: &str) -> u64;
}
