//! Slots: what handles point to.
//!
//! `service/handles` fills a slot's entry in place, in the current world, before the slot's first handle
//! exists; so making a reference publishes nothing. It closes the entry of a released slot in place, since no
//! handle reaches that any more. The number of the slot is given again only when no world older than the
//! release is left, because an old world still shows what the slot held there.
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
    /// The component whose constructor got the handles as a dependency; `None` if a program has them. The
    /// slot goes with its dependent, so a plan that replaces the dependent may close the slot.
    dependent: Option<Weak<Implementation>>,
}

impl Slot {
    /// A slot for a raw one. The first reference to the raw slot belongs to a handle.
    ///
    /// # Safety
    /// `raw` lives longer than this value: the caller frees it only when it has taken this slot out of the
    /// table, and nothing else refers to it.
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
        // SAFETY: by the contract of `new` the raw slot is alive.
        unsafe { self.raw.as_ref() }.references.load(Ordering::Relaxed)
    }

    /// The component whose constructor got its handles, if that is still there.
    pub(crate) fn dependent(&self) -> Option<Arc<Implementation>> {
        self.dependent.as_ref().and_then(Weak::upgrade)
    }

    /// Whether its handles belong to this dependent, or to programs if that is `None`.
    pub(crate) fn is_of(&self, dependent: Option<&Arc<Implementation>>) -> bool {
        match (&self.dependent, dependent) {
            (None, None) => true,
            (Some(own), Some(other)) => ptr::eq(own.as_ptr(), Arc::as_ptr(other)),
            _ => false,
        }
    }

    /// Takes another reference, unless the last one was given up already.
    pub(super) fn share(&self) -> Option<SlotRef> {
        // SAFETY: by the contract of `new` the raw slot is alive.
        unsafe { SlotRef::share(self.raw) }
    }
}

// SAFETY: a raw slot is constant but for its atomic count.
unsafe impl Send for Slot {}

/// The most slots that a runtime has at one time. A frame has 32 bits for the offset of an entry, and drains
/// tell by that offset which slot a call is in.
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
    /// The first reference to a new slot.
    pub(in crate::host) fn first(raw: NonNull<RawSlot>) -> SlotRef {
        SlotRef(raw)
    }

    /// Takes another reference, unless the last one was given up already.
    ///
    /// # Safety
    /// The raw slot is alive.
    pub(in crate::host) unsafe fn share(raw: NonNull<RawSlot>) -> Option<SlotRef> {
        // SAFETY: by contract the raw slot is alive.
        let references = &unsafe { raw.as_ref() }.references;
        references
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count > 0).then_some(count + 1))
            .ok()
            .map(|_| SlotRef(raw))
    }

    /// Gives up a reference that was passed on.
    ///
    /// # Safety
    /// The reference is the caller's, and is not used again.
    pub(in crate::host) unsafe fn give_up(raw: NonNull<RawSlot>) {
        // SAFETY: the caller has a reference.
        let slot = unsafe { raw.as_ref() };
        // SAFETY: a host's table lives as long as the process.
        let release = unsafe { &*slot.host }.release;
        if slot.references.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: the host frees a slot only after this call of the last owner.
            unsafe { release(raw.as_ptr()) };
        }
    }

    /// Passes the reference on as a raw one.
    pub(crate) fn into_raw(self) -> NonNull<RawSlot> {
        self.0
    }
}

impl Slots {
    pub(crate) fn get(&self, slot: SlotId) -> Option<&Slot> {
        self.slots.get(slot.index())?.as_ref()
    }

    /// Refuses one more slot if there is no number for it.
    ///
    /// # Errors
    /// `Invalid` if the runtime has as many slots as it can have.
    pub(in crate::host) fn refuse_too_many(&self) -> Result<()> {
        if self.free.is_empty() { refuse_beside(self.slots.len()) } else { Ok(()) }
    }

    /// The numbers of all slots.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = SlotId> {
        self.slots.iter().enumerate().filter(|(_, slot)| slot.is_some()).map(|(index, _)| SlotId::of_index(index))
    }

    /// Takes a number for a new slot.
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

    /// Takes out a slot whose last handle is gone; `generation` is the current world.
    pub(super) fn take(&mut self, number: SlotId, generation: Generation) -> Option<Slot> {
        let slot = self.slots.get_mut(number.index())?.take()?;
        self.cooling.push((number, generation));
        Some(slot)
    }

    /// Makes the numbers of released slots available that no old world shows; `oldest` is the oldest retired
    /// world.
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
