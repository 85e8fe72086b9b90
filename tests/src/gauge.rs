//! A gauge with points in its methods and on a thread of its own.

/// Measures.
#[lcr::interface(name = "tests.gauge", version = 1)]
pub trait Gauge {
    /// The sum of the values with the label, as a text. Passes `gauge.sum` with both and the values.
    fn sum(&self, values: Vec<u32>, label: &str) -> String;
    /// Passes `gauge.tick` on a thread of its own until it is stopped. Each passage has the number of those before.
    fn start(&self);
    /// What the last tick made of its number.
    fn last_tick(&self) -> u64;
    /// How many ticks there were.
    fn ticks(&self) -> u64;
    /// Stops the thread, and waits for its end.
    fn stop(&self);
}

/// How full something is.
#[derive(Clone, PartialEq, Debug, lcr::Abi)]
pub enum Level {
    /// There is nothing.
    Empty,
    /// So much of so much.
    Filled {
        /// How much.
        by: u64,
        /// Of how much.
        of: u64,
    },
}
