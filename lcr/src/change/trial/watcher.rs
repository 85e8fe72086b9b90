//! The thread of a trial: it tells the machine what happened, and does what the machine decides.
//!
//! The thread is started ahead of the commit, and waits: after the commit nothing may fail, and a trial without a
//! thread would never end. The commit gives the thread its trial under the state lock, so the trial is there as soon as
//! the new versions are ([`Prepared::begin`]). If the transaction does not commit, the thread ends.
//!
//! The thread holds no count of the runtime while it waits, and no lock while it does anything: the rollback is a
//! transaction like any other, made by this thread.
//!
//! Order of an end: (1) the rollback is committed, if there is one; (2) the end is recorded, durably; (3) the hashes
//! are in quarantine and the end is visible, in one step under the lock; (4) waiters wake, and followers are told. So
//! nobody acts on an end that a crash could undo. Between (1) and (3) the members are still on trial for every plan.

use std::{
    collections::VecDeque,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak, atomic::Ordering},
    thread,
    time::{Instant, SystemTime},
};

use crate::{
    change::{
        downgraded::has_hung,
        recorder::{Ended, Ending},
        report::Report,
    },
    component::identity::ComponentId,
    error::{Error, ErrorKind},
    host::{
        deadline::Deadline,
        objects::component::Implementation,
        service::{
            events::kind::EventKind,
            inner::{AUTHORS_STACK, RuntimeInner},
        },
        sys,
    },
};

use super::{
    counted::Counted,
    end::{TrialCause, TrialEnd, TrialOutcome, Why},
    looks::Looker,
    machine::{Decision, Event, Machine},
    quarantine::Quarantined,
    rules::{Limits, Planned, TakeBack},
    trials::{OnTrial, Running, Trials, View},
    way_back::WayBack,
};

/// A thread that waits for its trial.
pub(in crate::change) struct Prepared {
    letter: Arc<Letter>,
    planned: Planned,
    limits: Limits,
    counted: Option<Arc<Counted>>,
}

/// What the thread is given: its trial, or nothing.
#[derive(Default)]
struct Letter {
    content: Mutex<Content>,
    arrived: Condvar,
}

#[derive(Default)]
enum Content {
    #[default]
    Awaited,
    Begin(Box<Watcher>),
    Nothing,
}

impl Letter {
    fn send(&self, content: Content) {
        *self.content.lock().unwrap_or_else(PoisonError::into_inner) = content;
        self.arrived.notify_all();
    }

    fn receive(&self) -> Option<Box<Watcher>> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match mem::replace(&mut *content, Content::Awaited) {
                Content::Awaited => content = self.arrived.wait(content).unwrap_or_else(PoisonError::into_inner),
                Content::Begin(watcher) => return Some(watcher),
                Content::Nothing => return None,
            }
        }
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        let mut content = self.letter.content.lock().unwrap_or_else(PoisonError::into_inner);
        if let Content::Awaited = *content {
            // If the trial has begun, the thread may have taken its letter already, and does not look again.
            *content = Content::Nothing;
        }
        drop(content);
        self.letter.arrived.notify_all();
    }
}

impl Prepared {
    /// Starts the thread of a trial.
    ///
    /// # Errors
    /// `Io` if the system refuses a thread.
    pub(in crate::change) fn start(planned: Planned, limits: Limits) -> Result<Prepared, Error> {
        let letter = Arc::new(Letter::default());
        let own = Arc::clone(&letter);
        sys::start(c"lcr-trial", AUTHORS_STACK, move || {
            if let Some(watcher) = own.receive() {
                watcher.run();
            }
        })
        .map_err(|error| Error::io("no thread could be started for the trial", error))?;
        Ok(Prepared { letter, planned, limits, counted: None })
    }

    /// Has the answers of these implementations counted from the commit on, if the trial is one by calls.
    ///
    /// # Errors
    /// `Invalid` if that is not possible.
    pub(super) fn count(&mut self, inner: &Arc<RuntimeInner>, of: &[Arc<Implementation>]) -> Result<(), Error> {
        let Some(calls) = self.planned.rules.calls else { return Ok(()) };
        self.counted = Some(Arc::new(Counted::begin(inner, of, calls)?));
        Ok(())
    }

    /// Begins the trial of what a commit has just published. The caller has the state lock.
    pub(super) fn begin(
        &self,
        inner: &Arc<RuntimeInner>,
        generation: u64,
        (members, way_back): (Vec<OnTrial>, WayBack),
        has_health: bool,
    ) {
        let rules = &self.planned.rules;
        let since = Instant::now();
        let members: Arc<[OnTrial]> = members.into();
        let trials = inner.trials();
        let on_trial = (Arc::clone(&members), way_back);
        let answers = self.counted.as_ref().map(|counted| Arc::clone(counted.answers()));
        let lasts = rules.lasts();
        trials.lock().running = Some(Running::new(generation, on_trial, since, lasts, answers, rules.faults_allowed));
        let looker = Looker {
            generation,
            trials: Arc::clone(&trials),
            members: Arc::clone(&members),
            check: rules.check.clone(),
            asking: Arc::default(),
            running: Arc::default(),
        };
        let watcher = Watcher {
            inner: Arc::downgrade(inner),
            trials,
            generation,
            members,
            machine: Machine::new(rules, has_health, since),
            looker,
            take_back: self.planned.take_back,
            limits: self.limits,
            since,
            faults: 0,
            counted: self.counted.clone(),
            report: None,
            refusal: None,
        };
        self.letter.send(Content::Begin(Box::new(watcher)));
    }
}

/// The thread's part of a trial.
struct Watcher {
    inner: Weak<RuntimeInner>,
    trials: Arc<Trials>,
    generation: u64,
    members: Arc<[OnTrial]>,
    machine: Machine,
    looker: Looker,
    take_back: TakeBack,
    limits: Limits,
    since: Instant,
    /// How many faults the machine knows of.
    faults: u64,
    counted: Option<Arc<Counted>>,
    /// What the rollback changed.
    report: Option<Report>,
    /// Why the last try to roll back was refused.
    refusal: Option<Error>,
}

impl Watcher {
    fn run(mut self) {
        if let Some(inner) = self.inner.upgrade() {
            let members = names(&self.members);
            let calls = self.counted.as_ref().map(|counted| counted.answers().wanted());
            inner.tell(EventKind::TrialBegan { generation: self.generation, members, calls });
        }
        let mut until = Some(self.since);
        while !self.machine.has_ended() {
            let now = Instant::now();
            let deadline = Deadline::after(now, until.map(|until| until.saturating_duration_since(now)));
            let Some(events) = self.trials.take(self.generation, deadline) else { return };
            let Some(inner) = self.inner.upgrade() else { return };
            // Faults come first: a confirmation that waits in the inbox came behind them, and so did the last call.
            if let Some(counted) = &self.counted {
                self.machine.note_answered(counted.answers().given(), Instant::now());
            }
            let mut events: VecDeque<Event> = self.new_faults(&inner).into_iter().chain(events).collect();
            events.push_back(Event::Tick);
            while let Some(event) = events.pop_front() {
                let decision = self.machine.step(event, Instant::now());
                until = decision.until;
                if let Some(event) = self.carry_out(&inner, decision) {
                    events.push_front(event);
                }
            }
        }
    }

    /// The faults since the last look, if there are any.
    fn new_faults(&mut self, inner: &RuntimeInner) -> Option<Event> {
        let counts: Vec<u64> = self.members.iter().map(OnTrial::new_faults).collect();
        let faults = counts.iter().sum();
        if faults == mem::replace(&mut self.faults, faults) {
            return None;
        }
        let worst = (0..counts.len()).max_by_key(|&at| counts[at]).unwrap_or(0);
        Some(Event::Faults(faults, self.members[worst].why_faulty(inner, worst)))
    }

    /// Does what the machine decided. Returns what came of it.
    fn carry_out(&mut self, inner: &Arc<RuntimeInner>, decision: Decision) -> Option<Event> {
        decision.looks.into_iter().for_each(|look| self.looker.begin(inner, look));
        if let Some((outcome, why)) = decision.end {
            self.end(inner, outcome, why);
            return None;
        }
        self.show();
        decision.roll_back.then(|| self.roll_back(inner))
    }

    /// Shows others how the machine stands.
    fn show(&self) {
        let rolling_back = self.machine.rolling_back().map(|(why, refused)| (why.text.clone(), refused));
        let (text, refused) = rolling_back.unzip();
        if let Some(running) = &mut self.trials.lock().running {
            running.view = View { rolling_back: text, refused_tries: refused.unwrap_or_default() };
        }
    }

    /// Tries to put back what served before.
    fn roll_back(&mut self, inner: &Arc<RuntimeInner>) -> Event {
        let why = self.machine.rolling_back().map_or_else(String::new, |(why, _)| why.text.clone());
        let reason = format!("the trial of generation {} failed: {why}", self.generation);
        let tried = catch_unwind(AssertUnwindSafe(|| (self.take_back)(inner, self.generation, reason, self.limits)));
        let tried = tried.unwrap_or_else(|panic| Err(Error::internal("the rollback of a trial was given up", &*panic)));
        match tried {
            Ok(report) => {
                self.report = report;
                Event::RolledBack
            }
            Err(error) => {
                let is_busy = error.kind() == ErrorKind::Busy;
                // The next try finds another way.
                self.limits.without_downgrade |= has_hung(&error);
                if !is_busy {
                    drop(catch_unwind(AssertUnwindSafe(|| {
                        tracing::warn!(generation = self.generation, "the rollback of a trial was refused: {error}");
                    })));
                    self.refusal = Some(error);
                }
                Event::RollbackRefused(is_busy)
            }
        }
    }

    fn end(&mut self, inner: &Arc<RuntimeInner>, outcome: TrialOutcome, why: Why) {
        let asking = self.looker.asking.load(Ordering::Acquire).checked_sub(1);
        let member = why.member.or(asking.filter(|_| why.cause == TrialCause::Health));
        let component = member.and_then(|member| self.members[member].after.clone());
        let at = SystemTime::now();
        let quarantined = self.to_quarantine(outcome, &why, member, at);
        let end = TrialEnd {
            generation: self.generation,
            outcome,
            cause: why.cause,
            why: why.text,
            component,
            method: why.method,
            members: names(&self.members),
            at,
            lasted: self.since.elapsed(),
            quarantined: quarantined.iter().map(|quarantined| quarantined.hash).collect(),
            back: self.report.take(),
            refusal: self.refusal.take().filter(|_| outcome == TrialOutcome::Failed).map(|error| error.to_string()),
            left_threads: self.looker.running.load(Ordering::Acquire),
        };
        self.publish(inner, end, quarantined);
    }

    /// Makes an end visible, once it is recorded.
    fn publish(&self, inner: &Arc<RuntimeInner>, end: TrialEnd, quarantined: Vec<Quarantined>) {
        record(inner, &end, &quarantined);
        if let Some(counted) = &self.counted {
            // So that who sees the end makes calls that nothing counts. If a gate is shut, it comes behind it.
            counted.try_end(inner);
        }
        let (outcome, why) = (end.outcome.name().to_owned(), end.why.clone());
        let ended = EventKind::TrialEnded { generation: end.generation, outcome, why };
        // Who saw the end must not be taken for an instance that died in the trial.
        inner.keeper().into_iter().for_each(|keeper| keeper.tell(&ended));
        let mut standing = self.trials.lock();
        quarantined.iter().for_each(|quarantined| standing.quarantine.add(quarantined.clone()));
        let running = standing.running.take();
        standing.last = Some(end.clone());
        standing.telling = Some(thread::current().id());
        drop(standing);
        drop(running);
        // Not what the next trial holds, which may have begun by now.
        let dropped = inner.state().revisions_mut().end_hold(self.generation - 1);
        drop(dropped);
        self.trials.notify();
        if let Some(back) = &end.back {
            let (generation, to, why) = (back.generation, self.generation - 1, end.why.clone());
            inner.tell(EventKind::RolledBack { generation, to, why });
        }
        for Quarantined { component, hash, why, .. } in quarantined {
            inner.tell(EventKind::Quarantined { component, hash, why });
        }
        inner.tell(ended);
        let mut standing = self.trials.lock();
        standing.telling.take_if(|telling| *telling == thread::current().id());
        drop(standing);
        self.trials.notify();
        drop(catch_unwind(AssertUnwindSafe(|| match end.outcome {
            TrialOutcome::Confirmed | TrialOutcome::Interrupted => tracing::info!(generation = end.generation, "{end}"),
            TrialOutcome::RolledBack => tracing::warn!(generation = end.generation, "{end}"),
            TrialOutcome::Failed => tracing::error!(generation = end.generation, "{end}"),
        })));
    }

    /// The files that failed: that of the member that is known to have caused it, else all. What an operator abandons
    /// did not fail, nor did what nobody called, nor a file that served before the trial, too: another configuration
    /// was on trial.
    fn to_quarantine(
        &self,
        outcome: TrialOutcome,
        why: &Why,
        member: Option<usize>,
        since: SystemTime,
    ) -> Vec<Quarantined> {
        let has_failed = matches!(outcome, TrialOutcome::RolledBack | TrialOutcome::Failed);
        if !has_failed || matches!(why.cause, TrialCause::Abandoned | TrialCause::TooFewCalls) {
            return Vec::new();
        }
        let failed = self.members.iter().enumerate().filter(|(at, _)| member.is_none_or(|member| member == *at));
        let quarantined = failed.filter_map(|(_, failed)| {
            let (hash, whole, component) = (failed.hash?, failed.whole, failed.after.clone()?);
            if self.members.iter().any(|member| member.whole_before == whole) {
                return None;
            }
            Some(Quarantined { hash, whole, component, since, why: why.text.clone() })
        });
        quarantined.collect()
    }
}

/// Has the end recorded. What cannot be written waits in the recorder: the end stands.
fn record(inner: &RuntimeInner, end: &TrialEnd, quarantined: &[Quarantined]) {
    let Some(recorder) = inner.recorder() else { return };
    let ended = match end.outcome {
        TrialOutcome::Confirmed => Ended::Confirmed,
        TrialOutcome::RolledBack => Ended::RolledBack,
        TrialOutcome::Failed => Ended::Failed,
        TrialOutcome::Interrupted => Ended::Interrupted,
    };
    let (why, quarantined) = (end.why.clone(), quarantined.to_vec());
    let ending = Ending { generation: end.generation, ended, why, quarantined };
    drop(catch_unwind(AssertUnwindSafe(|| recorder.note_trial_end(&ending))));
}

fn names(members: &[OnTrial]) -> Vec<ComponentId> {
    members.iter().filter_map(|member| member.after.clone().or_else(|| member.before.clone())).collect()
}
