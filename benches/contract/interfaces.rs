//! Our measured interfaces.

/// The method, and nothing else.
#[lcr::interface(name = "bench.step", version = 1)]
pub trait Step {
    /// Adds the instance's number.
    fn step(&self, x: u64) -> u64;
}

/// The method twice, so that one of them can be patched.
#[lcr::interface(name = "bench.twins", version = 1, patches, mocks)]
pub trait Twins {
    /// Adds the instance's number. This one is called.
    fn one(&self, x: u64) -> u64;
    /// The same.
    fn other(&self, x: u64) -> u64;
}

/// Loops inside a component.
#[lcr::interface(name = "bench.points", version = 1)]
pub trait Points {
    /// Sums up the numbers below `turns`.
    fn bare(&self, turns: u64) -> u64;
    /// The same, and passes a point in each turn.
    fn passing(&self, turns: u64) -> u64;
}

/// The same method, for many components.
#[lcr::interface(name = "bench.crowd", version = 1)]
pub trait Crowd {
    /// Adds what the instance adds.
    fn step(&self, x: u64) -> u64;
}

/// The method as an `async fn`, which gives way before it answers.
#[lcr::interface(name = "bench.walk", version = 1)]
pub trait Walk {
    /// Adds the instance's number, behind so many polls that are pending.
    async fn walk(&self, x: u64, pends: u32) -> u64;
}

/// Calls the method from inside another component.
#[lcr::interface(name = "bench.relay", version = 1, deps(Step))]
pub trait Relay {
    /// Runs [`stream!`](crate::stream) over the component's own handle.
    fn stream(&self, layout: usize, calls: u64) -> u64;
    /// Runs [`chain!`](crate::chain) over the component's own handle.
    fn chain(&self, layout: usize, calls: u64) -> u64;
}

/// Values that cross.
#[lcr::interface(name = "bench.values", version = 1)]
pub trait Values {
    /// The address at which the text arrives.
    fn text_at(&self, text: &str) -> usize;
    /// The address at which the bytes arrive.
    fn bytes_at(&self, bytes: &[u8]) -> usize;
    /// Gives away a vector of [`PAGE`] bytes.
    fn give(&self) -> Vec<u8>;
    /// Takes a vector over, and returns its length.
    fn take(&self, bytes: Vec<u8>) -> usize;
}

/// The length in bytes of the vectors that cross.
pub const PAGE: usize = 4096;

/// A counter that keeps its count when it is replaced.
#[lcr::interface(name = "bench.tally", version = 1)]
pub trait Tally {
    /// Adds to the count, and returns it.
    fn add(&self, x: u64) -> u64;
}

/// A count and pages, which go to the next version by pointer.
#[lcr::interface(name = "bench.hoard", version = 1)]
pub trait Hoard {
    /// Adds to the count, and returns it.
    fn add(&self, x: u64) -> u64;
    /// Adds so many pages of [`PAGE`] bytes.
    fn fill(&self, pages: u64);
}

/// The method's implementation in every library of ours, and in the measuring process.
#[derive(Debug)]
pub struct Adder {
    addend: u64,
}

impl Default for Adder {
    fn default() -> Adder {
        Adder { addend: crate::ADDEND }
    }
}

impl Adder {
    /// The method.
    #[inline(always)]
    pub fn step(&self, x: u64) -> u64 {
        self.addend.wrapping_add(x)
    }
}

/// The implementation of [`Values`] on both sides of the border.
#[derive(Debug, Default)]
pub struct Pages;

impl Pages {
    /// A vector of [`PAGE`] bytes.
    #[inline(always)]
    pub fn give(&self) -> Vec<u8> {
        vec![7; PAGE]
    }

    /// Drops the vector.
    #[inline(always)]
    pub fn take(&self, bytes: Vec<u8>) -> usize {
        bytes.len()
    }
}
