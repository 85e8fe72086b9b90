//! [`MapChanges`] and [`VecChanges`]: what one look at a container finds.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What one look at a tracked map found: entries that are there, and keys that are not any more. Those of a
/// hash map and of a tree are the same.
#[derive(Clone, PartialEq, Eq)]
pub struct MapChanges<K, V> {
    /// Whether nothing that was applied before counts any more.
    pub(super) is_fresh: bool,
    pub(super) entries: Vec<(K, V)>,
    pub(super) removed: Vec<K>,
}

impl<K, V> MapChanges<K, V> {
    pub(super) fn new(is_fresh: bool) -> MapChanges<K, V> {
        MapChanges { is_fresh, entries: Vec::new(), removed: Vec::new() }
    }

    /// The number of entries and removed keys.
    pub fn len(&self) -> usize {
        self.entries.len() + self.removed.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same changes of a map with other types, for
    /// [`migrate_changes`](crate::Incremental::migrate_changes). `key` must give different keys for
    /// different keys, else entries take each other's place.
    ///
    /// ```
    /// # use lcr::{BoxError, MapChanges, RawState};
    /// fn migrate_changes(from: u32, raw: RawState<'_>) -> Result<MapChanges<String, u64>, BoxError> {
    ///     match from {
    ///         1 => Ok(raw.decode::<MapChanges<String, u32>>()?.convert(|key| key, u64::from)),
    ///         _ => Err(format!("state version {from} is not known").into()),
    ///     }
    /// }
    /// ```
    pub fn convert<L, W>(self, mut key: impl FnMut(K) -> L, mut value: impl FnMut(V) -> W) -> MapChanges<L, W> {
        let MapChanges { is_fresh, entries, removed } = self;
        let entries = entries.into_iter().map(|(k, v)| (key(k), value(v))).collect();
        MapChanges { is_fresh, entries, removed: removed.into_iter().map(key).collect() }
    }
}

/// What one look at a tracked vector found: how much of it stays, which elements have changed, and which
/// follow.
#[derive(Clone, PartialEq, Eq)]
pub struct VecChanges<T> {
    /// The length to which the successor's vector is cut.
    pub(super) kept: usize,
    /// Elements below that length, with their indices.
    pub(super) changed: Vec<(usize, T)>,
    /// Elements behind it.
    pub(super) more: Vec<T>,
}

impl<T> VecChanges<T> {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.changed.len() + self.more.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same changes of a vector with elements of another type, for
    /// [`migrate_changes`](crate::Incremental::migrate_changes).
    pub fn convert<U>(self, mut element: impl FnMut(T) -> U) -> VecChanges<U> {
        let VecChanges { kept, changed, more } = self;
        let changed = changed.into_iter().map(|(index, changed)| (index, element(changed))).collect();
        VecChanges { kept, changed, more: more.into_iter().map(element).collect() }
    }
}

impl<K: Serialize, V: Serialize> Serialize for MapChanges<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.is_fresh, &self.entries, &self.removed).serialize(serializer)
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for MapChanges<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (is_fresh, entries, removed) = Deserialize::deserialize(deserializer)?;
        Ok(MapChanges { is_fresh, entries, removed })
    }
}

impl<T: Serialize> Serialize for VecChanges<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.kept as u64, &self.changed, &self.more).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for VecChanges<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (kept, changed, more): (u64, _, _) = Deserialize::deserialize(deserializer)?;
        // No vector is that long: `apply` refuses it.
        Ok(VecChanges { kept: usize::try_from(kept).unwrap_or(usize::MAX), changed, more })
    }
}

impl<K, V> fmt::Debug for MapChanges<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapChanges")
            .field("entries", &self.entries.len())
            .field("removed", &self.removed.len())
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for VecChanges<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VecChanges")
            .field("kept", &self.kept)
            .field("changed", &self.changed.len())
            .field("more", &self.more.len())
            .finish()
    }
}
