//! Transactions: one at a time, watched by their callers, all or nothing.
//!
//! The caller starts a thread that executes the phases ([`execute`](super::execute)), and watches that
//! thread ([`watch`](super::watch)). If a phase fails, the executing thread undoes what other threads
//! could see of the transaction. If the executing thread hangs, the caller undoes it. Both hold the state
//! lock meanwhile, and the executing thread asks the watch, under that lock, before each change: an
//! abandoned thread changes nothing any more.

use std::{
    any::Any,
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind, HeldBy, Result, Straggler},
    host::{
        deadline::Deadline,
        objects::component::Implementation,
        serial::cut,
        service::{
            events::kind::PhaseTime,
            inner::{AUTHORS_STACK, RuntimeInner},
            state::State,
            transaction_lock::Begin,
        },
        sys,
        worlds::records,
    },
};

use super::{
    execution::Execution,
    member::Member,
    recorder::nobody_waits,
    rehearsal::Rehearsal,
    report::{Change, Report},
    request::{Options, Step},
    stale::refuse_stale,
    trial::{gates, refusals::resolve_all},
    unresolved,
    watch::{Outcome, Stalled, Watch},
};

/// Executes steps of which none was refused.
///
/// `seen` are the members of a plan that somebody may have looked at: if the steps come to anything else now, the plan
/// is [stale](super::stale).
pub(super) fn commit(
    inner: &Arc<RuntimeInner>,
    steps: Vec<Step>,
    options: Options,
    seen: Option<&[Member]>,
) -> Result<Report> {
    let ends_trial = options.ends_trial;
    in_turn(inner, ends_trial, 0, || begun(inner, steps, options, seen))
}

/// Rehearses steps of which none was refused. `seen` is as for [`commit`].
pub(super) fn rehearse(
    inner: &Arc<RuntimeInner>,
    steps: Vec<Step>,
    options: Options,
    seen: Option<&[Member]>,
) -> Result<Rehearsal> {
    uncommitted(inner, steps, options, seen, Execution::rehearse, Ok)
}

/// Executes steps of which none was refused as far as `run` goes, which commits nothing. `then` gets what came of it,
/// in the same turn. `seen` is as for [`commit`].
pub(super) fn uncommitted<T: Send + 'static, R>(
    inner: &Arc<RuntimeInner>,
    steps: Vec<Step>,
    options: Options,
    seen: Option<&[Member]>,
    run: fn(Execution, Vec<Step>) -> Option<Result<T>>,
    then: impl FnOnce(T) -> Result<R>,
) -> Result<R> {
    // Nobody is held at a gate, so there is nothing to note for a trial that runs.
    in_turn(inner, true, 0, || {
        let started = Instant::now();
        let mut resolution = {
            let state = inner.latest_state();
            refuse_other_generation(&state, &options)?;
            resolve_all(inner, &state, &steps, &options)
        };
        seen.map_or(Ok(()), |seen| refuse_stale(seen, &resolution))?;
        if !resolution.refusals.is_empty() {
            return Err(resolution.refusals.swap_remove(0).error);
        }
        let watch = Arc::new(Watch::new(Deadline::after(started, options.timeout)));
        let execution = Execution::new(Arc::clone(inner), Arc::clone(&watch), resolution.members, options, started);
        let about = about(&execution.members);
        watched(inner, watch, &about, move || run(execution, steps)).and_then(then)
    })
}

/// How long a transaction waits for the end of a save.
const SAVE: Duration = Duration::from_secs(30);

/// Runs one transaction, unless another one runs. A save is no reason to refuse: nobody asked for it who could wait
/// instead, so the transaction waits for its end; unless the save may be waiting for this very thread. `own` is 1 if
/// the transaction is a save itself.
pub(super) fn in_turn<T>(
    inner: &Arc<RuntimeInner>,
    ends_trial: bool,
    own: u32,
    begun: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let began = Instant::now();
    let may_wait = || {
        let me = records::mine();
        let is_inside = me.record().depth() > 0 || inner.has_pin_of(me.thread_id());
        // A component's `save` may make a plan: that is on the thread of the save, or on one that it waits for.
        let executes = || inner.state().objects().uncommitted().has(me.thread_id());
        !is_inside && began.elapsed() < SAVE && !executes() && !inner.is_gate_overdue()
    };
    if inner.is_closed() {
        return Err(Error::new(ErrorKind::Closed, "the runtime is gone; make the plan in another one"));
    }
    loop {
        // First, so that a save which ends in between is not taken for another transaction.
        let is_saving = inner.saves() > own;
        match inner.begin_transaction() {
            Begin::Begun => break,
            Begin::Busy if is_saving && may_wait() => thread::sleep(Duration::from_millis(1)),
            Begin::Busy => {
                return Err(Error::new(ErrorKind::Busy, "another transaction is running; try again when it is done"));
            }
            Begin::Lost => {
                return Err(Error::new(
                    ErrorKind::Closed,
                    "this process was forked while a transaction ran; make a new runtime in it",
                ));
            }
        }
    }
    let turn = Turn(inner);
    let result = catch_unwind(AssertUnwindSafe(begun));
    drop(turn);
    let result = result.unwrap_or_else(|panic| Err(given_up(inner, &*panic)));
    if let (Err(error), false) = (&result, ends_trial) {
        gates::note(inner, error);
    }
    result
}

/// A save that is under way.
struct Saver<'a>(&'a RuntimeInner);

impl Saver<'_> {
    fn new(inner: &RuntimeInner) -> Saver<'_> {
        inner.begin_save();
        Saver(inner)
    }
}

impl Drop for Saver<'_> {
    fn drop(&mut self) {
        self.0.end_save();
    }
}

/// The turn of one transaction. Dropping it lets the next transaction begin.
struct Turn<'a>(&'a RuntimeInner);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.end_transaction();
    }
}

fn begun(inner: &Arc<RuntimeInner>, steps: Vec<Step>, options: Options, seen: Option<&[Member]>) -> Result<Report> {
    let started = Instant::now();
    inner.may_publish()?;
    let (mut resolution, reentrance, generation) = {
        let state = inner.latest_state();
        let resolution = resolve_all(inner, &state, &steps, &options);
        let reentrance = refuse_other_generation(&state, &options);
        let reentrance = reentrance.and_then(|()| refuse_reentrance(inner, &state, &resolution.members));
        (resolution, reentrance, state.serial())
    };
    let current = reentrance.and_then(|()| seen.map_or(Ok(()), |seen| refuse_stale(seen, &resolution)));
    let refused = match current {
        Err(error) => Some(error),
        Ok(()) if resolution.refusals.is_empty() => None,
        Ok(()) => Some(resolution.refusals.swap_remove(0).error),
    };
    if let Some(error) = refused {
        inner.record_refusal(|| unresolved::intent(inner, generation, &steps, &options), &error);
        return Err(error);
    }
    let watch = Arc::new(Watch::new(Deadline::after(started, options.timeout)));
    let mut execution = Execution::new(Arc::clone(inner), Arc::clone(&watch), resolution.members, options, started);
    let recording = inner.recording();
    execution.recording.clone_from(&recording);
    let about = about(&execution.members);
    let mut result = watched(inner, Arc::clone(&watch), &about, move || execution.run(steps));
    if let Ok(report) = &mut result {
        let phases = watch.phases().into_iter();
        report.phases = phases.map(|(phase, took)| PhaseTime { phase: phase.name().to_owned(), took }).collect();
    }
    if let Some(recording) = recording {
        recording.end(inner, &result, watch.committed());
    }
    result
}

/// Runs a transaction about implementations that are present, which commits nothing: `begin` says, under the state
/// lock, which members it has and what `run` needs beside.
pub(super) fn pass<T: Send + 'static, W: Send + 'static>(
    inner: &Arc<RuntimeInner>,
    options: Options,
    begin: impl FnOnce(&State) -> (Vec<Member>, W),
    run: impl FnOnce(Execution, W) -> Option<Result<T>> + Send + 'static,
) -> Result<T> {
    let _saver = Saver::new(inner);
    in_turn(inner, false, 1, || {
        let started = Instant::now();
        inner.may_publish()?;
        let (members, with) = {
            let state = inner.latest_state();
            let (members, with) = begin(&state);
            refuse_reentrance(inner, &state, &members)?;
            (members, with)
        };
        let watch = Arc::new(Watch::new(Deadline::after(started, options.timeout)));
        let execution = Execution::new(Arc::clone(inner), Arc::clone(&watch), members, options, started);
        let about = about(&execution.members);
        watched(inner, watch, &about, move || run(execution, with))
    })
}

/// How many bytes say which components a transaction is about.
const LONGEST_ABOUT: usize = 1 << 10;

/// Which components a transaction is about, for those who follow its phases.
fn about(members: &[Member]) -> String {
    let mut text = String::new();
    for member in members {
        if text.len() > LONGEST_ABOUT {
            break;
        }
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(&Change(&member.before, &member.after).to_string());
    }
    cut(&mut text, LONGEST_ABOUT);
    text
}

/// Runs `run` on a thread of its own, and gives it up when its time is over. `about` is for those who follow.
fn watched<T: Send + 'static>(
    inner: &Arc<RuntimeInner>,
    watch: Arc<Watch>,
    about: &str,
    run: impl FnOnce() -> Option<Result<T>> + Send + 'static,
) -> Result<T> {
    let slot = Arc::new(Mutex::new(None));
    let (result, watched, changed) = (Arc::clone(&slot), Arc::clone(&watch), Arc::clone(inner));
    sys::start(c"lcr-change", AUTHORS_STACK, move || {
        // A panic of this thread must not leave the caller waiting.
        let outcome = catch_unwind(AssertUnwindSafe(run));
        let outcome = outcome.unwrap_or_else(|panic| match watched.refuse() {
            Outcome::Abandoned => None,
            Outcome::Refused | Outcome::Committed(_) => Some(Err(given_up(&changed, &*panic))),
        });
        *result.lock().unwrap_or_else(PoisonError::into_inner) = outcome;
        watched.finish();
    })
    .map_err(|error| Error::new(ErrorKind::Io, "no thread could be started for the transaction").with_source(error))?;
    let waited = watch.wait();
    trace_phases(inner, &watch, about);
    if let Err(hung) = waited {
        let announced = inner.undo(&mut inner.state());
        drop(announced);
        inner.notify_changed();
        Err(hung_error(hung))
    } else {
        let outcome = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.unwrap_or_else(|| Err(nobody_waits()))
    }
}

/// Tells subscribers how long the phases lasted. It is told when the transaction is over: while a gate is shut, callers
/// would wait for a subscriber.
fn trace_phases(inner: &RuntimeInner, watch: &Watch, components: &str) {
    let (transaction, generation) = (inner.transaction_number(), inner.serial());
    // A subscriber that panics changes nothing.
    drop(catch_unwind(AssertUnwindSafe(|| {
        for (phase, elapsed) in watch.phases() {
            tracing::debug!(
                phase = phase.name(),
                components,
                transaction,
                generation,
                ?elapsed,
                "a phase of a transaction is over"
            );
        }
    })));
}

/// After a panic: undoes the transaction once more, since the panic may have come while it was undone.
fn given_up(inner: &RuntimeInner, panic: &(dyn Any + Send)) -> Error {
    let announced = catch_unwind(AssertUnwindSafe(|| inner.undo(&mut inner.state())));
    // Behind the lock.
    drop(announced);
    inner.notify_changed();
    Error::internal("the transaction was given up", panic)
}

fn hung_error(hung: Stalled) -> Error {
    let Stalled { phase, step, age, thread } = hung;
    let what = match &step {
        Some((step, component)) => format!("the {step} of component `{}`", (**component).as_ref()),
        None => "the transaction".to_owned(),
    };
    let text = format!(
        "{what} has not ended after {age:.1?} in the {} phase; the old version serves on; if it is only \
         slow, raise the plan's {}",
        phase.name(),
        phase.allowance(),
    );
    let stragglers = step.map(|(step, component)| Straggler {
        thread: Some("lcr-change".to_owned()),
        thread_id: thread.to_kernel(),
        held_by: HeldBy::Step { component: (*component).as_ref().clone(), step },
        seen_for: age,
    });
    Error::new(ErrorKind::Deadline, text).with_stragglers(stragglers.into_iter().collect())
}

/// Refuses a rollback that was found for another generation.
fn refuse_other_generation(state: &State, options: &Options) -> Result<()> {
    let Some(made_for) = options.made_for.filter(|&made_for| made_for != state.serial()) else { return Ok(()) };
    let text = format!(
        "the rollback was found for generation {made_for}, and the present one is {}; build it again",
        state.serial()
    );
    Err(Error::new(ErrorKind::Stale, text))
}

/// Refuses a plan whose gate would wait for a call or a pin of the calling thread: the thread cannot wait
/// for itself.
fn refuse_reentrance(inner: &RuntimeInner, state: &State, members: &[Member]) -> Result<()> {
    let replaced = members.iter().flat_map(|member| &member.replaced);
    let gated: HashMap<_, _> =
        replaced.filter(|replaced| replaced.is_behind_gate()).map(|replaced| (replaced.provider, replaced)).collect();
    if gated.is_empty() {
        return Ok(());
    }
    let me = records::mine();
    if inner.has_pin_of(me.thread_id()) {
        return Err(Error::new(
            ErrorKind::Reentrant,
            "the calling thread holds a pin, which a hand-over of state would wait for; drop the pin first",
        ));
    }
    for (_, service) in state.objects().services().iter() {
        let Some(member) = service.providers().iter().find_map(|provider| gated.get(provider)) else { continue };
        if service.slots().iter().any(|&slot| state.is_in_slot(me, slot)) {
            let why = if member.is_stateful() {
                "whose state would have to move"
            } else {
                "which has to be left before what it needs is replaced"
            };
            return Err(Error::new(
                ErrorKind::Reentrant,
                format!(
                    "the calling thread is inside component `{}`, {why}; commit from another thread",
                    service.instance().implementation().component
                ),
            ));
        }
    }
    Ok(())
}

impl RuntimeInner {
    /// Undoes what other threads can see of a transaction that does not commit: opens the gate, and
    /// forgets what the transaction had announced. Returns that, to drop behind the lock (`Registry::abandon`).
    #[must_use]
    pub(super) fn undo(&self, state: &mut State) -> Vec<Arc<Implementation>> {
        self.reopen_gate(state);
        state.objects_mut().registry_mut().abandon()
    }
}
