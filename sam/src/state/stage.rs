//! Where the newest instance is, why it is not well, and how the one before it ended.

use std::time::Duration;

use super::exit::Exit;
use crate::time::Time;

/// Where the newest instance is, as the supervisor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// None lives; the next is made at that time.
    Waiting { at: Time },
    /// `Spawn` was asked for and not answered yet.
    Spawning,
    /// It lives and nothing is wrong with it.
    Living,
    /// It was warned of this, and dies at that time unless it recovers.
    Warned { cause: Cause, kill_at: Time },
    /// The operator stopped it; it dies at that time unless it ends before.
    Stopping { kill_at: Time },
    /// It was killed and has not ended yet; because of what, unless the operator did it.
    Killing { cause: Option<Cause> },
    /// The end. Nothing moves any more.
    Left { exit: Exit },
}

/// Why an instance is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It called `mark_failed`.
    Failed,
    /// This check of its board is overdue.
    Overdue { check: u8 },
    /// It owes an answer.
    Unanswered,
    /// So many probes in a row failed.
    Probe,
    /// It was not ready within the start limit.
    Start,
}

/// The end of one instance, as the machine judged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) instance: u32,
    /// How it ended, or the error number with which making it failed.
    pub(crate) exit: Result<Exit, i32>,
    /// What the instance had been warned of or killed for, and had not made good for long enough.
    pub(crate) cause: Option<Cause>,
    /// From `Spawned` to `Ended`.
    pub(crate) lived: Duration,
    pub(crate) decision: Decision,
}

/// What follows an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The next instance, after this delay.
    Restart { after: Duration },
    /// The supervisor ends: the operator had stopped it.
    Stopped,
    /// The supervisor ends: the instance ended with a clean status, and nothing was wrong with it.
    Clean,
    /// The supervisor ends: the exit code is one that no restart would help.
    Fatal,
    /// The supervisor ends: the instance had said that it was on its way to an end of its own.
    Finished,
    /// The supervisor ends: the policy is `Quit`.
    Quit,
    /// The supervisor ends: the budget has no restart left.
    Spent,
}

/// Stops and continues by a terminal or in its manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Job {
    /// The instance's first process is stopped.
    pub(super) halted: bool,
    /// SIGTSTP was passed on; a halt until then is its answer.
    pub(super) halting_until: Option<Time>,
    /// The supervisor stopped because the instance did: nothing is overdue until a signal continues it.
    pub(super) suspended: bool,
}
