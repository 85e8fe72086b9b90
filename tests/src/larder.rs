//! A larder with state, whose methods are async: what a replacement does to calls that are under way.

use lcr::Fault;

/// Keeps.
#[lcr::interface(name = "tests.larder", version = 1)]
pub trait Larder {
    /// Gives way this often, then adds to what is kept.
    async fn store(&self, count: u64, steps: u32) -> Result<u64, Spoiled>;
    /// Waits for a delivery.
    async fn wait(&self) -> Result<u64, Spoiled>;
    /// Gives way once, then calls.
    async fn ask(&self, whom: Box<dyn Fn() -> u64 + Send>) -> u64;
    /// Wakes everyone who waits. Returns how many there were.
    fn deliver(&self) -> u64;
    /// How much is kept.
    fn count(&self) -> u64;
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// How many calls are under way.
    fn under_way(&self) -> u32;
}

/// Why a call failed.
#[derive(Clone, PartialEq, Debug, lcr::Abi)]
pub enum Spoiled {
    /// The call was not served, or not to its end.
    Fault(Fault),
}

impl From<Fault> for Spoiled {
    fn from(fault: Fault) -> Spoiled {
        Spoiled::Fault(fault)
    }
}
