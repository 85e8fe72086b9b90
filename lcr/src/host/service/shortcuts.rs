//! Shortcuts: the slots where services were found in one world, so that asking for a service again needs
//! neither a search nor the state lock.
//!
//! Only a commit changes what is present, and each publication has a generation of its own. So a shortcut is
//! valid in the world in which it was found, as long as its slot has a handle.
//!
//! *Reader*: takes the lock of the shortcuts, a leaf, reads the current generation through
//! [`Worlds`](crate::host::worlds::world::Worlds), finds a shortcut of that generation, and takes a reference
//! to its slot unless the count of references is 0. *Writers*: a commit touches no shortcut; the generation
//! that it publishes makes all of them stale. The reaper forgets the shortcuts to a slot, under the lock,
//! before it frees the slot.
//!
//! *Collision* with the reaper: if the reader's section comes first, the slot's count is 0 already, and
//! never rises again, so the reader takes nothing; if the reaper's comes first, the reader finds no
//! shortcut. So no reader touches a freed slot. With a commit: what the reader returns was what a
//! search would have found when it read the generation.

use std::{
    collections::HashMap,
    ptr::NonNull,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    abi::tables::RawSlot,
    host::{ids::Generation, objects::slots::SlotRef},
};

/// The shortcuts of a runtime. A leaf lock.
#[derive(Default)]
pub(crate) struct Shortcuts(Mutex<Found>);

/// The shortcuts, locked.
pub(super) type LockedShortcuts<'a> = MutexGuard<'a, Found>;

#[derive(Default)]
pub(super) struct Found {
    /// The places in `of`, by the interface in its encoded form.
    interfaces: HashMap<Box<[u8]>, usize>,
    of: Vec<OfInterface>,
    /// By a slot's address, the places in `of` where the slot may be.
    slots: HashMap<usize, Vec<usize>>,
}

#[derive(Default)]
struct OfInterface {
    /// The world in which the shortcuts were found; `None` before the first.
    generation: Option<Generation>,
    unnamed: Option<RawRef>,
    /// The shortcuts by the component's name that the caller gave. Only names that were found are here, so
    /// there are no more of them than components.
    named: HashMap<Box<str>, RawRef>,
}

/// A slot that is not freed before it is forgotten.
#[derive(Clone, Copy, PartialEq, Eq)]
struct RawRef(NonNull<RawSlot>);

// SAFETY: a raw slot is constant but for its atomic count.
unsafe impl Send for RawRef {}

impl Shortcuts {
    /// Locks the shortcuts; a fork does so, too.
    pub(super) fn lock(&self) -> LockedShortcuts<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another reference to the slot where a program's service was found, of `component` if that is given.
    /// `None` if it was not found in the world of the number that `current` returns, or if the slot is gone.
    pub(super) fn find(
        &self,
        encoded: &[u8],
        component: Option<&str>,
        current: impl FnOnce() -> Generation,
    ) -> Option<SlotRef> {
        let found = self.lock();
        let of = &found.of[*found.interfaces.get(encoded)?];
        if of.generation != Some(current()) {
            return None;
        }
        let slot = match component {
            None => of.unnamed?,
            Some(name) => *of.named.get(name)?,
        };
        // SAFETY: the slot is not freed before it is forgotten, which needs the lock.
        unsafe { SlotRef::share(slot.0) }
    }

    /// Notes that the service was found at `slot` in the world of that number. Forgets what was found in an
    /// older world.
    ///
    /// # Safety
    /// The caller has a reference to the slot, and calls [`Shortcuts::forget`] before it frees the slot.
    pub(super) unsafe fn remember(
        &self,
        encoded: &[u8],
        component: Option<&str>,
        generation: Generation,
        slot: NonNull<RawSlot>,
    ) {
        let mut found = self.lock();
        let Found { interfaces, of, slots } = &mut *found;
        let at = match interfaces.get(encoded) {
            Some(&at) => at,
            None => {
                of.push(OfInterface::default());
                interfaces.insert(encoded.into(), of.len() - 1);
                of.len() - 1
            }
        };
        let of = &mut of[at];
        if of.generation > Some(generation) {
            return;
        }
        if of.generation < Some(generation) {
            *of = OfInterface { generation: Some(generation), ..OfInterface::default() };
        }
        match component {
            None => of.unnamed = Some(RawRef(slot)),
            Some(name) => drop(of.named.insert(name.into(), RawRef(slot))),
        }
        let places = slots.entry(slot.addr().get()).or_default();
        if !places.contains(&at) {
            places.push(at);
        }
    }

    /// Forgets a slot, which is about to be freed.
    pub(super) fn forget(&self, slot: NonNull<RawSlot>) {
        let mut found = self.lock();
        for at in found.slots.remove(&slot.addr().get()).unwrap_or_default() {
            let of = &mut found.of[at];
            of.unnamed = of.unnamed.filter(|other| *other != RawRef(slot));
            of.named.retain(|_, other| *other != RawRef(slot));
        }
    }
}
