//! Async calls that wait for a gate: their wakers, and waking them.
//!
//! A sync call sleeps at a shut gate. An async call must not: it would stop its executor, and with it perhaps
//! the very calls that the gate waits for. So its first poll leaves a waker here and is pending. When the
//! gate opens, or its deadline passes, the wakers become *due*, and a thread that holds no lock wakes them.
//!
//! A waker is code of an executor: it may take its time, panic, or call the runtime. Invariants:
//! 1. Wakers are cloned, woken and dropped by threads that hold no lock of the runtime.
//! 2. Due wakers are taken out one at a time. So if one hangs, another thread wakes the others.
//! 3. Who makes wakers due wakes them when it has unlocked, but for a transaction before its commit: its thread
//!    reaches what is not committed, so it has the reaper wake them. If that hangs, the end of the transaction does.
//!
//! A waker is left and made due under the state lock, and so does the gate shut and open. So an opening
//! finds every call that was told to wait, and a call that comes behind it finds the gate open.
//!
//! A pending call of a component whose author said `cancel` leaves its waker here, too. It is cancelled when its
//! instance is about to be replaced, or was: then it is marked in its slot, and its waker is due. At its next
//! poll the caller's image drops the future, and the call ends with a fault.
//!
//! In the child of a fork only calls that waited on the forking thread go on; a waker of another thread may need
//! what that thread held, so it is leaked. The child starts a reaper for those that go on. A waker that another thread
//! had taken out and was waking at the moment of the fork is lost with that thread.

use std::{
    collections::HashMap,
    mem,
    ptr::{self, NonNull},
};

use crate::{
    abi::{detached::Use, waker::WakerHead},
    host::{
        ids::ThreadId,
        worlds::detached::{DetachedCall, Slot},
    },
};

/// A clone of a task's waker: a reference to its kept head.
pub(super) struct OwnedWaker(NonNull<WakerHead>);

// SAFETY: the functions of a waker may be called on any thread.
unsafe impl Send for OwnedWaker {}

impl OwnedWaker {
    /// A clone of a lent waker; `None` if its image gives none.
    ///
    /// # Safety
    /// `lent` is a waker, valid for the call.
    pub(super) unsafe fn of(lent: *const WakerHead) -> Option<OwnedWaker> {
        // SAFETY: the caller says so.
        NonNull::new(unsafe { WakerHead::keep(lent) }.cast_mut()).map(OwnedWaker)
    }

    /// Wakes the task.
    pub(super) fn wake(self) {
        // SAFETY: the reference keeps the head valid.
        unsafe { WakerHead::wake(self.0.as_ptr()) };
    }
}

impl Drop for OwnedWaker {
    fn drop(&mut self) {
        // SAFETY: the reference is this value's own.
        unsafe { WakerHead::release(self.0.as_ptr()) };
    }
}

/// The calls that wait, each by its ticket, the calls that may be cancelled, and the wakers that are due. Part of
/// the state.
#[derive(Default)]
pub(in crate::host) struct Waiting {
    calls: HashMap<u64, Waiter>,
    /// Each by the address of its slot.
    cancellable: HashMap<(usize, Use), Waiter>,
    due: Vec<Waiter>,
    /// The number of the last ticket; 0 is none.
    tickets: u64,
}

struct Waiter {
    waker: OwnedWaker,
    thread: ThreadId,
}

fn key(slot: &Slot, call: Use) -> (usize, Use) {
    (ptr::from_ref(slot).addr(), call)
}

impl Waiting {
    /// Leaves the waker of a call that was polled on `thread`. Returns the call's ticket.
    pub(super) fn leave(&mut self, waker: OwnedWaker, thread: ThreadId) -> u64 {
        self.tickets += 1;
        self.calls.insert(self.tickets, Waiter { waker, thread });
        self.tickets
    }

    /// Forgets a call that goes on, or was dropped. The caller drops the waker behind the lock.
    #[must_use]
    pub(super) fn forget(&mut self, ticket: u64) -> Option<OwnedWaker> {
        self.calls.remove(&ticket).map(|waiter| waiter.waker)
    }

    /// Makes all wakers due.
    pub(super) fn all_due(&mut self) {
        self.due.extend(self.calls.drain().map(|(_, waiter)| waiter));
    }

    /// Leaves the waker of a pending call that may be cancelled, whose last poll was on `thread`. Returns the waker
    /// that it left before, to drop behind the lock.
    #[must_use]
    pub(super) fn watch(&mut self, slot: &Slot, call: Use, waker: OwnedWaker, thread: ThreadId) -> Option<OwnedWaker> {
        let before = self.cancellable.insert(key(slot, call), Waiter { waker, thread });
        before.map(|waiter| waiter.waker)
    }

    /// Whether a pending call may be cancelled.
    pub(super) fn is_cancellable(&self, slot: &Slot, call: Use) -> bool {
        self.cancellable.contains_key(&key(slot, call))
    }

    /// Cancels a pending call that may be, and makes its waker due.
    pub(super) fn cancel(&mut self, slot: &'static Slot, call: Use) {
        if let Some(waiter) = self.cancellable.remove(&key(slot, call)) {
            slot.call().cancel(call);
            self.due.push(waiter);
        }
    }

    /// Cancels all pending calls that may be, of which `calls` are all that there are.
    pub(super) fn cancel_all(&mut self, calls: impl Iterator<Item = DetachedCall>) {
        calls.for_each(|found| self.cancel(found.slot, found.call));
    }

    /// Forgets a call that has ended. The caller drops the waker behind the lock.
    #[must_use]
    pub(super) fn unwatch(&mut self, slot: &Slot, call: Use) -> Option<OwnedWaker> {
        self.cancellable.remove(&key(slot, call)).map(|waiter| waiter.waker)
    }

    /// Whether wakers are due.
    pub(crate) fn are_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// Takes out one waker that is due.
    pub(super) fn take_due(&mut self) -> Option<OwnedWaker> {
        self.due.pop().map(|waiter| waiter.waker)
    }

    /// Whether calls wait, or wakers are due.
    pub(super) fn is_some(&self) -> bool {
        !self.calls.is_empty() || !self.due.is_empty()
    }

    /// In the child of a fork: forgets the calls that waited on other threads than `forking`, which is `now` in
    /// the child.
    pub(super) fn keep_after_fork(&mut self, forking: ThreadId, now: ThreadId) {
        let own: HashMap<_, _> = self.calls.extract_if(|_, waiter| waiter.thread == forking).collect();
        let others = mem::replace(&mut self.calls, own);
        others.into_values().for_each(|waiter| mem::forget(waiter.waker));
        let own: HashMap<_, _> = self.cancellable.extract_if(|_, waiter| waiter.thread == forking).collect();
        let others = mem::replace(&mut self.cancellable, own);
        others.into_values().for_each(|waiter| mem::forget(waiter.waker));
        let (own, others): (Vec<_>, Vec<_>) =
            mem::take(&mut self.due).into_iter().partition(|waiter| waiter.thread == forking);
        others.into_iter().for_each(|waiter| mem::forget(waiter.waker));
        self.due = own;
        let kept = self.calls.values_mut().chain(self.cancellable.values_mut()).chain(&mut self.due);
        kept.for_each(|waiter| waiter.thread = now);
    }
}
