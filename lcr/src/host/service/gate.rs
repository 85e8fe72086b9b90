//! The gate: callers of slots whose state moves wait here, until a deadline.
//!
//! A gated slot is closed in the current world. [`gate_word`](crate::host::worlds::gate_word) decides when a
//! caller sleeps; this file adds the deadline, and what is behind the gate.
//!
//! The hand-over waits for a thread that is inside a member already, so that thread must not wait at the gate:
//! it passes into the world before the gate, where the members' instances are still whole.
//!
//! The thread that executes the hand-over passes, too, as long as the instance was not saved. After that,
//! what a call changes would be lost. So the call is refused until the successor is there to answer
//! ([`uncommitted`](crate::host::objects::uncommitted)).

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::host::{
    deadline::Deadline,
    ids::{Generation, ProviderId, ServiceId, SlotId, ThreadId},
    objects::{
        component::Component,
        instances::{Instance, StateBox},
        owner::Objects,
    },
    sys,
    worlds::{gate_word::Word, world::World},
};

pub(crate) use crate::host::worlds::gate_word::Look;

/// The gate as waiting callers see it: its word and its deadline.
pub(crate) struct GateWord {
    word: Word,
    epoch: Instant,
    /// Microseconds after `epoch` at which waiting callers give up.
    deadline: AtomicU64,
}

impl Default for GateWord {
    fn default() -> GateWord {
        GateWord { word: Word::default(), epoch: Instant::now(), deadline: AtomicU64::new(0) }
    }
}

/// A gate that is shut.
pub(crate) struct Gate {
    /// The last world in which the members' slots were open.
    before: Arc<World>,
    members: Members,
    /// The members' services whose state was saved.
    saved: HashSet<ServiceId>,
    /// The thread that executes the transaction.
    thread: ThreadId,
    /// The states that were taken out of members and are not given to their successors yet.
    taken: Vec<TakenState>,
    /// The members whose states successors have. The commit has been decided.
    moved: Vec<Arc<Instance>>,
}

/// A state on its way, and the instance that it was taken out of.
struct TakenState {
    service: ServiceId,
    from: Arc<Instance>,
    value: StateBox,
}

/// What is behind a gate.
#[derive(Clone, Default)]
pub(crate) struct Members {
    /// The members' slots. Looks at who is inside share them.
    slots: Arc<MemberSlots>,
    /// The members' providers. An instance of theirs that a thread inside builds is a member, too.
    providers: HashSet<ProviderId>,
    /// The members' services.
    services: HashSet<ServiceId>,
}

/// The slots of members, each with the first world of its instance.
#[derive(Clone, Default)]
pub(crate) struct MemberSlots {
    since: HashMap<SlotId, Generation>,
    /// The first of these worlds; `None` if there is no slot.
    oldest: Option<Generation>,
}

impl MemberSlots {
    fn add(&mut self, slot: SlotId, first_generation: Generation) {
        self.since.insert(slot, first_generation);
        self.oldest = Some(self.oldest.map_or(first_generation, |oldest| oldest.min(first_generation)));
    }

    /// The first world of a slot's instance, if the slot is a member's.
    pub(super) fn since(&self, slot: SlotId) -> Option<Generation> {
        self.since.get(&slot).copied()
    }

    /// The first world of any instance.
    pub(super) fn oldest(&self) -> Option<Generation> {
        self.oldest
    }

    pub(super) fn has(&self, slot: SlotId) -> bool {
        self.since.contains_key(&slot)
    }

    /// The slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = SlotId> {
        self.since.keys().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.since.is_empty()
    }
}

impl Members {
    /// All services of these providers, with their slots.
    pub(crate) fn of(objects: &Objects, providers: HashSet<ProviderId>) -> Members {
        let mut members = Members { providers, ..Members::default() };
        let mut slots = MemberSlots::default();
        for (id, service) in objects.services().iter() {
            if service.providers().iter().any(|provider| members.providers.contains(provider)) {
                members.services.insert(id);
                let first_generation = service.instance().first_generation();
                service.slots().iter().for_each(|&slot| slots.add(slot, first_generation));
            }
        }
        members.slots = Arc::new(slots);
        members
    }

    /// Whether a slot has an async method.
    pub(crate) fn have_async_methods(&self, objects: &Objects) -> bool {
        let views = self.slots.iter().filter_map(|slot| Some(objects.slots().get(slot)?.view()));
        let views: HashSet<_> = views.collect();
        views
            .into_iter()
            .any(|view| objects.views().get(view).interface.methods.iter().any(|method| method.shape.returns_polled()))
    }

    /// Whether there is no service.
    pub(crate) fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The slots, each with the first world of its instance.
    pub(crate) fn slots(&self) -> &Arc<MemberSlots> {
        &self.slots
    }
}

impl Gate {
    /// A gate before `members`, which `thread` passes.
    pub(crate) fn new(before: Arc<World>, members: Members, thread: ThreadId) -> Gate {
        Gate { before, members, saved: HashSet::new(), thread, taken: Vec::new(), moved: Vec::new() }
    }

    /// The last world in which the members' slots were open.
    pub(in crate::host) fn before(&self) -> &Arc<World> {
        &self.before
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// The thread that executes the transaction.
    pub(super) fn thread(&self) -> ThreadId {
        self.thread
    }

    /// Whether `thread` executes the transaction.
    pub(super) fn is_passed_by(&self, thread: ThreadId) -> bool {
        self.thread == thread
    }

    /// Lets another thread pass, instead of the present one.
    pub(super) fn pass(&mut self, thread: ThreadId) {
        self.thread = thread;
    }

    /// Whether the service is behind the gate.
    pub(in crate::host) fn has_service(&self, service: ServiceId) -> bool {
        self.members.services.contains(&service)
    }

    /// Notes a service that a thread inside has built. It is a member if one of its providers is one.
    pub(in crate::host) fn add_service(&mut self, service: ServiceId, providers: &[ProviderId]) {
        if providers.iter().any(|provider| self.members.providers.contains(provider)) {
            self.members.services.insert(service);
        }
    }

    /// Notes a new slot that is closed, on an instance whose first world is `first_generation`.
    pub(in crate::host) fn add_slot(&mut self, slot: SlotId, first_generation: Generation) {
        Arc::make_mut(&mut self.members.slots).add(slot, first_generation);
    }

    /// Whether the state of a service was saved.
    pub(super) fn has_saved(&self, service: ServiceId) -> bool {
        self.saved.contains(&service)
    }

    /// Notes a state that was taken out of an instance.
    pub(super) fn note_taken(&mut self, service: ServiceId, from: Arc<Instance>, value: StateBox) {
        self.taken.push(TakenState { service, from, value });
    }

    /// Gives each state that was taken out to its successor. Returns those who did not take theirs.
    #[must_use]
    pub(super) fn give<'a>(&mut self, successor: impl Fn(ServiceId) -> Option<&'a Instance>) -> Vec<Lost> {
        let mut lost = Vec::new();
        for TakenState { service, from, value } in self.taken.drain(..) {
            match successor(service) {
                Some(successor) => {
                    lost.extend(Lost::unless(successor.give_state(value), successor));
                    self.moved.push(from);
                }
                None => lost.extend(Lost::unless(from.give_state(value), &from)),
            }
        }
        lost
    }

    /// Gives each state that was taken out back. Returns those who did not take theirs.
    #[must_use]
    pub(super) fn give_back(&mut self) -> Vec<Lost> {
        let taken = self.taken.drain(..);
        let lost = taken.filter_map(|TakenState { from, value, .. }| Lost::unless(from.give_state(value), &from));
        let lost = lost.collect();
        // A panic came between the decision and the commit. These states cannot be taken again without waiting.
        self.moved.drain(..).for_each(|from| from.end_state());
        lost
    }

    /// Gives each state that was taken out back, in the child of a fork: nothing here waits for a thread of the parent,
    /// nor reports.
    pub(super) fn give_back_in_child(&mut self) {
        self.taken.drain(..).for_each(|TakenState { from, value, .. }| from.give_state_at_once(value));
    }

    /// The instances whose states successors have.
    pub(super) fn into_moved(self) -> Vec<Arc<Instance>> {
        self.moved
    }

    /// Notes that the state of a service was saved.
    pub(super) fn note_saved(&mut self, service: ServiceId) {
        self.saved.insert(service);
    }
}

/// A component of which an instance did not take a state that was taken out of it: two instances share it.
pub(crate) struct Lost(Arc<Component>);

impl Lost {
    fn unless(is_taken: bool, instance: &Instance) -> Option<Lost> {
        (!is_taken).then(|| Lost(Arc::clone(&instance.implementation().component)))
    }

    /// Tells the program's subscriber, which may call the runtime: the caller holds no lock.
    pub(super) fn report(&self) {
        tracing::error!(component = %self.0, "a state is lost: instances shared it");
    }
}

/// Stands for "no deadline" in the atomic word that has the deadline.
const NEVER: u64 = u64::MAX;

/// How much longer than the transaction's deadline callers wait: at its deadline the transaction opens the
/// gate.
const GRACE: Duration = Duration::from_secs(1);

/// How long a caller that finds the deadline passed waits before it gives up: longer than the transaction's caller
/// does.
const LAST: Duration = Duration::from_millis(500);

impl GateWord {
    pub(crate) fn look(&self) -> Look {
        self.word.look()
    }

    /// Shuts the gate, before the world with closed slots is published.
    pub(crate) fn shut(&self, deadline: Deadline) {
        self.limit(deadline);
        self.word.shut();
    }

    /// Sets when waiting callers give up, for a transaction that may last until `deadline`.
    pub(super) fn limit(&self, deadline: Deadline) {
        let limit = deadline.later(GRACE).since(self.epoch);
        let micros = limit.and_then(|limit| u64::try_from(limit.as_micros()).ok());
        self.deadline.store(micros.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// Opens the gate, after the world with open slots was published.
    pub(crate) fn open(&self) {
        self.word.open(sys::futex_wake);
    }

    /// See [`Word::read_open`].
    pub(super) fn read_open<T>(&self, read: impl FnOnce() -> T) -> Option<T> {
        self.word.read_open(read)
    }

    /// When waiting callers give up.
    fn deadline(&self) -> Deadline {
        let limit = match self.deadline.load(Ordering::Relaxed) {
            NEVER => Duration::MAX,
            micros => Duration::from_micros(micros),
        };
        Deadline::after(self.epoch, limit)
    }

    /// Whether the deadline of the gate that shut last has passed.
    pub(super) fn has_passed(&self) -> bool {
        self.deadline().has_passed()
    }

    /// Sleeps while the gate is as `look` saw it. Returns false if the deadline has passed: then the caller
    /// gives up.
    pub(crate) fn wait(&self, look: Look) -> bool {
        let left = self.deadline().left();
        // Where the machine stood still, the transaction's thread gets no time to open the gate until this one sleeps.
        let is_over = left.is_zero();
        let left = if is_over { LAST } else { left };
        self.word.wait(look, |word, expected| sys::futex_wait(word, expected, left));
        // A caller that was delayed may find the gate open all the same.
        !is_over || self.look() != look
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_caller_that_finds_the_deadline_passed_sleeps_once_before_it_gives_up() {
        let epoch = Instant::now();
        let gate = GateWord { word: Word::default(), epoch, deadline: AtomicU64::new(0) };
        gate.word.shut();
        assert!(!gate.wait(gate.look()));
        assert!(epoch.elapsed() >= LAST);
        let before = gate.look();
        gate.open();
        assert!(gate.wait(before), "it is open by then");
    }
}
