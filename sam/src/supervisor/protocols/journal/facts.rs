//! What the journal knows beside the state of the machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    shared::{Board, ExitRecord, Label},
    time::Time,
    wire::Kept,
};

pub(super) fn calendar() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The instance that runs, as far as the journal tells of it.
#[derive(Clone, Copy)]
pub(crate) struct Running<'a> {
    pub(crate) pid: i32,
    pub(crate) lived: Duration,
    pub(crate) board: &'a Board,
    /// The path of its cgroup.
    pub(crate) cgroup: Option<&'a [u8]>,
}

/// What the journal is given beside the machine's state.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// The instance that runs.
    pub(crate) running: Option<Running<'a>>,
    /// How the instance before ended.
    pub(crate) previous: Option<&'a ExitRecord>,
    pub(crate) kept: &'a Kept,
    /// How a program has described itself by `sd_notify`.
    pub(crate) said: &'a [u8],
    pub(crate) now: Time,
}

impl Facts<'_> {
    pub(super) fn pid(&self) -> i32 {
        self.running.map_or(0, |running| running.pid)
    }

    /// The name of a check of the instance that lives, or of the instance that has just ended; and how long
    /// the check has been silent, if the instance lives.
    pub(super) fn check(&self, index: u8) -> Option<(Label, Option<Duration>)> {
        match self.running {
            Some(running) => running.board.check(index.into(), self.now).map(|check| (check.label, Some(check.silent))),
            None => self.previous.and_then(|previous| previous.hung).map(|label| (label, None)),
        }
    }
}
