//! A storage engine whose shards are hash maps.
//!
//! A scan sorts one shard at a time.

#[path = "engine/mod.rs"]
mod engine;
#[path = "engine/hash_map.rs"]
mod hash_map;

use hash_map::HashShards;
use kv::{Condition, Engine, EngineError, Page, Swap};
use lcr::{Bytes, State};

/// The engine.
#[derive(Default)]
pub(crate) struct HashEngine {
    pub(crate) shards: State<HashShards>,
}

#[lcr::component(state = shards, incremental = shards, unload, name = "kv-engine-hash", version = "1.0.0")]
impl Engine for HashEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.shards.read().get(key))
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        self.shards.read().set(key, value);
        Ok(())
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        Ok(self.shards.read().swap(key, value, condition))
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        Ok(self.shards.read().get_many(&keys))
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        self.shards.read().set_many(&pairs);
        Ok(())
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        Ok(self.shards.read().remove(&keys))
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        Ok(self.shards.read().contains(&keys))
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        self.shards.read().add(key, delta)
    }

    fn count(&self) -> Result<u64, EngineError> {
        Ok(self.shards.read().count())
    }

    fn clear(&self) -> Result<(), EngineError> {
        self.shards.read().clear();
        Ok(())
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        Ok(self.shards.read().scan(cursor, count))
    }

    fn describe(&self) -> Result<String, EngineError> {
        Ok(self.shards.read().describe("hash map"))
    }
}
