//! The watch over a transaction: who decides between commit and giving up.
//!
//! A component's code may hang in any phase. The transaction runs on a thread of its
//! own; the caller waits for it, and at the phase's deadline *gives up* for it. The two
//! meet at one word behind a lock, with three outcomes and no way back:
//!
//! ```text
//! running --commit (the thread, holding the state lock)--> committed
//! running --refuse (the thread, holding the state lock)--> refused
//! running --give up (the caller)-------------------------> abandoned
//! ```
//! Who makes the transition to refused or abandoned undoes: the other one might undo
//! what the next transaction has done meanwhile. A thread that comes back from a component after it was abandoned finds out at its
//! next step, destroys what it had made, and ends; it publishes nothing.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    component::identity::ComponentId,
    error::LifecycleStep,
    host::{deadline::Deadline, ids::ThreadId},
};

/// The phases that run components' code or wait for calls, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Load,
    Prepare,
    Drain,
    Gate,
    HandOver,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Phase::Load => "load",
            Phase::Prepare => "prepare",
            Phase::Drain => "drain",
            Phase::Gate => "gate",
            Phase::HandOver => "hand-over",
        }
    }

    /// The option of a plan that says how long it may last.
    pub(super) fn allowance(self) -> &'static str {
        match self {
            Phase::Load | Phase::Prepare | Phase::Drain => "timeout",
            Phase::Gate | Phase::HandOver => "deadline",
        }
    }
}

/// Something that is named only when it hangs: naming it costs more than the step.
pub(super) type Named = Arc<dyn AsRef<ComponentId> + Send + Sync>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Running,
    Committed,
    Refused,
    Abandoned,
}

struct Progress {
    outcome: Outcome,
    phase: Phase,
    deadline: Deadline,
    /// Which code is running, and whose; `None` between two steps.
    step: Option<(LifecycleStep, Named)>,
    since: Instant,
    thread: ThreadId,
    done: bool,
}

/// What the two threads of a transaction share.
pub(super) struct Watch {
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// The transaction was given up by its caller.
#[derive(Debug)]
pub(super) struct Abandoned;

/// Why a caller gave up.
pub(super) struct Stalled {
    pub(super) phase: Phase,
    pub(super) step: Option<(LifecycleStep, Named)>,
    pub(super) age: Duration,
    pub(super) thread: ThreadId,
}

impl Watch {
    pub(super) fn new(deadline: Deadline) -> Watch {
        let progress = Progress {
            outcome: Outcome::Running,
            phase: Phase::Load,
            deadline,
            step: None,
            since: Instant::now(),
            thread: ThreadId::NONE,
            done: false,
        };
        Watch { progress: Mutex::new(progress), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The transaction's thread enters a phase.
    pub(super) fn enter(&self, phase: Phase, thread: ThreadId, deadline: Deadline) -> Result<(), Abandoned> {
        let mut progress = self.lock();
        if progress.outcome == Outcome::Abandoned {
            return Err(Abandoned);
        }
        progress.phase = phase;
        progress.thread = thread;
        progress.deadline = deadline;
        progress.since = Instant::now();
        progress.step = None;
        drop(progress);
        self.changed.notify_all();
        Ok(())
    }

    /// The transaction's thread is about to run a component's code.
    pub(super) fn step(&self, component: Named, step: LifecycleStep) -> Result<(), Abandoned> {
        let mut progress = self.lock();
        if progress.outcome == Outcome::Abandoned {
            return Err(Abandoned);
        }
        progress.since = Instant::now();
        progress.step = Some((step, component));
        Ok(())
    }

    /// The transaction's thread, holding the state lock, is about to change something.
    pub(super) fn check(&self) -> Result<(), Abandoned> {
        match self.lock().outcome {
            Outcome::Abandoned => Err(Abandoned),
            Outcome::Running | Outcome::Committed | Outcome::Refused => Ok(()),
        }
    }

    /// The transaction's thread, holding the state lock, is about to undo.
    pub(super) fn refuse(&self) -> Result<(), Abandoned> {
        let mut progress = self.lock();
        match progress.outcome {
            Outcome::Abandoned => Err(Abandoned),
            Outcome::Running | Outcome::Committed | Outcome::Refused => {
                progress.outcome = Outcome::Refused;
                Ok(())
            }
        }
    }

    /// The transaction's thread commits: from here on it cannot fail.
    pub(super) fn commit(&self) -> Result<(), Abandoned> {
        let mut progress = self.lock();
        match progress.outcome {
            Outcome::Abandoned => Err(Abandoned),
            Outcome::Running | Outcome::Committed | Outcome::Refused => {
                progress.outcome = Outcome::Committed;
                Ok(())
            }
        }
    }

    /// The transaction's thread has put its result where the caller finds it.
    pub(super) fn finish(&self) {
        self.lock().done = true;
        self.changed.notify_all();
    }

    /// The caller waits for the end, and gives up at the deadline of the phase.
    pub(super) fn wait(&self) -> Result<(), Stalled> {
        let mut progress = self.lock();
        loop {
            if progress.done {
                return Ok(());
            }
            if progress.outcome == Outcome::Running && progress.deadline.has_passed() {
                progress.outcome = Outcome::Abandoned;
                return Err(Stalled {
                    phase: progress.phase,
                    step: progress.step.clone(),
                    age: progress.since.elapsed(),
                    thread: progress.thread,
                });
            }
            progress = if progress.outcome == Outcome::Running {
                let left = progress.deadline.left();
                self.changed.wait_timeout(progress, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.changed.wait(progress).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }
}
