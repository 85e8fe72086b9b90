//! Interfaces that several components of the tests implement.

/// Counts; its state is the count.
#[lcr::interface(name = "test.counter", version = 1)]
pub trait Counter {
    /// Adds and returns the sum.
    fn add(&self, n: u64) -> u64;
    /// Which implementation this is.
    fn version(&self) -> u32;
    /// Calls back while inside.
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64;
    /// Panics.
    fn fail(&self, text: &str) -> Result<u64, lcr::Fault>;
}

/// A component that awaits in its methods, on a tokio runtime of its own.
#[lcr::interface(name = "test.ticker", version = 1)]
pub trait Ticker {
    /// How often a task in the background has ticked.
    fn ticks(&self) -> u64;
    /// Waits for a timer of that runtime.
    fn wait(&self) -> Result<(), lcr::Fault>;
    /// Spawns on whatever runtime the calling thread is in.
    fn spawn(&self) -> Result<(), lcr::Fault>;
}

/// Adds up on a thread pool.
#[lcr::interface(name = "test.summer", version = 1)]
pub trait Summer {
    /// The sum, on the component's own pool.
    fn sum(&self, values: &[u64]) -> u64;
    /// The sum, on the global pool of the image.
    fn sum_globally(&self, values: &[u64]) -> u64;
}

/// Writes to standard output.
#[lcr::interface(name = "test.printer", version = 1)]
pub trait Printer {
    /// Prints the text without ending the line.
    fn print(&self, text: &str);
    /// Has a thread hold standard output for ever.
    fn hold(&self);
    /// Holds standard output for ever, on the calling thread.
    fn leak(&self);
}

/// A component that calls its private libraries.
#[lcr::interface(name = "test.tone", version = 1)]
pub trait Tone {
    /// Returns the builds of its libraries.
    fn builds(&self) -> [i32; 3];
    /// Counts up in a static of a library.
    fn next(&self) -> i32;
}
