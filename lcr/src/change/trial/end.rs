//! [`TrialEnd`] and [`TrialStatus`]: how a trial stands, and what came of it.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    change::report::Report,
    component::identity::ComponentId,
    error::MethodId,
    host::{image::content_hash::ContentHash, serial},
};

/// How a trial ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TrialOutcome {
    /// The new versions serve for good.
    Confirmed,
    /// The versions before serve again.
    RolledBack,
    /// The new versions were to be rolled back, and that was refused each time: they serve on.
    Failed,
    /// The runtime was dropped before the trial was over.
    Interrupted,
}

impl TrialOutcome {
    /// The stable name, for logs and metrics: `confirmed`, `rolled_back`, `failed`, `interrupted`.
    pub const fn name(self) -> &'static str {
        match self {
            TrialOutcome::Confirmed => "confirmed",
            TrialOutcome::RolledBack => "rolled_back",
            TrialOutcome::Failed => "failed",
            TrialOutcome::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for TrialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What ended a trial, or made it roll back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TrialCause {
    /// Its time was over.
    Time,
    /// As many calls were answered as it was for.
    Calls,
    /// Too few calls came within its limit.
    TooFewCalls,
    /// [`Runtime::confirm`](crate::Runtime::confirm).
    Operator,
    /// [`Runtime::abandon`](crate::Runtime::abandon).
    Abandoned,
    /// Calls of the new versions panicked.
    Fault,
    /// A health check refused, panicked or did not return.
    Health,
    /// The program's check refused, panicked or did not return.
    Check,
    /// A transaction of other components ran out of time because of a new version.
    Gate,
    /// The supervisor has warned the process.
    Supervisor,
    /// The runtime was dropped.
    Closed,
}

impl TrialCause {
    /// The stable name, for logs and metrics: `time`, `calls`, `too_few_calls`, `operator`, `abandoned`, `fault`,
    /// `health`, `check`, `gate`, `supervisor`, `closed`.
    pub const fn name(self) -> &'static str {
        match self {
            TrialCause::Time => "time",
            TrialCause::Calls => "calls",
            TrialCause::TooFewCalls => "too_few_calls",
            TrialCause::Operator => "operator",
            TrialCause::Abandoned => "abandoned",
            TrialCause::Fault => "fault",
            TrialCause::Health => "health",
            TrialCause::Check => "check",
            TrialCause::Gate => "gate",
            TrialCause::Supervisor => "supervisor",
            TrialCause::Closed => "closed",
        }
    }
}

/// Why a trial ends, or rolls back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    pub(super) cause: TrialCause,
    pub(super) text: String,
    /// The member that caused it, by its place; `None` if no single one is known.
    pub(super) member: Option<usize>,
    pub(super) method: Option<MethodId>,
}

impl Why {
    pub(super) fn new(cause: TrialCause, text: impl Into<String>) -> Why {
        Why { cause, text: text.into(), member: None, method: None }
    }

    pub(super) fn of(self, member: usize) -> Why {
        Why { member: Some(member), ..self }
    }
}

/// What came of a trial: [`Runtime::wait_trial`](crate::Runtime::wait_trial).
///
/// `Display` writes one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialEnd {
    /// The number of the commit that began the trial.
    pub generation: u64,
    /// How it ended.
    pub outcome: TrialOutcome,
    /// What ended it, or made it roll back.
    pub cause: TrialCause,
    /// The same in words: what was found, and where.
    pub why: String,
    /// The new version that caused the end; `None` if no single one is known.
    pub component: Option<ComponentId>,
    /// The method that panicked.
    pub method: Option<MethodId>,
    /// The new versions.
    pub members: Vec<ComponentId>,
    /// When it ended, by the system's clock.
    #[serde(with = "serial::moment")]
    pub at: SystemTime,
    /// How long it lasted.
    #[serde(rename = "lasted_us", with = "serial::micros")]
    pub lasted: Duration,
    /// The hashes of the files that are refused from now on.
    pub quarantined: Vec<ContentHash>,
    /// What the rollback changed.
    pub back: Option<Report>,
    /// Why the last try to roll back was refused, if the trial failed.
    pub refusal: Option<String>,
    /// How many threads were left behind, because a health check or the program's check did not return.
    pub left_threads: usize,
}

impl fmt::Display for TrialEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trial of generation {} {}: {}", self.generation, self.outcome, self.why)?;
        if let Some(refusal) = &self.refusal {
            write!(f, "; the rollback was refused: {refusal}")?;
        }
        Ok(())
    }
}

/// One component on trial.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialMember {
    /// The version before; `None` if the plan added the component.
    pub before: Option<ComponentId>,
    /// The version on trial; `None` if the plan removed the component.
    pub after: Option<ComponentId>,
    /// The content hash of its file; `None` if there is no file.
    pub hash: Option<ContentHash>,
    /// How many panics the version has given since the trial began.
    pub faults: u64,
}

/// How many calls a trial waits for: [`Trial::for_calls`](crate::Trial::for_calls).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialCalls {
    /// How many are to be answered.
    pub wanted: u64,
    /// How many were answered since the trial began.
    pub answered: u64,
    /// How many are left; 0 while the trial looks at health and check for the last time.
    pub left: u64,
}

/// How a trial stands: [`Runtime::trial`](crate::Runtime::trial).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialStatus {
    /// The number of the commit that began the trial.
    pub generation: u64,
    /// The components on trial.
    pub members: Vec<TrialMember>,
    /// When it began, by the system's clock.
    #[serde(rename = "at", with = "serial::moment")]
    pub began: SystemTime,
    /// How long it still lasts, at most if it is a trial by calls; `None` if it lasts until it is confirmed.
    #[serde(rename = "left_us", with = "serial::micros_or_none")]
    pub left: Option<Duration>,
    /// The calls that it waits for; `None` if it is no trial by calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<TrialCalls>,
    /// How many panics the new versions may give.
    pub faults_allowed: u64,
    /// Why the new versions are about to be rolled back; `None` if they are not.
    pub rolling_back: Option<String>,
    /// How many tries to roll back were refused so far.
    pub refused_tries: u32,
}
