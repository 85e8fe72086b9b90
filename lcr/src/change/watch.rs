//! The watch over a transaction: whether its thread commits or its caller gives it up.
//!
//! A component's code may hang in any phase. The transaction runs on a thread of its own; the
//! caller waits for that thread, and *gives up* the transaction when the phase's deadline passes.
//! The two threads meet at one state behind a lock:
//!
//! ```text
//! running    --decide  (the thread, holding the state lock)--> committing
//! running    --refuse  (the thread, holding the state lock)--> refused
//! running    --give up (the caller)--------------------------> abandoned
//! committing --publish (the thread, holding the state lock)--> committed
//! committing --refuse  (the thread, after a panic of ours)---> refused
//! ```
//! Refused, abandoned and committed are final: no transition leaves them. The thread that makes the
//! transition to refused or abandoned undoes the transaction. The other thread must not, since it might
//! undo what the next transaction has done meanwhile. If a component returns to a thread whose
//! transaction was abandoned, the thread finds that out at its next step, destroys what it had made, and
//! ends; it publishes nothing.
//!
//! The thread wakes the caller only for an earlier deadline than the caller sleeps until. A later one the caller finds
//! when it wakes by itself. A caller that wakes takes a processor and this lock, and while the gate is shut
//! all other callers would wait for both. So at the gate the thread says at once when the deadline of the hand-over
//! is, which is the earlier one.
//!
//! A machine may stand still, or have no processor for this process. Time that passed then was no time for the
//! transaction's thread, which goes on at the same moment as its caller. So a caller that finds the deadline passed
//! sleeps once more, for [`LAST`], before it gives up; and again if it comes late from that.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    component::identity::ComponentId,
    error::LifecycleStep,
    host::{deadline::Deadline, ids::ThreadId},
};

use super::spent::Spent;

/// How long a caller that finds the deadline passed sleeps before it gives up.
const LAST: Duration = Duration::from_millis(100);

/// The phases that run components' code or wait for calls, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Load,
    Prepare,
    Precopy,
    Drain,
    Gate,
    HandOver,
    /// Copies are made of live states, all slots open.
    Rehearse,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::Load => "load",
            Phase::Prepare => "prepare",
            Phase::Precopy => "pre-copy",
            Phase::Drain => "drain",
            Phase::Gate => "gate",
            Phase::HandOver => "hand-over",
            Phase::Rehearse => "rehearsal",
        }
    }

    /// The name of the plan's option that limits the phase.
    pub(super) fn allowance(self) -> &'static str {
        match self {
            Phase::Load | Phase::Prepare | Phase::Precopy | Phase::Drain | Phase::Rehearse => "timeout",
            Phase::Gate | Phase::HandOver => "deadline",
        }
    }
}

/// The component whose code runs. Its name is copied only if the code hangs.
pub(super) type Named = Arc<dyn AsRef<ComponentId> + Send + Sync>;

/// The state of a transaction.
enum State {
    Running(Progress),
    /// The thread has decided to commit; the caller can no longer give up.
    Committing,
    /// The world of this commit is visible.
    Committed(u64),
    Refused,
    Abandoned,
}

/// What the thread of a running transaction does.
#[derive(Clone)]
struct Progress {
    phase: Phase,
    deadline: Deadline,
    /// Whether the deadline was moved by [`State::make_up`].
    is_made_up: bool,
    /// Until when the caller sleeps: not longer than until the deadline.
    looks_at: Deadline,
    /// The code that runs, and its component; `None` between two steps.
    step: Option<(LifecycleStep, Named)>,
    since: Instant,
    thread: ThreadId,
}

struct Watched {
    state: State,
    spent: Spent<Phase>,
    /// Whether the thread has put its result where the caller finds it.
    is_finished: bool,
}

/// What the two threads of a transaction share.
pub(super) struct Watch {
    watched: Mutex<Watched>,
    changed: Condvar,
    /// 1 when the caller has given up. A component that saves a state looks at it.
    unwanted: AtomicU32,
}

/// The transaction does not run any more: its caller gave it up.
#[derive(Debug)]
pub(super) struct Abandoned;

/// How a transaction stands after [`Watch::refuse`].
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The transaction is refused: the calling thread undoes it.
    Refused,
    /// The transaction is visible as this generation: no thread undoes it.
    Committed(u64),
    /// The caller gave the transaction up, and undoes it.
    Abandoned,
}

/// What the thread of a transaction did when its caller gave up.
pub(super) struct Stalled {
    pub(super) phase: Phase,
    pub(super) step: Option<(LifecycleStep, Named)>,
    pub(super) age: Duration,
    pub(super) thread: ThreadId,
}

impl State {
    /// The thread decides to commit.
    fn decide(&mut self) -> Result<(), Abandoned> {
        match self {
            State::Running(_) => {
                *self = State::Committing;
                Ok(())
            }
            State::Committing | State::Committed(_) | State::Refused | State::Abandoned => Err(Abandoned),
        }
    }

    /// The thread has published the world of a commit.
    fn publish(&mut self, generation: u64) {
        if let State::Committing = self {
            *self = State::Committed(generation);
        }
    }

    /// The thread refuses, unless the state is final.
    fn refuse(&mut self) -> Outcome {
        match self {
            State::Running(_) | State::Committing | State::Refused => {
                *self = State::Refused;
                Outcome::Refused
            }
            State::Committed(generation) => Outcome::Committed(*generation),
            State::Abandoned => Outcome::Abandoned,
        }
    }

    /// Gives a running transaction whose deadline has passed [`LAST`] from now, unless its caller has slept for that
    /// already and was not held up meanwhile.
    fn make_up(&mut self, now: Instant) {
        if let State::Running(progress) = self
            && progress.deadline.has_passed()
            && (!progress.is_made_up || progress.deadline.later(LAST).has_passed())
        {
            progress.is_made_up = true;
            progress.deadline = Deadline::after(now, LAST);
            progress.looks_at = progress.deadline;
        }
    }

    /// The caller gives up, if the deadline of a running transaction has passed.
    fn give_up(&mut self) -> Option<Stalled> {
        match self {
            State::Running(progress) if progress.deadline.has_passed() => {
                let Progress { phase, step, since, thread, .. } = progress.clone();
                *self = State::Abandoned;
                Some(Stalled { phase, step, age: since.elapsed(), thread })
            }
            _ => None,
        }
    }
}

impl Watch {
    pub(super) fn new(deadline: Deadline) -> Watch {
        let (since, thread) = (Instant::now(), ThreadId::NONE);
        let progress =
            Progress { phase: Phase::Load, deadline, is_made_up: false, looks_at: deadline, step: None, since, thread };
        let watched = Watched { state: State::Running(progress), spent: Spent::default(), is_finished: false };
        Watch { watched: Mutex::new(watched), changed: Condvar::new(), unwanted: AtomicU32::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction's thread enters a phase.
    pub(super) fn enter(&self, phase: Phase, thread: ThreadId, deadline: Deadline) -> Result<(), Abandoned> {
        self.enter_before(phase, thread, deadline, deadline)
    }

    /// As [`enter`](Watch::enter), where a later phase will have the deadline `next`.
    pub(super) fn enter_before(
        &self,
        phase: Phase,
        thread: ThreadId,
        deadline: Deadline,
        next: Deadline,
    ) -> Result<(), Abandoned> {
        let mut watched = self.lock();
        let Watched { state: State::Running(progress), spent, .. } = &mut *watched else { return Err(Abandoned) };
        spent.enter(Some(phase));
        let until = if next.is_before(deadline) { next } else { deadline };
        let sleeps_longer = until.is_before(progress.looks_at);
        // A caller that is not woken looks when it was going to.
        let looks_at = if sleeps_longer { until } else { progress.looks_at };
        *progress =
            Progress { phase, deadline, is_made_up: false, looks_at, step: None, since: Instant::now(), thread };
        drop(watched);
        if sleeps_longer {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// The transaction's thread is about to run a component's code.
    pub(super) fn step(&self, component: Named, step: LifecycleStep) -> Result<(), Abandoned> {
        let mut watched = self.lock();
        let State::Running(progress) = &mut watched.state else { return Err(Abandoned) };
        progress.since = Instant::now();
        progress.step = Some((step, component));
        Ok(())
    }

    /// The transaction's thread, holding the state lock, is about to change something.
    pub(super) fn check(&self) -> Result<(), Abandoned> {
        match self.lock().state {
            State::Running(_) => Ok(()),
            _ => Err(Abandoned),
        }
    }

    /// The transaction's thread, holding the state lock, is about to undo. A second call has the
    /// same outcome as the first.
    pub(super) fn refuse(&self) -> Outcome {
        self.lock().state.refuse()
    }

    /// The transaction's thread, holding the state lock, decides to commit: from here on it cannot
    /// fail, and its caller waits for it.
    pub(super) fn decide(&self) -> Result<(), Abandoned> {
        self.lock().state.decide()
    }

    /// The transaction's thread, still holding the state lock, has published the commit that it
    /// decided on.
    pub(super) fn publish(&self, generation: u64) {
        self.lock().state.publish(generation);
    }

    /// The generation that the transaction has made visible.
    pub(super) fn committed(&self) -> Option<u64> {
        match self.lock().state {
            State::Committed(generation) => Some(generation),
            _ => None,
        }
    }

    /// How long each phase lasted, in the order in which they began first.
    pub(super) fn phases(&self) -> Vec<(Phase, Duration)> {
        let mut watched = self.lock();
        watched.spent.enter(None);
        watched.spent.all().to_vec()
    }

    /// Not 0 once nobody waits for what the transaction's thread does.
    pub(super) fn unwanted(&self) -> &AtomicU32 {
        &self.unwanted
    }

    /// The transaction's thread has put its result where the caller finds it.
    pub(super) fn finish(&self) {
        self.lock().is_finished = true;
        self.changed.notify_all();
    }

    /// The caller waits for the end, and gives up at the deadline of the phase.
    pub(super) fn wait(&self) -> Result<(), Stalled> {
        let mut watched = self.lock();
        loop {
            if watched.is_finished {
                return Ok(());
            }
            watched.state.make_up(Instant::now());
            if let Some(stalled) = watched.state.give_up() {
                self.unwanted.store(1, Ordering::Relaxed);
                return Err(stalled);
            }
            let left = match &mut watched.state {
                State::Running(progress) => {
                    if progress.looks_at.has_passed() {
                        progress.looks_at = progress.deadline;
                    }
                    Some(progress.looks_at.left())
                }
                _ => None,
            };
            watched = match left {
                Some(left) => self.changed.wait_timeout(watched, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(watched).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
