//! A safe: one object behind two interfaces, which keeps its state in an `lcr::State`.

/// Puts texts in.
#[lcr::interface(name = "safe.front", version = 1)]
pub trait Front {
    /// Puts a text in; returns how many there are.
    fn put(&self) -> u64;
}

/// Looks into the same safe.
#[lcr::interface(name = "safe.back", version = 1)]
pub trait Back {
    /// The texts.
    fn texts(&self) -> Vec<String>;
    /// A second state, which no version but the one that is refused declares.
    fn counts(&self) -> Vec<u64>;
}
