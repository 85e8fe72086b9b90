//! One runtime: the core that calls read, the bookkeeping behind the state lock, and the parts that
//! have locks of their own.
//!
//! The parts (`gate`, `pins`, `shortcuts`, `drain`, `reaper`, `destroyers`, `retained`,
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
//!    ([`RuntimeInner::shut_gate`], [`RuntimeInner::open_gate`]).

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    abi::{frame::Core, tables::HostTable},
    error::{Error, ErrorKind, Result, Straggler},
    host::{
        deadline::Deadline,
        ids::{Generation, ProviderId, ServiceId, SlotId, ThreadId},
        image::stage::{Staged, Store},
        objects::{
            component::Component,
            instances::{Held, Instance},
            owner::Objects,
        },
        sys,
        worlds::{
            records::ThreadRecord,
            world::{Edit, Retired, World, Worlds},
        },
    },
};

use super::{
    drain::Sightings,
    gate::{Gate, GateWord, Members},
    pins::Pins,
    reaper_parts::Reaper,
    retained::RetainedImages,
    shortcuts::Shortcuts,
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
/// | `transactions` | any thread, without waiting |
/// | `store` | a plan that stages files, under its own lock |
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
    pub(super) store: Store,
    /// How long dropping the runtime waits for calls that are still inside.
    pub(super) shutdown_timeout: Option<Duration>,
    /// The runtime itself, for its threads.
    weak: Weak<RuntimeInner>,
}

/// The stack of the threads that execute transactions and destroy instances, in bytes:
/// twice what the main thread has by default, as `save` and destructors may recurse as
/// deep as the threads that built the state. Only what is used of it takes memory.
pub(crate) const AUTHORS_STACK: usize = 16 << 20;

/// The bookkeeping of one runtime.
pub(crate) struct State {
    pub(in crate::host) world: Arc<World>,
    pub(in crate::host) retired: Retired,
    pub(in crate::host) retiring: Vec<Retiring>,
    pub(in crate::host) images: RetainedImages,
    pub(in crate::host) objects: Objects,
    pub(in crate::host) gate: Option<Gate>,
    pub(super) sightings: Sightings,
    pub(in crate::host) tally: Tally,
}

/// An instance that was replaced or released and waits for its last call to leave.
pub(crate) struct Retiring {
    pub(crate) instance: Arc<Instance>,
    /// The slots through which calls may be inside.
    pub(crate) slots: Vec<SlotId>,
    /// The first world without it.
    pub(crate) retired_at: Generation,
}

/// How many objects there were since the runtime began.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Tally {
    constructed: u64,
    destroyed: u64,
}

impl Tally {
    pub(in crate::host) fn note_constructed(&mut self) {
        self.constructed += 1;
    }

    pub(in crate::host) fn note_destroyed(&mut self) {
        self.destroyed += 1;
    }

    pub(in crate::host) fn constructed(&self) -> u64 {
        self.constructed
    }

    pub(in crate::host) fn destroyed(&self) -> u64 {
        self.destroyed
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
            state: Mutex::new(State {
                world,
                retired: Retired::default(),
                retiring: Vec::new(),
                images: RetainedImages::default(),
                objects: Objects::default(),
                gate: None,
                sightings: Sightings::default(),
                tally: Tally::default(),
            }),
            changed: Condvar::new(),
            pins: Pins::default(),
            shortcuts: Shortcuts::default(),
            gate: GateWord::default(),
            reaper: Reaper::default(),
            is_closed: AtomicBool::new(false),
            transactions: TransactionLock::default(),
            store,
            shutdown_timeout: shutdown_timeout.into(),
            weak: Weak::clone(weak),
        })
    }

    /// Locks the bookkeeping. No component code panics inside it, so poison means
    /// nothing.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bookkeeping after all dropped handles were taken back: a plan must not count an instance as
    /// in use only because the reaper has not run yet.
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
        self.is_closed.load(Ordering::Acquire)
    }

    /// Begins the end of the runtime: from now on nothing is built, pinned or changed.
    pub(in crate::host) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    /// The runtime, for a thread of its own that must not keep it alive.
    pub(super) fn weak(&self) -> Weak<RuntimeInner> {
        Weak::clone(&self.weak)
    }

    /// The current world, as calls find it at this moment. Takes no lock.
    pub(super) fn current_world(&self) -> Arc<World> {
        self.worlds.current(&self.core)
    }

    /// The number of the current world, as calls find it at this moment. Takes no lock; the caller
    /// holds one that a fork holds, too.
    pub(super) fn current_generation(&self) -> Generation {
        self.worlds.generation(&self.core)
    }

    /// The number of the last commit, as calls find it at this moment. Does not take the state lock.
    pub(crate) fn serial(&self) -> u64 {
        // A fork holds this lock. Without it a fork could cut a reader off between its two loads,
        // and the child would keep that reader's world for ever.
        let _pins = self.pins.lock();
        self.worlds.serial(&self.core)
    }

    /// Wakes the threads that wait for a provider to be built or thawed.
    pub(crate) fn notify_changed(&self) {
        self.changed.notify_all();
    }

    /// Copies a file into the store and checks it.
    ///
    /// # Errors
    /// Those of [`Store::stage`].
    pub(crate) fn stage(&self, path: &Path) -> Result<Staged> {
        self.store.stage(path)
    }

    /// Removes the store's files.
    pub(in crate::host) fn remove_store(&self) {
        self.store.remove();
    }

    /// Begins a transaction, if none runs: [`RuntimeInner::end_transaction`] must follow.
    pub(crate) fn begin_transaction(&self) -> Begin {
        self.transactions.begin()
    }

    /// Ends a transaction.
    pub(crate) fn end_transaction(&self) {
        self.transactions.end();
        self.wake_reaper();
    }

    /// Shuts the gate before `members`, which `thread` passes: closes their slots in one world.
    /// Callers give up at the deadline.
    pub(crate) fn shut_gate(&self, state: &mut State, members: Members, thread: ThreadId, deadline: Deadline) {
        let edits: Vec<Edit> = members.slots().keys().map(|&slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        self.gate.shut(deadline);
        self.publish(state, &edits, 0);
        state.gate = Some(Gate::new(before, members, thread));
    }

    /// Opens the gate: the current world is one in which the members' slots are open.
    pub(crate) fn open_gate(&self, state: &mut State) {
        state.gate = None;
        self.gate.open();
    }

    /// Whether the gate is shut, by its word and by the bookkeeping.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn is_gate_shut(&self) -> bool {
        self.gate.look().is_shut() || self.state().gate.is_some()
    }

    /// Opens the gate on the instances that serve now, if it is shut.
    pub(crate) fn reopen_gate(&self, state: &mut State) {
        let Some(gate) = &state.gate else { return };
        // A slot that was released meanwhile stays closed: its instance may be gone.
        let edits: Vec<Edit> =
            gate.members().slots().keys().map(|&slot| (slot, state.objects.serving_target(slot))).collect();
        self.publish(state, &edits, 0);
        self.open_gate(state);
    }

    /// Calls and pins that a hand-over behind the gate waits for.
    pub(crate) fn behind_gate(&self, state: &mut State) -> Vec<Straggler> {
        state.behind_gate(&self.pins)
    }

    /// Calls and pins inside `slots`. See [`State::inside_members`].
    pub(crate) fn inside_members(
        &self,
        state: &mut State,
        slots: &HashMap<SlotId, Generation>,
        last: Generation,
        thread: ThreadId,
    ) -> Vec<Straggler> {
        state.inside_members(&self.pins, slots, last, thread)
    }

    /// Calls that are inside anything that was replaced, and pins that hold it.
    pub(crate) fn all_stragglers(&self, state: &mut State) -> Vec<Straggler> {
        state.all_stragglers(&self.pins)
    }

    /// Whether a thread holds a pin.
    pub(crate) fn has_pin_of(&self, thread: ThreadId) -> bool {
        self.pins.are_held_by(thread)
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

    /// The current world.
    pub(in crate::host) fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The gate, while it is shut.
    pub(in crate::host) fn gate(&self) -> Option<&Gate> {
        self.gate.as_ref()
    }

    /// Whether `thread` waits for a transaction before it creates anything of a provider. A thread that
    /// the shut gate waits for does not: it would wait for itself.
    pub(in crate::host) fn is_frozen_for(&self, provider: ProviderId, thread: &ThreadRecord) -> bool {
        let is_frozen =
            self.objects.registry().get(provider).is_some_and(|provider| provider.is_frozen_for(thread.thread_id()));
        is_frozen && !self.gate.as_ref().is_some_and(|gate| self.is_inside_gate(thread, gate))
    }

    /// Notes, while the gate is shut, that the state of a service was saved.
    pub(crate) fn note_saved(&mut self, service: ServiceId) {
        if let Some(gate) = &mut self.gate {
            gate.note_saved(service);
        }
    }

    /// See [`Retired::shows_all_calls`].
    pub(crate) fn shows_all_calls(&mut self) -> bool {
        self.retired.shows_all_calls()
    }

    /// Notes an image of so many bytes that was mapped and did not become a component.
    pub(crate) fn retain_refused(&mut self, bytes: usize) {
        self.images.retain_refused(bytes);
    }

    /// Notes the image of a component that no provider uses, or that was refused.
    pub(crate) fn retain_image(&mut self, component: Arc<Component>) {
        self.images.retain(component);
    }
}
