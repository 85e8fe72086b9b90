//! The interface that each plugin implements.

/// Says what things cost.
#[lcr::interface(name = "plugin_logs.prices", version = 1)]
pub trait Prices {
    /// The price of so many things of a kind.
    fn price(&self, kind: &str, count: u64) -> Result<u64, lcr::Fault>;
}
