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
        let progress = Progress { phase: Phase::Load, deadline, looks_at: deadline, step: None, since, thread };
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
        *progress = Progress { phase, deadline, looks_at, step: None, since: Instant::now(), thread };
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
mod tests {
    use super::*;

    fn watch(limit: Duration) -> Watch {
        Watch::new(Deadline::after(Instant::now(), limit))
    }

    #[test]
    fn a_committed_transaction_is_neither_refused_nor_given_up() {
        let watch = watch(Duration::ZERO);
        watch.decide().unwrap();
        watch.publish(7);
        assert_eq!(watch.refuse(), Outcome::Committed(7));
        assert!(watch.lock().state.give_up().is_none());
        assert_eq!(watch.committed(), Some(7));
    }

    #[test]
    fn a_refused_transaction_is_not_committed() {
        let watch = watch(Duration::ZERO);
        assert_eq!(watch.refuse(), Outcome::Refused);
        assert!(watch.decide().is_err() && watch.lock().state.give_up().is_none());
        watch.publish(7);
        assert_eq!((watch.refuse(), watch.committed()), (Outcome::Refused, None));
    }

    #[test]
    fn an_abandoned_transaction_is_neither_committed_nor_undone_by_its_thread() {
        let watch = watch(Duration::ZERO);
        assert!(watch.wait().is_err());
        assert!(watch.decide().is_err() && watch.check().is_err());
        watch.publish(7);
        assert_eq!((watch.refuse(), watch.committed()), (Outcome::Abandoned, None));
    }

    fn looks_at(watch: &Watch) -> Deadline {
        let watched = watch.lock();
        let State::Running(progress) = &watched.state else { panic!("the transaction does not run") };
        progress.looks_at
    }

    #[test]
    fn the_caller_looks_at_the_earliest_deadline_and_never_gives_up_before_the_present_one() {
        let start = Instant::now();
        let after = |seconds| Deadline::after(start, Duration::from_secs(seconds));
        let watch = Watch::new(after(30));
        watch.enter(Phase::Drain, ThreadId::NONE, after(40)).unwrap();
        assert_eq!(looks_at(&watch), after(30), "nothing has woken the caller");
        watch.enter_before(Phase::Gate, ThreadId::NONE, after(3), after(2)).unwrap();
        assert_eq!(looks_at(&watch), after(2));
        watch.enter(Phase::HandOver, ThreadId::NONE, after(2)).unwrap();
        assert_eq!(looks_at(&watch), after(2));
        watch.enter_before(Phase::Gate, ThreadId::NONE, after(60), Deadline::after(start, Duration::ZERO)).unwrap();
        assert!(watch.lock().state.give_up().is_none(), "the deadline of the phase has not passed");
    }

    #[test]
    fn a_caller_that_wakes_too_early_waits_for_the_deadline_of_the_phase() {
        let start = Instant::now();
        let deadline = Deadline::after(start, Duration::from_millis(20));
        let watch = watch(Duration::from_secs(30));
        watch.enter_before(Phase::Gate, ThreadId::NONE, deadline, Deadline::after(start, Duration::ZERO)).unwrap();
        let stalled = watch.wait().unwrap_err();
        assert!(stalled.phase == Phase::Gate && deadline.has_passed());
    }

    #[test]
    fn a_caller_that_sleeps_is_woken_for_an_earlier_deadline() {
        let watch = watch(Duration::from_secs(3600));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watch.wait());
            std::thread::sleep(Duration::from_millis(5));
            watch.enter(Phase::HandOver, ThreadId::NONE, Deadline::after(Instant::now(), Duration::ZERO)).unwrap();
            assert!(waiting.join().unwrap().is_err());
        });
    }

    #[test]
    fn a_transaction_that_has_decided_to_commit_is_not_given_up() {
        let watch = watch(Duration::ZERO);
        watch.decide().unwrap();
        assert!(watch.lock().state.give_up().is_none());
        assert_eq!(watch.refuse(), Outcome::Refused, "a panic before the publication is undone");
    }
}
