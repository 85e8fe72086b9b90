//! Shards that are hash maps.

use std::collections::HashMap;

use kv::position;
use lcr::Tracked;

use super::engine::{
    Map, Shards,
    stored::{Key, Value},
};

/// The shards of an engine with hash maps.
pub(crate) type HashShards = Shards<Tracked<HashMap<Key, Value>>>;

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
