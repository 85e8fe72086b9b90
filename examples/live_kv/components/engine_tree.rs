//! A storage engine whose shards are ordered maps.
//!
//! The maps are ordered by [`position`], so a scan is a range of them and nothing is sorted.

#[path = "engine/mod.rs"]
mod engine;

use std::{borrow::Borrow, cmp::Ordering, collections::BTreeMap, ops::Bound};

use engine::{
    Map, Shards,
    stored::{Key, Value},
};
use kv::{Condition, Engine, EngineError, Page, Swap, position};
use lcr::{Bytes, State, Tracked};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The engine.
#[derive(Default)]
pub(crate) struct TreeEngine {
    pub(crate) shards: State<Shards<Tracked<BTreeMap<PlacedKey, Value>>>>,
}

#[lcr::component(state = shards, incremental = shards, unload, name = "kv-engine-tree", version = "1.0.0")]
impl Engine for TreeEngine {
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
        Ok(self.shards.read().describe("ordered map"))
    }
}

impl Map for Tracked<BTreeMap<PlacedKey, Value>> {
    fn get(&self, key: &[u8]) -> Option<&Value> {
        (**self).get(&(position::of(key), key) as &dyn Place)
    }

    fn put(&mut self, key: &[u8], value: Value) -> Option<Value> {
        match self.get_mut(&(position::of(key), key) as &dyn Place) {
            Some(slot) => Some(std::mem::replace(slot, value)),
            None => self.insert(PlacedKey::new(Key::new(key)), value),
        }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        Tracked::<BTreeMap<_, _>>::remove(self, &(position::of(key), key) as &dyn Place).is_some()
    }

    fn len(&self) -> usize {
        (**self).len()
    }

    fn entries(&self) -> impl Iterator<Item = (&[u8], &Value)> {
        self.iter().map(|(key, value)| (key.place().1, value))
    }

    fn from(&self, cursor: u64) -> impl Iterator<Item = (u64, &[u8])> {
        let first: (u64, &[u8]) = (cursor, &[]);
        self.range::<dyn Place, _>((Bound::Included(&first as &dyn Place), Bound::Unbounded))
            .map(|(key, _)| key.place())
    }
}

/// A key where it stands in a scan: ordered by its [`position`], and by its bytes where two keys share one.
///
/// Serde writes the key alone, so that the changes of a tree read as those of a hash map.
#[derive(Clone, PartialEq, Eq, lcr::Layout)]
pub(crate) struct PlacedKey {
    position: u64,
    key: Key,
}

impl PlacedKey {
    pub(crate) fn new(key: Key) -> PlacedKey {
        PlacedKey { position: position::of(key.bytes()), key }
    }
}

/// What places are compared by. A tree finds a key by a borrowed [`Place`], without a copy of its bytes.
trait Place {
    fn place(&self) -> (u64, &[u8]);
}

impl Place for PlacedKey {
    fn place(&self) -> (u64, &[u8]) {
        (self.position, self.key.bytes())
    }
}

impl Place for (u64, &[u8]) {
    fn place(&self) -> (u64, &[u8]) {
        *self
    }
}

impl<'a> Borrow<dyn Place + 'a> for PlacedKey {
    fn borrow(&self) -> &(dyn Place + 'a) {
        self
    }
}

impl PartialEq for dyn Place + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for dyn Place + '_ {}

impl PartialOrd for dyn Place + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for dyn Place + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl PartialOrd for PlacedKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PlacedKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

impl Serialize for PlacedKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.key.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for PlacedKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<PlacedKey, D::Error> {
        Key::deserialize(deserializer).map(PlacedKey::new)
    }
}
