//! A storage engine whose shards are hash maps.
//!
//! A scan sorts one shard at a time.

#[path = "engine/mod.rs"]
mod engine;

use std::collections::HashMap;

use engine::{
    Map, Shards,
    stored::{Key, Value},
};
use kv::{Condition, Engine, EngineError, Page, Swap, position};
use lcr::{Bytes, State, Tracked};

/// The engine.
#[derive(Default)]
pub(crate) struct HashEngine {
    pub(crate) shards: State<Shards<Tracked<HashMap<Key, Value>>>>,
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

impl Map for Tracked<HashMap<Key, Value>> {
    fn get(&self, key: &[u8]) -> Option<&Value> {
        Tracked::<HashMap<_, _>>::get(self, key)
    }

    fn put(&mut self, key: &[u8], value: Value) -> Option<Value> {
        match self.get_mut(key) {
            Some(slot) => Some(std::mem::replace(slot, value)),
            None => self.insert(Key::new(key), value),
        }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        Tracked::<HashMap<_, _>>::remove(self, key).is_some()
    }

    fn len(&self) -> usize {
        Tracked::<HashMap<_, _>>::len(self)
    }

    fn entries(&self) -> impl Iterator<Item = (&[u8], &Value)> {
        self.iter().map(|(key, value)| (key.bytes(), value))
    }

    fn from(&self, cursor: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let keys = self.keys().map(|key| (position::of(key.bytes()), key.bytes()));
        let mut keys: Vec<(u64, &[u8])> = keys.filter(|(position, _)| *position >= cursor).collect();
        keys.sort_unstable();
        keys.into_iter()
    }
}
