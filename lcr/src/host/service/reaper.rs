//! The reaper: finds what no thread is inside any more, and has it destroyed.
//!
//! The reaper takes back released slots, hands instances that were replaced, released or refused to the threads
//! that destroy them ([`destroyers`](super::destroyers)), frees retired worlds, and tells
//! which components are retired. While something is not ready, it
//! looks again at growing intervals up to [`SLOWEST`]. With nothing to do it sleeps until another thread wakes it.
//!
//! It runs foreign code in two places: the finalizers of images that it unmaps, and the wakers of async calls that are
//! due ([`waiting`](super::waiting)), which it wakes and drops. If one of them hangs, the reaper stops, and nothing is
//! destroyed or freed until that returns; the transaction's end still wakes the other tasks.
//!
//! The reaper has an instance destroyed when (1) no frame and no detached call shows a world in which one of the
//! instance's slots held it, at that slot, (2) no pin holds such a world, and (3) the list of retiring instances
//! has the last count of it. It frees a world when no frame and no detached call shows the world's table and the
//! list of retired worlds has the last count.

use std::{
    collections::HashSet,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use crate::{
    abi::{tables::RawSlot, world::Table},
    host::{image::threads, objects::instances::Instance, sys, worlds::records},
};

use super::{
    destroyers::{Start, destroy},
    events::kind::EventKind,
    gate::Lost,
    inner::{AUTHORS_STACK, RuntimeInner},
    pins::Pins,
    retirements::Ended,
    state::{Retiring, State},
};

const FASTEST: Duration = Duration::from_micros(100);
const SLOWEST: Duration = Duration::from_millis(100);

fn run(weak: &Weak<RuntimeInner>) {
    let mut pause = FASTEST;
    if let Some(inner) = weak.upgrade() {
        inner.reaper.run_here();
    }
    loop {
        let Some(inner) = weak.upgrade() else { return };
        // A panic, for instance of a subscriber, ends the round and not the reaper.
        let round = catch_unwind(AssertUnwindSafe(|| inner.reap()));
        let (progress, waiting) = round.unwrap_or((false, true));
        if inner.is_closed() {
            return;
        }
        drop(inner);
        pause = if progress { FASTEST } else { (pause * 2).min(SLOWEST) };
        if waiting || progress {
            thread::park_timeout(pause);
        } else {
            thread::park();
        }
    }
}

impl RuntimeInner {
    /// Runs one round. Returns whether it did anything, and whether anything is left to do.
    pub(in crate::host) fn reap(self: &Arc<RuntimeInner>) -> (bool, bool) {
        let calls_wait = self.look_at_waiting();
        self.wake_waiting();
        let mut state = self.state();
        let lost = mem::take(&mut state.lost);
        let ended = state.retirements.take_ended();
        let mut progress = self.take_back(&mut state);
        let ready = state.ready(&self.pins);
        progress |= !ready.is_empty();
        let start = self.reaper.destroyers.queue(ready);
        if state.retired.shows_all_calls() {
            progress |= state.free_worlds(&self.pins);
        }
        let waiting = calls_wait
            || !state.retiring.is_empty()
            || state.retired.count() > 0
            || state.images.are_waiting()
            || state.retirements.are_waiting()
            || self.reaper.destroyers.lock().is_waiting();
        drop(state);
        lost.iter().for_each(Lost::report);
        ended.into_iter().for_each(|ended| self.tell_retired(ended));
        if let Some(start) = start {
            self.start_destroyer(start);
        }
        progress |= self.unload();
        (progress, waiting)
    }

    /// Tells that no instance of a component is left.
    fn tell_retired(&self, Ended { component, generation, took }: Ended) {
        // A subscriber that panics keeps nobody from the event.
        drop(catch_unwind(AssertUnwindSafe(|| {
            tracing::debug!(%component, generation, ?took, "a component is retired: no instance of it is left");
        })));
        self.tell(EventKind::Retired { component, generation, took });
    }

    /// Notes a slot whose last handle is gone.
    pub(super) fn release(self: &Arc<RuntimeInner>, slot: *mut RawSlot) {
        self.reaper.release(slot);
        self.wake_reaper();
    }

    /// Wakes the reaper. Starts its thread if that does not run.
    pub(crate) fn wake_reaper(&self) {
        let woken = self.reaper.wake(|| {
            if self.is_closed() {
                return Ok(false);
            }
            let weak = self.weak();
            sys::start(c"lcr-reaper", AUTHORS_STACK, move || run(&weak)).map(|_| true)
        });
        // Not under the reaper's lock: a subscriber may call the runtime.
        if let Err(error) = woken {
            tracing::error!(%error, "no reaper thread; replaced instances stay until one can be started");
        }
    }

    /// Starts a thread that destroys the queued objects.
    pub(in crate::host) fn start_destroyer(self: &Arc<RuntimeInner>, start: Start) {
        let Start { number, beside } = start;
        if let Some((component, age)) = beside {
            tracing::warn!(%component, ?age, "a destructor does not return; others are destroyed beside it");
        }
        let inner = Arc::clone(self);
        let started = sys::start(c"lcr-reaper", AUTHORS_STACK, move || inner.destroy_queued(number));
        if let Err(error) = started {
            self.reaper.destroyers.lock().lack_thread();
            tracing::error!(%error, "no thread to destroy replaced instances; they stay until one can be started");
        }
    }

    fn destroy_queued(self: &Arc<RuntimeInner>, number: u64) {
        while let Some(instance) = self.reaper.destroyers.next(number) {
            threads::settle();
            let destroyed = destroy(instance);
            let mut state = self.state();
            state.tally.note_destroyed();
            state.release_needs(destroyed.needs());
            let mut inner = self.reaper.destroyers.lock();
            inner.end(number);
            // One round of the reaper for many objects is enough, unless an object released dependencies.
            let is_worth_a_look = !inner.is_waiting() || !destroyed.needs().is_empty();
            drop(inner);
            drop(state);
            // The object may have the last count of a component whose image can go.
            drop(destroyed);
            if is_worth_a_look {
                self.wake_reaper();
            }
        }
    }
}

impl State {
    /// Takes out the retiring instances that may be destroyed.
    fn ready(&mut self, pins: &Pins) -> Vec<Instance> {
        if self.retiring.is_empty() {
            return Vec::new();
        }
        let shows_all = self.retired.shows_all_calls();
        // Before the frames: see `pins`.
        let pins = pins.lock();
        let calls = self.old_calls();
        let mut ready = Vec::new();
        let mut left = Vec::new();
        for retiring in mem::take(&mut self.retiring) {
            let may_hide = !shows_all && !retiring.slots.is_empty();
            if may_hide || !self.inside(&retiring, &calls).is_empty() || retiring.is_pinned(&pins) {
                left.push(retiring);
                continue;
            }
            match Arc::try_unwrap(retiring.instance) {
                Ok(instance) => ready.push(instance),
                Err(instance) => left.push(Retiring { instance, ..retiring }),
            }
        }
        self.retiring = left;
        ready
    }

    /// Frees the retired worlds that no frame and no detached call shows, and no pin holds.
    fn free_worlds(&mut self, pins: &Pins) -> bool {
        // Before the frames: see `pins`. A pin has a count of its world.
        let pins = pins.lock();
        let mut shown: HashSet<*const Table> =
            records::all().flat_map(|thread| thread.calls()).map(|(table, _)| table).collect();
        // Behind the frames: see `abi::detached`.
        shown.extend(records::detached().map(|call| call.table));
        let is_some = self.retired.free(&shown);
        drop(pins);
        let oldest = self.retired.oldest();
        self.objects.slots_mut().reclaim(oldest);
        is_some
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{
        abi::frame::Place,
        host::{
            ids::{Number as _, SlotId},
            service::handles::tests::runtime,
        },
    };

    use super::*;

    /// Invariant 8: the world is freed after the call, and not before.
    #[test]
    fn a_worlds_table_is_freed_only_when_no_frame_shows_it() {
        let inner = runtime();
        let thread = records::mine();
        let depth = thread.record().depth();
        let commit = || inner.publish_commit(&mut inner.state(), &[]);
        let current = || Arc::downgrade(&inner.state().world);
        commit();
        let shown = current();
        // The slot does not matter: here no handle has it.
        let place = Place::new(SlotId::of_index(5).offset(), 0);
        thread.record().publish(thread.frame(depth), depth, &inner.core, place);
        commit();
        let not_shown = current();
        commit();
        for _ in 0..3 {
            inner.reap();
            assert!(shown.upgrade().is_some(), "a call is inside a freed table");
        }
        assert!(not_shown.upgrade().is_none());
        assert_eq!(inner.state().retired.count(), 1);
        thread.record().leave_to(depth);
        inner.reap();
        assert!(shown.upgrade().is_none());
        assert_eq!(inner.state().retired.count(), 0);
    }
}
