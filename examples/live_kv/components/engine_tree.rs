//! A storage engine that is an ordered map under one lock.
//!
//! The map is ordered by [`position`], so a scan is a range of it and nothing is
//! sorted; keys of one position, which are rare, share an entry. Readers do not wait
//! for each other.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kv::{Condition, Damaged, Engine, EngineError, Page, Snapshot, Swap, integer, position};
use lcr::{BoxError, Bytes};

/// The engine.
#[derive(Default)]
pub(crate) struct TreeEngine {
    tree: RwLock<Tree>,
}

#[lcr::component(state, unload, name = "kv-engine-tree", version = "1.0.0")]
impl Engine for TreeEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.read().get(key).cloned())
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        let value = Bytes::from(value.to_vec());
        self.write().insert(key, value);
        Ok(())
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        let mut tree = self.write();
        let previous = tree.get(key).cloned();
        let stored = condition.holds(previous.is_some());
        if stored {
            tree.insert(key, Bytes::from(value.to_vec()));
        }
        Ok(Swap { stored, previous })
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        let tree = self.read();
        Ok(keys.into_iter().map(|key| tree.get(key).cloned()).collect())
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        let mut tree = self.write();
        for (key, value) in pairs {
            tree.insert(key, Bytes::from(value.to_vec()));
        }
        Ok(())
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let mut tree = self.write();
        Ok(keys.into_iter().filter(|key| tree.remove(key)).count() as u64)
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let tree = self.read();
        Ok(keys.into_iter().filter(|key| tree.get(key).is_some()).count() as u64)
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        let mut tree = self.write();
        let sum = integer::add(tree.get(key).map(|value| &**value), delta)?;
        tree.insert(key, Bytes::from(sum.to_string().into_bytes()));
        Ok(sum)
    }

    fn count(&self) -> Result<u64, EngineError> {
        Ok(self.read().keys)
    }

    fn clear(&self) -> Result<(), EngineError> {
        let cleared = std::mem::take(&mut *self.write());
        // Freeing a large map takes long, so the lock is released first.
        drop(cleared);
        Ok(())
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        let mut keys = Vec::new();
        for (position, group) in self.read().groups.range(cursor..) {
            keys.extend(group.iter().map(|entry| entry.key.to_vec()));
            if keys.len() as u64 >= count {
                return Ok(Page { next: position::after(*position), keys });
            }
        }
        Ok(Page { next: 0, keys })
    }

    fn describe(&self) -> Result<String, EngineError> {
        Ok("ordered map".to_owned())
    }
}

impl lcr::Stateful for TreeEngine {
    type State = Snapshot;

    fn save(&self) -> Result<Snapshot, BoxError> {
        let tree = self.read();
        let mut snapshot = Snapshot::with_capacity(tree.keys);
        for entry in tree.groups.values().flatten() {
            snapshot.push(&entry.key, &entry.value);
        }
        Ok(snapshot)
    }

    fn restore(snapshot: Snapshot, _: &lcr::Context) -> Result<TreeEngine, BoxError> {
        Ok(TreeEngine::with_contents(&snapshot)?)
    }
}

impl TreeEngine {
    /// An engine that holds what `snapshot` holds.
    ///
    /// # Errors
    /// The snapshot is damaged.
    pub(crate) fn with_contents(snapshot: &Snapshot) -> Result<TreeEngine, Damaged> {
        let mut tree = Tree::default();
        for pair in snapshot.pairs() {
            let (key, value) = pair?;
            tree.insert(key, Bytes::from(value.to_vec()));
        }
        Ok(TreeEngine { tree: RwLock::new(tree) })
    }

    /// A panic cannot leave the tree half changed, so a poisoned lock is as good as new.
    fn read(&self) -> RwLockReadGuard<'_, Tree> {
        self.tree.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tree> {
        self.tree.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The map itself, by position and then by key.
#[derive(Default)]
struct Tree {
    groups: BTreeMap<u64, Vec<Entry>>,
    keys: u64,
}

struct Entry {
    key: Box<[u8]>,
    value: Bytes,
}

impl Tree {
    fn get(&self, key: &[u8]) -> Option<&Bytes> {
        let group = self.groups.get(&position::of(key))?;
        group.iter().find(|entry| *entry.key == *key).map(|entry| &entry.value)
    }

    fn insert(&mut self, key: &[u8], value: Bytes) {
        let group = self.groups.entry(position::of(key)).or_insert_with(|| Vec::with_capacity(1));
        match group.iter_mut().find(|entry| *entry.key == *key) {
            Some(entry) => entry.value = value,
            None => {
                group.push(Entry { key: key.into(), value });
                self.keys += 1;
            }
        }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let position = position::of(key);
        let Some(group) = self.groups.get_mut(&position) else { return false };
        let Some(index) = group.iter().position(|entry| *entry.key == *key) else { return false };
        group.swap_remove(index);
        if group.is_empty() {
            self.groups.remove(&position);
        }
        self.keys -= 1;
        true
    }
}
