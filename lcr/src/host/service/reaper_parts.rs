//! The parts of the reaper: the released slots, its thread, and the threads that run destructors.
//!
//! [`reaper`](super::reaper) says what the thread does. The thread is started when there is first something to
//! do, and anew in the child of a fork.

use std::{
    io,
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
    /// One more than the fork count of the process in which the thread runs; 0 before it was started.
    running: AtomicU32,
    pub(in crate::host) destroyers: Destroyers,
}

/// The reaper's locks, held around a fork.
pub(in crate::host) struct ReaperLocks<'a> {
    _released: MutexGuard<'a, Vec<Released>>,
    _thread: MutexGuard<'a, Option<Thread>>,
    /// The threads that run destructors, which the child of a fork forgets.
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

    /// Takes the slots that were noted since the last call. The caller holds the state lock, so that a slot is
    /// always either here or in the bookkeeping.
    pub(in crate::host) fn take_released(&self) -> Vec<NonNull<RawSlot>> {
        std::mem::take(&mut *lock(&self.released)).into_iter().map(|released| released.0).collect()
    }

    /// Takes all locks of the reaper, for the time of a fork.
    pub(in crate::host) fn lock_all(&self) -> ReaperLocks<'_> {
        ReaperLocks { _released: lock(&self.released), _thread: lock(&self.thread), destroyers: self.destroyers.lock() }
    }

    /// How many objects are queued or being destroyed. The caller holds the state lock.
    pub(in crate::host) fn destroying(&self) -> usize {
        self.destroyers.lock().count()
    }

    /// Whether objects are queued or being destroyed, or released slots wait. The caller holds the state lock.
    pub(crate) fn is_reaping(&self) -> bool {
        self.destroying() > 0 || !lock(&self.released).is_empty()
    }

    /// For the end of the runtime: takes the queued objects, and adds to `needs` the dependencies of objects
    /// whose destructors run.
    pub(in crate::host) fn last_ones(&self, needs: &mut Vec<Held>) -> Vec<Instance> {
        let mut inner = self.destroyers.lock();
        needs.extend(inner.running().iter().flat_map(Running::needs).cloned());
        inner.close()
    }

    /// The destructors that run: all of them, or only those that hang.
    pub(in crate::host) fn destructors(&self, all: bool) -> Vec<Straggler> {
        let inner = self.destroyers.lock();
        inner.running().iter().filter(|running| all || running.hangs()).map(Running::straggler).collect()
    }

    /// Wakes the reaper's thread. If the thread does not run in this process, calls `start`, under the lock, which
    /// starts it and returns whether it did.
    ///
    /// # Errors
    /// That of `start`.
    pub(super) fn wake(&self, start: impl FnOnce() -> io::Result<bool>) -> io::Result<()> {
        let process = sys::forks() + 1;
        if self.running.load(Ordering::Acquire) == process {
            if let Some(thread) = &*lock(&self.thread) {
                thread.unpark();
            }
            return Ok(());
        }
        let mut slot = lock(&self.thread);
        if self.running.load(Ordering::Acquire) == process {
            // Another thread started the reaper just now, and it may have looked already.
            if let Some(thread) = &*slot {
                thread.unpark();
            }
            return Ok(());
        }
        if start()? {
            // The reaper sets its handle before its first look, so it needs no wake-up before that.
            *slot = None;
            self.running.store(process, Ordering::Release);
        }
        Ok(())
    }

    /// Notes that the calling thread is the reaper's.
    pub(super) fn run_here(&self) {
        *lock(&self.thread) = Some(thread::current());
    }
}
