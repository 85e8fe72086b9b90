//! `Tracked<BTreeMap<K, V>>`.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::{Bound, Deref},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::component::{incremental::Incremental, stateful::BoxError};

use super::{
    Container, MapChanges, Tracked,
    record::{Keys, Record, untracked},
    sealed::Sealed,
};

impl<K, V> Sealed for BTreeMap<K, V> {}

impl<K, V> Container for BTreeMap<K, V> {
    type Parts = Parts<K, V>;
}

/// The map, and the record while it is tracked.
#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
pub struct Parts<K, V> {
    map: BTreeMap<K, V>,
    record: Option<Box<Record<Cursor<K>, BTreeSet<K>>>>,
}

/// How far the copy has come.
#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
enum Cursor<K> {
    Start,
    Behind(K),
    End,
}

impl<K: Ord> Cursor<K> {
    fn has_passed<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        match self {
            Cursor::Start => false,
            Cursor::Behind(last) => key <= last.borrow(),
            Cursor::End => true,
        }
    }
}

impl<K: Ord> Keys for BTreeSet<K> {
    type Key = K;

    fn emptied(&self) -> Self {
        BTreeSet::new()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn contains(&self, key: &K) -> bool {
        self.contains(key)
    }

    fn add(&mut self, key: K) {
        self.insert(key);
    }

    fn take(&mut self, limit: usize) -> Vec<K> {
        std::iter::from_fn(|| self.pop_first()).take(limit).collect()
    }
}

impl<K: Ord + Clone, V> Parts<K, V> {
    /// Before an entry changes, `key` being its key or equal to it.
    fn touch(&mut self, key: &K) {
        if let Some(record) = &mut self.record
            && record.cursor.has_passed(key)
        {
            record.note(key.clone());
        }
    }

    /// As [`touch`](Parts::touch), if there is such an entry.
    fn touch_present<Q: Ord + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let Some(record) = &mut self.record else { return };
        if record.cursor.has_passed(key)
            && let Some((key, _)) = self.map.get_key_value(key)
        {
            record.note(key.clone());
        }
    }

    fn restart(&mut self) {
        let ahead = self.map.len();
        if let Some(record) = &mut self.record {
            record.restart(Cursor::Start, ahead);
        }
    }
}

impl<K: Ord + Clone, V> Tracked<BTreeMap<K, V>> {
    /// The value of a key, to be changed. Counts as a change.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.parts.touch_present(key);
        self.parts.map.get_mut(key)
    }

    /// The value of a key, to be changed, which `default` makes if there is none. Counts as a change.
    pub fn get_or_insert_with(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        self.parts.touch(&key);
        let Parts { map, record } = &mut self.parts;
        map.entry(key).or_insert_with_key(|key| {
            let value = default();
            gain(record.as_deref_mut(), key);
            value
        })
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.parts.touch(&key);
        let Parts { map, record } = &mut self.parts;
        if record.is_some() && !map.contains_key(&key) {
            gain(record.as_deref_mut(), &key);
        }
        map.insert(key, value)
    }

    /// Removes the entry of a key, and returns its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.parts.touch_present(key);
        let removed = self.parts.map.remove(key)?;
        if let Some(record) = &mut self.parts.record
            && !record.cursor.has_passed(key)
        {
            record.ahead = record.ahead.saturating_sub(1);
        }
        Some(removed)
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        let key = self.parts.map.first_key_value()?.0.clone();
        self.remove(&key).map(|value| (key, value))
    }

    /// Removes the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let key = self.parts.map.last_key_value()?.0.clone();
        self.remove(&key).map(|value| (key, value))
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        // A destructor may panic: whatever is left then, the copy begins anew.
        self.parts.restart();
        self.parts.map.clear();
        self.parts.restart();
    }

    /// Keeps the entries for which `keep` is true. All entries count as changed.
    pub fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.parts.restart();
        self.parts.map.retain(keep);
        self.parts.restart();
    }

    /// The entries in order, their values to be changed. All entries count as changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.parts.restart();
        self.parts.map.iter_mut()
    }
}

/// Counts an entry that is about to be there, and was not.
fn gain<K: Ord>(record: Option<&mut Record<Cursor<K>, BTreeSet<K>>>, key: &K) {
    if let Some(record) = record
        && !record.cursor.has_passed(key)
    {
        record.ahead += 1;
    }
}

impl<K, V> Deref for Tracked<BTreeMap<K, V>> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.parts.map
    }
}

impl<K, V> Incremental for Tracked<BTreeMap<K, V>>
where
    K: Ord + Clone + Serialize + DeserializeOwned,
    V: Clone + Serialize + DeserializeOwned,
{
    type Changes = MapChanges<K, V>;

    fn track(&mut self, most: usize) {
        let record = Record::new(Cursor::Start, self.len(), BTreeSet::new(), most);
        self.parts.record = Some(Box::new(record));
    }

    fn untrack(&mut self) {
        self.parts.record = None;
    }

    fn changes(&mut self, limit: usize) -> Result<MapChanges<K, V>, BoxError> {
        let Parts { map, record } = &mut self.parts;
        let record = record.as_deref_mut().ok_or_else(untracked)?;
        let mut changes = MapChanges::new(record.begin_look()?);
        let from = match &record.cursor {
            Cursor::Start => Some(Bound::Unbounded),
            Cursor::Behind(last) => Some(Bound::Excluded(last)),
            Cursor::End => None,
        };
        if let Some(from) = from {
            let ahead = map.range((from, Bound::Unbounded)).take(limit);
            changes.entries.extend(ahead.map(|(key, value)| (key.clone(), value.clone())));
            record.ahead = record.ahead.saturating_sub(changes.len());
            match changes.entries.last() {
                _ if changes.len() < limit => record.cursor = Cursor::End,
                Some((last, _)) => record.cursor = Cursor::Behind(last.clone()),
                None => {}
            }
        }
        if changes.len() < limit {
            for key in record.take(limit - changes.len()) {
                match map.get(&key) {
                    Some(value) => changes.entries.push((key, value.clone())),
                    None => changes.removed.push(key),
                }
            }
        }
        Ok(changes)
    }

    fn left(&self) -> usize {
        let Some(record) = &self.parts.record else { return 0 };
        let ahead = if let Cursor::End = record.cursor { 0 } else { record.ahead.max(1) };
        ahead + record.notes()
    }

    fn apply(&mut self, changes: MapChanges<K, V>) -> Result<(), BoxError> {
        if changes.is_fresh {
            self.clear();
        }
        changes.removed.iter().for_each(|key| drop(self.remove(key)));
        self.extend(changes.entries);
        Ok(())
    }
}

impl<K, V> Default for Parts<K, V> {
    fn default() -> Parts<K, V> {
        BTreeMap::new().into()
    }
}

impl<K: Clone, V: Clone> Clone for Parts<K, V> {
    fn clone(&self) -> Parts<K, V> {
        self.map.clone().into()
    }
}

impl<K, V> From<BTreeMap<K, V>> for Parts<K, V> {
    fn from(map: BTreeMap<K, V>) -> Parts<K, V> {
        Parts { map, record: None }
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Parts<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.map.fmt(f)
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Parts<K, V> {
    fn eq(&self, other: &Parts<K, V>) -> bool {
        self.map == other.map
    }
}

impl<K: Eq, V: Eq> Eq for Parts<K, V> {}

impl<K: Ord + Clone, V> Extend<(K, V)> for Tracked<BTreeMap<K, V>> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Tracked<BTreeMap<K, V>> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        BTreeMap::from_iter(entries).into()
    }
}

impl<K, V> From<BTreeMap<K, V>> for Tracked<BTreeMap<K, V>> {
    fn from(map: BTreeMap<K, V>) -> Self {
        Tracked { parts: map.into() }
    }
}

impl<K, V> From<Tracked<BTreeMap<K, V>>> for BTreeMap<K, V> {
    fn from(tracked: Tracked<BTreeMap<K, V>>) -> Self {
        tracked.parts.map
    }
}

impl<K: Serialize, V: Serialize> Serialize for Tracked<BTreeMap<K, V>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.parts.map.serialize(serializer)
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Tracked<BTreeMap<K, V>> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::from)
    }
}
