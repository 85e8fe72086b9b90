//! What the host does for async calls: their start at a gate, their time between polls, and their end.
//!
//! None of these functions unwinds into an image, and none blocks: where a sync call would sleep, an async one
//! is told to wait ([`waiting`](super::waiting)). [`detached`](crate::abi::detached) has the argument for what
//! lies between the polls.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
};

use crate::{
    abi::{
        detached::Detached,
        fault::FaultKind,
        frame::Place,
        tables::{AT_GATE, RawEntered, RawSlot},
        waker::WakerHead,
        world::Table,
    },
    host::{
        ids::SlotId,
        image::threads,
        worlds::{
            detached::Slot,
            records::{self, ThreadRecord},
        },
    },
};

use super::{
    entering::{Refusal, SlowEntry, answered, contained, late, refused, revoked, withdrawn},
    handles::inner_of,
    inner::RuntimeInner,
    state::State,
    waiting::OwnedWaker,
};

/// The answer of [`enter`] if the call is inside, or refused.
const ENTERED: u32 = 0;
/// The answer of [`watch`] if the call goes on.
const GOES_ON: u32 = 0;
/// The answer of [`watch`] if the call is cancelled already.
const CANCELLED: u32 = 1;

pub(super) unsafe extern "C" fn enter(
    slot: *const RawSlot,
    method: u32,
    waker: *const WakerHead,
    ticket: *mut u64,
    out: *mut RawEntered,
) -> u32 {
    // SAFETY: the caller's handle keeps the slot alive.
    let slot = unsafe { &*slot };
    // SAFETY: the slot keeps its runtime alive, of which the core is the first field.
    let inner = unsafe { &*slot.core.cast::<RuntimeInner>() };
    let thread = records::mine();
    threads::settle();
    thread.allow_fast_path();
    // SAFETY: the caller gives a ticket of its own.
    let mut kept = unsafe { *ticket };
    let place = Place::new(slot.offset, method);
    // SAFETY: the caller lends a waker.
    let lend = || unsafe { OwnedWaker::of(waker) };
    let entered = match contained(|| inner.enter_async(thread, place, lend, &mut kept)) {
        Ok(Some(entered)) => answered(thread, &entered),
        Ok(None) => {
            // SAFETY: as above.
            unsafe { ticket.write(kept) };
            return AT_GATE;
        }
        Err(refusal) => refused(thread, refusal),
    };
    // SAFETY: as above.
    unsafe { ticket.write(0) };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(entered) };
    ENTERED
}

pub(super) unsafe extern "C" fn unwait(slot: *const RawSlot, ticket: u64) {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    drop(catch_unwind(AssertUnwindSafe(|| inner.forget_waiting(ticket))));
}

pub(super) unsafe extern "C" fn detach(slot: *const RawSlot, table: *const Table, place: u64) -> *const Detached {
    // SAFETY: the caller's handle keeps the slot alive.
    let core = unsafe { (*slot).core };
    records::mine().detach(core, table, Place::of_bits(place)).as_detached()
}

pub(super) unsafe extern "C" fn resume(detached: *const Detached, out: *mut RawEntered) {
    // SAFETY: `detach` gave the address, and the call has not ended.
    let slot = unsafe { Slot::of_call(detached) };
    let thread = records::mine();
    threads::settle();
    thread.allow_fast_path();
    let entered = match slot.call().read() {
        Some((_, table, place)) => RawEntered {
            fault: ptr::null_mut(),
            record: thread.record(),
            depth: thread.enter_held(table, place.poll()),
            table,
            data: ptr::null(),
            methods: ptr::null(),
        },
        // No honest image asks for a call that has ended.
        None => refused(thread, (FaultKind::Revoked, "the call has ended".to_owned())),
    };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(entered) };
}

pub(super) unsafe extern "C" fn watch(slot: *const RawSlot, detached: *const Detached, waker: *const WakerHead) -> u32 {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: `detach` gave the address, and the call has not ended.
    let slot = unsafe { Slot::of_call(detached) };
    // SAFETY: the caller lends a waker.
    let waker = unsafe { OwnedWaker::of(waker) };
    catch_unwind(AssertUnwindSafe(|| inner.watch(slot, waker))).unwrap_or(GOES_ON)
}

pub(super) unsafe extern "C" fn end(detached: *const Detached) {
    // SAFETY: `detach` gave the address, and the call ends once.
    let slot = unsafe { Slot::of_call(detached) };
    if slot.is_watched() {
        // SAFETY: the caller's handle keeps the runtime, of which the core is the first field.
        let inner = unsafe { &*slot.core().cast::<RuntimeInner>() };
        drop(catch_unwind(AssertUnwindSafe(|| inner.unwatch(slot))));
    }
    records::mine().end_detached(slot);
}

impl RuntimeInner {
    /// Enters a slot as a sync call does, but does not wait at a gate: `None` says that the call waits by
    /// `ticket`, with the waker that `lend` gives.
    fn enter_async(
        &self,
        thread: &'static ThreadRecord,
        place: Place,
        lend: impl FnOnce() -> Option<OwnedWaker>,
        ticket: &mut u64,
    ) -> Result<Option<SlowEntry>, Refusal> {
        self.forget_waiting(mem::take(ticket));
        if let Some(entered) = self.enter_held_world(thread, place)? {
            return Ok(Some(entered));
        }
        if let Some(entered) = self.enter_unless_held(thread, place) {
            return Ok(Some(entered));
        }
        // Before the lock, since it runs code of the executor; and it is dropped behind the lock.
        let mut waker = lend();
        let mut state = self.state();
        let entered = self.enter_or_refuse(&state, thread, place);
        if matches!(entered, Ok(None)) {
            let waker = waker.take().ok_or_else(|| (FaultKind::Gate, "its task has no waker".to_owned()))?;
            *ticket = state.waiting.leave(waker, thread.thread_id());
        }
        drop(state);
        if *ticket != 0 {
            // The reaper looks whether the gate's deadline passes.
            self.wake_reaper();
        }
        entered
    }

    /// Enters the current world, if the slot is open there and no start is held back.
    fn enter_unless_held(&self, thread: &'static ThreadRecord, place: Place) -> Option<SlowEntry> {
        let entered = self.enter_current(thread, place);
        // Behind the look at the current world.
        if entered.is_some() && self.core.holds_starts() {
            thread.record().leave_to(thread.record().depth() - 1);
            return None;
        }
        entered
    }

    /// Enters a slot that was closed or held back a moment ago. `None` if the call has to wait. Nothing opens or
    /// shuts meanwhile, since the caller has the state lock.
    fn enter_or_refuse(
        &self,
        state: &State,
        thread: &'static ThreadRecord,
        place: Place,
    ) -> Result<Option<SlowEntry>, Refusal> {
        let is_held = state.holds_start(thread, SlotId::of_offset(place.offset()));
        if !is_held && let Some(entered) = self.enter_current(thread, place) {
            return Ok(Some(entered));
        }
        if let Some(passed) = self.pass_shut_gate(state, thread, place)? {
            return Ok(Some(passed));
        }
        if self.is_closed() {
            return Err(revoked());
        }
        if state.gate.is_none() && !is_held {
            return Err(withdrawn());
        }
        if self.gate.has_passed() { Err(late()) } else { Ok(None) }
    }

    /// Keeps the waker of a pending call that may be cancelled.
    fn watch(&self, slot: &'static Slot, waker: Option<OwnedWaker>) -> u32 {
        let Some((call, table, place)) = slot.call().read() else { return GOES_ON };
        let Some(waker) = waker else { return GOES_ON };
        let mut state = self.state();
        if self.is_closed() || slot.call().is_cancelled() || state.is_in_retiring(table, place) {
            slot.call().cancel(call);
            drop(state);
            return CANCELLED;
        }
        slot.set_watched();
        let before = state.waiting.watch(slot, call, waker, records::mine().thread_id());
        drop(state);
        drop(before);
        GOES_ON
    }

    /// Forgets the waker of a call that ends.
    fn unwatch(&self, slot: &'static Slot) {
        let Some((call, ..)) = slot.call().read() else { return };
        let forgotten = self.state().waiting.unwatch(slot, call);
        // Behind the lock.
        drop(forgotten);
    }

    fn forget_waiting(&self, ticket: u64) {
        if ticket != 0 {
            let forgotten = self.state().waiting.forget(ticket);
            // Behind the lock.
            drop(forgotten);
        }
    }
}

#[cfg(all(test, not(loom)))]
pub(super) mod tests;
