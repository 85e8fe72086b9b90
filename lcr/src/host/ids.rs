//! The numbers of the host's things, one type for each kind, and the table that gives them out.
//!
//! Numbers of two kinds do not mix: the number of a slot is no number of a service. A number that crosses an
//! image border is a plain integer in `abi`; each type here converts its own in one place
//! ([`SlotId::of_offset`], [`Generation::of_table`], [`ThreadId::of_kernel`] and their counterparts).
//!
//! The number of a commit, which programs and operators see as the generation, is a plain `u64` called
//! `serial`: no table is indexed by it.

use std::{
    fmt::Debug,
    hash::Hash,
    marker::PhantomData,
    ops::{Index, IndexMut},
};

use slab::Slab;

use crate::abi::world::{Table, entry_offset, slot_of};

/// A number that a [`Numbered`] table gives out.
pub(crate) trait Number: Copy + Eq + Ord + Hash + Debug {
    /// The number of an entry at this place of its table.
    fn of_index(index: usize) -> Self;

    /// The place of the number's entry in the table.
    fn index(self) -> usize;
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub(crate) struct $name(usize);

        impl Number for $name {
            fn of_index(index: usize) -> $name {
                $name(index)
            }

            fn index(self) -> usize {
                self.0
            }
        }
    )*};
}

numbers! {
    /// The number of a [`ServiceEntry`](super::objects::services::ServiceEntry). The number is given again
    /// when nothing holds the entry any more.
    ServiceId,
    /// The number of a [`Provider`](super::objects::provider::Provider). The number is given again when the
    /// provider was removed.
    ProviderId,
    /// The number of a slot: the place of its entry in the table of every world. The number is given again
    /// when no world is left that shows what the slot held.
    SlotId,
    /// The number of a [`View`](super::image::link::View). Views are never removed.
    ViewId,
    /// The number of a pin in its runtime.
    PinId,
    /// The number of an image among those whose output is written at the end of the process.
    OutputId,
}

impl SlotId {
    /// The slot whose entry is at this byte offset of a world's table.
    pub(crate) const fn of_offset(offset: usize) -> SlotId {
        SlotId(slot_of(offset))
    }

    /// The byte offset of the slot's entry in a world's table.
    pub(crate) const fn offset(self) -> usize {
        entry_offset(self.0)
    }
}

/// The number of a world in its runtime, counted from 1. Not every world belongs to a commit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct Generation(u64);

impl Generation {
    /// The number of a runtime's first world.
    pub(crate) const FIRST: Generation = Generation(1);

    /// The number of the world with this table.
    pub(crate) const fn of_table(table: &Table) -> Generation {
        Generation(table.generation)
    }

    /// The number for the table's header.
    pub(crate) const fn to_table(self) -> u64 {
        self.0
    }

    /// The number of the world after this one.
    pub(crate) const fn next(self) -> Generation {
        Generation(self.0 + 1)
    }
}

/// The number of a transaction in its runtime, counted from 1. Each transaction has a number of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct TransactionId(u64);

impl TransactionId {
    /// The number of one more transaction. `count` is how many there were, and is raised.
    pub(crate) fn next(count: &mut u64) -> TransactionId {
        *count += 1;
        TransactionId(*count)
    }
}

/// The kernel's number of a thread. The kernel gives the number again when the thread is gone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct ThreadId(u32);

impl ThreadId {
    /// No thread: the owner of a free record, or the thread of a transaction that has not begun.
    pub(crate) const NONE: ThreadId = ThreadId(0);

    /// A thread by the number that the kernel gave it.
    pub(crate) const fn of_kernel(number: u32) -> ThreadId {
        ThreadId(number)
    }

    /// The kernel's number.
    pub(crate) const fn to_kernel(self) -> u32 {
        self.0
    }
}

/// A table whose entries have numbers of one type. It gives the numbers of removed entries again.
pub(crate) struct Numbered<K, T> {
    entries: Slab<T>,
    numbers: PhantomData<K>,
}

impl<K, T> Default for Numbered<K, T> {
    fn default() -> Numbered<K, T> {
        Numbered::new()
    }
}

impl<K, T> Numbered<K, T> {
    /// An empty table.
    pub(crate) const fn new() -> Numbered<K, T> {
        Numbered { entries: Slab::new(), numbers: PhantomData }
    }
}

impl<K: Number, T> Numbered<K, T> {
    pub(crate) fn insert(&mut self, entry: T) -> K {
        K::of_index(self.entries.insert(entry))
    }

    pub(crate) fn get(&self, number: K) -> Option<&T> {
        self.entries.get(number.index())
    }

    pub(crate) fn get_mut(&mut self, number: K) -> Option<&mut T> {
        self.entries.get_mut(number.index())
    }

    pub(crate) fn remove(&mut self, number: K) -> T {
        self.entries.remove(number.index())
    }

    pub(crate) fn try_remove(&mut self, number: K) -> Option<T> {
        self.entries.try_remove(number.index())
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.entries.retain(|_, entry| keep(entry));
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn into_entries(self) -> impl Iterator<Item = T> {
        self.entries.into_iter().map(|(_, entry)| entry)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, &T)> {
        self.entries.iter().map(|(index, entry)| (K::of_index(index), entry))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut T)> {
        self.entries.iter_mut().map(|(index, entry)| (K::of_index(index), entry))
    }
}

impl<K: Number, T> Index<K> for Numbered<K, T> {
    type Output = T;

    fn index(&self, number: K) -> &T {
        &self.entries[number.index()]
    }
}

impl<K: Number, T> IndexMut<K> for Numbered<K, T> {
    fn index_mut(&mut self, number: K) -> &mut T {
        &mut self.entries[number.index()]
    }
}
