//! The pins of a runtime: the worlds that they hold, and the threads that took them.
//!
//! # Reading without the state lock
//!
//! A thread that takes a pin reads the current world through
//! [`Worlds`](crate::host::worlds::world::Worlds), not under the state lock,
//! so it never waits for a thread that holds that lock. Pins have a lock of their own, a leaf.
//!
//! *Reader*: under the lock of the pins, reads the current world and inserts its pin. *Writer*: holds
//! the state lock, publishes a world, and later asks under the lock of the pins which worlds are held.
//!
//! *Collision*: both at one time. The two critical sections have an order. If the reader's comes first,
//! the writer finds the pin. If the writer's comes first, its unlocking happens before the reader's
//! locking, and its publication before that; so the reader finds the new world, or a later one, and its
//! pin holds nothing that the writer is about to destroy. There is no third case, because the
//! reader reads the world inside its section: that is the invariant of [`Pins::take`].
//!
//! *Ending a pin*: a thread may end its pin inside a call that it made under the pin. After that only the frame
//! of the call shows the thread; the frame was written before the pin ended. So a thread that asks what is in
//! use locks the pins, then reads the frames, and reads the pins under the same lock. If the pin has ended by
//! then, the unlocking at its end orders the frame before the look; if not, the look finds the pin. A thread
//! that read the frames first would miss a call that begins between the two looks and ends its pin.
//! `models_find_frames_that_are_read_before_the_pins_are_locked` shows it.
//!
//! *Gate*: a pin must not hold a world whose slots a gate has closed. The gate's word tells that
//! ([`Word::read_open`](crate::host::worlds::gate_word::Word::read_open)): if the word was even before the
//! thread read the world, and is unchanged after that, the world was published with open slots. Otherwise the
//! thread takes the state lock ([`pin`](super::pin)), and waits for the gate if it must.
//!
//! The last owner of a world is still the reaper: a retired world has a count in the list of retired
//! worlds until no other count is left.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::host::{
    ids::{Generation, Numbered, PinId, ThreadId},
    worlds::{records::ThreadRecord, world::World},
};

/// The pins of a runtime. A leaf lock.
#[derive(Default)]
pub(crate) struct Pins(Mutex<Numbered<PinId, PinInfo>>);

/// The pins, locked.
pub(crate) type LockedPins<'a> = MutexGuard<'a, Numbered<PinId, PinInfo>>;

/// One pin, as its runtime knows it.
pub(crate) struct PinInfo {
    world: Arc<World>,
    pub(super) thread: ThreadId,
    thread_name: Option<String>,
    /// Whether it is a [`Pin`](super::pin::Pin), which stays on its thread.
    is_bound: bool,
    since: Instant,
}

impl Pins {
    /// Locks the pins; a fork does so, too.
    pub(super) fn lock(&self) -> LockedPins<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a pin of the world that `read` returns. `read` runs under the lock. `is_bound` says whether the pin
    /// stays on `thread`.
    pub(super) fn take(
        &self,
        thread: &ThreadRecord,
        is_bound: bool,
        read: impl FnOnce(&Numbered<PinId, PinInfo>) -> Option<Arc<World>>,
    ) -> Option<(PinId, Arc<World>)> {
        let mut pins = self.lock();
        let world = read(&pins)?;
        let pin = pins.insert(PinInfo {
            world: Arc::clone(&world),
            thread: thread.thread_id(),
            thread_name: thread.thread_name(),
            is_bound,
            since: Instant::now(),
        });
        Some((pin, world))
    }

    /// Ends a pin.
    pub(super) fn end(&self, pin: PinId) {
        // The child of a fork has forgotten the pins of its parent's other threads.
        let ended = self.lock().try_remove(pin);
        drop(ended);
    }

    /// How many pins are held.
    pub(in crate::host) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether a thread holds a pin.
    pub(super) fn are_held_by(&self, thread: ThreadId) -> bool {
        self.lock().iter().any(|(_, pin)| pin.thread == thread)
    }
}

impl PinInfo {
    pub(super) fn world(&self) -> &Arc<World> {
        &self.world
    }

    pub(super) fn generation(&self) -> Generation {
        self.world.generation()
    }

    pub(super) fn thread_name(&self) -> Option<&str> {
        self.thread_name.as_deref()
    }

    pub(super) fn since(&self) -> Instant {
        self.since
    }
}

/// In the child of a fork: forgets the pins that stayed on other threads. A pin on a handle may be anywhere,
/// whichever thread took it. The thread `forking` has the number `now` in the child.
pub(super) fn keep_after_fork(pins: &mut Numbered<PinId, PinInfo>, forking: ThreadId, now: ThreadId) {
    pins.retain(|pin| pin.thread == forking || !pin.is_bound);
    for (_, pin) in pins.iter_mut() {
        pin.thread = if pin.thread == forking { now } else { pin.thread };
    }
}
