//! An engine made for another edition of the interface. The name and the version are the same, but sums
//! have 32 bits, and the cursor is the last field of a page.

use kv::{Condition, EngineError, Swap};
use lcr::Bytes;

/// The edited interface.
#[lcr::interface(name = "kv.engine", version = 1)]
pub trait Engine {
    /// As in the real one.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError>;
    /// As in the real one.
    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError>;
    /// As in the real one.
    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError>;
    /// As in the real one.
    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError>;
    /// As in the real one.
    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError>;
    /// As in the real one.
    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError>;
    /// As in the real one.
    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError>;
    /// Narrower than in the real one.
    fn add(&self, key: &[u8], delta: i32) -> Result<i32, EngineError>;
    /// As in the real one.
    fn count(&self) -> Result<u64, EngineError>;
    /// As in the real one.
    fn clear(&self) -> Result<(), EngineError>;
    /// The result has the same name and another layout.
    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError>;
    /// As in the real one.
    fn describe(&self) -> Result<String, EngineError>;
}

/// A page with its fields in another order.
#[derive(lcr::Abi)]
pub struct Page {
    /// The keys of this page.
    pub keys: Vec<Vec<u8>>,
    /// The cursor of the next page.
    pub next: u64,
}

/// The engine, of which no method is ever called.
#[derive(Default)]
pub(crate) struct OtherEngine;

#[lcr::component(name = "kv-engine-other", version = "1.0.0")]
impl Engine for OtherEngine {
    fn get(&self, _: &[u8]) -> Result<Option<Bytes>, EngineError> {
        unreachable!()
    }
    fn set(&self, _: &[u8], _: &[u8]) -> Result<(), EngineError> {
        unreachable!()
    }
    fn swap(&self, _: &[u8], _: &[u8], _: Condition) -> Result<Swap, EngineError> {
        unreachable!()
    }
    fn get_many(&self, _: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        unreachable!()
    }
    fn set_many(&self, _: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        unreachable!()
    }
    fn remove(&self, _: Vec<&[u8]>) -> Result<u64, EngineError> {
        unreachable!()
    }
    fn contains(&self, _: Vec<&[u8]>) -> Result<u64, EngineError> {
        unreachable!()
    }
    fn add(&self, _: &[u8], _: i32) -> Result<i32, EngineError> {
        unreachable!()
    }
    fn count(&self) -> Result<u64, EngineError> {
        unreachable!()
    }
    fn clear(&self) -> Result<(), EngineError> {
        unreachable!()
    }
    fn scan(&self, _: u64, _: u64) -> Result<Page, EngineError> {
        unreachable!()
    }
    fn describe(&self) -> Result<String, EngineError> {
        unreachable!()
    }
}
