//! What happens to the supervisor.

use super::exit::Exit;
use crate::time::Time;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The instance that the machine asked for exists.
    Spawned,
    /// The supervisor could not make the instance; the error number says why.
    NotSpawned(i32),
    /// What the instance's board says. The loop sends it at every wake-up while an instance lives, before
    /// `Tick`.
    Look(Reading),
    /// The instance has ended, the supervisor has reaped it, and nothing of its process group is left.
    Ended(Exit),
    /// A signal (SIGSTOP, SIGTSTP ...) has stopped the instance's main process.
    Halted(i32),
    /// A signal has continued that process.
    Resumed,
    /// Another process is the instance's main one from here on.
    HandedOver,
    /// An operator wants the next instance in place of this one.
    Restart,
    /// A signal came to the supervisor.
    Signal(i32),
    /// The probe has ended. True: it found the instance well.
    Probed(bool),
    /// The supervisor could not start the probe that the machine asked for.
    Unprobed,
    /// Time has passed; `State::deadline` may have come.
    Tick,
}

/// What the board of the living instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) phase: Phase,
    /// The instance has called `mark_failed`.
    pub(crate) failed: bool,
    /// When the first of the active checks is, or was, overdue. `NEVER` if all are parked.
    pub(crate) due: Time,
    /// Which check that is.
    pub(crate) check: u8,
    /// The newest question that the instance has answered.
    pub(crate) answered: u64,
    /// Why an overdue check or answer is not the instance's own failure. The supervisor looks for an
    /// excuse only if `due`, or `State::due`, has come.
    pub(crate) excuse: Option<Excuse>,
}

/// Where the instance says that it is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Starting = 0,
    /// Serving, but no check is active.
    Ready = 1,
    /// Serving, and its checks count.
    Running = 2,
    /// About to end of its own accord.
    Stopping = 3,
}

/// Why a missed deadline is not the instance's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// A debugger holds the instance.
    Traced,
    /// The instance was ready to run for most of the interval and got no processor.
    Starved,
}
