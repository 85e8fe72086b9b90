//! What clients see while a version is on trial.
//!
//! A client notes the moment at which it sends. If an answer is bad, it asks whether a version was on trial since then
//! that answers so: then the version is charged, and else the run has failed. A version is charged only for what is
//! wrong with it.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::Bad;

/// An answer after more than this counts as late.
const LATE: Duration = Duration::from_millis(500);

/// How long a client waits at most until no version is on trial.
const LONGEST_TRIAL: Duration = Duration::from_secs(120);

/// Which version is on trial, and what it did to clients.
#[derive(Default)]
pub(crate) struct Watch {
    /// Twice the number of trials that have ended, and one more while one is going on. The trials follow the order of
    /// [`Bad::ALL`].
    moment: AtomicU64,
    counts: [Counts; Bad::ALL.len()],
}

/// A moment, to ask later what was on trial since.
#[derive(Clone, Copy, Default)]
pub(crate) struct Moment(u64);

#[derive(Default)]
struct Counts {
    answered: AtomicU64,
    bad: AtomicU64,
    late: AtomicU64,
    acknowledged: AtomicU64,
}

/// What clients saw of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Served {
    /// Requests that were answered while it was on trial.
    pub(crate) answered: u64,
    /// Those of them that it answered badly.
    pub(crate) bad: u64,
    /// Those that were answered late.
    pub(crate) late: u64,
    /// Writes that were acknowledged meanwhile.
    pub(crate) acknowledged: u64,
}

/// A bad answer.
#[derive(Clone, Copy)]
pub(crate) enum Answer<'a> {
    /// An error line.
    Error(&'a str),
    /// A value that is not the one that was written.
    Value,
}

impl Bad {
    /// Whether the version gives such answers.
    fn gives(self, answer: Answer<'_>) -> bool {
        match (self, answer) {
            (Bad::Panics, Answer::Error(text)) => text.contains(&format!("`{}` panicked", self.component())),
            (Bad::AnswersWrongly, Answer::Value) => true,
            _ => false,
        }
    }

    fn number(self) -> usize {
        Bad::ALL.iter().position(|bad| *bad == self).unwrap_or_default()
    }
}

impl Watch {
    /// A version is about to be put on trial.
    pub(crate) fn begin(&self, bad: Bad) {
        self.moment.store(bad.number() as u64 * 2 + 1, Ordering::Release);
    }

    /// It is gone.
    pub(crate) fn end(&self) {
        self.moment.fetch_add(1, Ordering::AcqRel);
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.moment.load(Ordering::Acquire))
    }

    /// The version that was on trial at `since` or began to be after it.
    fn on_trial(&self, Moment(since): Moment) -> Option<Bad> {
        let was = since % 2 == 1 || self.now().0 != since;
        Bad::ALL.get((since / 2) as usize).copied().filter(|_| was)
    }

    /// Charges a bad answer to the version that was on trial since the request was sent, if it gives such answers.
    pub(crate) fn blames(&self, since: Moment, answer: Answer<'_>) -> bool {
        let Some(bad) = self.on_trial(since).filter(|bad| bad.gives(answer)) else { return false };
        self.counts[bad.number()].bad.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// Counts an answer to a request that was sent at `since`.
    pub(crate) fn answered(&self, since: Moment, after: Duration) {
        let Some(bad) = self.on_trial(since) else { return };
        let counts = &self.counts[bad.number()];
        counts.answered.fetch_add(1, Ordering::Relaxed);
        counts.late.fetch_add(u64::from(after > LATE), Ordering::Relaxed);
    }

    /// Counts writes that were acknowledged.
    pub(crate) fn acknowledged(&self, since: Moment, writes: u64) {
        if let Some(bad) = self.on_trial(since) {
            self.counts[bad.number()].acknowledged.fetch_add(writes, Ordering::Relaxed);
        }
    }

    /// Waits until no version is on trial.
    pub(crate) fn wait(&self) {
        let start = Instant::now();
        while self.now().0 % 2 == 1 && start.elapsed() < LONGEST_TRIAL {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// What clients saw of a version.
    pub(crate) fn served(&self, bad: Bad) -> Served {
        let Counts { answered, bad, late, acknowledged } = &self.counts[bad.number()];
        let [answered, bad, late, acknowledged] =
            [answered, bad, late, acknowledged].map(|count| count.load(Ordering::Relaxed));
        Served { answered, bad, late, acknowledged }
    }

    /// Requests that were answered badly.
    pub(crate) fn bad(&self) -> u64 {
        Bad::ALL.into_iter().map(|bad| self.served(bad).bad).sum()
    }

    /// Those of them that the command layer could not answer.
    pub(crate) fn faults(&self) -> u64 {
        self.served(Bad::Panics).bad
    }
}
