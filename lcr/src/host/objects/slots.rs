//! Slots: what handles point to, made and given back.
//!
//! A slot's entry is filled in place, in the current world, before its first handle
//! exists; so making a reference publishes nothing. The entry of a released slot is
//! closed in place: no handle reaches it any more. Its number is used again only when
//! no world older than the release is left, because an old world still shows what the
//! slot held there.
//!
//! A slot is released once: its count never rises again from 0 ([`SlotRef::share`]).

use std::{
    ptr::{self, NonNull},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{
    abi::{
        tables::RawSlot,
        world::{Entry, Table, Target},
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, Number as _, ServiceId, SlotId, ViewId},
        service::{
            host_table::HOST_TABLE,
            inner::{RuntimeInner, State},
        },
    },
};

use super::registry::Implementation;

/// A slot: the place that handles of one view on one instance point to.
pub(crate) struct Slot {
    pub(in crate::host) raw: NonNull<RawSlot>,
    pub(crate) view: ViewId,
    pub(crate) service: ServiceId,
    /// Whose constructor was given its handles as a dependency; `None` if they are for
    /// anybody else. It goes with its dependent, so a plan that replaces that one may
    /// close it.
    pub(crate) dependent: Option<Weak<Implementation>>,
}

impl Slot {
    /// How many handles there are.
    pub(crate) fn handles(&self) -> usize {
        // SAFETY: the slot is in the table of slots, under the state lock.
        unsafe { self.raw.as_ref() }.references.load(Ordering::Relaxed)
    }

    /// Whether its handles were given to this dependent.
    pub(crate) fn is_of(&self, dependent: Option<&Arc<Implementation>>) -> bool {
        match (&self.dependent, dependent) {
            (None, None) => true,
            (Some(own), Some(other)) => ptr::eq(own.as_ptr(), Arc::as_ptr(other)),
            _ => false,
        }
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
    /// Another reference, unless the last one was given up already.
    pub(in crate::host) fn share(raw: NonNull<RawSlot>) -> Option<SlotRef> {
        // SAFETY: the slot is in the table of slots, under the state lock.
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

impl RuntimeInner {
    /// Makes a slot of `view` on an instance. The functions must be linked already:
    /// `target` says what the slot holds; `None` while it is behind the gate.
    pub(crate) fn open_slot(
        self: &Arc<RuntimeInner>,
        state: &mut State,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
        target: Option<Target>,
    ) -> SlotRef {
        let number = state.slots.free.pop().unwrap_or(SlotId::of_index(state.slots.slots.len()));
        if !state.world.has(number) {
            let len = state.world.len() * 2;
            self.publish(state, &[], len);
        }
        state.world.entry(number).set(target);
        let raw = Box::into_raw(Box::new(RawSlot {
            core: Arc::into_raw(Arc::clone(self)).cast(),
            host: &raw const HOST_TABLE,
            offset: number.offset(),
            references: AtomicUsize::new(1),
        }));
        let raw = NonNull::new(raw).expect("a box is not null");
        if number.index() == state.slots.slots.len() {
            state.slots.slots.push(None);
        }
        state.slots.slots[number.index()] = Some(Slot { raw, view, service, dependent: dependent.map(Arc::downgrade) });
        state.services[service].slots.push(number);
        let first_generation = state.services[service].instance.first_generation;
        if target.is_none()
            && let Some(gate) = &mut state.gate
        {
            gate.members.insert(number, first_generation);
        }
        SlotRef(raw)
    }

    /// Takes back slots whose last handle is gone, and the instances that nothing holds
    /// any more. Returns whether there were any.
    pub(crate) fn take_back(&self, state: &mut State) -> bool {
        let released = self.reaper.take_released();
        let is_some = !released.is_empty();
        for raw in released {
            // SAFETY: a released slot is freed only below, and is released once.
            let number = SlotId::of_offset(unsafe { raw.as_ref() }.offset);
            let Some(slot) = state.slots.slots[number.index()].take() else { continue };
            state.world.entry(number).set(None);
            state.slots.cooling.push((number, state.generation()));
            // The end of the runtime has taken the instances out already.
            if let Some(service) = state.services.get_mut(slot.service) {
                service.slots.retain(|&other| other != number);
                state.let_go(slot.service);
            }
            // SAFETY: no handle is left, and the slot was just taken out of the table.
            unsafe { free(raw) };
        }
        let oldest = state.retired.worlds.first().map(|world| world.generation());
        state.slots.reclaim(oldest);
        is_some
    }
}

impl State {
    /// Another reference to the slot of `view` on an instance for a dependent, or for
    /// everybody else, if there is one.
    pub(in crate::host) fn slot_on(
        &self,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
    ) -> Option<SlotRef> {
        let slots = self.services.get(service)?.slots.iter();
        slots
            .filter_map(|&slot| self.slots.get(slot))
            .filter(|slot| slot.view == view && slot.is_of(dependent))
            .find_map(|slot| SlotRef::share(slot.raw))
    }
}

/// Frees a slot and its count of the [`RuntimeInner`].
///
/// # Safety
/// `raw` came from [`RuntimeInner::open_slot`], nothing refers to it, and the caller holds a
/// count of the `RuntimeInner` of its own.
unsafe fn free(raw: NonNull<RawSlot>) {
    // SAFETY: `open_slot` boxed it.
    let slot = unsafe { Box::from_raw(raw.as_ptr()) };
    // SAFETY: `open_slot` took this count for the slot.
    unsafe { Arc::decrement_strong_count(slot.core.cast::<RuntimeInner>()) };
}

/// The runtime of a slot, with a count of its own.
///
/// # Safety
/// `slot` came from [`RuntimeInner::open_slot`] and is alive.
pub(in crate::host) unsafe fn inner_of(slot: *const RawSlot) -> Arc<RuntimeInner> {
    // SAFETY: the caller says so.
    let inner = unsafe { (*slot).core }.cast::<RuntimeInner>();
    // SAFETY: the slot holds a count.
    unsafe { Arc::increment_strong_count(inner) };
    // SAFETY: the count just taken.
    unsafe { Arc::from_raw(inner) }
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
