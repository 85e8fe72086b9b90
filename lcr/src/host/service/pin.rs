//! Taking and ending pins: a pin holds a world for a while.
//!
//! A pin owns a count of its world and no frame, so pins may end in any order. It counts as being inside
//! everything in that world: a hand-over of state waits for pins that are older than its gate, until its
//! deadline, and names them. No pin is taken while a gate is shut, since it would hold a world with closed
//! slots. The transaction's own thread must not wait for the gate; where its call would reach a successor, a
//! pin is refused.
//!
//! While no gate is shut, none of this takes the state lock; [`pins`](super::pins) has the argument.

use std::{fmt, marker::PhantomData, ptr, sync::Arc};

use crate::{
    abi::{
        fault::FaultKind,
        frame::Place,
        world::{Table, Target},
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{PinId, SlotId, ThreadId},
        worlds::{own::PinnedTable, records, world::World},
    },
};

use super::{
    entering::{Refusal, contained},
    inner::RuntimeInner,
};

/// Holds one world for the calling thread: until the pin is dropped, every call of this thread through
/// a handle of the runtime reaches the instance that served in that world. Calls that components make
/// on this thread meanwhile do so, too. [`Runtime::pin`](crate::host::runtime::Runtime::pin) makes a pin.
///
/// A call through a handle that is younger than the pin reaches the current world. Calls under a pin take
/// the slow path. A pin keeps the replaced instances of its world from being destroyed, and a hand-over of
/// state waits for it, at most for the plan's timeout. A thread may hold several pins and drop them in any
/// order; its calls use the newest one. A pin stays on its thread: it is not [`Send`].
///
/// A pin that a thread takes while it holds another one holds the same world. So what a thread calls from its first pin
/// on, until its last one is dropped, is one *request*, of which a [canary](crate::canary::Canary::of_requests) can
/// get a share.
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
        let pinned = unsafe { &mut thread.own().pinned };
        pinned.push(PinnedTable { core: &raw const inner.core, table: world.table(), pin });
        thread.record().set_fast(false);
        Ok(Pin { inner: Arc::clone(inner), pin, generation: world.serial(), not_send: PhantomData })
    }

    /// The number of the commit whose world the pin holds.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let thread = records::mine();
        // SAFETY: the record is this thread's own (a pin is not `Send`), and no borrow
        // of it is alive.
        let pinned = unsafe { &mut thread.own().pinned };
        pinned.retain(|other| other.pin != self.pin || !ptr::eq(other.core, &raw const self.inner.core));
        // SAFETY: as above.
        let request = unsafe { thread.own() }.end_request(&raw const self.inner.core);
        thread.allow_fast_path();
        self.inner.unpin(self.pin);
        drop(request);
    }
}

fn refusal_kind(kind: FaultKind) -> ErrorKind {
    match kind {
        FaultKind::Revoked => ErrorKind::Closed,
        _ => ErrorKind::Deadline,
    }
}

/// Why the thread of a transaction is refused a pin: only that thread itself could open the gate for it.
const UNCOMMITTED: &str = "it is being replaced by the very transaction that runs this code, and a pin would hold \
                     what is not committed; call it through its handle, or pin it later";

impl RuntimeInner {
    /// The pin by which the calling thread holds a world, if there is one.
    fn pinned_world(&self) -> Option<PinId> {
        // SAFETY: the record is this thread's own, and the borrow ends here.
        let pinned = unsafe { &records::mine().own().pinned };
        pinned.iter().rev().find(|pinned| ptr::eq(pinned.core, &raw const self.core)).map(|pinned| pinned.pin)
    }

    /// Whether a thread holds a pin.
    pub(crate) fn has_pin_of(&self, thread: ThreadId) -> bool {
        self.pins.are_held_by(thread)
    }

    /// Pins the world of the pin `like`, or the current world once no gate is shut. `slot` is the
    /// slot for which the world is held; `None` if it is held for all of them.
    fn take_pin(&self, like: Option<PinId>, slot: Option<SlotId>) -> Result<(PinId, Arc<World>), Refusal> {
        let (thread, is_bound) = (records::mine(), slot.is_none());
        loop {
            let look = self.gate.look();
            let taken = self.pins.take(thread, is_bound, |pins| {
                let held = like.and_then(|pin| pins.get(pin)).map(|pin| Arc::clone(pin.world()));
                // The end of a runtime closes all slots after it has set the flag.
                held.or_else(|| self.gate.read_open(|| self.current_world()).filter(|_| !self.is_closed()))
            });
            if let Some(taken) = taken {
                return Ok(taken);
            }
            if let Some(taken) = self.pin_beside_gate(slot)? {
                return Ok(taken);
            }
            if look.is_shut() && !self.gate.wait(look) {
                return Err((FaultKind::Gate, "a replacement kept its gate shut until the deadline".to_owned()));
            }
        }
    }

    /// Pins a world although a gate is shut: for a thread inside a member the world before the gate;
    /// for the thread that shut the gate the current one, as long as the slot is open.
    fn pin_beside_gate(&self, slot: Option<SlotId>) -> Result<Option<(PinId, Arc<World>)>, Refusal> {
        let thread = records::mine();
        let state = self.state();
        if self.is_closed() {
            return Err((FaultKind::Revoked, "its runtime is gone".to_owned()));
        }
        let Some(gate) = &state.gate else { return Ok(None) };
        // This comes first: a pin of that thread could outlive the hand-over of the instances that it holds.
        let world = if gate.is_passed_by(thread.thread_id()) {
            if slot.is_none_or(|slot| state.world.target(slot).is_none()) {
                return Err((FaultKind::Gate, UNCOMMITTED.to_owned()));
            }
            &state.world
        } else if state.is_inside_gate(thread, gate) {
            gate.before()
        } else {
            return Ok(None);
        };
        Ok(self.pins.take(thread, slot.is_none(), |_| Some(Arc::clone(world))))
    }

    /// Pins the instance that serves a slot.
    pub(in crate::host) fn pin_slot(&self, slot: SlotId) -> Result<(Target, *const Table, PinId), Refusal> {
        let thread = records::mine();
        let mut like = self.pinned_world();
        if like.is_none() && thread.uses_slow_path() {
            let (state, place) = (self.state(), Place::new(slot.offset(), u32::MAX));
            if state.successor(thread, place).is_some() || state.is_only_pending(thread, place) {
                return Err((FaultKind::Gate, UNCOMMITTED.to_owned()));
            }
        }
        loop {
            let (pin, world) = self.take_pin(like, Some(slot))?;
            if let Some(target) = world.target(slot) {
                return match contained(|| Ok(self.over_own_patches(thread, slot, world.table(), target))) {
                    Ok(target) => Ok((target, world.table(), pin)),
                    Err(refusal) => {
                        self.unpin(pin);
                        Err(refusal)
                    }
                };
            }
            self.unpin(pin);
            if like.take().is_none() {
                return Err((FaultKind::Withdrawn, "nothing serves this handle any more".to_owned()));
            }
        }
    }

    /// Ends a pin.
    pub(in crate::host) fn unpin(&self, pin: PinId) {
        self.pins.end(pin);
        self.wake_reaper();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        sync::{
            atomic::{AtomicBool, AtomicU64, Ordering},
            mpsc,
        },
        thread,
        time::{Duration, Instant},
    };

    use crate::host::{
        deadline::Deadline,
        image::stage::{Store, Trust},
        service::{gate::Members, host_table::HOST_TABLE, pins::Pins},
    };

    use super::*;

    fn runtime() -> Arc<RuntimeInner> {
        RuntimeInner::new(&HOST_TABLE, true, Store::new(None, Trust::default()).unwrap(), Duration::ZERO)
    }

    #[test]
    fn a_pin_and_the_generation_do_not_wait_for_the_state_lock() {
        let inner = runtime();
        let (send, pinned) = mpsc::channel();
        let state = inner.state();
        let other = Arc::clone(&inner);
        let reader = thread::spawn(move || {
            let pin = Pin::new(&other).unwrap();
            let nested = Pin::new(&other).unwrap();
            let generations = (other.serial(), pin.generation(), nested.generation());
            drop((pin, nested));
            send.send(generations).unwrap();
        });
        // As long as the other thread needs: this one holds the lock until then.
        let generations = pinned.recv_timeout(Duration::from_secs(60));
        drop(state);
        assert_eq!(generations.expect("the reader waited for the lock"), (1, 1, 1));
        reader.join().unwrap();
        assert_eq!(inner.pins.count(), 0);
    }

    /// Each publication checks, as a drain does, that a pin of an older world is known before it
    /// would matter, and each reader that what it sees never goes back.
    #[test]
    fn no_pin_of_an_older_world_appears_after_a_publication() {
        const COMMITS: u64 = 2_000;
        let inner = runtime();
        let (is_over, published) = (AtomicBool::new(false), AtomicU64::new(1));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    let mut last = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        let known = published.load(Ordering::Acquire);
                        let pin = Pin::new(&inner).unwrap();
                        let (held, now) = (pin.generation(), inner.serial());
                        assert!(known <= held && last <= held && held <= now, "{known} {last} {held} {now}");
                        last = now;
                    }
                });
            }
            for commit in 0..COMMITS {
                let mut state = inner.state();
                inner.publish_commit(&mut state, &[]);
                let generation = state.serial();
                published.store(generation, Ordering::Release);
                let older =
                    |pins: &Pins| pins.lock().iter().filter(|(_, pin)| pin.world().serial() < generation).count();
                let before = older(&inner.pins);
                thread::yield_now();
                assert!(older(&inner.pins) <= before, "a pin of an older world was taken after commit {commit}");
            }
            is_over.store(true, Ordering::Relaxed);
        });
        inner.reap();
        let state = inner.state();
        assert!(state.retired.count() == 0 && inner.pins.count() == 0);
    }

    #[test]
    fn a_pin_waits_for_the_gate_and_holds_the_world_after_it() {
        let inner = runtime();
        let deadline = Deadline::after(Instant::now(), Duration::from_secs(60));
        inner.shut_gate(&mut inner.state(), Members::default(), records::mine().thread_id(), deadline);
        let other = Arc::clone(&inner);
        let reader = thread::spawn(move || Pin::new(&other).unwrap().generation());
        thread::yield_now();
        assert_eq!(inner.pins.count(), 0);
        let mut state = inner.state();
        inner.publish_commit(&mut state, &[]);
        inner.open_gate(&mut state);
        drop(state);
        assert_eq!(reader.join().unwrap(), 2);
    }
}
