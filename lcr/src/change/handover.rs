//! Gate and hand-over: moving state while callers wait.
//!
//! # Who waits for whom
//!
//! Callers must not pay for the long call of another thread. So the transaction first *drains ahead*:
//! it publishes a world with the same entries and waits, with the gate open, until no frame and no pin
//! shows a member in an older world. New calls enter the new world and count only if they are long
//! themselves, which the next round finds out: the rounds go on until a round is shorter than
//! [`gate_wait`](super::plan::PlanBuilder::gate_wait). Then
//!
//! 1. the gate shuts: the members' slots are closed in one world, so that no caller sees one
//!    member's new state beside another's old one;
//! 2. if a call or a pin is inside after `gate_wait`, the gate opens again, and all of this is
//!    repeated after a pause, as long as the plan's timeout lasts.
//!
//! A call can make an attempt fail only if it began after the last round did, so it costs
//! other callers `gate_wait`, once: the next attempt drains ahead of it. If long calls overlap
//! all the time no round is short, the gate never shuts, and the transaction is refused
//! without having held any caller. No `gate_wait`, or one that is not shorter than the plan's
//! deadline, asks for the opposite: the gate shuts at once, and callers pay for the long call.
//!
//! A thread inside a member never waits: it passes the gate, and the freeze of the members does not
//! apply to it. What it builds is a member, too, and is handed over.
//!
//! When the last call has left, the state moves in two passes:
//!
//! 1. Every old instance is *saved*, dependents first, in the order of the instances that
//!    they hold. A dependent may finish its work by calls to its dependencies, which are
//!    saved later, so nothing of that work is lost. After a refusal the work is in the old
//!    dependency, where it belongs.
//! 2. Every successor is *restored* and asked for its health, dependencies first, in the
//!    order of the new implementations, which may be another one. Its calls to dependencies reach
//!    their successors, so nothing of that is lost either; a refusal destroys the successors, and
//!    no call of theirs has reached the old world.
//!
//! A member without state is behind the gate, too, if an interface that it needs changes
//! with it ([`breaking`](super::breaking)): its successor is constructed in the second
//! pass, when what it needs is there.
//!
//! State that is copied ahead of the gate ([`precopy`](super::precopy)) takes part in both passes with its
//! last changes.
//!
//! The saved bytes of all instances are in memory between the passes.
//!
//! A state that moves by pointer takes part in neither pass: its successor was made before the gate shut, and its box
//! is taken out behind the second pass ([`by_pointer`](super::by_pointer)).
//!
//! A call that fits in neither pass (into an instance that was saved and has no successor yet, by a
//! handle that is no declared dependency) is a fault, and usually refuses the transaction. `save`
//! borrows the old instance: whatever fails, opening the slots again undoes everything.

use std::{
    collections::HashSet,
    hint,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, LifecycleStep, Straggler},
    host::{
        deadline::Deadline,
        ids::ServiceId,
        objects::instances::Instance,
        service::{construct::Creation, gate::Members, inner::RuntimeInner, state::State},
    },
};

use super::{
    downgraded::{Older, creation, refusal},
    execution::{Execution, Successor},
    foreseen::{BehindGate, Foreseen, Moving, Shut},
    stop::Stop,
    watch::Phase,
};

/// The pause after the first attempt at the gate that failed; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often a wait for calls looks again before it gives way to other threads: for some ten microseconds.
const SPINS: u32 = 20;

/// A gate that opens again after at most this time is short.
const SHORT: Duration = Duration::from_micros(250);

/// How often the thread that waits at a short gate gives way to no other thread: that would take the processor for a
/// slice of the scheduler's, which is longer. If a call is inside each time, its thread may want this processor.
const KEPT: u32 = 4;

/// How much later than this thread the watch gives up, so that this thread names the stragglers, also on a machine with
/// other work. Less than what callers wait longer at the gate.
pub(super) const GRACE: Duration = Duration::from_millis(400);

/// An instance behind the gate after the first pass.
struct Saved {
    id: ServiceId,
    replacement: usize,
    state: Moved,
    config: Option<Arc<[u8]>>,
    /// The old instance, if its state moves by pointer.
    moves_from: Option<Arc<Instance>>,
}

/// The state of an instance behind the gate after the first pass.
enum Moved {
    /// It is not handed over.
    Nothing,
    /// All of it, its version, and the same as an older version, if it is to be downgraded.
    Whole(u32, Vec<u8>, Option<Older>),
    /// The changes that a successor lacks which was copied ahead.
    Changes(Vec<Vec<u8>>),
}

impl Execution {
    /// The providers and services whose successors are made behind the gate, and their slots.
    fn gated(&self, state: &State) -> Members {
        let behind = self.replacements().into_iter().filter(|replacement| replacement.is_behind_gate);
        Members::of(state.objects(), behind.flat_map(|replacement| replacement.providers).collect())
    }

    /// Whether the successor of any instance is made behind the gate.
    pub(super) fn needs_gate(&self) -> Result<bool, Stop> {
        let state = self.inner.state();
        self.watch.check()?;
        Ok(!self.gated(&state).is_empty())
    }

    /// Holds callers, and waits until no call is inside the members, at most until `deadline`. Returns `None` if no
    /// instance is behind the gate.
    pub(super) fn hold_callers(&mut self, deadline: Deadline) -> Result<Option<Shut>, Stop> {
        let mut pause = FIRST_PAUSE;
        let mut attempts = 0_u32;
        loop {
            self.thaw()?;
            self.watch.enter(Phase::Precopy, self.thread, deadline.later(GRACE))?;
            self.copy_ahead(deadline)?;
            self.watch.enter(Phase::Drain, self.thread, deadline.later(GRACE))?;
            self.drain_ahead(deadline)?;
            self.watch.enter(Phase::Prepare, self.thread, deadline.later(GRACE))?;
            self.prepare()?;
            self.watch.enter(Phase::Precopy, self.thread, deadline.later(GRACE))?;
            self.copy_ahead(deadline)?;
            let wait = self.options.reopens_after().or(self.options.deadline);
            let (held, mut stragglers) = self.hold_starts(wait)?;
            if stragglers.is_empty() {
                if let Some(shut) = self.shut(held)? {
                    let gives_way = attempts >= KEPT || wait.is_none_or(|wait| wait > SHORT);
                    let until = Deadline::after(shut.at, wait);
                    stragglers = self.wait_until_left(until, gives_way, RuntimeInner::behind_gate)?;
                    if stragglers.is_empty() && self.is_prepared()? {
                        return Ok(Some(shut));
                    }
                } else {
                    // While starts were held, a thread inside may have built instances, and what it was inside is gone.
                    self.prepare()?;
                    if !self.needs_gate()? {
                        return Ok(None);
                    }
                }
            }
            self.open_again()?;
            if deadline.has_passed() {
                return Err(if stragglers.is_empty() { self.unprepared() } else { self.stayed(stragglers) });
            }
            tracing::debug!(stragglers = stragglers.len(), "callers did not leave a shut gate; it was opened again");
            thread::sleep(pause.min(deadline.left()));
            attempts = attempts.saturating_add(1);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits, with the gate open, until the calls in members that began before this moment have left, at
    /// most until `deadline`. Another long call may begin meanwhile, so the wait is repeated until one
    /// round is shorter than a shut gate would wait.
    fn drain_ahead(&self, deadline: Deadline) -> Result<(), Stop> {
        let Some(wait) = self.options.reopens_after() else { return Ok(()) };
        loop {
            let begun = Instant::now();
            let inner = Arc::clone(&self.inner);
            let mut state = inner.state();
            self.watch.check()?;
            let slots = Arc::clone(self.gated(&state).slots());
            if slots.is_empty() {
                return Ok(());
            }
            inner.may_publish()?;
            let last = state.generation();
            inner.publish(&mut state, &[], 0);
            drop(state);
            let thread = self.thread;
            let stragglers =
                self.wait_until_left(deadline, true, |inner, state| inner.inside_members(state, &slots, last, thread))?;
            if !stragglers.is_empty() {
                return Err(self.stayed(stragglers));
            }
            if begun.elapsed() <= wait {
                // The end of the transaction wakes the reaper, which frees the world before. Woken now, it would want
                // the processor and the state lock while the gate is shut.
                return Ok(());
            }
            inner.wake_reaper();
        }
    }

    /// The first step of a gate before async methods ([`gating`](crate::host::service::gating)): holds starts of
    /// async calls back, and waits until the async calls in members have left, for as long as a gate waits.
    /// Returns since when callers are held, if any are, and the stragglers.
    fn hold_starts(&self, wait: Option<Duration>) -> Result<(Option<Instant>, Vec<Straggler>), Stop> {
        let mut state = self.inner.state();
        self.watch.check()?;
        let members = self.gated(&state);
        if !members.have_async_methods(state.objects()) {
            return Ok((None, Vec::new()));
        }
        self.inner.may_publish()?;
        let held = Instant::now();
        self.inner.hold_starts(&mut state, members, Deadline::after(held, self.options.deadline));
        drop(state);
        self.inner.notify_changed();
        let stragglers = self.wait_until_left(Deadline::after(held, wait), true, RuntimeInner::held_up)?;
        Ok((Some(held), stragglers))
    }

    /// Shuts the slots of the instances whose successors are made behind the gate. Callers are held since `held`, if
    /// some were before. Returns `None` if there is no such instance.
    fn shut(&mut self, held: Option<Instant>) -> Result<Option<Shut>, Stop> {
        let inner = Arc::clone(&self.inner);
        let mut state = inner.state();
        self.watch.check()?;
        let members = self.gated(&state);
        if members.is_empty() {
            inner.reopen_gate(&mut state);
            return Ok(None);
        }
        inner.may_publish()?;
        let foreseen = self.foresee(&state);
        let deadline = Deadline::after(held.unwrap_or_else(Instant::now), self.options.deadline);
        // Before any caller waits: from here on the caller of the commit may give up.
        self.watch.enter_before(Phase::Gate, self.thread, deadline.later(GRACE), deadline)?;
        let shut = inner.shut_gate(&mut state, members, self.thread, deadline);
        let at = held.unwrap_or(shut);
        drop(state);
        // A thread inside may wait for the freeze to end; from now on the freeze does not apply to it.
        inner.notify_changed();
        Ok(Some(Shut { at, foreseen }))
    }

    /// Opens the gate on the old instances, and lets threads create members' instances again.
    pub(super) fn open_again(&self) -> Result<(), Stop> {
        let mut state = self.inner.state();
        self.watch.check()?;
        self.inner.reopen_gate(&mut state);
        drop(state);
        // Not on this thread, whose calls reach successors: a waker may make calls.
        self.inner.wake_reaper();
        self.thaw()
    }

    /// Lets threads create instances of the members.
    pub(super) fn thaw(&self) -> Result<(), Stop> {
        let mut state = self.inner.state();
        self.watch.check()?;
        state.objects_mut().registry_mut().thaw();
        drop(state);
        self.inner.notify_changed();
        Ok(())
    }

    /// Whether everything that the members' successors need was built before the gate shut. A thread
    /// inside a member may have built the first instance of another member since.
    fn is_prepared(&self) -> Result<bool, Stop> {
        let state = self.inner.state();
        self.watch.check()?;
        let mut replacements =
            self.replacements().into_iter().enumerate().filter(|(_, replacement)| replacement.is_behind_gate);
        Ok(replacements.all(|(number, replacement)| {
            let registry = state.objects().registry();
            let is_unused = replacement.providers.iter().all(|&provider| registry.instances_of(provider) == 0);
            is_unused || self.ready.contains(&number)
        }))
    }

    /// Waits until `inside` finds no stragglers; whether this thread gives way to others meanwhile is `gives_way`.
    /// Returns the stragglers that are left at the deadline.
    fn wait_until_left(
        &self,
        deadline: Deadline,
        gives_way: bool,
        inside: impl Fn(&RuntimeInner, &mut State) -> Vec<Straggler>,
    ) -> Result<Vec<Straggler>, Stop> {
        let mut round = 0_u32;
        loop {
            let mut state = self.inner.state();
            self.watch.check()?;
            if !state.shows_all_calls() {
                self.inner.may_publish()?;
                continue;
            }
            let stragglers = inside(&self.inner, &mut state);
            let wakes = state.has_due_wakers();
            drop(state);
            if wakes {
                // As in `open_again`.
                self.inner.wake_reaper();
            }
            if stragglers.is_empty() || deadline.has_passed() {
                return Ok(stragglers);
            }
            round = round.saturating_add(1);
            match round {
                // A call that is running is over soon. The thread that yields may not run again before others have
                // used up their time.
                _ if !gives_way || round < SPINS => (0..1 << round.min(6)).for_each(|_| hint::spin_loop()),
                SPINS..100 => thread::yield_now(),
                100..1_000 => thread::sleep(Duration::from_micros(50)),
                _ => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// The refusal if callers stay inside for all of the plan's timeout.
    fn stayed(&self, stragglers: Vec<Straggler>) -> Stop {
        let names: Vec<String> = stragglers.iter().map(ToString::to_string).collect();
        let text = format!(
            "callers did not leave within the plan's timeout of {:?}: {}; the old version serves on, \
             try again when they have left, or raise the timeout",
            self.options.timeout.unwrap_or_default(),
            names.join("; ")
        );
        Error::new(ErrorKind::Deadline, text).with_stragglers(stragglers).into()
    }

    /// The refusal if threads inside the members built a first instance at each shut gate.
    fn unprepared(&self) -> Stop {
        let text = format!(
            "threads inside components of the plan built a first instance of another one at each shut gate, and what \
             its successor needs was not there, for the plan's timeout of {:?}; the old version serves on, try again, \
             or raise the timeout",
            self.options.timeout.unwrap_or_default(),
        );
        Error::new(ErrorKind::Deadline, text).into()
    }

    /// Saves every old instance, then restores every successor, then takes out the states that move by pointer, at most
    /// until `deadline`.
    pub(super) fn hand_over(&mut self, foreseen: &mut Foreseen, deadline: Deadline) -> Result<(), Stop> {
        let BehindGate { ready: mut states, moving } = self.moving(foreseen)?;
        let mut saved = self.save(moving)?;
        let late: Vec<_> = saved.iter_mut().filter_map(|saved| Some((saved.id, saved.moves_from.take()?))).collect();
        self.restore(saved, &late)?;
        states.extend(late);
        self.take_states(states, deadline)
    }

    /// Saves every old instance, dependents first.
    fn save(&mut self, moving: Vec<Moving>) -> Result<Vec<Saved>, Stop> {
        let replacements = self.replacements();
        let mut saved = Vec::with_capacity(moving.len());
        for Moving { id, replacement, old, is_stateful, moves, config } in moving {
            if moves {
                saved.push(Saved { id, replacement, state: Moved::Nothing, config, moves_from: Some(old) });
                continue;
            }
            let Some(version) = old.implementation().manifest.state_version.filter(|_| is_stateful) else {
                saved.push(Saved { id, replacement, state: Moved::Nothing, config, moves_from: None });
                continue;
            };
            if let Some(changes) = self.last_changes(id)? {
                self.inner.state().note_saved(id);
                saved.push(Saved { id, replacement, state: Moved::Changes(changes), config, moves_from: None });
                continue;
            }
            self.watch.step(Arc::clone(&old.implementation().component) as _, LifecycleStep::Save)?;
            let bytes = old.save(self.watch.unwanted())?;
            let mut state = self.inner.state();
            self.watch.check()?;
            state.note_saved(id);
            drop(state);
            let older = self.downgraded(&old, &replacements[replacement].implementation, &bytes)?;
            let state = Moved::Whole(version, bytes, older);
            saved.push(Saved { id, replacement, state, config, moves_from: None });
        }
        self.inner.state().objects_mut().uncommitted_mut().set_saving(self.thread, false);
        Ok(saved)
    }

    /// The instances behind the gate. Each whose successor is not there is held.
    pub(super) fn moving(&mut self, foreseen: &mut Foreseen) -> Result<BehindGate, Stop> {
        let inner = Arc::clone(&self.inner);
        let mut state = inner.state();
        self.watch.check()?;
        state.objects_mut().uncommitted_mut().set_saving(self.thread, true);
        let behind_gate = self.behind_gate(&state, foreseen);
        behind_gate.moving.iter().try_for_each(|moving| self.hold(&mut state, moving.id))?;
        Ok(behind_gate)
    }

    /// Restores or constructs every successor that is not there, dependencies first.
    fn restore(&mut self, mut saved: Vec<Saved>, moving: &[(ServiceId, Arc<Instance>)]) -> Result<(), Stop> {
        saved.sort_unstable_by_key(|saved| (saved.replacement, saved.id));
        let replacements = self.replacements();
        let moving: HashSet<ServiceId> = moving.iter().map(|(id, _)| *id).collect();
        for Saved { id, replacement, state, config, .. } in saved {
            if self.successors.contains_key(&id) {
                continue;
            }
            let implementation = &replacements[replacement].implementation;
            let (origin, step, state_bytes) = match &state {
                Moved::Nothing => (Creation::Construct, LifecycleStep::Constructor, 0),
                Moved::Whole(version, bytes, older) => {
                    (creation(*version, bytes, older.as_ref()), LifecycleStep::Restore, bytes.len())
                }
                Moved::Changes(changes) => {
                    if let Some((instance, report)) = self.complete(id, changes)? {
                        let (state_bytes, precopy) = (report.bytes, Some(report));
                        self.keep(
                            id,
                            Successor { instance, state_bytes, moves: false, replacement, is_foreseen: false, precopy },
                        )?;
                    }
                    continue;
                }
            };
            self.watch.step(Arc::clone(&implementation.component) as _, step)?;
            let made = self.inner.instantiate(implementation, config.as_deref(), self.visibility(), origin);
            let instance = match (made, state) {
                (made, Moved::Whole(version, bytes, older)) => {
                    self.saved.insert(id, (version, bytes));
                    self.note_downgrade(id, older.as_ref());
                    made.or_else(|error| {
                        let error = refusal(error, older);
                        self.restore_snapshot(id, implementation, config.as_deref(), error)
                    })?
                }
                (made, _) => made?,
            };
            let moves = moving.contains(&id);
            self.keep(id, Successor { instance, state_bytes, moves, replacement, is_foreseen: false, precopy: None })?;
        }
        Ok(())
    }
}
