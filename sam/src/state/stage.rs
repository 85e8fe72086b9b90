//! Where the newest instance is, why it is not well, and how the one before it ended.

use std::time::Duration;

use super::exit::Exit;
use crate::time::Time;

/// Where the newest instance is, as the supervisor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No instance lives; the machine makes the next at that time.
    Waiting { at: Time },
    /// The machine has asked for `Spawn` and has no answer yet.
    Spawning,
    /// The instance lives and nothing is wrong with it.
    Living,
    /// The instance was warned because of `cause`. It is killed at that time unless it recovers.
    Warned { cause: Cause, kill_at: Time },
    /// The operator has stopped the instance. It is killed at that time unless it ends before.
    Stopping { kill_at: Time },
    /// The instance was killed and has not ended yet. `None`: at the end of an operator's stop.
    Killing { cause: Option<Cause> },
    /// The supervisor ends. No event changes this any more.
    Left { exit: Exit },
}

/// Why an instance is not well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The instance has called `mark_failed`.
    Failed,
    /// This check of its board is overdue.
    Overdue { check: u8 },
    /// The instance did not answer a question within the interval.
    Unanswered,
    /// As many probes in a row have failed as the policy allows.
    Probe,
    /// The instance was not ready within the start limit.
    Start,
}

/// The end of one instance, as the machine judged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) instance: u32,
    /// How the instance ended. `Err`: it could not be made, and the error number says why.
    pub(crate) exit: Result<Exit, i32>,
    /// Why the supervisor had warned or killed the instance, if that was not made good for long enough.
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
    /// The supervisor ends: the exit code is one after which a restart would not help.
    Fatal,
    /// The supervisor ends: the instance had said that it was about to end of its own accord.
    Finished,
    /// The supervisor ends: the policy is `Quit`.
    Quit,
    /// The supervisor ends: the budget has no restart left.
    Spent,
}

/// What job control (a terminal, or signals such as SIGTSTP) has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Job {
    /// The instance's main process is stopped.
    pub(super) halted: bool,
    /// The supervisor has passed SIGTSTP on; a halt until then is the answer.
    pub(super) halting_until: Option<Time>,
    /// The supervisor stopped because the instance did: nothing is overdue until a signal continues it.
    pub(super) suspended: bool,
}
