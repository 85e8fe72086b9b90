//! What happens to the supervisor.

use super::exit::Exit;
use crate::time::Time;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The instance that was asked for exists.
    Spawned,
    /// It could not be made; the error number says why.
    NotSpawned(i32),
    /// What its board says. Sent at every wake-up while an instance lives, before `Tick`.
    Look(Reading),
    /// The instance ended, was reaped, and nothing of its process group is left.
    Ended(Exit),
    /// The instance's process was stopped (SIGSTOP, SIGTSTP ...).
    Halted(i32),
    /// It was continued.
    Resumed,
    /// Another process is its main one from here on.
    HandedOver,
    /// An operator wants the next instance in its place.
    Restart,
    /// A signal came to the supervisor.
    Signal(i32),
    /// The probe that runs ended: did it find the instance well?
    Probed(bool),
    /// The probe that was asked for could not be started.
    Unprobed,
    /// Time has passed; `State::deadline` may have come.
    Tick,
}

/// What the board of the living instance says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) phase: Phase,
    /// It called `mark_failed`.
    pub(crate) failed: bool,
    /// When the first of its active checks is, or was, overdue. `NEVER` if all are parked.
    pub(crate) due: Time,
    /// Which check that is.
    pub(crate) check: u8,
    /// The newest question that it answered (event-driven checks).
    pub(crate) answered: u64,
    /// Why an overdue check or answer is not its own failure. Looked up only if `due`, or
    /// `State::due`, has come.
    pub(crate) excuse: Option<Excuse>,
}

/// Where the instance is in its life, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Phase {
    Starting = 0,
    /// Serving, but no check is active.
    Ready = 1,
    /// Serving, and its checks count.
    Running = 2,
    /// On its way to an end of its own.
    Stopping = 3,
}

/// Why a missed deadline is not the instance's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excuse {
    /// A debugger holds it.
    Traced,
    /// It was ready to run for most of the interval and got no processor.
    Starved,
}
