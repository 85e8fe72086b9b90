//! What the parts of one runtime share: the core that calls read, and the state behind
//! one lock.
//!
//! Invariants
//! 1. The state lock is held for bookkeeping only: never while a component's code runs,
//!    never while waiting for a call to leave. It is the innermost lock but `released`.
//! 2. A [`RuntimeInner`] lives until its runtime is gone *and* the last handle was dropped:
//!    every slot holds one count of it.
//! 3. Only [`RuntimeInner::publish`] changes which world is current.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    abi::{frame::Core, tables::HostTable},
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, Numbered, PinId, ServiceId, SlotId, ThreadId},
        image::stage::Store,
        objects::{
            component::Component,
            instances::{Held, Instance},
            owner::Objects,
        },
        sys,
        worlds::world::{Edit, Retired, World, Worlds},
    },
};

use super::{
    drain::Sightings,
    gate::{Gate, GateWord},
    pins::PinInfo,
    reaper::Reaper,
};

/// One runtime's parts. The core comes first, so that its address is that of the whole.
#[repr(C)]
pub(crate) struct RuntimeInner {
    pub(crate) core: Core,
    /// The functions that images and slots of this runtime call.
    pub(in crate::host) host: &'static HostTable,
    worlds: Worlds,
    state: Mutex<State>,
    /// Signalled when a provider was built or thawed, or the runtime closed.
    pub(crate) changed: Condvar,
    pub(crate) gate: GateWord,
    pub(crate) reaper: Reaper,
    pub(crate) closed: AtomicBool,
    pub(crate) changing: TransactionLock,
    pub(crate) store: Store,
    /// How long dropping the runtime waits for calls that are still inside.
    pub(crate) shutdown_timeout: Duration,
}

/// The stack of the threads that execute transactions and destroy instances, in bytes:
/// twice what the main thread has by default, as `save` and destructors may recurse as
/// deep as the threads that built the state. Only what is used of it takes memory.
pub(crate) const AUTHORS_STACK: usize = 16 << 20;

/// The bookkeeping of one runtime.
pub(crate) struct State {
    pub(crate) world: Arc<World>,
    pub(crate) retired: Retired,
    pub(crate) retiring: Vec<Retiring>,
    /// Components that opted in to be unmapped and have no provider any more.
    pub(crate) unloading: Vec<Arc<Component>>,
    pub(in crate::host) objects: Objects,
    pub(crate) pins: Numbered<PinId, PinInfo>,
    pub(crate) gate: Option<Gate>,
    pub(crate) sightings: Sightings,
    pub(crate) tally: Tally,
}

/// An instance that was replaced or released and waits for its last call to leave.
pub(crate) struct Retiring {
    pub(crate) instance: Arc<Instance>,
    /// The slots through which calls may be inside.
    pub(crate) slots: Vec<SlotId>,
    /// The first world without it.
    pub(crate) retired_at: Generation,
}

/// Whether a transaction runs: one at a time.
#[derive(Default)]
pub(crate) struct TransactionLock(AtomicU8);

/// What came of [`TransactionLock::begin`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begin {
    /// The transaction may run, and must [`TransactionLock::end`].
    Begun,
    /// Another one runs.
    Busy,
    /// One was cut off by a fork: this process must not run any.
    Lost,
}

impl TransactionLock {
    const IDLE: u8 = 0;
    const RUNNING: u8 = 1;
    const LOST: u8 = 2;

    pub(crate) fn begin(&self) -> Begin {
        match self.0.compare_exchange(Self::IDLE, Self::RUNNING, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Begin::Begun,
            Err(Self::RUNNING) => Begin::Busy,
            Err(_) => Begin::Lost,
        }
    }

    pub(crate) fn end(&self) {
        self.0.store(Self::IDLE, Ordering::Release);
    }

    /// In the child of a fork: true if a transaction was running.
    pub(in crate::host) fn lose(&self) -> bool {
        self.0.compare_exchange(Self::RUNNING, Self::LOST, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// Counts since the runtime began.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    pub(crate) constructed: u64,
    pub(crate) destroyed: u64,
    /// Bytes of images that no present component uses, and which stay mapped.
    pub(crate) retained_images: usize,
    pub(crate) retained_image_bytes: usize,
}

impl RuntimeInner {
    pub(crate) fn new(
        host: &'static HostTable,
        fenced: bool,
        store: Store,
        shutdown_timeout: Duration,
    ) -> Arc<RuntimeInner> {
        let (worlds, core) = Worlds::new(64, fenced);
        let world = worlds.current();
        Arc::new(RuntimeInner {
            core,
            host,
            worlds,
            state: Mutex::new(State {
                world,
                retired: Retired::default(),
                retiring: Vec::new(),
                unloading: Vec::new(),
                objects: Objects::default(),
                pins: Numbered::default(),
                gate: None,
                sightings: Sightings::default(),
                tally: Tally::default(),
            }),
            changed: Condvar::new(),
            gate: GateWord::default(),
            reaper: Reaper::default(),
            closed: AtomicBool::new(false),
            changing: TransactionLock::default(),
            store,
            shutdown_timeout,
        })
    }

    /// Locks the bookkeeping. No component code panics inside it, so poison means
    /// nothing.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bookkeeping, as of the last handle that was dropped: what the reaper has yet to
    /// take back is in use by nobody.
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

    /// Makes a successor of the current world current that is of the same commit. See
    /// [`Worlds::publish`].
    pub(crate) fn publish(&self, state: &mut State, edits: &[Edit], len: usize) {
        let serial = state.serial();
        state.world = self.worlds.publish(&self.core, &mut state.retired, serial, edits, len);
    }

    /// Makes the world of a commit current.
    pub(crate) fn publish_commit(&self, state: &mut State, edits: &[Edit]) {
        let serial = state.serial() + 1;
        state.world = self.worlds.publish(&self.core, &mut state.retired, serial, edits, 0);
    }

    /// Asks whether the calling thread may pass the barrier of a publication. A filter of system
    /// calls may have been set since the runtime began.
    ///
    /// # Errors
    /// `Io` if not. What is published all the same is visible, but nothing that it replaces can
    /// be destroyed before another thread passes a barrier.
    pub(crate) fn may_publish(&self) -> Result<()> {
        if self.core.fenced {
            return Ok(());
        }
        sys::membarrier().map_err(|error| {
            let text = "the kernel refuses the system call membarrier to this thread, so nothing can be replaced safely; \
                        allow it in the filter (seccomp) that was set since the runtime was built, or build the runtime \
                        behind the filter or with fences(true)";
            Error::new(ErrorKind::Io, text).with_source(error)
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl State {
    /// What is present.
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    pub(crate) fn objects_mut(&mut self) -> &mut Objects {
        &mut self.objects
    }

    /// Has an instance destroyed once no thread is inside it: calls may be inside through `slots`,
    /// in worlds before `retired_at`.
    pub(crate) fn retire(&mut self, instance: Arc<Instance>, slots: Vec<SlotId>, retired_at: Generation) {
        self.retiring.push(Retiring { instance, slots, retired_at });
    }

    /// Retires an instance that no slot shows any more.
    pub(super) fn retire_unused(&mut self, instance: Arc<Instance>) {
        let retired_at = self.generation().next();
        self.retire(instance, Vec::new(), retired_at);
    }

    /// Begins a transaction on a thread, ahead of the current world.
    pub(crate) fn begin_uncommitted(&mut self, thread: ThreadId) {
        self.objects.uncommitted_mut().begin(thread, &self.world);
    }

    /// Gives up a hold on a service, and retires its instance if that was the last one.
    pub(crate) fn release(&mut self, id: ServiceId) {
        if let Some(instance) = self.objects.release(id) {
            self.retire_unused(instance);
        }
    }

    /// Gives up the holds of an instance, or of a constructor, on its dependencies.
    pub(crate) fn release_needs(&mut self, needs: &[Held]) {
        needs.iter().for_each(|need| self.release(need.service));
    }

    /// The number of the current world.
    pub(crate) fn generation(&self) -> Generation {
        self.world.generation()
    }

    /// The number of the last commit: the generation that programs and operators see.
    pub(crate) fn serial(&self) -> u64 {
        self.world.serial()
    }
}
