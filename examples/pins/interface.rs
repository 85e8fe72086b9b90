//! What the program and both versions agree on.

/// A price list.
#[lcr::interface(name = "pins.prices", version = 1)]
pub trait Prices {
    /// What an item costs, in cents.
    fn price(&self, item: &str) -> Option<u64>;
}
