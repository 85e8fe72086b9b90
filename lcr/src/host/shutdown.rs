//! The end of a runtime: every handle revoked, every instance destroyed.
//!
//! The slots are closed in one world, so that a caller either finished or gets a
//! fault. Then, on a thread of its own (a destructor never runs on a caller's), the
//! instances are destroyed, dependents before what they depend on, so that a destructor
//! may still call its dependencies; nobody else may. What is still in use
//! when the patience ends is leaked: memory of a process that is about to end is worth
//! less than a call into a destroyed object.

use std::{
    sync::{Arc, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use super::{
    deadline::Deadline,
    gate::Gate,
    instances::InstanceId,
    order::dependencies_first,
    reaper::destroy,
    shared::{AUTHORS_STACK, Begin, Leaving, Shared, State},
    sys,
    world::World,
};

/// Ends a runtime whose `closed` is set. Returns when it is done or out of patience.
pub(super) fn run(shared: &Arc<Shared>) {
    let runtime = Arc::clone(shared);
    let spawned = thread::Builder::new()
        .name("lcr-shutdown".to_owned())
        .stack_size(AUTHORS_STACK)
        .spawn(move || runtime.shut_down());
    match spawned {
        Ok(thread) => {
            drop(thread.join());
            // It ends when it finds the runtime closed.
            shared.reaper.wake();
        }
        Err(error) => tracing::error!(%error, "no thread to end the runtime: its instances are leaked"),
    }
}

impl Shared {
    fn shut_down(self: &Arc<Shared>) {
        let deadline = Deadline::after(Instant::now(), self.patience);
        let mut state = self.alone(deadline);
        self.take_back(&mut state);
        let edits: Vec<_> = state.slots.numbers().map(|slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        self.publish(&mut state, &edits, 0);
        let last = state.last_ones();
        // This thread's destructors may call what they depend on.
        state.gate = Some(Gate::new(Arc::clone(&before), sys::thread_id()));
        drop(state);
        self.gate.open();
        self.settled.notify_all();
        for leaving in last {
            self.destroy_last(leaving, &before, deadline);
        }
        self.state().gate = None;
    }

    /// Waits until neither a transaction nor the reaper is at work, and keeps further
    /// transactions out.
    fn alone(&self, deadline: Deadline) -> MutexGuard<'_, State> {
        let mut is_changing = true;
        loop {
            is_changing = is_changing && self.changing.begin() == Begin::Busy;
            let state = self.state();
            if !(is_changing || self.reaper.is_destroying()) || deadline.has_passed() {
                return state;
            }
            drop(state);
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn destroy_last(&self, mut leaving: Leaving, before: &World, deadline: Deadline) {
        loop {
            let mut state = self.state();
            let calls = state.old_calls();
            let is_used = !state.inside(&leaving, &calls).is_empty() || state.is_pinned(&leaving);
            drop(state);
            if !is_used {
                match Arc::try_unwrap(leaving.incarnation) {
                    Ok(incarnation) => {
                        before.close(&leaving.slots, incarnation.address);
                        drop(destroy(incarnation));
                        self.state().tally.destroyed += 1;
                        return;
                    }
                    Err(incarnation) => leaving = Leaving { incarnation, ..leaving },
                }
            }
            if deadline.has_passed() {
                let component = leaving.incarnation.implementation.component.to_string();
                tracing::error!(component, "the runtime is gone; an object that is still in use is leaked");
                std::mem::forget(leaving);
                return;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl State {
    /// Takes out everything there is, in the order in which to destroy it: what was
    /// replaced before, then instances, dependents before what they depend on.
    fn last_ones(&mut self) -> Vec<Leaving> {
        let until = self.generation();
        let mut last = std::mem::take(&mut self.leaving);
        let instances = std::mem::take(&mut self.instances);
        let order = dependencies_first(&instances);
        let leaving = |id: &InstanceId| {
            let instance = &instances[*id];
            Leaving { incarnation: Arc::clone(&instance.incarnation), slots: instance.slots.clone(), until }
        };
        last.extend(order.iter().rev().map(leaving));
        last
    }
}
