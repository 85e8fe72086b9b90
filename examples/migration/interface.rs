//! The interface that the program and both versions share.

/// Counts visits.
#[lcr::interface(name = "migration.visits", version = 1)]
pub trait Visits {
    /// Notes a visit, and returns the number of all visits, this one included.
    fn visit(&self, name: &str) -> u64;
    /// Returns how many visits had this name, as far as names were noted.
    fn of(&self, name: &str) -> u64;
}
