//! `fork`: the child goes on with the forking thread only.
//!
//! The forking thread holds the locks of all runtimes around a fork, so the child finds the bookkeeping
//! whole. The child empties every other thread's record, and forgets the world pins of other threads (a pin
//! on a handle may have been passed on, and stays until it is dropped). It opens a gate whose transaction is
//! gone, and starts the reaper anew when there is something to reap, at once if a task of the forking thread waits for
//! the gate. If the fork cut a transaction off, the
//! runtime refuses further transactions in the child: what the components of the lost thread hold is
//! unknown. If the loader is lost (`library/loader`), every runtime refuses them.
//!
//! [`sys::start`] starts the runtime's threads: to start one by the standard library needs a lock that, in
//! the child, a lost thread of the parent may hold for ever.

use std::{
    cell::Cell,
    ptr,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak},
};

use crate::host::{
    ids::ThreadId,
    image::{library, logs, room, stage::StoreLock, threads},
    sys,
    worlds::records,
};

use super::{
    events::BusLock,
    guest::HeldGuest,
    inner::RuntimeInner,
    pins::{self, LockedPins},
    reaper_parts::ReaperLocks,
    refusals::RefusalsLock,
    shortcuts::LockedShortcuts,
    state::State,
};

static RUNTIMES: Mutex<Vec<Weak<RuntimeInner>>> = Mutex::new(Vec::new());

/// Has forks take care of a runtime.
pub(in crate::host) fn register(inner: &Arc<RuntimeInner>) {
    static HANDLERS: Once = Once::new();
    let mut is_refused = false;
    HANDLERS.call_once(|| is_refused = !sys::at_fork(before, after_in_parent, after_in_child));
    // Behind it: a subscriber may make a runtime.
    if is_refused {
        tracing::error!("no memory for fork handlers: runtimes must not be used in a forked child");
    }
    let mut runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    runtimes.retain(|runtime| runtime.strong_count() > 0);
    runtimes.push(Arc::downgrade(inner));
}

/// What the forking thread holds across the fork.
struct Held {
    locked: Vec<Locked>,
    thread: ThreadId,
    _output: library::OutputLock,
    threads: threads::ThreadsLock,
    _room: room::RoomLock,
    _logs: logs::LogsLock,
    loader: library::LoaderLock,
    _runtimes: MutexGuard<'static, Vec<Weak<RuntimeInner>>>,
    /// In the order of `locked`. They come last: the guards point into them; and if another thread has dropped a
    /// runtime meanwhile, the runtime ends here, which takes several of these locks.
    inners: Vec<Arc<RuntimeInner>>,
}

/// The locks of one runtime.
struct Locked {
    state: MutexGuard<'static, State>,
    pins: LockedPins<'static>,
    _shortcuts: LockedShortcuts<'static>,
    reaper: ReaperLocks<'static>,
    _events: BusLock<'static>,
    _refusals: RefusalsLock<'static>,
    _store: StoreLock<'static>,
    guest: Option<Box<dyn HeldGuest>>,
}

thread_local! {
    /// A bare pointer, since a thread may fork in the destructor of a thread-local.
    static HELD: Cell<*mut Held> = const { Cell::new(ptr::null_mut()) };
}

/// Takes what [`before`] put down, on the thread that forks.
fn take_held() -> Option<Box<Held>> {
    let held = HELD.replace(ptr::null_mut());
    // SAFETY: if it is not null it came from a box, and was replaced by null.
    (!held.is_null()).then(|| unsafe { Box::from_raw(held) })
}

/// Takes all locks, in the order that `ARCHITECTURE.md` gives.
fn hold_all() -> Held {
    let loader = library::lock_loader();
    let runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    let inners: Vec<_> = runtimes.iter().filter_map(Weak::upgrade).collect();
    let locked = inners
        .iter()
        .map(|inner| {
            // SAFETY: the `Arc` in `Held::inners` keeps the runtime alive and in place, and is dropped after the
            // guards.
            let pinned: &'static RuntimeInner = unsafe { &*Arc::as_ptr(inner) };
            Locked {
                state: pinned.state(),
                pins: pinned.pins.lock(),
                _shortcuts: pinned.shortcuts.lock(),
                reaper: pinned.reaper.lock_all(),
                _events: pinned.events.lock(),
                _refusals: pinned.refusals.lock(),
                _store: pinned.store.lock(),
                guest: pinned.guest.get().map(|guest| guest.hold()),
            }
        })
        .collect();
    Held {
        locked,
        thread: sys::thread_id(),
        _output: library::lock_output(),
        threads: threads::lock(),
        _room: room::lock(),
        _logs: logs::lock(),
        loader,
        _runtimes: runtimes,
        inners,
    }
}

unsafe extern "C" fn before() {
    HELD.set(Box::into_raw(Box::new(hold_all())));
}

unsafe extern "C" fn after_in_parent() {
    drop(take_held());
}

unsafe extern "C" fn after_in_child() {
    sys::note_fork();
    sys::register_membarrier();
    records::forget_other_threads();
    let Some(mut held) = take_held() else { return };
    held.loader.lose_others();
    held.threads.forget_threads();
    let (forking, me) = (held.thread, sys::thread_id());
    for (Locked { state, pins, reaper, guest, .. }, inner) in held.locked.iter_mut().zip(&held.inners) {
        reaper.destroyers.forget_threads();
        pins::keep_after_fork(pins, forking, me);
        state.objects.keep_only(forking, me);
        state.waiting.keep_after_fork(forking, me);
        inner.lose_transaction(state);
        #[cfg(feature = "reflect")]
        inner.forget_shape_calls();
        guest.iter_mut().for_each(|guest| guest.lose_threads());
    }
    let waiting = held.locked.iter().zip(&held.inners).filter(|(locked, _)| locked.state.waiting.is_some());
    let waiting: Vec<_> = waiting.map(|(_, inner)| Arc::clone(inner)).collect();
    drop(held);
    // Nobody else wakes the tasks that wait.
    waiting.iter().for_each(|inner| inner.wake_reaper());
}

impl RuntimeInner {
    /// In the child: undoes what a transaction of the parent had shut.
    fn lose_transaction(&self, state: &mut State) {
        if !self.transactions.lose() {
            return;
        }
        // The transaction's thread is gone, and the kernel may give its number to another thread.
        state.objects.uncommitted_mut().forget_all();
        if let Some(gate) = &mut state.gate {
            gate.give_back_in_child();
        }
        self.reopen_gate(state);
        state.objects.registry_mut().thaw();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::{
        super::{
            async_calls::tests::Task,
            handles::tests::{Lamp as _, lamp, runtime},
            waiting::{OwnedWaker, Waiting},
        },
        *,
    };

    /// Invariant 3: each lock that a fork takes is held, and calls go on.
    #[test]
    fn a_call_on_the_fast_path_takes_none_of_the_locks_that_a_fork_takes() {
        let inner = runtime();
        register(&inner);
        let handle = lamp(&inner, None);
        let (made_first, first) = mpsc::channel();
        let (locked, go_on) = mpsc::channel();
        let (made_all, all) = mpsc::channel();
        thread::scope(|scope| {
            let handle = &handle;
            scope.spawn(move || {
                // A thread's first call takes the slow path.
                made_first.send(handle.shine()).unwrap();
                go_on.recv().unwrap();
                made_all.send((0..1_000).map(|_| handle.shine()).sum::<u32>()).unwrap();
            });
            first.recv().unwrap();
            let held = hold_all();
            locked.send(()).unwrap();
            // As long as the other thread needs: this one holds the locks until then.
            let sum = all.recv_timeout(Duration::from_secs(60));
            drop(held);
            assert_eq!(sum.expect("the caller waited for a lock"), 7_000);
        });
    }

    #[test]
    fn the_child_of_a_fork_keeps_the_due_wakers_of_the_forking_thread() {
        let (own, other) = (Task::new(|| ()), Task::new(|| ()));
        let elsewhere = thread::spawn(|| records::mine().thread_id()).join().unwrap();
        let here = records::mine().thread_id();
        let mut waiting = Waiting::default();
        for (task, thread) in [(&own, here), (&other, elsewhere)] {
            // SAFETY: the task is a waker, and lives on.
            waiting.leave(unsafe { OwnedWaker::of(&raw const task.head) }.unwrap(), thread);
        }
        waiting.all_due();
        waiting.keep_after_fork(here, here);
        assert!(waiting.is_some());
        waiting.take_due().unwrap().wake();
        assert!(waiting.take_due().is_none());
        assert_eq!((own.counts(), other.counts()), ((0, 1), (1, 0)), "the other one is leaked");
    }
}
