//! `fork`: the child goes on with the forking thread only.
//!
//! Around a fork the locks of all runtimes are held by the forking thread, so the child
//! finds the bookkeeping whole. In the child every other thread's record is
//! empty, world pins of other threads are forgotten (a pin on a handle may have been
//! passed on, and stays until it is dropped), a gate whose transaction is gone is
//! opened again, and the reaper starts anew when it is needed. A runtime whose
//! transaction was cut off by the fork refuses further ones in the child: what the lost thread's
//! components hold is unknown. A runtime whose loader is lost (`library/loader`) refuses them, too.
//!
//! The runtime's threads are started by [`sys::start`]: those of the standard library would need
//! a lock in the child that another thread of the parent may have had.

use std::{
    cell::Cell,
    ptr,
    sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak},
};

use crate::host::{
    ids::ThreadId,
    image::{library, room, stage::StoreLock, threads},
    sys,
    worlds::records,
};

use super::{
    inner::{RuntimeInner, State},
    pins::{self, LockedPins},
    reaper_parts::ReaperLocks,
    shortcuts::LockedShortcuts,
};

static RUNTIMES: Mutex<Vec<Weak<RuntimeInner>>> = Mutex::new(Vec::new());

/// Has a runtime taken care of around forks.
pub(in crate::host) fn register(inner: &Arc<RuntimeInner>) {
    static HANDLERS: Once = Once::new();
    HANDLERS.call_once(|| {
        if !sys::at_fork(before, after_in_parent, after_in_child) {
            tracing::error!("no memory for fork handlers: runtimes must not be used in a forked child");
        }
    });
    let mut runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    runtimes.retain(|runtime| runtime.strong_count() > 0);
    runtimes.push(Arc::downgrade(inner));
}

/// What the forking thread holds across the fork, one entry a runtime.
struct Held {
    locked: Vec<Locked>,
    thread: ThreadId,
    _output: library::OutputLock,
    _threads: threads::ThreadsLock,
    _room: room::RoomLock,
    loader: library::LoaderLock,
    _runtimes: MutexGuard<'static, Vec<Weak<RuntimeInner>>>,
}

/// One runtime's locks. The guards are dropped before the runtime they point into.
struct Locked {
    state: MutexGuard<'static, State>,
    pins: LockedPins<'static>,
    _shortcuts: LockedShortcuts<'static>,
    reaper: ReaperLocks<'static>,
    _store: StoreLock<'static>,
    inner: Arc<RuntimeInner>,
}

thread_local! {
    /// A bare pointer: a thread may fork in the destructor of a thread-local.
    static HELD: Cell<*mut Held> = const { Cell::new(ptr::null_mut()) };
}

/// Takes what [`before`] put down, on the thread that forks.
fn take_held() -> Option<Box<Held>> {
    let held = HELD.replace(ptr::null_mut());
    // SAFETY: if it is not null it came from a box, and was replaced by null.
    (!held.is_null()).then(|| unsafe { Box::from_raw(held) })
}

unsafe extern "C" fn before() {
    let loader = library::lock_loader();
    let runtimes = RUNTIMES.lock().unwrap_or_else(PoisonError::into_inner);
    let locked = runtimes
        .iter()
        .filter_map(Weak::upgrade)
        .map(|inner| {
            // SAFETY: the `Arc` beside the guards keeps the runtime alive and in place,
            // and is dropped behind them.
            let pinned: &'static RuntimeInner = unsafe { &*Arc::as_ptr(&inner) };
            Locked {
                state: pinned.state(),
                pins: pinned.pins.lock(),
                _shortcuts: pinned.shortcuts.lock(),
                reaper: pinned.reaper.lock_all(),
                _store: pinned.store.lock(),
                inner,
            }
        })
        .collect();
    let held = Held {
        locked,
        thread: sys::thread_id(),
        _output: library::lock_output(),
        _threads: threads::lock(),
        _room: room::lock(),
        loader,
        _runtimes: runtimes,
    };
    HELD.set(Box::into_raw(Box::new(held)));
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
    let (forking, me) = (held.thread, sys::thread_id());
    for Locked { state, pins, inner, reaper, .. } in &mut held.locked {
        reaper.destroyers.forget_threads();
        pins::keep_after_fork(pins, forking, me);
        state.objects.keep_only(forking, me);
        inner.lose_transaction(state);
    }
}

impl RuntimeInner {
    /// Undoes, in the child, what a transaction of the parent had shut.
    fn lose_transaction(&self, state: &mut State) {
        if !self.transactions.lose() {
            return;
        }
        // Its thread is gone, and its number may be given again.
        state.objects.uncommitted_mut().forget_all();
        self.reopen_gate(state);
        state.objects.registry_mut().thaw();
    }
}
