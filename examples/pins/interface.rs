//! The interface that the program and both versions share.

/// A price list.
#[lcr::interface(name = "pins.prices", version = 1)]
pub trait Prices {
    /// Returns the price of an item in cents.
    fn price(&self, item: &str) -> Option<u64>;
}
