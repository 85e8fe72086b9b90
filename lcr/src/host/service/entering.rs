//! Entering a slot by the slow path, for sync calls and async ones: in the world that the thread has pinned, in a
//! successor, in the current world, or past a shut gate.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use crate::{
    abi::{
        fault::{FaultKind, RawFault},
        frame::Place,
        tables::RawEntered,
        world::{Table, Target, entry},
    },
    error::{Error, Result},
    host::{
        ids::{Number as _, SlotId},
        worlds::records::ThreadRecord,
    },
};

use super::{inner::RuntimeInner, state::State};

/// A call that entered through the slow path.
pub(super) struct SlowEntry {
    pub(super) depth: u32,
    pub(super) table: *const Table,
    pub(super) target: Target,
}

/// Why a call was not made.
pub(in crate::host) type Refusal = (FaultKind, String);

/// The result of a slow path. A panic in it becomes a refusal.
pub(super) fn contained<T>(body: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err((FaultKind::Withdrawn, Error::internal("the call was not made", &*panic).to_string()))
    })
}

/// The answer to a call that is inside.
pub(super) fn answered(thread: &'static ThreadRecord, entered: &SlowEntry) -> RawEntered {
    RawEntered {
        fault: ptr::null_mut(),
        record: thread.record(),
        depth: entered.depth,
        table: entered.table,
        data: entered.target.data,
        methods: entered.target.methods,
    }
}

/// The answer to a call that is refused.
pub(super) fn refused(thread: &'static ThreadRecord, (kind, message): Refusal) -> RawEntered {
    RawEntered {
        fault: RawFault::new(kind, message),
        record: thread.record(),
        depth: 0,
        table: ptr::null(),
        data: ptr::null(),
        methods: ptr::null(),
    }
}

/// The refusal of a call whose runtime is gone.
pub(super) fn revoked() -> Refusal {
    (FaultKind::Revoked, "its runtime is gone".to_owned())
}

/// The refusal of a call that nothing serves.
pub(super) fn withdrawn() -> Refusal {
    (FaultKind::Withdrawn, "nothing serves this handle any more".to_owned())
}

/// The refusal of a call that waited at a gate.
pub(super) fn late() -> Refusal {
    (FaultKind::Gate, "it waited at the gate of a replacement until its deadline".to_owned())
}

impl State {
    /// The successor that a thread's call reaches, and the table for the frame of that call.
    pub(super) fn successor(&self, thread: &'static ThreadRecord, place: Place) -> Option<(Target, *const Table)> {
        self.objects.successor(&self.world, thread, SlotId::of_offset(place.offset()))
    }

    /// Whether only a successor can serve a slot, and the successor is not there yet.
    pub(super) fn is_only_pending(&self, thread: &ThreadRecord, place: Place) -> bool {
        self.objects.is_only_pending(&self.world, thread, SlotId::of_offset(place.offset()))
    }
}

impl RuntimeInner {
    /// Enters a slot: in a pinned world, in a successor, or in the current world, where the thread waits while a
    /// gate is shut.
    pub(super) fn enter_slot(&self, thread: &'static ThreadRecord, place: Place) -> Result<SlowEntry, Refusal> {
        if let Some(entered) = self.enter_held_world(thread, place)? {
            return Ok(entered);
        }
        loop {
            let look = self.gate.look();
            if let Some(entered) = self.enter_current(thread, place) {
                return Ok(entered);
            }
            if self.is_closed() {
                // Whoever ends the runtime may be inside nothing.
                let passed = self.pass_shut_gate(&self.state(), thread, place)?;
                return passed.ok_or_else(revoked);
            }
            if !look.is_shut() {
                if self.gate.look() == look {
                    return Err(withdrawn());
                }
                continue;
            }
            if let Some(entered) = self.pass_gate(thread, place)? {
                return Ok(entered);
            }
            if !self.gate.wait(look) {
                return Err(late());
            }
        }
    }

    /// Enters a slot in the world that the thread has pinned, or in a successor, for the thread of a transaction.
    pub(super) fn enter_held_world(
        &self,
        thread: &'static ThreadRecord,
        place: Place,
    ) -> Result<Option<SlowEntry>, Refusal> {
        self.enter_pinned(thread, place).map_or_else(|| self.enter_uncommitted(thread, place), |held| Ok(Some(held)))
    }

    /// Enters a slot in the current world, if it is open there.
    pub(super) fn enter_current(&self, thread: &'static ThreadRecord, place: Place) -> Option<SlowEntry> {
        let record = thread.record();
        let depth = record.depth();
        let table = record.publish(thread.frame(depth), depth, &self.core, place);
        // SAFETY: the table is alive until `leave`, and has every slot with a handle.
        if let Some(target) = unsafe { entry(table, place.offset()) }.target() {
            return Some(SlowEntry { depth, table, target });
        }
        record.leave_to(depth);
        None
    }

    /// Enters the world that the thread has pinned.
    fn enter_pinned(&self, thread: &'static ThreadRecord, place: Place) -> Option<SlowEntry> {
        // SAFETY: the record is this thread's own, and no borrow of it is alive.
        let pinned = unsafe { &thread.own().pinned };
        let table = pinned.iter().rev().find(|pinned| ptr::eq(pinned.core, &raw const self.core))?.table;
        // SAFETY: the pin keeps the world alive.
        let len = unsafe { (*table).len };
        if SlotId::of_offset(place.offset()).index() >= len {
            return None;
        }
        // SAFETY: the slot is inside the table, which the pin keeps alive.
        let target = unsafe { entry(table, place.offset()) }.target()?;
        let depth = thread.enter_held(table, place);
        Some(SlowEntry { depth, table, target })
    }

    /// Enters a successor, for the thread of a transaction.
    fn enter_uncommitted(&self, thread: &'static ThreadRecord, place: Place) -> Result<Option<SlowEntry>, Refusal> {
        if !thread.uses_slow_path() {
            return Ok(None);
        }
        let state = self.state();
        let Some((target, table)) = state.successor(thread, place) else {
            if state.is_only_pending(thread, place) {
                let text = "only what the plan brings serves this handle, and that is not there yet; \
                            call it later than in the constructor";
                return Err((FaultKind::Gate, text.to_owned()));
            }
            return Ok(None);
        };
        drop(state);
        // This thread owns the successor, and the table, until it is outside again.
        let depth = thread.enter_held(table, place);
        Ok(Some(SlowEntry { depth, table, target }))
    }

    /// Passes the gate, for a thread that the hand-over waits for or that executes it.
    ///
    /// A thread that is inside nothing is neither, and does not ask for the state lock. Callers would take that one
    /// after the other while the gate is shut, and the transaction's thread would wait for each, longest for one that
    /// lost its processor meanwhile.
    fn pass_gate(&self, thread: &'static ThreadRecord, place: Place) -> Result<Option<SlowEntry>, Refusal> {
        if thread.record().depth() == 0 && !thread.uses_slow_path() {
            return Ok(None);
        }
        self.pass_shut_gate(&self.state(), thread, place)
    }

    /// As [`RuntimeInner::pass_gate`], where the caller has the state lock.
    pub(super) fn pass_shut_gate(
        &self,
        state: &State,
        thread: &'static ThreadRecord,
        place: Place,
    ) -> Result<Option<SlowEntry>, Refusal> {
        let Some(gate) = &state.gate else { return Ok(None) };
        let slot = SlotId::of_offset(place.offset());
        if gate.is_passed_by(thread.thread_id()) {
            let service = state.objects.slots().get(slot).map(|slot| slot.service());
            if service.is_some_and(|service| gate.has_saved(service)) {
                let text = "its state was saved and not restored yet, so the call would be lost; \
                            while state moves, call only what deps(..) declares";
                return Err((FaultKind::Gate, text.to_owned()));
            }
        } else if !state.is_inside_gate(thread, gate) {
            return Ok(None);
        }
        let Some(target) = gate.before().target(slot).or_else(|| state.objects.serving_target(slot)) else {
            return Ok(None);
        };
        let table = gate.before().table();
        // The world before the gate is alive while the gate is shut, and after that while this frame shows
        // it. So the frame is written under the state lock, which opening the gate takes, too.
        let depth = thread.enter_held(table, place);
        Ok(Some(SlowEntry { depth, table, target }))
    }
}
