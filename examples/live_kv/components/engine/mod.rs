//! What the engines have in common: a map in many shards, each with a lock of its own.
//!
//! A key's shard is given by the high bits of its [`position`], so the shards in their order hold the positions in
//! theirs: a scan walks shard by shard. The engines differ in the [`Map`] that a shard is.
//!
//! Nothing here takes longer than a shard takes, however many keys there are: a shard that grows holds up the
//! callers of that shard only, and a page of a scan looks at one shard after the other.
//!
//! The state goes to another build of the same engine as it lies in memory. It goes to another structure as a
//! [`Snapshot`] of everything, or by [`changes`](Incremental::changes), shard by shard and while callers go on. The
//! number of shards is part of all of these.
//!
//! Invariants
//! 1. A call that needs several shards locks them in ascending order, and all of them before it reads or changes
//!    the first.
//! 2. While changes are tracked, each shard that has some is marked. The last look is taken while callers wait, so it
//!    must not visit shards without changes.
//! 3. A thread changes `keys` only while it holds the lock of the shard that grew or shrank, so `keys` is exact
//!    whenever all shards are locked.

mod marks;
pub(crate) mod stored;

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use kv::{Condition, Damaged, EngineError, Page, Snapshot, Swap, integer, position};
use lcr::{BoxError, Bytes, Incremental};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use marks::Marks;
use stored::Value;

/// How many high bits of a position choose the shard.
const SHARD_BITS: u32 = 12;

/// One shard: a map from keys to values.
pub(crate) trait Map: Default {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Option<&Value>;

    /// Gives a key a value, and returns the value that it had.
    fn put(&mut self, key: &[u8], value: Value) -> Option<Value>;

    /// Removes a key; whether it was there.
    fn remove(&mut self, key: &[u8]) -> bool;

    /// The number of keys.
    fn len(&self) -> usize;

    /// The entries in any order.
    fn entries(&self) -> impl Iterator<Item = (&[u8], &Value)>;

    /// The keys from `cursor` on, in the order of their positions.
    fn from(&self, cursor: u64) -> impl Iterator<Item = (u64, &[u8])>;
}

/// The shards.
#[derive(lcr::Layout)]
pub(crate) struct Shards<M> {
    maps: Vec<Mutex<M>>,
    keys: AtomicU64,
    /// While changes are tracked, the most of them that are kept.
    tracked: Option<usize>,
    /// The shards that have changes, while changes are tracked.
    marked: Marks,
}

impl<M: Map> Default for Shards<M> {
    fn default() -> Shards<M> {
        let maps = (0..1 << SHARD_BITS).map(|_| Mutex::default()).collect();
        Shards { maps, keys: AtomicU64::new(0), tracked: None, marked: Marks::none(1 << SHARD_BITS) }
    }
}

/// The methods of [`Engine`](kv::Engine).
impl<M: Map + Incremental> Shards<M> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<Bytes> {
        let value = self.lock(shard_of(key)).get(key).cloned();
        value.map(|value| value.lend())
    }

    pub(crate) fn set(&self, key: &[u8], value: &[u8]) {
        let value = Value::new(value);
        // What the value replaces is freed without the lock.
        let before = self.put(&mut self.lock(shard_of(key)), key, value);
        drop(before);
    }

    pub(crate) fn swap(&self, key: &[u8], value: &[u8], condition: Condition) -> Swap {
        let mut shard = self.lock(shard_of(key));
        let present = shard.get(key).cloned();
        let stored = condition.holds(present.is_some());
        if stored {
            self.put(&mut shard, key, Value::new(value));
        }
        Swap { stored, previous: present.map(|value| value.lend()) }
    }

    pub(crate) fn get_many(&self, keys: &[&[u8]]) -> Vec<Option<Bytes>> {
        let locked = self.lock_all(keys.iter().copied());
        let values: Vec<Option<Value>> = keys.iter().map(|key| locked.of(key).get(key).cloned()).collect();
        drop(locked);
        values.into_iter().map(|value| value.map(|value| value.lend())).collect()
    }

    pub(crate) fn set_many(&self, pairs: &[(&[u8], &[u8])]) {
        let values: Vec<Value> = pairs.iter().map(|(_, value)| Value::new(value)).collect();
        let mut locked = self.lock_all(pairs.iter().map(|(key, _)| *key));
        let before: Vec<Option<Value>> =
            pairs.iter().zip(values).map(|((key, _), value)| self.put(locked.of_mut(key), key, value)).collect();
        drop(locked);
        drop(before);
    }

    pub(crate) fn remove(&self, keys: &[&[u8]]) -> u64 {
        let mut locked = self.lock_all(keys.iter().copied());
        keys.iter().for_each(|key| self.mark(shard_of(key)));
        let removed = keys.iter().filter(|key| locked.of_mut(key).remove(key)).count() as u64;
        self.keys.fetch_sub(removed, Ordering::Relaxed);
        removed
    }

    pub(crate) fn contains(&self, keys: &[&[u8]]) -> u64 {
        let locked = self.lock_all(keys.iter().copied());
        keys.iter().filter(|key| locked.of(key).get(key).is_some()).count() as u64
    }

    pub(crate) fn add(&self, key: &[u8], delta: i64) -> Result<i64, EngineError> {
        let mut shard = self.lock(shard_of(key));
        let sum = integer::add(shard.get(key).map(Value::bytes), delta)?;
        self.put(&mut shard, key, Value::new(sum.to_string().as_bytes()));
        Ok(sum)
    }

    pub(crate) fn count(&self) -> u64 {
        self.keys.load(Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        let mut locked: Vec<_> = (0..self.maps.len()).map(|shard| self.lock(shard)).collect();
        let cleared: Vec<M> = locked.iter_mut().map(|shard| std::mem::replace(&mut **shard, self.empty())).collect();
        self.keys.store(0, Ordering::Relaxed);
        (0..self.maps.len()).for_each(|shard| self.mark(shard));
        drop(locked);
        // Freeing a large map takes long, so the locks are released first.
        drop(cleared);
    }

    pub(crate) fn scan(&self, cursor: u64, count: u64) -> Page {
        let mut keys = Vec::new();
        let mut last = None;
        for shard in shard_at(cursor)..self.maps.len() {
            for (position, key) in self.lock(shard).from(cursor) {
                if let Some(last) = last
                    && last != position
                    && keys.len() as u64 >= count
                {
                    return Page { next: position::after(last), keys };
                }
                keys.push(key.to_vec());
                last = Some(position);
            }
        }
        Page { next: 0, keys }
    }

    pub(crate) fn describe(&self, map: &str) -> String {
        format!("{map} in {} shards", self.maps.len())
    }
}

/// The whole contents.
impl<M: Map + Incremental> Shards<M> {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::with_capacity(self.count());
        for shard in 0..self.maps.len() {
            for (key, value) in self.lock(shard).entries() {
                snapshot.push(key, value.bytes());
            }
        }
        snapshot
    }

    /// Shards that hold what `snapshot` holds.
    ///
    /// # Errors
    /// The snapshot is damaged.
    pub(crate) fn with_contents(snapshot: &Snapshot) -> Result<Shards<M>, Damaged> {
        let shards = Shards::default();
        for pair in snapshot.pairs() {
            let (key, value) = pair?;
            shards.set(key, value);
        }
        Ok(shards)
    }
}

impl<M: Map + Incremental> Shards<M> {
    /// A shard without keys. Its first change tells that there are none.
    fn empty(&self) -> M {
        let mut shard = M::default();
        if let Some(most) = self.tracked {
            shard.track(most);
        }
        shard
    }

    /// A panic cannot leave a map half changed, so a poisoned lock is as good as new.
    fn lock(&self, shard: usize) -> MutexGuard<'_, M> {
        self.maps[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_all<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) -> Locked<'_, M> {
        let mut shards: Vec<usize> = keys.map(shard_of).collect();
        shards.sort_unstable();
        shards.dedup();
        Locked { guards: shards.into_iter().map(|shard| (shard, self.lock(shard))).collect() }
    }

    /// Notes that a locked shard has changes.
    fn mark(&self, shard: usize) {
        if self.tracked.is_some() {
            self.marked.set(shard);
        }
    }

    fn put(&self, shard: &mut M, key: &[u8], value: Value) -> Option<Value> {
        self.mark(shard_of(key));
        let before = shard.put(key, value);
        if before.is_none() {
            self.keys.fetch_add(1, Ordering::Relaxed);
        }
        before
    }
}

/// The changes of each shard that has some.
impl<M: Map + Incremental> Incremental for Shards<M> {
    type Changes = Vec<(u32, M::Changes)>;

    fn track(&mut self, most: usize) {
        // Keys spread evenly, but not quite.
        let most = (most / self.maps.len()).saturating_mul(2).max(1);
        self.tracked = Some(most);
        self.all().for_each(|shard| shard.track(most));
        (0..self.maps.len()).for_each(|shard| self.marked.set(shard));
    }

    fn untrack(&mut self) {
        self.tracked = None;
        self.all().for_each(Incremental::untrack);
    }

    fn changes(&mut self, limit: usize) -> Result<Self::Changes, BoxError> {
        let mut changes = Vec::new();
        let mut rest = limit;
        while rest > 0
            && let Some(number) = self.marked.next()
        {
            let shard = of(&mut self.maps[number]);
            let before = shard.left();
            changes.push((number as u32, shard.changes(rest)?));
            let left = shard.left();
            if left == 0 {
                self.marked.unset(number);
            }
            rest = rest.saturating_sub(before.saturating_sub(left).max(1));
        }
        Ok(changes)
    }

    fn left(&self) -> usize {
        self.marked.all().map(|shard| self.lock(shard).left()).sum()
    }

    fn apply(&mut self, changes: Self::Changes) -> Result<(), BoxError> {
        for (number, changes) in changes {
            let shard =
                self.maps.get_mut(number as usize).ok_or("the changes are of more shards than there are here")?;
            let shard = of(shard);
            let before = shard.len() as u64;
            shard.apply(changes)?;
            // The sum may wrap in between.
            let more = (shard.len() as u64).wrapping_sub(before);
            *self.keys.get_mut() = self.keys.get_mut().wrapping_add(more);
        }
        Ok(())
    }
}

impl<M> Shards<M> {
    fn all(&mut self) -> impl Iterator<Item = &mut M> {
        self.maps.iter_mut().map(of)
    }
}

fn of<M>(shard: &mut Mutex<M>) -> &mut M {
    shard.get_mut().unwrap_or_else(PoisonError::into_inner)
}

impl<M: Map + Incremental> Serialize for Shards<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.snapshot().serialize(serializer)
    }
}

impl<'de, M: Map + Incremental> Deserialize<'de> for Shards<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shards<M>, D::Error> {
        Shards::with_contents(&Snapshot::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The shards that one call needs, all locked.
struct Locked<'a, M> {
    guards: Vec<(usize, MutexGuard<'a, M>)>,
}

impl<M> Locked<'_, M> {
    fn of(&self, key: &[u8]) -> &M {
        &self.guards[self.index(key)].1
    }

    fn of_mut(&mut self, key: &[u8]) -> &mut M {
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
