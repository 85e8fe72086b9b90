//! A storage engine that is a sharded hash map.
//!
//! A key's shard is given by the high bits of its [`position`], so the shards in their
//! order hold the positions in theirs: a scan walks shard by shard and sorts one at a
//! time. Each shard has a lock of its own.
//!
//! Invariants
//! 1. A call that needs several shards locks them in ascending order, and all of them
//!    before it reads or changes the first.
//! 2. A thread changes `keys` only while it holds the lock of the shard that grew or shrank, so
//!    `keys` is exact whenever all shards are locked.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use kv::{Condition, Damaged, Engine, EngineError, Page, Snapshot, Swap, integer, position};
use lcr::{BoxError, Bytes};

/// How many high bits of a position choose the shard.
const SHARD_BITS: u32 = 12;

type Shard = HashMap<Box<[u8]>, Bytes>;

/// The engine.
pub(crate) struct HashEngine {
    shards: Vec<Mutex<Shard>>,
    keys: AtomicU64,
}

impl Default for HashEngine {
    fn default() -> HashEngine {
        let shards = (0..1 << SHARD_BITS).map(|_| Mutex::default()).collect();
        HashEngine { shards, keys: AtomicU64::new(0) }
    }
}

#[lcr::component(state, unload, name = "kv-engine-hash", version = "1.0.0")]
impl Engine for HashEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, EngineError> {
        Ok(self.lock(shard_of(key)).get(key).cloned())
    }

    fn set(&self, key: &[u8], value: &[u8]) -> Result<(), EngineError> {
        let value = Bytes::from(value.to_vec());
        self.put(&mut self.lock(shard_of(key)), key, value);
        Ok(())
    }

    fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Result<Swap, EngineError> {
        let mut shard = self.lock(shard_of(key));
        if !condition.holds(shard.contains_key(key)) {
            return Ok(Swap { stored: false, previous: shard.get(key).cloned() });
        }
        let previous = self.put(&mut shard, key, Bytes::from(value.to_vec()));
        Ok(Swap { stored: true, previous })
    }

    fn get_many(&self, keys: Vec<&[u8]>) -> Result<Vec<Option<Bytes>>, EngineError> {
        let locked = self.lock_all(keys.iter().copied());
        Ok(keys.iter().map(|key| locked.of(key).get(*key).cloned()).collect())
    }

    fn set_many(&self, pairs: Vec<(&[u8], &[u8])>) -> Result<(), EngineError> {
        let mut locked = self.lock_all(pairs.iter().map(|(key, _)| *key));
        for (key, value) in pairs {
            self.put(locked.of_mut(key), key, Bytes::from(value.to_vec()));
        }
        Ok(())
    }

    fn remove(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let mut locked = self.lock_all(keys.iter().copied());
        let removed = keys.iter().filter(|key| locked.of_mut(key).remove(**key).is_some()).count();
        self.keys.fetch_sub(removed as u64, Ordering::Relaxed);
        Ok(removed as u64)
    }

    fn contains(&self, keys: Vec<&[u8]>) -> Result<u64, EngineError> {
        let locked = self.lock_all(keys.iter().copied());
        Ok(keys.iter().filter(|key| locked.of(key).contains_key(**key)).count() as u64)
    }

    fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        let mut shard = self.lock(shard_of(key));
        let sum = integer::add(shard.get(key).map(|value| &**value), delta)?;
        self.put(&mut shard, key, Bytes::from(sum.to_string().into_bytes()));
        Ok(sum)
    }

    fn count(&self) -> Result<u64, EngineError> {
        Ok(self.keys.load(Ordering::Relaxed))
    }

    fn clear(&self) -> Result<(), EngineError> {
        let mut locked: Vec<_> = (0..self.shards.len()).map(|shard| self.lock(shard)).collect();
        let cleared: Vec<Shard> = locked.iter_mut().map(|shard| std::mem::take(&mut **shard)).collect();
        self.keys.store(0, Ordering::Relaxed);
        drop(locked);
        // Freeing a large map takes long, so the lock is released first.
        drop(cleared);
        Ok(())
    }

    fn scan(&self, cursor: u64, count: u64) -> Result<Page, EngineError> {
        let mut keys = Vec::new();
        for shard in shard_at(cursor)..self.shards.len() {
            for (position, group) in self.groups(shard, cursor) {
                keys.extend(group);
                if keys.len() as u64 >= count {
                    return Ok(Page { next: position::after(position), keys });
                }
            }
        }
        Ok(Page { next: 0, keys })
    }

    fn describe(&self) -> Result<String, EngineError> {
        Ok(format!("hash map in {} shards", self.shards.len()))
    }
}

impl lcr::Stateful for HashEngine {
    type State = Snapshot;

    fn save(&self) -> Result<Snapshot, BoxError> {
        let mut snapshot = Snapshot::with_capacity(self.keys.load(Ordering::Relaxed));
        for shard in 0..self.shards.len() {
            for (key, value) in self.lock(shard).iter() {
                snapshot.push(key, value);
            }
        }
        Ok(snapshot)
    }

    fn restore(snapshot: Snapshot, _: &lcr::Context) -> Result<HashEngine, BoxError> {
        Ok(HashEngine::with_contents(&snapshot)?)
    }
}

impl HashEngine {
    /// An engine that holds what `snapshot` holds.
    ///
    /// # Errors
    /// The snapshot is damaged.
    pub(crate) fn with_contents(snapshot: &Snapshot) -> Result<HashEngine, Damaged> {
        let engine = HashEngine::default();
        for pair in snapshot.pairs() {
            let (key, value) = pair?;
            engine.put(&mut engine.lock(shard_of(key)), key, Bytes::from(value.to_vec()));
        }
        Ok(engine)
    }

    /// A panic cannot leave a map half changed, so a poisoned lock is as good as new.
    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_all<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Locked<'_> {
        let mut shards: Vec<usize> = keys.map(shard_of).collect();
        shards.sort_unstable();
        shards.dedup();
        Locked { guards: shards.into_iter().map(|shard| (shard, self.lock(shard))).collect() }
    }

    fn put(&self, shard: &mut Shard, key: &[u8], value: Bytes) -> Option<Bytes> {
        if let Some(slot) = shard.get_mut(key) {
            return Some(std::mem::replace(slot, value));
        }
        shard.insert(key.into(), value);
        self.keys.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// The keys of one shard from `cursor` on, in groups of one position, in order.
    fn groups(&self, shard: usize, cursor: u64) -> Vec<(u64, Vec<Vec<u8>>)> {
        let mut placed: Vec<(u64, Vec<u8>)> = self
            .lock(shard)
            .keys()
            .map(|key| (position::of(key), key))
            .filter(|(position, _)| *position >= cursor)
            .map(|(position, key)| (position, key.to_vec()))
            .collect();
        placed.sort_unstable();
        placed
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| (group[0].0, group.iter().map(|(_, key)| key.clone()).collect()))
            .collect()
    }
}

/// The shards that one call needs, all locked.
struct Locked<'a> {
    guards: Vec<(usize, MutexGuard<'a, Shard>)>,
}

impl Locked<'_> {
    fn of(&self, key: &[u8]) -> &Shard {
        &self.guards[self.index(key)].1
    }

    fn of_mut(&mut self, key: &[u8]) -> &mut Shard {
        let index = self.index(key);
        &mut self.guards[index].1
    }

    fn index(&self, key: &[u8]) -> usize {
        let found = self.guards.binary_search_by_key(&shard_of(key), |(shard, _)| *shard);
        found.expect("the shards of all keys of the call are locked")
    }
}

fn shard_of(key: &[u8]) -> usize {
    shard_at(position::of(key))
}

fn shard_at(position: u64) -> usize {
    (position >> (u64::BITS - SHARD_BITS)) as usize
}
