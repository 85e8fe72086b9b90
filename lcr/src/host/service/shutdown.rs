//! The end of a runtime: every handle revoked, every instance destroyed.
//!
//! One publication closes all slots, so that a call either has finished or gives a fault. Then a thread
//! of the runtime's own destroys the instances, since a destructor never runs on a caller's thread.
//! Dependents go before what they depend on: a destructor may still call its dependencies, and only
//! destructors may. Before that, the thread waits for those that construct instances, which would find nobody to hand
//! them to. What is still in use when the shutdown timeout ends is leaked: the memory of a
//! process that is about to end is worth less than a call into a destroyed object.
//!
//! If a destructor hangs, another thread destroys what the object of that destructor does not depend on.
//! The thread that drops the runtime waits for each destructor as long as for calls, and then goes on;
//! the thread that hangs destroys the rest if its destructor ever returns.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::host::{
    deadline::Deadline,
    ids::{Generation, ServiceId, ThreadId},
    objects::{
        instances::{Held, Instance},
        order::dependencies_first,
        patches,
        points::{Disarmed, TakenOut},
    },
    sys,
    worlds::{records, world::World},
};

use super::{
    destroyers::{LIMIT, Running, destroy},
    gate::{Gate, Members},
    inner::{AUTHORS_STACK, RuntimeInner},
    state::{Retiring, Role, State},
    transaction_lock::Begin,
};

/// Ends a closed runtime. Returns when everything is destroyed, or when the shutdown timeout is over.
pub(in crate::host) fn run(runtime: &Arc<RuntimeInner>) {
    let deadline = Deadline::after(Instant::now(), runtime.shutdown_timeout);
    let ending = Arc::new(Ending::default());
    let mut started = 0;
    let dropping = sys::thread_id();
    let mut is_served =
        start(runtime, &ending, 0, move |runtime, ending| runtime.shut_down(ending, dropping, deadline));
    while is_served {
        let is_under_way = |inner: &mut Inner| !inner.has_ended();
        let waited = ending.changed.wait_timeout_while(ending.lock(), LIMIT, is_under_way);
        let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        if inner.has_ended() {
            break;
        }
        let is_late = |running: &Running| runtime.shutdown_timeout.is_some_and(|timeout| running.has_run_for(timeout));
        if !inner.destroying.is_empty() && inner.destroying.iter().all(is_late) {
            let hanging = inner.destroying.iter().map(|running| running.component().to_string());
            let (hanging, leaked): (Vec<String>, usize) = (hanging.collect(), inner.queue.len());
            drop(inner);
            tracing::error!(
                ?hanging,
                leaked,
                "the runtime is gone; destructors do not return, and what they depend on is leaked"
            );
            break;
        }
        if inner.is_stuck() {
            // Another thread goes on without the one that hangs.
            started += 1;
            inner.current = started;
            drop(inner);
            let number = started;
            is_served =
                start(runtime, &ending, number, move |runtime, ending| runtime.destroy_all(ending, number, deadline));
        }
    }
    // The reaper ends when it finds the runtime closed.
    runtime.wake_reaper();
}

/// Starts a thread that ends the runtime. Returns whether the thread was started.
fn start(
    runtime: &Arc<RuntimeInner>,
    ending: &Arc<Ending>,
    number: u64,
    body: impl FnOnce(&Arc<RuntimeInner>, &Ending) + Send + 'static,
) -> bool {
    let (runtime, ending) = (Arc::clone(runtime), Arc::clone(ending));
    let started = sys::start(c"lcr-shutdown", AUTHORS_STACK, move || {
        // If this panics, the thread that drops the runtime goes on all the same.
        let ended = catch_unwind(AssertUnwindSafe(|| body(&runtime, &ending)));
        if ended.is_err() {
            let mut inner = ending.lock();
            inner.destroying.retain(|running| running.number() != number);
            inner.is_over = true;
        }
        ending.changed.notify_all();
    });
    if let Err(error) = &started {
        tracing::error!(%error, "no thread to end the runtime: its instances are leaked");
    }
    started.is_ok()
}

/// What the threads that end a runtime share.
#[derive(Default)]
struct Ending {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    /// The objects to destroy, in this order.
    queue: VecDeque<Last>,
    /// What each instance depends on.
    needs: HashMap<ServiceId, Vec<ServiceId>>,
    /// The destructors that run.
    destroying: Vec<Running>,
    /// The number of the thread that takes from the queue.
    current: u64,
    /// Whether no thread destroys a further object.
    is_over: bool,
    /// The dependencies of objects whose destructors hang on the reaper's threads.
    elsewhere: Vec<Held>,
    /// The world in which destructors may call their dependencies.
    before: Option<Arc<World>>,
}

/// An object of a runtime that ends, and the service that it served until then, if it served one.
struct Last {
    id: Option<ServiceId>,
    retiring: Retiring,
}

impl Ending {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn has_ended(&self) -> bool {
        self.is_over && self.destroying.is_empty()
    }

    /// Queues an object that serves no slot, and that no thread is inside.
    fn push(&mut self, instance: Instance) {
        let retiring = Retiring {
            instance: Arc::new(instance),
            slots: Vec::new(),
            retired_at: Generation::FIRST,
            role: Role::Served,
        };
        self.queue.push_back(Last { id: None, retiring });
    }

    /// The services that must not be destroyed yet, because an object whose destructor runs depends on
    /// them.
    fn needed(&self) -> HashSet<ServiceId> {
        let running = self.destroying.iter().flat_map(Running::needs);
        let mut open: Vec<ServiceId> = running.chain(&self.elsewhere).map(|held| held.service).collect();
        let mut needed = HashSet::new();
        while let Some(id) = open.pop() {
            if needed.insert(id) {
                open.extend(self.needs.get(&id).into_iter().flatten());
            }
        }
        needed
    }

    /// The place of the next object that may be destroyed.
    fn free(&self) -> Option<usize> {
        let needed = self.needed();
        // Hooks stand between destructors and what those call, so they go when no destructor is left to run.
        let are_hooks_free =
            self.destroying.is_empty() && self.queue.iter().all(|last| last.retiring.role == Role::Hooks);
        let is_free = |last: &Last| match last.retiring.role {
            Role::Hooks => are_hooks_free,
            Role::Served | Role::Candidate => last.id.is_none_or(|id| !needed.contains(&id)),
        };
        self.queue.iter().position(is_free)
    }

    /// Whether the thread that takes from the queue hangs while another thread could go on.
    fn is_stuck(&self) -> bool {
        let hangs = |running: &Running| running.number() == self.current && running.has_run_for(LIMIT);
        self.destroying.iter().any(hangs) && self.free().is_some()
    }

    /// The next object for a thread; `None` if the thread has nothing to destroy now.
    fn next(&mut self, number: u64) -> Option<Retiring> {
        if self.current != number {
            return None;
        }
        let next = self.free().and_then(|at| self.queue.remove(at));
        match (&next, self.destroying.first()) {
            (None, Some(hanging)) => self.current = hanging.number(),
            (None, None) => self.is_over = true,
            (Some(_), _) => {}
        }
        next.map(|last| last.retiring)
    }
}

impl RuntimeInner {
    fn shut_down(self: &Arc<RuntimeInner>, ending: &Ending, dropping: ThreadId, deadline: Deadline) {
        let mut state = self.alone(dropping, deadline);
        self.take_back(&mut state);
        let edits: Vec<_> = state.objects.slots().numbers().map(|slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        self.publish(&mut state, &edits, 0);
        let mut inner = ending.lock();
        inner.before = Some(Arc::clone(&before));
        self.reaper.last_ones(&mut inner.elsewhere).into_iter().for_each(|instance| inner.push(instance));
        let points = state.last_ones(&mut inner);
        drop(inner);
        // The destructors on this thread call their dependencies in the world before the closing.
        state.gate = Some(Gate::new(before, Members::default(), sys::thread_id()));
        state.waiting.all_due();
        state.waiting.cancel_all(records::detached());
        drop(state);
        self.gate.open();
        self.wake_waiting();
        self.notify_changed();
        self.end_points(ending, points);
        self.destroy_all(ending, 0, deadline);
    }

    /// Queues what was armed at points. Behind the state's lock: this waits for threads that enter a hook, and unloads
    /// images that only a point has kept.
    fn end_points(&self, ending: &Ending, points: Vec<TakenOut>) {
        for taken in points {
            let Disarmed { keeper, component, .. } = taken.end();
            drop(component);
            let Some(instance) = keeper else { continue };
            let mut state = self.state();
            state.tally.note_constructed();
            let retired_at = state.generation();
            drop(state);
            let retiring = Retiring { instance, slots: Vec::new(), retired_at, role: Role::Hooks };
            ending.lock().queue.push_back(Last { id: None, retiring });
        }
    }

    /// Destroys what is left, unless another thread takes over meanwhile. The dependencies of an object
    /// whose destructor hangs are left to the thread that hangs, if the destructor returns.
    fn destroy_all(&self, ending: &Ending, number: u64, deadline: Deadline) {
        loop {
            let mut inner = ending.lock();
            let (next, before, is_over) = (inner.next(number), inner.before.clone(), inner.has_ended());
            drop(inner);
            let Some((retiring, before)) = next.zip(before) else {
                if is_over {
                    self.state().gate = None;
                }
                return;
            };
            self.state().gate.iter_mut().for_each(|gate| gate.pass(sys::thread_id()));
            self.destroy_last(retiring, &before, deadline, ending, number);
        }
    }

    /// Waits until no transaction runs, the reaper destroys nothing, and no thread constructs an instance, which would
    /// be nobody's: but for the thread that drops the runtime, whose constructor waits for this. Keeps further
    /// transactions out; nothing further is constructed in a closed runtime.
    fn alone(&self, dropping: ThreadId, deadline: Deadline) -> MutexGuard<'_, State> {
        let mut is_changing = true;
        // Constructors that wait for others find the runtime closed.
        self.notify_changed();
        loop {
            is_changing = is_changing && self.transactions.begin() == Begin::Busy;
            let state = self.state();
            let is_busy = is_changing || self.reaper.destroying() > 0 || state.objects.construct_besides(dropping);
            if !is_busy || deadline.has_passed() {
                return state;
            }
            drop(state);
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn destroy_last(&self, mut retiring: Retiring, before: &World, deadline: Deadline, ending: &Ending, number: u64) {
        loop {
            let mut state = self.state();
            let may_hide = !state.retired.shows_all_calls() && !retiring.slots.is_empty();
            // Before the frames: see `pins`.
            let pins = self.pins.lock();
            let calls = state.old_calls();
            let is_used = !state.inside(&retiring, &calls).is_empty() || retiring.is_pinned(&pins);
            drop((pins, state));
            if !is_used && may_hide {
                let component = retiring.instance.implementation().component.to_string();
                tracing::error!(
                    component,
                    "the runtime is gone; the kernel refuses membarrier, so an object is leaked"
                );
                std::mem::forget(retiring);
                return;
            }
            if !is_used {
                match Arc::try_unwrap(retiring.instance) {
                    Ok(instance) => {
                        before.close(&retiring.slots, instance.address());
                        ending.lock().destroying.push(Running::new(number, &instance));
                        drop(destroy(instance));
                        self.state().tally.note_destroyed();
                        ending.lock().destroying.retain(|running| running.number() != number);
                        return;
                    }
                    Err(instance) => retiring = Retiring { instance, ..retiring },
                }
            }
            if deadline.has_passed() {
                let component = retiring.instance.implementation().component.to_string();
                tracing::error!(component, "the runtime is gone; an object that is still in use is leaked");
                std::mem::forget(retiring);
                return;
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}

impl State {
    /// Takes out everything that the runtime has, in the order in which to destroy it: first what was
    /// replaced before, then the instances, dependents before their dependencies. Disarms every point, and returns
    /// what is to be ended behind the lock.
    fn last_ones(&mut self, ending: &mut Inner) -> Vec<TakenOut> {
        let retired_at = self.generation();
        let objects: Vec<_> = self.objects.registry().implementations().map(Arc::clone).collect();
        objects.iter().for_each(|implementation| self.retire_object(implementation));
        let left = std::mem::take(&mut self.retiring);
        ending.queue.extend(left.into_iter().map(|retiring| Last { id: None, retiring }));
        let services = self.objects.take_services();
        for id in dependencies_first(&services).into_iter().rev() {
            let Some(service) = services.get(id) else { continue };
            let needs = service.instance().needs().iter().map(|held| held.service);
            ending.needs.insert(id, needs.collect());
            let (instance, slots) = (Arc::clone(service.instance()), service.slots().to_vec());
            let retiring = Retiring { instance, slots, retired_at, role: Role::Served };
            ending.queue.push_back(Last { id: Some(id), retiring });
        }
        // At the end: destructors call what is patched.
        if let Some(hooks) = self.objects.patches_mut().leave_all() {
            let instance = Arc::new(Instance::of_hooks(hooks, &patches::id("hooks", 0)));
            self.tally.note_constructed();
            let slots = self.objects.slots().numbers().collect();
            let retiring = Retiring { instance, slots, retired_at, role: Role::Hooks };
            ending.queue.push_back(Last { id: None, retiring });
        }
        self.objects.points_mut().disarm_all()
    }
}
