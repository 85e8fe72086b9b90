//! [`Segments`]: a hash table that grows in small steps and keeps its entries in the order of their hashes.
//!
//! Extendible hashing (Fagin et al., TODS 1979): a directory leads from the first bits of a key's
//! *position* to a segment, a small hash map of std. A full segment is split in two by one more bit; the
//! directory doubles when a segment needs more bits than the directory has. A position is the key's hash
//! times an odd number, so that hashers which leave the first bits alone are spread as well.
//!
//! 1. All entries whose positions begin with the same `bits` bits are in one segment, and no others.
//! 2. So a segment's positions are a range. A split cuts it in two, and ranges never merge, but for
//!    [`Segments::clear`]: a position where a segment began is where a segment begins for ever.
//! 3. The directory has at most 16 places for each segment that the entries would fill, so that keys with
//!    equal hashes, which no split parts, cost time as in any hash map, and no memory.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::{BuildHasher, Hash},
    mem,
};

use super::record::Keys;

/// A segment with more entries than this is split. Unit tests split early.
const FULL: usize = if cfg!(test) { 4 } else { 1024 };
/// The directory has at most 2 to this power places.
const MOST_BITS: u32 = 28;

#[derive(Clone, lcr_macros::Layout)]
#[layout(crate = crate)]
pub(super) struct Segments<K, V, S> {
    hasher: S,
    /// Which segment has the positions that begin with a place's bits.
    directory: Vec<u32>,
    /// The directory has 2 to this power places.
    bits: u32,
    segments: Vec<Segment<K, V, S>>,
    len: usize,
}

#[derive(Clone, lcr_macros::Layout)]
#[layout(crate = crate)]
struct Segment<K, V, S> {
    /// How many first bits of the positions are the same.
    bits: u32,
    entries: HashMap<K, V, S>,
}

/// A place between segments: what is before it, is behind the cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, lcr_macros::Layout)]
#[layout(crate = crate)]
pub(super) enum Cursor {
    Before(u64),
    End,
}

impl Cursor {
    pub(super) const START: Cursor = Cursor::Before(0);

    pub(super) fn has_passed(self, position: u64) -> bool {
        match self {
            Cursor::Before(cursor) => position < cursor,
            Cursor::End => true,
        }
    }
}

impl<K, V, S: BuildHasher + Clone> Segments<K, V, S> {
    pub(super) fn new(hasher: S) -> Segments<K, V, S> {
        let first = Segment { bits: 0, entries: HashMap::with_hasher(hasher.clone()) };
        Segments { hasher, directory: vec![0], bits: 0, segments: vec![first], len: 0 }
    }

    pub(super) fn hasher(&self) -> &S {
        &self.hasher
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn clear(&mut self) {
        *self = Segments::new(self.hasher.clone());
    }

    /// A key's position. Keys that are equal have the same one.
    pub(super) fn position<Q: Hash + ?Sized>(&self, key: &Q) -> u64 {
        position_by(&self.hasher, key)
    }

    fn place(&self, position: u64) -> usize {
        // With 64 bits to leave out, none is left.
        position.checked_shr(64 - self.bits).unwrap_or(0) as usize
    }

    fn at(&self, position: u64) -> &HashMap<K, V, S> {
        &self.segments[self.directory[self.place(position)] as usize].entries
    }

    fn at_mut(&mut self, position: u64) -> &mut HashMap<K, V, S> {
        let place = self.place(position);
        &mut self.segments[self.directory[place] as usize].entries
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.segments.iter().flat_map(|segment| &segment.entries)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.segments.iter_mut().flat_map(|segment| &mut segment.entries)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = (K, V)> {
        self.segments.into_iter().flat_map(|segment| segment.entries)
    }
}

fn position_by<Q: Hash + ?Sized>(hasher: &impl BuildHasher, key: &Q) -> u64 {
    hasher.hash_one(key).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<K: Eq + Hash, V, S: BuildHasher + Clone> Segments<K, V, S> {
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, position: u64, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        self.at(position).get_key_value(key)
    }

    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, position: u64, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.at_mut(position).get_mut(key)
    }

    pub(super) fn remove<Q: Hash + Eq + ?Sized>(&mut self, position: u64, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let removed = self.at_mut(position).remove_entry(key)?;
        self.len -= 1;
        Some(removed)
    }

    pub(super) fn insert(&mut self, position: u64, key: K, value: V) -> Option<V> {
        let before = self.at_mut(position).insert(key, value);
        if before.is_none() {
            self.len += 1;
            if self.at(position).len() > FULL {
                self.split(position);
            }
        }
        before
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let Segments { segments, len, .. } = self;
        for segment in segments {
            // Counted one by one, and before it is dropped: `keep` and the destructor may panic.
            segment.entries.retain(|key, value| {
                let is_kept = keep(key, value);
                *len -= usize::from(!is_kept);
                is_kept
            });
        }
    }

    /// Splits the segment of a position, if that is worth it.
    fn split(&mut self, position: u64) {
        let number = self.directory[self.place(position)];
        let bits = self.segments[number as usize].bits;
        if bits == self.bits {
            let worth = 16 * (self.len / FULL + 1);
            if self.bits == MOST_BITS || self.directory.len() * 2 > worth {
                return;
            }
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.bits += 1;
        }
        let Ok(new) = u32::try_from(self.segments.len()) else { return };
        let hasher = self.hasher.clone();
        let is_above = |key: &K| position_by(&hasher, key) & (1 << (63 - bits)) != 0;
        // An author's `Hash` may panic. So it is asked about each key before an entry moves.
        let moving = self.segments[number as usize].entries.keys().filter(|key| is_above(key)).count();
        let mut above = HashMap::with_capacity_and_hasher(moving, hasher.clone());
        let below = &mut self.segments[number as usize];
        above.extend(below.entries.extract_if(|key, _| is_above(key)));
        below.bits += 1;
        self.segments.push(Segment { bits: bits + 1, entries: above });
        // The segment had this many places, of which the second half is the new one's.
        let places = 1_usize << (self.bits - bits);
        let first = self.place(position) & !(places - 1);
        self.directory[first + places / 2..first + places].fill(new);
    }

    /// The entries of the segment at a cursor, and the cursor behind it.
    pub(super) fn next_segment(&self, cursor: Cursor) -> Option<(&HashMap<K, V, S>, Cursor)> {
        let Cursor::Before(position) = cursor else { return None };
        let place = self.place(position);
        let segment = &self.segments[self.directory[place] as usize];
        // The first position behind the segment, which may be behind all of them.
        let size = 1_u128 << (64 - segment.bits);
        let end = (u128::from(position) / size + 1) * size;
        Some((&segment.entries, u64::try_from(end).map_or(Cursor::End, Cursor::Before)))
    }
}

impl<K: Eq + Hash, S: BuildHasher + Clone> Keys for Segments<K, (), S> {
    type Key = K;

    fn emptied(&self) -> Self {
        Segments::new(self.hasher.clone())
    }

    fn len(&self) -> usize {
        self.len
    }

    fn contains(&self, key: &K) -> bool {
        self.get(self.position(key), key).is_some()
    }

    fn add(&mut self, key: K) {
        self.insert(self.position(&key), key, ());
    }

    /// Takes out whole segments; the set is not added to before it is empty.
    fn take(&mut self, limit: usize) -> Vec<K> {
        let mut keys = Vec::new();
        for segment in &mut self.segments {
            if keys.len() >= limit {
                break;
            }
            keys.extend(mem::replace(&mut segment.entries, HashMap::with_hasher(self.hasher.clone())).into_keys());
        }
        self.len -= keys.len();
        keys
    }
}

#[cfg(test)]
impl<K, V, S> Segments<K, V, S> {
    /// The directory's size.
    pub(super) fn places(&self) -> usize {
        self.directory.len()
    }
}
