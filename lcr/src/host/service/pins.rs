//! Pins: holding a world for a while.
//!
//! A pin owns its world (a count, not a frame), so pins may end in any order. It counts
//! as being inside everything in that world: a hand-over of state waits for pins that
//! are older than its gate, up to its deadline, and names them. A pin is not taken
//! while a gate is shut, or it would hold a world with closed slots; the transaction's own
//! thread must not wait for that, and is refused where a call would meet a successor.

use std::{
    marker::PhantomData,
    ptr,
    sync::{Arc, MutexGuard},
    time::Instant,
};

use crate::{
    abi::{
        fault::FaultKind,
        frame::Place,
        world::{Table, Target},
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{PinId, SlotId, ThreadId},
        worlds::{
            records::{self, PinnedTable},
            world::World,
        },
    },
};

use super::{
    host_table::Refusal,
    inner::{RuntimeInner, State},
};

/// One pin, as its runtime knows it.
pub(crate) struct PinInfo {
    pub(crate) world: Arc<World>,
    pub(crate) thread: ThreadId,
    pub(crate) thread_name: Option<String>,
    /// Whether it is a [`Pin`], which no other thread can hold.
    pub(crate) is_bound: bool,
    pub(crate) since: Instant,
}

/// Holds one world for the calling thread: until it is dropped, every call of this
/// thread through a handle of the runtime resolves in that world, nested calls
/// included. Made by [`Runtime::pin`](crate::host::runtime::Runtime::pin).
///
/// A handle that is younger than the pin resolves in the current world.
#[must_use = "the world is let go when the pin is dropped"]
pub struct Pin {
    inner: Arc<RuntimeInner>,
    pin: PinId,
    generation: u64,
    /// A pin belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Pin {
    pub(crate) fn new(inner: &Arc<RuntimeInner>) -> Result<Pin> {
        let thread = records::mine();
        let world = inner.pinned_world();
        let (pin, world) = inner
            .take_pin(world, None)
            .map_err(|(kind, message)| Error::new(refusal_kind(kind), format!("no world can be pinned: {message}")))?;
        // SAFETY: the record is this thread's own, and no borrow of it is alive.
        let pinned = unsafe { thread.pinned() };
        pinned.push(PinnedTable { core: &raw const inner.core, table: world.table(), pin });
        thread.record().set_fast(false);
        Ok(Pin { inner: Arc::clone(inner), pin, generation: world.serial(), not_send: PhantomData })
    }

    /// The number of the commit whose world is held.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let thread = records::mine();
        // SAFETY: the record is this thread's own (a pin is not `Send`), and no borrow
        // of it is alive.
        let pinned = unsafe { thread.pinned() };
        pinned.retain(|other| other.pin != self.pin || !ptr::eq(other.core, &raw const self.inner.core));
        if pinned.is_empty() && !thread.uses_slow_path() {
            thread.record().set_fast(true);
        }
        self.inner.unpin(self.pin);
    }
}

fn refusal_kind(kind: FaultKind) -> ErrorKind {
    match kind {
        FaultKind::Revoked => ErrorKind::Closed,
        _ => ErrorKind::Deadline,
    }
}

/// Why the thread of a transaction is refused a pin that it would wait for itself to allow.
const AHEAD: &str = "it is being replaced by the very transaction that runs this code, and a pin would hold \
                     what is not committed; call it through its handle, or pin it later";

impl RuntimeInner {
    /// The world that the calling thread holds, if it holds one.
    fn pinned_world(&self) -> Option<PinId> {
        // SAFETY: the record is this thread's own, and the borrow ends here.
        let pinned = unsafe { records::mine().pinned() };
        pinned.iter().rev().find(|pinned| ptr::eq(pinned.core, &raw const self.core)).map(|pinned| pinned.pin)
    }

    /// Pins the world of another pin, or the current one once no gate is shut.
    /// `slot` is the one that is held of it, `None` if it is all of it.
    fn take_pin(&self, like: Option<PinId>, slot: Option<SlotId>) -> Result<(PinId, Arc<World>), Refusal> {
        let (mut state, world) = match like {
            Some(pin) => {
                let state = self.state();
                let world = Arc::clone(&state.pins[pin].world);
                (state, world)
            }
            None => self.open_world(slot)?,
        };
        let thread = records::mine();
        let pin = state.pins.insert(PinInfo {
            world: Arc::clone(&world),
            thread: thread.thread_id(),
            thread_name: thread.thread_name(),
            is_bound: slot.is_none(),
            since: Instant::now(),
        });
        Ok((pin, world))
    }

    /// The current world, once no gate is shut; for the thread that shut it, as long as the
    /// slot is open.
    fn open_world(&self, slot: Option<SlotId>) -> Result<(MutexGuard<'_, State>, Arc<World>), Refusal> {
        loop {
            let look = self.gate.look();
            let state = self.state();
            if self.is_closed() {
                return Err((FaultKind::Revoked, "its runtime is gone".to_owned()));
            }
            match &state.gate {
                None => {
                    let world = Arc::clone(&state.world);
                    return Ok((state, world));
                }
                Some(gate) if state.is_inside_gate(records::mine(), gate) => {
                    let world = Arc::clone(&gate.before);
                    return Ok((state, world));
                }
                Some(gate) if gate.thread == records::mine().thread_id() => {
                    let world = Arc::clone(&state.world);
                    if slot.is_some_and(|slot| world.target(slot).is_some()) {
                        return Ok((state, world));
                    }
                    return Err((FaultKind::Gate, AHEAD.to_owned()));
                }
                Some(_) => drop(state),
            }
            if !self.gate.wait(look) {
                return Err((FaultKind::Gate, "a replacement kept its gate shut until the deadline".to_owned()));
            }
        }
    }

    /// Pins the instance behind a slot.
    pub(in crate::host) fn pin_slot(&self, slot: SlotId) -> Result<(Target, *const Table, PinId), Refusal> {
        let thread = records::mine();
        let mut like = self.pinned_world();
        if like.is_none() && thread.uses_slow_path() {
            let (state, place) = (self.state(), Place::new(slot.offset(), u32::MAX));
            if state.successor(thread, place).is_some() || state.is_only_pending(thread, place) {
                return Err((FaultKind::Gate, AHEAD.to_owned()));
            }
        }
        loop {
            let (pin, world) = self.take_pin(like, Some(slot))?;
            if let Some(target) = world.target(slot) {
                return Ok((target, world.table(), pin));
            }
            self.unpin(pin);
            if like.take().is_none() {
                return Err((FaultKind::Withdrawn, "nothing serves this handle any more".to_owned()));
            }
        }
    }

    /// Ends a pin.
    pub(in crate::host) fn unpin(&self, pin: PinId) {
        // A fork's child has forgotten the pins of its parent's other threads.
        let ended = self.state().pins.try_remove(pin);
        drop(ended);
        self.reaper.wake();
    }
}
