//! Slots: what handles point to.
//!
//! A slot's entry is filled in place, in the current world, before its first handle
//! exists; so making a reference publishes nothing. The entry of a released slot is
//! closed in place: no handle reaches it any more. Its number is used again only when
//! no world older than the release is left, because an old world still shows what the
//! slot held there. `service/handles` does both, and takes numbers from here.
//!
//! A slot is released once: its count never rises again from 0 ([`Slot::share`]).

use std::{
    ptr::{self, NonNull},
    sync::{Arc, Weak, atomic::Ordering},
};

use crate::{
    abi::{
        tables::RawSlot,
        world::{Entry, Table},
    },
    error::{Error, ErrorKind, Result},
    host::ids::{Generation, Number as _, ServiceId, SlotId, ViewId},
};

use super::component::Implementation;

/// A slot: the place that handles of one view on one service point to.
pub(crate) struct Slot {
    raw: NonNull<RawSlot>,
    view: ViewId,
    service: ServiceId,
    /// The component whose constructor was given the handles as a dependency; `None` if they
    /// are a program's. The slot goes with its dependent, so a plan that replaces that
    /// component may close it.
    dependent: Option<Weak<Implementation>>,
}

impl Slot {
    /// The slot behind a raw one, whose first reference is a handle's.
    ///
    /// # Safety
    /// `raw` lives as long as this slot, and then some: it is freed only when the slot was taken
    /// out of the table, and nothing else has it.
    pub(in crate::host) unsafe fn new(
        raw: NonNull<RawSlot>,
        view: ViewId,
        service: ServiceId,
        dependent: Option<&Arc<Implementation>>,
    ) -> Slot {
        Slot { raw, view, service, dependent: dependent.map(Arc::downgrade) }
    }

    pub(crate) fn view(&self) -> ViewId {
        self.view
    }

    pub(crate) fn service(&self) -> ServiceId {
        self.service
    }

    /// How many handles there are.
    pub(crate) fn handles(&self) -> usize {
        // SAFETY: `new` was promised that it lives as long as this slot.
        unsafe { self.raw.as_ref() }.references.load(Ordering::Relaxed)
    }

    /// The component whose constructor was given its handles, as long as that is there.
    pub(crate) fn dependent(&self) -> Option<Arc<Implementation>> {
        self.dependent.as_ref().and_then(Weak::upgrade)
    }

    /// Whether its handles were given to this dependent; to none, if that is `None`.
    pub(crate) fn is_of(&self, dependent: Option<&Arc<Implementation>>) -> bool {
        match (&self.dependent, dependent) {
            (None, None) => true,
            (Some(own), Some(other)) => ptr::eq(own.as_ptr(), Arc::as_ptr(other)),
            _ => false,
        }
    }

    /// Another reference, unless the last one was given up already.
    pub(super) fn share(&self) -> Option<SlotRef> {
        // SAFETY: `new` was promised that it lives as long as this slot.
        unsafe { SlotRef::share(self.raw) }
    }
}

// SAFETY: a raw slot is constant but for its atomic count.
unsafe impl Send for Slot {}

/// The most slots that a runtime has at one time: a frame names an entry by 32 bits of its offset,
/// and drains tell by it where a call is.
const MOST: usize = (u32::MAX as usize - size_of::<Table>()) / size_of::<Entry>();

/// The slots of a runtime by number.
#[derive(Default)]
pub(crate) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<SlotId>,
    /// Released slots, each with the world that was current then.
    cooling: Vec<(SlotId, Generation)>,
}

/// One reference to a slot, to be given to a handle.
pub(crate) struct SlotRef(NonNull<RawSlot>);

impl SlotRef {
    /// The first reference to a slot that was made just now.
    pub(in crate::host) fn first(raw: NonNull<RawSlot>) -> SlotRef {
        SlotRef(raw)
    }

    /// Another reference, unless the last one was given up already.
    ///
    /// # Safety
    /// The raw slot is alive.
    pub(in crate::host) unsafe fn share(raw: NonNull<RawSlot>) -> Option<SlotRef> {
        // SAFETY: the caller says that it is alive.
        let references = &unsafe { raw.as_ref() }.references;
        references
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count > 0).then_some(count + 1))
            .ok()
            .map(|_| SlotRef(raw))
    }

    /// Passes the reference on.
    pub(crate) fn into_raw(self) -> NonNull<RawSlot> {
        self.0
    }
}

impl Slots {
    pub(crate) fn get(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(slot.index())?.as_ref()
    }

    /// Refuses a slot for which there is no number.
    ///
    /// # Errors
    /// `Invalid` if there are as many as there can be.
    pub(in crate::host) fn refuse_too_many(&self) -> Result<()> {
        if self.free.is_empty() { refuse_beside(self.slots.len()) } else { Ok(()) }
    }

    /// Numbers of the slots that exist.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = SlotId> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some()).map(|(index, _)| SlotId::of_index(index))
    }

    /// A number for a new slot.
    pub(in crate::host) fn take_number(&mut self) -> SlotId {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            SlotId::of_index(self.slots.len() - 1)
        })
    }

    /// Puts a new slot under its number.
    pub(super) fn put(&mut self, number: SlotId, slot: Slot) {
        self.slots[number.index()] = Some(slot);
    }

    /// Takes out a slot whose last handle is gone, while the world of that number is current.
    pub(super) fn take(&mut self, number: SlotId, generation: Generation) -> Option<Slot> {
        let slot = self.slots.get_mut(number.index())?.take()?;
        self.cooling.push((number, generation));
        Some(slot)
    }

    /// Makes numbers available again that no old world shows: `oldest` is the oldest
    /// world that is left.
    pub(crate) fn reclaim(&mut self, oldest: Option<Generation>) {
        let free = &mut self.free;
        self.cooling.retain(|&(slot, released)| {
            let keep = oldest.is_some_and(|oldest| oldest < released);
            if !keep {
                free.push(slot);
            }
            keep
        });
    }
}

fn refuse_beside(slots: usize) -> Result<()> {
    if slots < MOST {
        return Ok(());
    }
    let text = format!("{slots} instances and views of them have handles, which is the limit; drop some");
    Err(Error::new(ErrorKind::Invalid, text))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::abi::{
        frame::Place,
        world::{entry_offset, slot_of},
    };

    #[test]
    fn a_frame_tells_the_last_slot_from_every_other_one() {
        let last = MOST - 1;
        let place = Place::new(entry_offset(last), 7);
        assert_eq!((slot_of(place.offset()), place.method()), (last, 7));
        let beyond = Place::new(entry_offset(MOST + 1), 7);
        assert_ne!(slot_of(beyond.offset().max(entry_offset(0))), MOST + 1, "the limit is lower than it need be");
    }

    #[test]
    fn more_slots_than_a_frame_can_tell_apart_are_refused() {
        assert!(refuse_beside(MOST - 1).is_ok());
        assert_eq!(refuse_beside(MOST).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
