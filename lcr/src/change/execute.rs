//! The phases of a transaction, on its own thread.
//!
//! - *record* tells the runtime's recorder what is about to happen.
//! - *load* maps the staged files, compares what they register with their manifests, and tries allocators. If it fails,
//!   the images stay, unused.
//! - *prepare* constructs the successors that need no gate or get their state by pointer, and checks their health. If
//!   it fails, the successors are destroyed.
//! - *pre-copy* copies the state of members that tell their changes, in rounds, all slots open. If it fails, the
//!   successors are destroyed.
//! - *drain*, if members have state or needs that change, waits for calls inside those members, all slots open. If it
//!   fails, there is nothing to undo.
//! - *gate* shuts the slots of those members, waits a moment for calls inside, and if one stays, opens the slots and
//!   drains again. If it fails, the slots open on the old instances.
//! - *hand over* saves every old instance, then restores or constructs every successor, and checks it; it takes the
//!   states that move by pointer. If it fails, the slots open as above, and states that were taken are given back.
//! - *commit* gives those states to the successors, and publishes one world. It cannot fail.
//!
//! While this thread runs the code of successors, their calls reach each other; no other thread's
//! calls reach them ([`uncommitted`](crate::host::objects::uncommitted)).

use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::{
    error::{Error, ErrorKind, LifecycleStep, Result},
    host::{
        deadline::Deadline,
        objects::{provider::Pending, uncommitted::Successors},
        worlds::records,
    },
};

use super::{
    execution::Execution,
    foreseen::Shut,
    recorder::{Intent, nobody_waits},
    report::Report,
    request::{Request, Step},
    stop::Stop,
    watch::{Outcome, Phase},
};

impl Execution {
    /// Runs the phases. Returns `None` if the caller gave up.
    pub(super) fn run(self, steps: Vec<Step>) -> Option<Result<Report>> {
        self.run_phases(|execution| execution.phases(steps))
    }

    /// Runs phases that commit nothing, about implementations that are present, and undoes what other threads see of
    /// them. Returns `None` if the caller gave up.
    pub(super) fn run_and_undo<T>(self, phases: impl FnOnce(&mut Execution) -> Result<T, Stop>) -> Option<Result<T>> {
        let mut found = None;
        let end = self.run_phases(|execution| {
            let result = phases(execution);
            // They stay present, and are not retained as those of a refused transaction.
            execution.loaded.clear();
            found = Some(result?);
            Err(Error::new(ErrorKind::Internal, "nothing is committed").into())
        })?;
        Some(found.map_or_else(|| Err(end.err().unwrap_or_else(nobody_waits)), Ok))
    }

    /// Runs `phases` to their end. A panic before the commit is a refusal; a panic after it is
    /// reported to the caller, and what is visible stays.
    pub(super) fn run_phases(
        mut self,
        phases: impl FnOnce(&mut Execution) -> Result<Report, Stop>,
    ) -> Option<Result<Report>> {
        let record = records::mine();
        self.thread = record.thread_id();
        record.force_slow_path();
        let outcome = catch_unwind(AssertUnwindSafe(|| phases(&mut self)));
        // From here on the successors either serve all callers or may be destroyed. A commit has ended this already.
        let uncommitted = self.inner.state().objects_mut().uncommitted_mut().end(self.thread);
        let outcome = outcome.unwrap_or_else(|panic| match self.watch.committed() {
            None => Err(Error::internal("nothing is changed, the transaction was given up", &*panic).into()),
            Some(generation) => Err(self.end_after_commit(generation, &*panic)),
        });
        let is_awaited = uncommitted.as_ref().is_some_and(Successors::are_awaited);
        if is_awaited {
            tracing::error!(
                "an async call into a component that is not committed is not dropped; the component is leaked"
            );
            mem::forget(uncommitted);
        } else {
            drop(uncommitted);
        }
        let stop = match outcome {
            Ok(report) => return Some(Ok(report)),
            Err(stop) => self.refuse(stop),
        };
        let inner = Arc::clone(&self.inner);
        let is_committed = self.watch.committed().is_some();
        for (_, successor) in self.dependents_first() {
            // A visible successor may be in use, and so may one that a future is inside, and nothing counts that
            // use: it stays for ever.
            if is_committed || is_awaited {
                mem::forget(successor.instance);
            } else {
                successor.instance.end_state();
                inner.discard(inner.state(), successor.instance);
            }
        }
        self.end_copies();
        self.release(&mut inner.state());
        // What a revision keeps is counted already.
        let loaded = self.members.iter().zip(&self.loaded).filter(|(member, _)| !is_committed && !member.is_kept);
        for implementation in loaded.filter_map(|(_, loaded)| loaded.first()) {
            inner.state().images_mut().retain(Arc::clone(&implementation.component));
        }
        inner.wake_reaper();
        match stop {
            Stop::Refused(error) => Some(Err(error)),
            Stop::Abandoned => None,
        }
    }

    /// Undoes a refused transaction, unless its caller gave up and has undone it.
    fn refuse(&self, stop: Stop) -> Stop {
        let mut state = self.inner.state();
        if matches!(stop, Stop::Abandoned) {
            return Stop::Abandoned;
        }
        let announced = match self.watch.refuse() {
            Outcome::Abandoned => return Stop::Abandoned,
            Outcome::Refused => self.inner.undo(&mut state),
            Outcome::Committed(_) => Vec::new(),
        };
        drop(state);
        drop(announced);
        self.inner.notify_changed();
        // Last, for a waker may make calls, and wait for what else goes on.
        self.inner.wake_waiting();
        stop
    }

    /// Ends a transaction that panicked after its commit: lets all threads go on that wait for the transaction. What is
    /// visible stays; the bookkeeping of the replaced instances may be incomplete.
    fn end_after_commit(&self, generation: u64, panic: &(dyn Any + Send)) -> Stop {
        let mut state = self.inner.state();
        let announced = state.objects_mut().registry_mut().abandon();
        let moved = self.inner.open_gate(&mut state);
        drop(state);
        drop(announced);
        moved.iter().for_each(|old| old.end_state());
        let text =
            format!("the plan is committed as generation {generation}, but what it replaced may not be given back");
        Error::internal(text, panic).into()
    }

    fn phases(&mut self, steps: Vec<Step>) -> Result<Report, Stop> {
        let deadline = Deadline::after(self.started, self.options.timeout);
        self.watch.enter(Phase::Load, self.thread, deadline)?;
        self.prepare_trial()?;
        self.record(&steps)?;
        self.load(steps)?;
        self.check_allocators()?;
        self.prepare_counting()?;
        self.watch.enter(Phase::Prepare, self.thread, deadline)?;
        self.prepare()?;
        self.try_configurations()?;
        let mut gate = if self.needs_gate()? { self.hold_callers(deadline)? } else { None };
        if let Some(Shut { at, foreseen }) = &mut gate {
            let deadline = Deadline::after(*at, self.options.deadline);
            self.watch.enter(Phase::HandOver, self.thread, deadline)?;
            if !self.is_as_foreseen(foreseen)? {
                // Threads inside members may have built instances.
                self.prepare()?;
            }
            self.hand_over(foreseen, deadline)?;
        }
        self.commit(gate)
    }

    /// Notes what the transaction is about to do. A caller that has given up meanwhile has found no token.
    fn record(&self, steps: &[Step]) -> Result<(), Stop> {
        let Some(recording) = &self.recording else { return Ok(()) };
        let generation = self.inner.serial();
        recording.begin(&Intent::new(generation, steps, &self.members, &self.options))?;
        self.watch.check().inspect_err(|_| recording.end(&self.inner, &Err(nobody_waits()), None))?;
        Ok(())
    }

    pub(super) fn load(&mut self, mut steps: Vec<Step>) -> Result<(), Stop> {
        for member in &self.members {
            let step = &mut steps[member.step];
            if let Request::Provide(_, offer) = &step.request {
                self.loaded.push(vec![Arc::clone(&offer.implementation)]);
                continue;
            }
            if let Request::Return(_, kept) = &step.request {
                self.loaded.push(kept.implementations().to_vec());
                continue;
            }
            let Some(staged) = &step.staged else {
                self.loaded.push(Vec::new());
                continue;
            };
            self.watch.step(Arc::new(staged.manifest.component.clone()), LifecycleStep::Load)?;
            self.loaded.push(self.inner.load_component(staged)?);
        }
        let inner = Arc::clone(&self.inner);
        let mut state = inner.state();
        self.watch.check()?;
        self.regroup(&state, &mut steps)?;
        state.begin_uncommitted(self.thread);
        let registry = state.objects_mut().registry_mut();
        let number = registry.begin_transaction(self.options.bindings_after());
        self.number = Some(number);
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            for &export in &member.added {
                let config = self.planned_config(&loaded[export]).cloned();
                registry.add_pending(Arc::clone(&loaded[export]), number, config);
            }
            for replacement in &member.replaced {
                let successor = Pending::Successor(Arc::clone(&loaded[replacement.export]));
                registry.announce(replacement.provider, number, successor)?;
            }
            for &provider in &member.removed {
                registry.announce(provider, number, Pending::Nothing)?;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
