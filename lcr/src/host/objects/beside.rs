//! Calls of an instance that no frame shows: of a thread that calls its methods itself, and not through a slot.
//!
//! The thread keeps the instance by a count. So the reaper waits for the thread, and this says what for.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, TryLockError},
    thread,
    time::Instant,
};

use crate::{
    error::MethodId,
    host::{ids::ThreadId, sys},
};

/// Those of one instance. No thread waits for the lock, which may be lost in a fork.
#[derive(Default)]
pub(crate) struct CallsBeside(Mutex<Vec<CallBeside>>);

/// A call that has not returned.
#[derive(Clone)]
pub(crate) struct CallBeside {
    pub(crate) method: MethodId,
    pub(crate) thread: ThreadId,
    pub(crate) thread_name: String,
    pub(crate) since: Instant,
    /// The number of forks before its process.
    process: u32,
}

/// The calling thread is inside, until this is dropped there.
pub(crate) struct Inside<'a>(&'a CallsBeside);

impl CallsBeside {
    /// The calling thread calls a method. `None` if it is not noted, since another thread looks at this moment.
    #[cfg_attr(not(feature = "reflect"), allow(dead_code, reason = "only a shadow calls beside the slots"))]
    pub(crate) fn enter(&self, method: MethodId) -> Option<Inside<'_>> {
        let (thread, thread_name) = (sys::thread_id(), sys::thread_name());
        let call = CallBeside { method, thread, thread_name, since: Instant::now(), process: sys::forks() };
        self.lock()?.push(call);
        Some(Inside(self))
    }

    /// The calls under way, if no other thread notes one at this moment.
    pub(in crate::host) fn now(&self) -> Vec<CallBeside> {
        // A child of a fork has the parent's calls, and not the threads.
        let is_here = |call: &&CallBeside| call.process == sys::forks();
        self.lock().map_or_else(Vec::new, |calls| calls.iter().filter(is_here).cloned().collect())
    }

    fn lock(&self) -> Option<MutexGuard<'_, Vec<CallBeside>>> {
        match self.0.try_lock() {
            Ok(calls) => Some(calls),
            Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let me = sys::thread_id();
        loop {
            if let Some(mut calls) = self.0.lock() {
                return calls.retain(|call| call.thread != me);
            }
            // A thread of this process has it, since this one has had it there.
            thread::yield_now();
        }
    }
}
