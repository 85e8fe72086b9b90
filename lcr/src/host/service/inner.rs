//! One runtime: the core that calls read, the bookkeeping behind the state lock ([`State`]), and the parts
//! that have locks of their own.
//!
//! The parts (`gate`, `pins`, `shortcuts`, `drain`, `reaper_parts`, `destroyers`, `retained`,
//! `transaction_lock`) know nothing of the runtime. The other files of the room act on it.
//!
//! Invariants
//! 1. The state lock is held for bookkeeping only: never while a component's code runs, never while
//!    the thread waits for a call to leave. Inside it only leaf locks are taken: the watch's, and
//!    those of the parts.
//! 2. A [`RuntimeInner`] lives until its runtime is gone *and* the last handle was dropped: every slot
//!    holds one count of it.
//! 3. Only [`RuntimeInner::publish`] and [`RuntimeInner::publish_commit`] change which world is
//!    current, under the state lock.
//! 4. The gate's word and [`State::gate`] change together, under the state lock
//!    ([`gating`](super::gating)).

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    abi::{frame::Core, tables::HostTable},
    error::{Error, ErrorKind, Result},
    host::{
        ids::Generation,
        image::{allocator::HostAllocated, stage::Store},
        sys,
        worlds::{
            records,
            world::{Edit, World, Worlds},
        },
    },
};

use super::{
    above::Above,
    events::{Bus, Events, kind::EventKind},
    gate::GateWord,
    guest::{Guest, GuestRoom},
    keeper::Keeper,
    pins::Pins,
    reaper_parts::Reaper,
    refusals::Refusals,
    shortcuts::Shortcuts,
    state::State,
    transaction_lock::{Begin, TransactionLock},
};

/// One runtime's parts. The core comes first, so that its address is that of the whole.
///
/// | field | changed by |
/// |---|---|
/// | `core`, `worlds` | a publication, under the state lock |
/// | `state` | any thread, under its lock |
/// | `pins`, `shortcuts` | any thread, under locks of their own |
/// | `gate` | the thread of a transaction, under the state lock |
/// | `reaper` | any thread, under its own locks |
/// | `is_closed` | the thread that drops the runtime, once |
/// | `transactions`, `savers`, `shape_calls` | any thread, without waiting |
/// | `events`, `refusals` | any thread, under leaf locks of their own |
/// | `store` | a plan that stages files, under its own lock |
/// | `host_allocated` | the thread of a transaction, under its own lock |
/// | `keeper` | the thread that builds the runtime, once |
/// | `above` | the thread that builds the runtime, once |
/// | `guest` | the floor above, once |
#[repr(C)]
pub(crate) struct RuntimeInner {
    pub(in crate::host) core: Core,
    /// The functions that images and slots of this runtime call.
    pub(in crate::host) host: &'static HostTable,
    worlds: Worlds,
    state: Mutex<State>,
    /// Signalled when a provider was built or thawed, or the runtime closed.
    changed: Condvar,
    pub(in crate::host) pins: Pins,
    pub(super) shortcuts: Shortcuts,
    pub(super) gate: GateWord,
    pub(in crate::host) reaper: Reaper,
    is_closed: AtomicBool,
    pub(super) transactions: TransactionLock,
    /// How many threads save the states of all components, or are about to: each in a transaction that is soon over.
    savers: AtomicU32,
    pub(super) events: Arc<Bus>,
    keeper: OnceLock<Arc<dyn Keeper>>,
    pub(crate) refusals: Refusals,
    pub(super) store: Store,
    pub(super) host_allocated: HostAllocated,
    /// What floor 3 keeps with the runtime.
    above: Above,
    /// What the floor above keeps with the runtime.
    pub(in crate::host) guest: GuestRoom,
    /// How many calls by shape are under way on threads of their own.
    #[cfg(feature = "reflect")]
    pub(super) shape_calls: Arc<std::sync::atomic::AtomicUsize>,
    /// How long dropping the runtime waits for calls that are still inside.
    pub(super) shutdown_timeout: Option<Duration>,
    /// The runtime itself, for its threads.
    weak: Weak<RuntimeInner>,
}

/// The stack of the threads that execute transactions and destroy instances, in bytes. It is twice what
/// the main thread has by default, since `save` and destructors may recurse as deep as the threads that
/// built the state. Only the part that is used takes memory.
pub(crate) const AUTHORS_STACK: usize = 16 << 20;

impl Drop for RuntimeInner {
    fn drop(&mut self) {
        records::end_forgotten(&raw const self.core);
    }
}

impl RuntimeInner {
    pub(crate) fn new(
        host: &'static HostTable,
        fenced: bool,
        store: Store,
        shutdown_timeout: impl Into<Option<Duration>>,
    ) -> Arc<RuntimeInner> {
        let (worlds, core) = Worlds::new(64, fenced);
        let world = worlds.current(&core);
        Arc::new_cyclic(|weak| RuntimeInner {
            core,
            host,
            worlds,
            state: Mutex::new(State::new(world)),
            changed: Condvar::new(),
            pins: Pins::default(),
            shortcuts: Shortcuts::default(),
            gate: GateWord::default(),
            reaper: Reaper::default(),
            is_closed: AtomicBool::new(false),
            transactions: TransactionLock::default(),
            savers: AtomicU32::new(0),
            events: Arc::default(),
            keeper: OnceLock::new(),
            refusals: Refusals::default(),
            store,
            host_allocated: HostAllocated::default(),
            above: Above::default(),
            guest: GuestRoom::default(),
            #[cfg(feature = "reflect")]
            shape_calls: Arc::default(),
            shutdown_timeout: shutdown_timeout.into(),
            weak: Weak::clone(weak),
        })
    }

    /// Locks the bookkeeping. No component's code runs under the lock, so a poisoned lock says nothing
    /// about it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The part of the runtime that calls read, for comparing.
    #[cfg(feature = "reflect")]
    pub(crate) fn core(&self) -> *const Core {
        &raw const self.core
    }

    /// The bookkeeping, with all dropped handles taken back: a plan must not count an instance as in use
    /// only because the reaper has not run yet.
    pub(crate) fn latest_state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        self.take_back(&mut state);
        state
    }

    /// Waits for [`RuntimeInner::changed`], at most until `deadline`.
    pub(crate) fn wait_for_change<'a>(&self, state: MutexGuard<'a, State>, deadline: Instant) -> MutexGuard<'a, State> {
        let timeout = deadline.saturating_duration_since(Instant::now());
        self.changed.wait_timeout(state, timeout).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Publishes a successor of the current world that belongs to the same commit. See
    /// [`Worlds::publish`].
    pub(crate) fn publish(&self, state: &mut State, edits: &[Edit], len: usize) {
        self.publish_as(state, state.serial(), (edits, len), || ());
    }

    /// Publishes the world of a commit.
    pub(crate) fn publish_commit(&self, state: &mut State, edits: &[Edit]) {
        self.publish_as(state, state.serial() + 1, (edits, 0), || ());
    }

    /// See [`Worlds::publish`]. Returns what `visible` returns.
    pub(super) fn publish_as<T>(
        &self,
        state: &mut State,
        serial: u64,
        entries: (&[Edit], usize),
        visible: impl FnOnce() -> T,
    ) -> T {
        let (world, seen) = self.worlds.publish(&self.core, &mut state.retired, serial, entries, visible);
        state.world = world;
        seen
    }

    /// Refuses a publication if the calling thread may not pass its barrier: a filter of system calls may
    /// have been set since the runtime began.
    ///
    /// # Errors
    /// `Io`. A world that is published all the same is visible, but nothing that it replaces can be
    /// destroyed before another thread passes a barrier.
    pub(crate) fn may_publish(&self) -> Result<()> {
        if self.core.fenced {
            return Ok(());
        }
        sys::membarrier().map_err(|error| {
            let text = "the kernel refuses the system call membarrier to this thread, so nothing can be replaced \
                        safely; allow it in the filter (seccomp) that was set since the runtime was built, or build \
                        the runtime behind the filter or with fences(true)";
            Error::new(ErrorKind::Io, text).with_source(error)
        })
    }

    /// Who keeps states for the next process.
    pub(crate) fn keeper(&self) -> Option<&dyn Keeper> {
        self.keeper.get().map(|keeper| &**keeper)
    }

    /// Sets who keeps states. Returns false, and changes nothing, if that was set before.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn set_keeper(&self, keeper: Arc<dyn Keeper>) -> bool {
        self.keeper.set(keeper).is_ok()
    }

    /// How many threads save the states of all components, or are about to.
    pub(crate) fn saves(&self) -> u32 {
        self.savers.load(Ordering::Acquire)
    }

    /// Counts a thread that is about to save.
    pub(crate) fn begin_save(&self) {
        self.savers.fetch_add(1, Ordering::AcqRel);
    }

    /// Ends what [`begin_save`](RuntimeInner::begin_save) began.
    pub(crate) fn end_save(&self) {
        self.savers.fetch_sub(1, Ordering::AcqRel);
    }

    /// Tells followers what happened. Never blocks and runs no code of others, so any thread may call it, whatever
    /// locks it holds.
    pub(crate) fn emit(&self, kind: EventKind) {
        if let Some(keeper) = self.keeper() {
            keeper.tell(&kind);
        }
        self.events.emit(kind);
    }

    /// The runtime is gone: nobody waits for further events.
    pub(in crate::host) fn end_events(&self) {
        self.events.close();
    }

    /// The events from now on.
    pub(crate) fn follow(&self) -> Events {
        Events::new(&self.events)
    }

    /// What floor 3 keeps with the runtime.
    pub(crate) fn above(&self) -> &Above {
        &self.above
    }

    /// What the floor above keeps with the runtime, which is made if it is not there: of one type.
    pub(crate) fn guest_of_type<T: Guest + Default>(&self) -> Arc<T> {
        self.guest.get_or_default()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Begins the end of the runtime: from now on nothing is built, pinned or changed.
    pub(in crate::host) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// The runtime, for one of its threads that must not keep it alive.
    pub(super) fn weak(&self) -> Weak<RuntimeInner> {
        Weak::clone(&self.weak)
    }

    /// The current world, as calls find it at this moment. Takes no lock.
    pub(super) fn current_world(&self) -> Arc<World> {
        self.worlds.current(&self.core)
    }

    /// The number of the current world, as calls find it at this moment. Takes no lock; the caller holds
    /// a lock that a fork takes, too, for the reason in [`RuntimeInner::serial`].
    pub(super) fn current_generation(&self) -> Generation {
        self.worlds.generation(&self.core)
    }

    /// The number of the last commit, as calls find it at this moment. Does not take the state lock.
    pub(crate) fn serial(&self) -> u64 {
        // A fork takes this lock. Without the lock a fork could cut a reader off between its two loads,
        // and the child would keep that reader's world for ever.
        let _pins = self.pins.lock();
        self.worlds.serial(&self.core)
    }

    /// Wakes the threads that wait for a provider to be built or thawed.
    pub(crate) fn notify_changed(&self) {
        self.changed.notify_all();
    }

    /// Removes the store's files.
    pub(in crate::host) fn remove_store(&self) {
        self.store.remove();
    }

    /// Begins a transaction, if none runs: [`RuntimeInner::end_transaction`] must follow.
    pub(crate) fn begin_transaction(&self) -> Begin {
        self.transactions.begin()
    }

    /// The number of the transaction that runs, for those who follow its phases.
    pub(crate) fn transaction_number(&self) -> u64 {
        self.transactions.number()
    }

    /// Ends a transaction.
    pub(crate) fn end_transaction(&self) {
        self.transactions.end();
        self.wake_waiting();
        self.wake_reaper();
    }
}
