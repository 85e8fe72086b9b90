//! Shutting and opening the gate: its word, its bookkeeping and the world change together.
//!
//! [`gate`](super::gate) is the part that callers wait at. A transaction shuts and opens it, and so does
//! the child of a fork that cut a transaction off.

use std::sync::Arc;

use crate::host::{deadline::Deadline, ids::ThreadId, worlds::world::Edit};

use super::{
    gate::{Gate, Members},
    inner::RuntimeInner,
    state::State,
};

impl RuntimeInner {
    /// Shuts the gate before `members`, which `thread` passes: closes their slots in one world.
    /// Callers give up at the deadline.
    pub(crate) fn shut_gate(&self, state: &mut State, members: Members, thread: ThreadId, deadline: Deadline) {
        let edits: Vec<Edit> = members.slots().keys().map(|&slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        self.gate.shut(deadline);
        self.publish(state, &edits, 0);
        state.gate = Some(Gate::new(before, members, thread));
    }

    /// Opens the gate: the current world is one in which the members' slots are open. The caller wakes the
    /// async calls that waited, behind the lock: [`RuntimeInner::wake_waiting`].
    pub(crate) fn open_gate(&self, state: &mut State) {
        state.gate = None;
        self.gate.open();
        state.waiting.all_due();
    }

    /// Whether the gate is shut, by its word and by the bookkeeping.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_gate_shut(&self) -> bool {
        self.gate.look().is_shut() || self.state().gate.is_some()
    }

    /// Opens the gate on the instances that serve now, if it is shut.
    pub(crate) fn reopen_gate(&self, state: &mut State) {
        let Some(gate) = &state.gate else { return };
        // A slot that was released meanwhile stays closed: its instance may be gone.
        let edits: Vec<Edit> =
            gate.members().slots().keys().map(|&slot| (slot, state.objects.serving_target(slot))).collect();
        self.publish(state, &edits, 0);
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
