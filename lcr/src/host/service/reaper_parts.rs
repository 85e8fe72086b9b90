//! The reaper's own parts: the slots that were released, its thread, and who runs destructors.
//!
//! [`reaper`](super::reaper) says what the thread does. It is started when there is first something to
//! do, and again in the child of a fork.

use std::{
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, Thread},
};

use crate::{
    abi::tables::RawSlot,
    error::Straggler,
    host::{
        objects::instances::{Held, Instance},
        sys,
    },
};

use super::destroyers::{self, Destroyers, Running};

/// A runtime's reaper, whether its thread runs or not.
#[derive(Default)]
pub(crate) struct Reaper {
    released: Mutex<Vec<Released>>,
    thread: Mutex<Option<Thread>>,
    /// The fork count of the process that the thread runs in, plus one.
    running: AtomicU32,
    pub(in crate::host) destroyers: Destroyers,
}

/// The reaper's locks, held around a fork.
pub(in crate::host) struct ReaperLocks<'a> {
    _released: MutexGuard<'a, Vec<Released>>,
    _thread: MutexGuard<'a, Option<Thread>>,
    /// The child of a fork has none of the threads.
    pub(in crate::host) destroyers: MutexGuard<'a, destroyers::Inner>,
}

/// A slot whose last handle is gone.
struct Released(NonNull<RawSlot>);
// SAFETY: a slot without handles belongs to the runtime, and any thread may free it.
unsafe impl Send for Released {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reaper {
    /// Notes a slot whose last handle is gone.
    pub(in crate::host) fn release(&self, slot: *mut RawSlot) {
        let Some(slot) = NonNull::new(slot) else { return };
        lock(&self.released).push(Released(slot));
    }

    /// The slots noted since the last time. Take them under the state lock, so that they
    /// are always either here or in the bookkeeping.
    pub(in crate::host) fn take_released(&self) -> Vec<NonNull<RawSlot>> {
        std::mem::take(&mut *lock(&self.released)).into_iter().map(|released| released.0).collect()
    }

    /// Holds everything of the reaper's that another thread could hold at a fork.
    pub(in crate::host) fn lock_all(&self) -> ReaperLocks<'_> {
        ReaperLocks { _released: lock(&self.released), _thread: lock(&self.thread), destroyers: self.destroyers.lock() }
    }

    /// How many objects are about to be destroyed, or are being. Ask under the state lock.
    pub(in crate::host) fn destroying(&self) -> usize {
        self.destroyers.lock().count()
    }

    /// Whether objects are being destroyed, or released slots wait. Ask under the state lock.
    pub(crate) fn is_reaping(&self) -> bool {
        self.destroying() > 0 || !lock(&self.released).is_empty()
    }

    /// For the end of the runtime: what is queued, and what those objects need whose destructors
    /// are running.
    pub(in crate::host) fn last_ones(&self, needs: &mut Vec<Held>) -> Vec<Instance> {
        let mut inner = self.destroyers.lock();
        needs.extend(inner.running().iter().flat_map(Running::needs).cloned());
        inner.close()
    }

    /// The destructors that are running; of those that began just now only if `all`.
    pub(in crate::host) fn destructors(&self, all: bool) -> Vec<Straggler> {
        let inner = self.destroyers.lock();
        inner.running().iter().filter(|running| all || running.hangs()).map(Running::straggler).collect()
    }

    /// Has the reaper's thread look now. `start` starts the thread if it does not run in this process;
    /// it returns whether there is one.
    pub(super) fn wake(&self, start: impl FnOnce() -> bool) {
        let process = sys::forks() + 1;
        if self.running.load(Ordering::Acquire) == process {
            if let Some(thread) = &*lock(&self.thread) {
                thread.unpark();
            }
            return;
        }
        let mut slot = lock(&self.thread);
        if self.running.load(Ordering::Acquire) == process {
            // Another thread started it just now, and it may have looked already.
            if let Some(thread) = &*slot {
                thread.unpark();
            }
            return;
        }
        if start() {
            // Its own handle is not there yet, but then it has not looked yet.
            *slot = None;
            self.running.store(process, Ordering::Release);
        }
    }

    /// The calling thread is the reaper's.
    pub(super) fn run_here(&self) {
        *lock(&self.thread) = Some(thread::current());
    }
}
