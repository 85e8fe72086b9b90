//! [`Trial`]: by which rules a new version is on trial.

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    change::{description::TrialDescription, report::Report},
    component::stateful::BoxError,
    error::Result,
    host::service::inner::RuntimeInner,
};

/// How long a trial by calls waits for them, unless it says otherwise.
const WITHIN: Duration = Duration::from_secs(3600);

/// The embedder's check.
pub(super) type Check = Arc<dyn Fn() -> Result<(), BoxError> + Send + Sync>;

/// What rolls back the commit of that generation, for that reason. `None` if nothing of it is left.
pub(in crate::change) type TakeBack = fn(&Arc<RuntimeInner>, u64, String, Limits) -> Result<Option<Report>>;

/// How long callers may be held, and how state is copied: as the plan had it, since the state that goes back is as
/// large.
#[derive(Clone, Copy, Debug)]
pub(in crate::change) struct Limits {
    pub(super) deadline: Option<Duration>,
    pub(super) gate_wait: Option<Duration>,
    pub(super) precopy_rounds: u32,
    pub(super) precopy_hold: Option<Duration>,
    pub(super) precopy_backlog: usize,
    /// Whether a try to roll back found that a downgrade does not return.
    pub(super) without_downgrade: bool,
}

/// What a plan has that asks for a trial.
#[derive(Clone, Debug)]
pub(in crate::change) struct Planned {
    pub(in crate::change) rules: Trial,
    /// The way back. It makes a plan, which this file must not know: plans have trials.
    pub(super) take_back: TakeBack,
}

/// By which rules the new versions of a plan are on trial: [`PlanBuilder::trial`](crate::PlanBuilder::trial).
///
/// ```
/// use std::time::Duration;
/// use lcr::Trial;
///
/// let trial = Trial::for_time(Duration::from_secs(60))
///     .check(|| if 1 + 1 == 2 { Ok(()) } else { Err("arithmetic is gone".into()) })
///     .check_every(Duration::from_secs(1));
/// # drop(trial);
/// ```
#[derive(Clone)]
#[must_use = "a trial begins with the commit of a plan that has it"]
pub struct Trial {
    pub(super) time: Option<Duration>,
    pub(super) calls: Option<Calls>,
    pub(super) faults_allowed: u64,
    pub(super) every: Duration,
    pub(super) limit: Duration,
    pub(super) check: Option<Check>,
    pub(super) check_every: Duration,
    pub(super) check_limit: Duration,
    pub(super) tries: NonZeroU32,
}

/// How many calls are to be answered, and within which time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Calls {
    pub(super) wanted: u64,
    pub(super) within: Duration,
}

impl fmt::Display for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Calls { wanted, within } = self;
        write!(f, "{wanted} call{}, within {within:?}", if *wanted == 1 { "" } else { "s" })
    }
}

impl Trial {
    /// A trial that ends by confirmation after this time, if nothing has gone wrong by then. The time counts from the
    /// commit, whether there are calls or not. Before it confirms, the trial looks at health and check once more.
    pub fn for_time(time: Duration) -> Trial {
        Trial { time: Some(time), ..Trial::until_confirmed() }
    }

    /// A trial that ends by confirmation when the new versions have answered this many calls, all together, if nothing
    /// has gone wrong by then; at least 1. Before it confirms, the trial looks at health and check once more.
    ///
    /// A call counts once, when it returns: with whatever value, an `Err` included, through whatever handle or pin.
    /// A call of an async method counts when its future is ready, a stream when it has ended. Calls that panic or are
    /// dropped before their end do not count, nor do those that a default body of the interface answers. The trial
    /// never confirms before that many calls were answered. Callers go on meanwhile, so more of them may be answered
    /// by its end.
    ///
    /// If too few calls come [within an hour](Trial::within), the versions before serve again: what nobody has called
    /// is not known to be good. The files do not get into quarantine, since they did not fail.
    ///
    /// Until such a trial ends, calls of the new versions cost more than others, several times as much if they do next
    /// to nothing: see [`trials`](crate::guide::trials). The plan is refused if the new versions have no method that
    /// can be counted.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let trial = lcr::Trial::for_calls(10_000).within(Duration::from_secs(600));
    /// # drop(trial);
    /// ```
    pub fn for_calls(calls: u64) -> Trial {
        Trial { calls: Some(Calls { wanted: calls.max(1), within: WITHIN }), ..Trial::until_confirmed() }
    }

    /// How long a trial [by calls](Trial::for_calls) waits for them, from the commit on. Then the new versions are
    /// rolled back. No other trial has such a limit. Default: 1 h.
    pub fn within(mut self, time: Duration) -> Trial {
        self.calls = self.calls.map(|calls| Calls { within: time, ..calls });
        self
    }

    /// A trial that ends only when [`Runtime::confirm`](crate::Runtime::confirm) or
    /// [`Runtime::abandon`](crate::Runtime::abandon) is called, or when something goes wrong.
    pub fn until_confirmed() -> Trial {
        Trial {
            time: None,
            calls: None,
            faults_allowed: 0,
            every: Duration::from_secs(1),
            limit: Duration::from_secs(1),
            check: None,
            check_every: Duration::from_secs(1),
            check_limit: Duration::from_secs(5),
            tries: NonZeroU32::MIN.saturating_add(4),
        }
    }

    /// How many panics the new versions may give, all together. One more, and they are rolled back. Default: 0.
    pub fn faults_allowed(mut self, faults: u64) -> Trial {
        self.faults_allowed = faults;
        self
    }

    /// How often the new versions are asked for their health, if they say how
    /// (`#[lcr::component(healthy = path)]`). The first time is right after the commit. Default: 1 s; at least 1 ms.
    pub fn healthy_every(mut self, every: Duration) -> Trial {
        self.every = every.max(Duration::from_millis(1));
        self
    }

    /// How long a health check may take. One that takes longer counts as refused, and the thread that runs it is left
    /// behind. Default: 1 s.
    pub fn healthy_limit(mut self, limit: Duration) -> Trial {
        self.limit = limit.max(Duration::from_millis(1));
        self
    }

    /// A check of the program, which may call the new versions as any caller does. If it returns an error, panics, or
    /// takes longer than its limit, the new versions are rolled back. It runs on a thread of its own, for the first
    /// time right after the commit.
    pub fn check(mut self, check: impl Fn() -> Result<(), BoxError> + Send + Sync + 'static) -> Trial {
        self.check = Some(Arc::new(check));
        self
    }

    /// How often the check runs. Default: 1 s; at least 1 ms.
    pub fn check_every(mut self, every: Duration) -> Trial {
        self.check_every = every.max(Duration::from_millis(1));
        self
    }

    /// How long the check may take. Default: 5 s.
    pub fn check_limit(mut self, limit: Duration) -> Trial {
        self.check_limit = limit.max(Duration::from_millis(1));
        self
    }

    /// How often a rollback is tried, if it is refused. After the last refusal the trial has failed, and the new
    /// versions serve on. The pauses between the tries grow from 50 ms to 2 s. Default: 5.
    pub fn tries(mut self, tries: NonZeroU32) -> Trial {
        self.tries = tries;
        self
    }

    /// The time after which the trial confirms by itself; `None` if no time has it confirm.
    pub fn time(&self) -> Option<Duration> {
        self.time
    }

    /// The number of calls after which the trial confirms by itself; `None` if no number of calls has it confirm.
    pub fn calls(&self) -> Option<u64> {
        self.calls.map(|calls| calls.wanted)
    }

    /// How long it lasts at most; `None` if until it is confirmed.
    pub(super) fn lasts(&self) -> Option<Duration> {
        self.time.or(self.calls.map(|calls| calls.within))
    }
}

impl Trial {
    /// What a plan says of it.
    pub(in crate::change) fn description(&self) -> TrialDescription {
        TrialDescription {
            time: self.time,
            calls: self.calls(),
            within: self.calls.map(|calls| calls.within),
            faults_allowed: self.faults_allowed,
            has_check: self.check.is_some(),
        }
    }

    /// What ends it, for the history.
    pub(in crate::change) fn in_words(&self) -> String {
        match (self.time, self.calls) {
            (Some(time), _) => format!("for {time:?}"),
            (None, Some(calls)) => format!("for {calls}"),
            (None, None) => "until confirmed".to_owned(),
        }
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial")
            .field("time", &self.time)
            .field("calls", &self.calls)
            .field("faults_allowed", &self.faults_allowed)
            .field("healthy_every", &self.every)
            .field("has_check", &self.check.is_some())
            .finish_non_exhaustive()
    }
}
