//! Shutting and opening the gate: its word, its bookkeeping and the world change together. A gate that opens on the
//! instances that served before gives them back the states that were taken out of them.
//!
//! [`gate`](super::gate) is the part that callers wait at. A transaction shuts and opens it, and so does
//! the child of a fork that cut a transaction off.
//!
//! # The two steps of a gate before async methods
//!
//! An executor may have one thread. If a sync call sleeps at the gate on that thread, no pending call is polled any
//! more, and the gate waits for pending calls: nothing would go on until the gate gives up. So members that have
//! async methods get a gate in two steps.
//!
//! 1. *Starts are held back*: an async call from outside leaves its waker and is pending, while sync calls go on,
//!    in a world with the same entries. The transaction waits until no slot shows a member, in whatever world,
//!    and no frame of a first poll shows one in an older world.
//! 2. *The gate shuts*, as for other members. What is inside now are sync calls, each of which is running on its
//!    thread, and what they begin.
//!
//! [`Core::holds_starts`](crate::abi::frame::Core::holds_starts) tells callers of the first step. It concerns the
//! whole runtime, so a caller that finds it asks under the state lock whether its slot is concerned. A thread that
//! is inside a member begins calls as before: what it is in waits for them.
//!
//! The second step leaves the flag raised until the gate opens. A caller may have entered the world of the first
//! step and not looked at the flag yet. If the flag were lowered when the gate shuts, that caller would begin behind
//! the gate's back, and the gate would wait for a call whose executor it may have stopped.
//!
//! Both steps together last as long as a shut gate may. If calls stay, the starts go on, and all of it is
//! repeated.

use std::{sync::Arc, time::Instant};

use crate::host::{deadline::Deadline, ids::ThreadId, objects::instances::Instance, worlds::world::Edit};

use super::{
    gate::{Gate, Members},
    inner::RuntimeInner,
    state::State,
};

impl RuntimeInner {
    /// Shuts the gate before `members`, which `thread` passes: closes their slots in one world.
    /// Callers give up at the deadline. Returns since when they are held.
    pub(crate) fn shut_gate(
        &self,
        state: &mut State,
        members: Members,
        thread: ThreadId,
        deadline: Deadline,
    ) -> Instant {
        let edits: Vec<Edit> = members.slots().iter().map(|slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        self.gate.shut(deadline);
        let shut = self.publish_as(state, state.serial(), (&edits, 0), Instant::now);
        // The slots are closed now. Calls that wait go on waiting, and the core's flag stays as it is.
        state.held_starts = None;
        state.gate = Some(Gate::new(before, members, thread));
        shut
    }

    /// Whether the gate is shut for longer than callers wait.
    pub(crate) fn is_gate_overdue(&self) -> bool {
        let state = self.state();
        state.gate.is_some() && self.gate.has_passed()
    }

    /// The first step: holds starts of async calls of `members` back, and publishes a world with the same entries.
    /// Callers give up at the deadline.
    pub(crate) fn hold_starts(&self, state: &mut State, members: Members, deadline: Deadline) {
        self.gate.limit(deadline);
        state.held_starts = Some(members);
        self.core.hold_starts(true);
        self.publish(state, &[], 0);
    }

    /// Lets starts of async calls go on, if they are held back.
    fn release_starts(&self, state: &mut State) {
        if state.held_starts.take().is_some() {
            self.core.hold_starts(false);
            state.waiting.all_due();
        }
    }

    /// Publishes the world of a commit, and lets calls go on at the gate as soon as they enter that world. Returns
    /// since when they enter it. [`RuntimeInner::open_gate`] must follow under the same lock.
    pub(crate) fn publish_commit_to_waiting(&self, state: &mut State, edits: &[Edit]) -> Instant {
        self.publish_to_waiting(state, state.serial() + 1, edits)
    }

    fn publish_to_waiting(&self, state: &mut State, serial: u64, edits: &[Edit]) -> Instant {
        self.publish_as(state, serial, (edits, 0), || {
            // Before the sleepers are woken, who may take this thread's processor.
            let entered_since = Instant::now();
            self.let_in();
            entered_since
        })
    }

    /// Wakes the calls that sleep at the gate, and lets async calls begin: the slots are open in the current world.
    fn let_in(&self) {
        self.gate.open();
        self.core.hold_starts(false);
    }

    /// Opens the gate: the current world is one in which the members' slots are open. Returns the instances
    /// whose states have moved to successors. The caller wakes the async calls that waited, behind the lock:
    /// [`RuntimeInner::wake_waiting`].
    pub(crate) fn open_gate(&self, state: &mut State) -> Vec<Arc<Instance>> {
        let moved = state.gate.take().map(Gate::into_moved);
        self.let_in();
        state.waiting.all_due();
        moved.unwrap_or_default()
    }

    /// Whether the gate is shut, by its word and by the bookkeeping.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_gate_shut(&self) -> bool {
        self.gate.look().is_shut() || self.state().gate.is_some()
    }

    /// Opens the gate on the instances that serve now, if it is shut, and lets held starts go on.
    pub(crate) fn reopen_gate(&self, state: &mut State) {
        self.release_starts(state);
        let Some(gate) = &mut state.gate else { return };
        state.lost.extend(gate.give_back());
        // A slot that was released meanwhile stays closed: its instance may be gone.
        let edits: Vec<Edit> =
            gate.members().slots().iter().map(|slot| (slot, state.objects.serving_target(slot))).collect();
        self.publish_to_waiting(state, state.serial(), &edits);
        self.open_gate(state);
    }

    /// Wakes the calls whose wakers are due. The caller holds no lock.
    pub(crate) fn wake_waiting(&self) {
        loop {
            // Not in the condition of a `while let`, which would hold the lock for the body.
            let due = self.state().waiting.take_due();
            let Some(waker) = due else { return };
            waker.wake();
        }
    }

    /// Makes the wakers due if the deadline of the gate has passed. Returns whether calls wait, or wakers are due.
    pub(super) fn look_at_waiting(&self) -> bool {
        let mut state = self.state();
        if self.gate.has_passed() {
            state.waiting.all_due();
        }
        state.waiting.is_some()
    }
}
