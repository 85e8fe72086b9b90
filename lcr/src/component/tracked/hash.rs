//! `Tracked<HashMap<K, V>>`.

use std::{
    borrow::Borrow,
    collections::HashMap,
    fmt,
    hash::{BuildHasher, Hash},
    marker::PhantomData,
};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};

use crate::component::{incremental::Incremental, stateful::BoxError};

use super::{
    Container, MapChanges, Tracked,
    record::{Record, untracked},
    sealed::Sealed,
    segments::{Cursor, Segments},
};

impl<K, V, S> Sealed for HashMap<K, V, S> {}

impl<K, V, S> Container for HashMap<K, V, S> {
    type Parts = Parts<K, V, S>;
}

/// The entries, and the record while they are tracked.
#[derive(lcr_macros::Layout)]
#[layout(crate = crate)]
pub struct Parts<K, V, S> {
    pub(super) entries: Segments<K, V, S>,
    record: Option<Box<Recorded<K, S>>>,
}

type Recorded<K, S> = Record<Cursor, Segments<K, (), S>>;

impl<K, V, S: BuildHasher + Clone> Parts<K, V, S> {
    fn new(hasher: S) -> Parts<K, V, S> {
        Parts { entries: Segments::new(hasher), record: None }
    }
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone> Parts<K, V, S> {
    fn restart(&mut self) {
        let ahead = self.entries.len();
        if let Some(record) = &mut self.record {
            record.restart(Cursor::START, ahead);
        }
    }

    /// Before an entry at `position` changes, `key` being its key or equal to it.
    fn touch(&mut self, position: u64, key: &K) {
        if let Some(record) = &mut self.record
            && record.cursor.has_passed(position)
        {
            record.note(key.clone());
        }
    }

    /// As [`touch`](Parts::touch), if there is such an entry.
    fn touch_present<Q: Hash + Eq + ?Sized>(&mut self, position: u64, key: &Q)
    where
        K: Borrow<Q>,
    {
        let Some(record) = &mut self.record else { return };
        if record.cursor.has_passed(position)
            && let Some((key, _)) = self.entries.get(position, key)
        {
            record.note(key.clone());
        }
    }

    fn insert(&mut self, key: K, value: V) -> Option<V> {
        let position = self.entries.position(&key);
        self.touch(position, &key);
        let before = self.entries.insert(position, key, value);
        if let Some(record) = &mut self.record
            && before.is_none()
            && !record.cursor.has_passed(position)
        {
            record.ahead += 1;
        }
        before
    }
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone> Tracked<HashMap<K, V, S>> {
    /// An empty map that hashes its keys by `hasher`.
    pub fn with_hasher(hasher: S) -> Self {
        Tracked { parts: Parts::new(hasher) }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.parts.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// A key's entry.
    pub fn get_key_value<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.parts.entries.get(self.parts.entries.position(key), key)
    }

    /// Whether there is an entry of a key.
    pub fn contains_key<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    /// The value of a key, to be changed. Counts as a change.
    pub fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let position = self.parts.entries.position(key);
        self.parts.touch_present(position, key);
        self.parts.entries.get_mut(position, key)
    }

    /// The value of a key, to be changed, which `default` makes if there is none. Counts as a change.
    ///
    /// # Panics
    /// If the key's `Hash` or `Eq` contradict themselves.
    pub fn get_or_insert_with(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        let position = self.parts.entries.position(&key);
        if self.parts.entries.get(position, &key).is_none() {
            self.parts.insert(key.clone(), default());
        } else {
            self.parts.touch(position, &key);
        }
        self.parts.entries.get_mut(position, &key).expect("the entry was found or made")
    }

    /// Sets the value of a key, and returns the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.parts.insert(key, value)
    }

    /// Removes the entry of a key, and returns its value.
    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let position = self.parts.entries.position(key);
        self.parts.touch_present(position, key);
        let (_, value) = self.parts.entries.remove(position, key)?;
        if let Some(record) = &mut self.parts.record
            && !record.cursor.has_passed(position)
        {
            record.ahead = record.ahead.saturating_sub(1);
        }
        Some(value)
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        // A destructor may panic: whatever is left then, the copy begins anew.
        self.parts.restart();
        self.parts.entries.clear();
        self.parts.restart();
    }

    /// Keeps the entries for which `keep` is true. All entries count as changed.
    pub fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.parts.restart();
        self.parts.entries.retain(keep);
        self.parts.restart();
    }

    /// The entries, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.parts.entries.iter()
    }

    /// The entries, their values to be changed. All entries count as changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.parts.restart();
        self.parts.entries.iter_mut()
    }

    /// The keys, in no particular order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in no particular order.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }
}

impl<K, V, S> Incremental for Tracked<HashMap<K, V, S>>
where
    K: Eq + Hash + Clone + Serialize + DeserializeOwned,
    V: Clone + Serialize + DeserializeOwned,
    S: BuildHasher + Clone,
{
    type Changes = MapChanges<K, V>;

    fn track(&mut self, most: usize) {
        let Parts { entries, record } = &mut self.parts;
        let noted = Segments::new(entries.hasher().clone());
        *record = Some(Box::new(Record::new(Cursor::START, entries.len(), noted, most)));
    }

    fn untrack(&mut self) {
        self.parts.record = None;
    }

    fn changes(&mut self, limit: usize) -> Result<MapChanges<K, V>, BoxError> {
        let Parts { entries, record } = &mut self.parts;
        let record = record.as_deref_mut().ok_or_else(untracked)?;
        let mut changes = MapChanges::new(record.begin_look()?);
        while changes.len() < limit
            && let Some((segment, next)) = entries.next_segment(record.cursor)
        {
            changes.entries.extend(segment.iter().map(|(key, value)| (key.clone(), value.clone())));
            record.ahead = record.ahead.saturating_sub(segment.len());
            record.cursor = next;
        }
        if changes.len() < limit {
            for key in record.take(limit - changes.len()) {
                match entries.get(entries.position(&key), &key) {
                    Some((_, value)) => changes.entries.push((key, value.clone())),
                    None => changes.removed.push(key),
                }
            }
        }
        Ok(changes)
    }

    fn left(&self) -> usize {
        let Some(record) = &self.parts.record else { return 0 };
        let ahead = if record.cursor == Cursor::End { 0 } else { record.ahead.max(1) };
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

impl<K, V, S: BuildHasher + Clone + Default> Default for Parts<K, V, S> {
    fn default() -> Parts<K, V, S> {
        Parts::new(S::default())
    }
}

impl<K: Clone, V: Clone, S: Clone> Clone for Parts<K, V, S> {
    fn clone(&self) -> Parts<K, V, S> {
        Parts { entries: self.entries.clone(), record: None }
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S: BuildHasher + Clone> fmt::Debug for Parts<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries.iter()).finish()
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher + Clone> PartialEq for Parts<K, V, S> {
    fn eq(&self, other: &Parts<K, V, S>) -> bool {
        let other = &other.entries;
        let same =
            |(key, value): (&K, &V)| other.get(other.position(key), key).is_some_and(|(_, other)| other == value);
        self.entries.len() == other.len() && self.entries.iter().all(same)
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher + Clone> Eq for Parts<K, V, S> {}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone> Extend<(K, V)> for Tracked<HashMap<K, V, S>> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.parts.insert(key, value)));
    }
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone + Default> FromIterator<(K, V)> for Tracked<HashMap<K, V, S>> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone> From<HashMap<K, V, S>> for Tracked<HashMap<K, V, S>> {
    fn from(map: HashMap<K, V, S>) -> Self {
        let mut tracked = Self::with_hasher(map.hasher().clone());
        tracked.extend(map);
        tracked
    }
}

impl<K: Eq + Hash + Clone, V, S: BuildHasher + Clone> From<Tracked<HashMap<K, V, S>>> for HashMap<K, V, S> {
    fn from(tracked: Tracked<HashMap<K, V, S>>) -> Self {
        let entries = tracked.parts.entries;
        let mut map = HashMap::with_capacity_and_hasher(entries.len(), entries.hasher().clone());
        map.extend(entries.into_iter());
        map
    }
}

impl<K: Serialize, V: Serialize, S: BuildHasher + Clone> Serialize for Tracked<HashMap<K, V, S>> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        use serde::ser::SerializeMap as _;
        let entries = &self.parts.entries;
        let mut map = serializer.serialize_map(Some(entries.len()))?;
        entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
        map.end()
    }
}

impl<'de, K, V, S> Deserialize<'de> for Tracked<HashMap<K, V, S>>
where
    K: Eq + Hash + Clone + Deserialize<'de>,
    V: Deserialize<'de>,
    S: BuildHasher + Clone + Default,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

/// Reads entries one by one, so that no second map is made of them first.
struct Entries<K, V, S>(PhantomData<(K, V, S)>);

impl<'de, K, V, S> Visitor<'de> for Entries<K, V, S>
where
    K: Eq + Hash + Clone + Deserialize<'de>,
    V: Deserialize<'de>,
    S: BuildHasher + Clone + Default,
{
    type Value = Tracked<HashMap<K, V, S>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut tracked = Self::Value::default();
        while let Some((key, value)) = map.next_entry()? {
            tracked.insert(key, value);
        }
        Ok(tracked)
    }
}
