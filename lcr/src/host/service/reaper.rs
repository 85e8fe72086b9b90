//! The reaper: finds what nobody is inside any more, and has it destroyed.
//!
//! It takes back released slots, hands instances that were replaced, released or refused
//! to threads that destroy them ([`destroyers`]), and frees retired
//! worlds. It runs no component's code but the finalizers of images that it unmaps. While something is not ready it looks again, at
//! growing intervals up to [`SLOWEST`]; with nothing to do it sleeps until it is woken.
//!
//! An instance is destroyed when (1) no frame shows a world in which one of its
//! slots held it, at that slot, (2) no pin holds such a world, and (3) the count taken
//! from the list is the last one. A world is freed when no frame shows its table and
//! the list's count is the last one.
//!
//! The thread is started when there is first something to do, and again in the child of
//! a fork.

use std::{
    collections::HashSet,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr::NonNull,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use crate::{
    abi::{tables::RawSlot, world::Table},
    error::Straggler,
    host::{
        objects::instances::{Held, Instance},
        sys,
        worlds::records,
    },
};

use super::{
    destroyers::{self, Destroyers, Running},
    fork,
    inner::{AUTHORS_STACK, Retiring, RuntimeInner, State},
};

const FASTEST: Duration = Duration::from_micros(100);
const SLOWEST: Duration = Duration::from_millis(100);

/// A runtime's reaper, whether its thread runs or not.
#[derive(Default)]
pub(crate) struct Reaper {
    /// The runtime itself, for the thread.
    inner: OnceLock<Weak<RuntimeInner>>,
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
// SAFETY: a slot without handles belongs to the runtime, whatever thread it is on.
unsafe impl Send for Released {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reaper {
    /// Tells the reaper what to reap.
    pub(crate) fn attach(&self, inner: &Arc<RuntimeInner>) {
        let _ = self.inner.set(Arc::downgrade(inner));
    }

    /// Notes a slot whose last handle is gone.
    pub(in crate::host) fn release(&self, slot: *mut RawSlot) {
        let Some(slot) = NonNull::new(slot) else { return };
        lock(&self.released).push(Released(slot));
        self.wake();
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

    /// Has the reaper look now.
    pub(crate) fn wake(&self) {
        let process = fork::count() + 1;
        if self.running.load(Ordering::Acquire) == process {
            if let Some(thread) = &*lock(&self.thread) {
                thread.unpark();
            }
            return;
        }
        let Some(inner) = self.inner.get().and_then(Weak::upgrade) else { return };
        if inner.is_closed() {
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
        let weak = Arc::downgrade(&inner);
        match sys::start(c"lcr-reaper", AUTHORS_STACK, move || run(&weak)) {
            Ok(_) => {
                // Its own handle is not there yet, but then it has not looked yet.
                *slot = None;
                self.running.store(process, Ordering::Release);
            }
            Err(error) => {
                tracing::error!(%error, "no reaper thread; replaced instances stay until one can be started")
            }
        }
    }
}

fn run(weak: &Weak<RuntimeInner>) {
    let mut pause = FASTEST;
    if let Some(inner) = weak.upgrade() {
        *lock(&inner.reaper.thread) = Some(thread::current());
    }
    loop {
        let Some(inner) = weak.upgrade() else { return };
        // A panic, of a subscriber for instance, ends the round and not the reaper.
        let round = catch_unwind(AssertUnwindSafe(|| inner.reap()));
        let (progress, waiting) = round.unwrap_or((false, true));
        if inner.is_closed() {
            return;
        }
        drop(inner);
        pause = if progress { FASTEST } else { (pause * 2).min(SLOWEST) };
        if waiting || progress {
            thread::park_timeout(pause);
        } else {
            thread::park();
        }
    }
}

impl RuntimeInner {
    /// One round. Returns whether anything was done, and whether anything is left.
    pub(in crate::host) fn reap(self: &Arc<RuntimeInner>) -> (bool, bool) {
        let mut state = self.state();
        let mut progress = self.take_back(&mut state);
        let ready = state.ready();
        progress |= !ready.is_empty();
        let start = self.reaper.destroyers.queue(ready);
        if state.retired.shows_all_calls() {
            progress |= state.free_worlds();
        }
        let waiting = !state.retiring.is_empty()
            || state.retired.count() > 0
            || !state.unloading.is_empty()
            || self.reaper.destroyers.lock().is_waiting();
        drop(state);
        if let Some(start) = start {
            self.start_destroyer(start);
        }
        progress |= self.unload();
        (progress, waiting)
    }
}

/// Destroys an object. Its destructor's panic is reported, and otherwise ignored.
pub(in crate::host) fn destroy(instance: Instance) -> Instance {
    let destroy = instance.implementation().export.destroy;
    // SAFETY: the caller owns the object, no call is inside it, and nothing refers to it.
    let outcome = unsafe { destroy(instance.address()) };
    // SAFETY: an export's functions keep the contract of `Outcome`.
    if let Err((_, message, _)) = unsafe { outcome.into_result() } {
        let component = &instance.implementation().component;
        // A subscriber that panics must not end the thread.
        drop(catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(%component, %message, "a destructor panicked");
        })));
    }
    instance
}

impl State {
    /// Takes out the instances that may be destroyed.
    fn ready(&mut self) -> Vec<Instance> {
        if self.retiring.is_empty() {
            return Vec::new();
        }
        let shows_all = self.retired.shows_all_calls();
        let calls = self.old_calls();
        let mut ready = Vec::new();
        let mut left = Vec::new();
        for retiring in std::mem::take(&mut self.retiring) {
            let may_hide = !shows_all && !retiring.slots.is_empty();
            if may_hide || !self.inside(&retiring, &calls).is_empty() || self.is_pinned(&retiring) {
                left.push(retiring);
                continue;
            }
            match Arc::try_unwrap(retiring.instance) {
                Ok(instance) => ready.push(instance),
                Err(instance) => left.push(Retiring { instance, ..retiring }),
            }
        }
        self.retiring = left;
        ready
    }

    /// Frees the retired worlds that no frame shows and no pin holds.
    fn free_worlds(&mut self) -> bool {
        let shown: HashSet<*const Table> =
            records::all().flat_map(|thread| thread.calls()).map(|(table, _)| table).collect();
        let is_some = self.retired.free(&shown);
        let oldest = self.retired.oldest();
        self.objects.slots_mut().reclaim(oldest);
        is_some
    }
}
