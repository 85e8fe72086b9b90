//! The storage engine's contract.

use std::fmt;

use lcr::Bytes;

/// A map from keys to values, both byte strings.
///
/// Each call is atomic, also the ones that take several keys: no other call sees half
/// of it. Every engine hands its contents over as a [`Snapshot`](crate::Snapshot), so
/// that an engine of any structure can take over from any other.
#[lcr::interface(name = "kv.engine", version = 1, patches)]
pub trait Engine {
    /// The value of `key`, not copied: it stays in the engine's memory.
    #[lcr(pure)]
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError>;

    /// Gives `key` a value, whether it had one or not.
    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError>;

    /// Gives `key` a value if `condition` holds, and tells what it was before.
    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError>;

    /// The values of `keys`, in their order, as they were at one moment.
    #[lcr(pure)]
    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError>;

    /// Gives every key of `pairs` its value at one moment; of equal keys the last wins.
    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError>;

    /// Removes `keys` and tells how many there were.
    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError>;

    /// How many of `keys` there are; a key given twice counts twice.
    #[lcr(pure)]
    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError>;

    /// Adds `delta` to the integer at `key`, which is 0 if absent, and tells the sum.
    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError>;

    /// The number of keys.
    #[lcr(pure)]
    fn count(&self) -> Result<u64, EngineError>;

    /// Removes every key.
    fn clear(&self) -> Result<(), EngineError>;

    /// The keys from `cursor` on, in order of [`position`](crate::position::of), at
    /// least `count` of them where there are as many, and all those of one position.
    ///
    /// A cursor is a position and nothing else, so that it outlives the engine that
    /// gave it. A key that is there from the first page of a scan to the last is
    /// returned exactly once, whatever else happens to the map in between.
    #[lcr(pure)]
    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError>;

    /// The data structure, for people.
    #[lcr(pure)]
    fn describe(&self) -> Result<String, EngineError>;
}

/// When [`Engine::swap`] stores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, lcr::Abi)]
pub enum Condition {
    /// In any case.
    Always,
    /// Only if the key is absent.
    Absent,
    /// Only if the key is present.
    Present,
}

impl Condition {
    /// Whether it holds for a key that is or is not `present`.
    pub fn holds(self, present: bool) -> bool {
        match self {
            Condition::Always => true,
            Condition::Absent => !present,
            Condition::Present => present,
        }
    }
}

/// What [`Engine::swap`] did.
#[derive(PartialEq, Eq, Debug, lcr::Abi)]
pub struct Swap {
    /// Whether the value was stored.
    pub stored: bool,
    /// The value before.
    pub previous: Option<Bytes>,
}

/// A part of a scan.
#[derive(PartialEq, Eq, Debug, lcr::Abi)]
pub struct Page {
    /// The cursor of the next page; 0 means that this was the last one.
    pub next: u64,
    /// The keys of this page.
    pub keys: Vec<Vec<u8>>,
}

/// Why an engine refused, or could not be asked.
#[derive(Clone, PartialEq, Eq, Debug, lcr::Abi)]
pub enum EngineError {
    /// The value is not an integer, see [`integer`](crate::integer).
    NotAnInteger,
    /// The sum does not fit into 64 bits.
    Overflow,
    /// The call did not reach an engine or the engine panicked; says why.
    Fault(String),
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineError::NotAnInteger => f.write_str("value is not an integer or out of range"),
            EngineError::Overflow => f.write_str("increment or decrement would overflow"),
            EngineError::Fault(why) => write!(f, "the storage engine failed: {why}"),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<lcr::Fault> for EngineError {
    fn from(fault: lcr::Fault) -> EngineError {
        EngineError::Fault(fault.to_string())
    }
}
