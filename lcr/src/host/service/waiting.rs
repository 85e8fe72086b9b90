//! Async calls that wait for a gate: their wakers, and waking them.
//!
//! A sync call sleeps at a shut gate. An async call must not: it would stop its executor, and with it perhaps
//! the very calls that the gate waits for. So its first poll leaves a waker here and is pending. When the
//! gate opens, or its deadline passes, the wakers become *due*, and a thread that holds no lock wakes them.
//!
//! A waker is code of an executor: it may take its time, panic, or call the runtime. Invariants:
//! 1. Wakers are cloned, woken and dropped by threads that hold no lock of the runtime.
//! 2. Due wakers are taken out one at a time. So if one hangs, another thread wakes the others.
//! 3. Who makes wakers due wakes them when it has unlocked. If it cannot, the end of the transaction does, or
//!    the reaper.
//!
//! A waker is left and made due under the state lock, and so does the gate shut and open. So an opening
//! finds every call that was told to wait, and a call that comes behind it finds the gate open.
//!
//! In the child of a fork only calls that waited on the forking thread go on; a waker of another thread may need
//! what that thread held, so it is leaked.

use std::{collections::HashMap, mem, ptr::NonNull};

use crate::{abi::waker::WakerHead, host::ids::ThreadId};

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

/// The calls that wait, each by its ticket, and the wakers that are due. Part of the state.
#[derive(Default)]
pub(in crate::host) struct Waiting {
    calls: HashMap<u64, Waiter>,
    due: Vec<OwnedWaker>,
    /// The number of the last ticket; 0 is none.
    tickets: u64,
}

struct Waiter {
    waker: OwnedWaker,
    thread: ThreadId,
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
        self.due.extend(self.calls.drain().map(|(_, waiter)| waiter.waker));
    }

    /// Takes out one waker that is due.
    pub(super) fn take_due(&mut self) -> Option<OwnedWaker> {
        self.due.pop()
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
        mem::take(&mut self.due).into_iter().for_each(mem::forget);
        self.calls.values_mut().for_each(|waiter| waiter.thread = now);
    }
}
