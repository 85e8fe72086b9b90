//! What the status file, the events and the previous exit's report read of the state.

use std::time::Duration;

use super::{
    event::Phase,
    machine::State,
    policy::{Checks, Policy},
    stage::{End, Stage},
};
use crate::time::Time;

impl State {
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Changes where the main check's signs of life come from, as the instance says at run time.
    pub(crate) fn set_checks(&mut self, checks: Checks) {
        self.policy.checks = checks;
    }

    /// Changes the main check's interval, as the instance says at run time.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.policy.interval = interval;
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// The stage in one word, for people and scripts.
    pub(crate) fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Waiting { .. } => "waiting",
            Stage::Spawning => "spawning",
            _ if self.job.suspended => "suspended",
            Stage::Living => match self.health.reading.phase {
                Phase::Starting => "starting",
                Phase::Ready => "ready",
                Phase::Running => "running",
                Phase::Stopping => "stopping",
            },
            Stage::Warned { .. } => "warned",
            Stage::Stopping { .. } => "stopping",
            Stage::Killing { .. } => "killing",
            Stage::Left { .. } => "left",
        }
    }

    /// Whether an instance serves: it is ready and nothing is wrong with it.
    pub(crate) fn serves(&self) -> bool {
        matches!(self.stage_name(), "ready" | "running")
    }

    /// Whether an instance lives, that is, from `Spawned` to `Ended`.
    pub(crate) fn lives(&self) -> bool {
        matches!(self.stage, Stage::Living | Stage::Warned { .. } | Stage::Stopping { .. } | Stage::Killing { .. })
    }

    /// The newest instance, or the one to come. The first is 1.
    pub(crate) fn instance(&self) -> u32 {
        self.instance
    }

    /// How often the supervisor has made an instance, or tried to, after the first.
    pub(crate) fn restarts(&self) -> u64 {
        self.restarts.total()
    }

    /// Whether an operator has asked for the next instance, which has not been made yet.
    pub(crate) fn is_restart_asked(&self) -> bool {
        self.restart_asked
    }

    /// How often an instance's main process became another.
    pub(crate) fn hand_overs(&self) -> u32 {
        self.handed_over
    }

    /// How the instance before ended.
    pub(crate) fn last(&self) -> Option<End> {
        self.last
    }

    /// When the first check, answer or start is overdue, before any excuse: once it has come, a
    /// `Reading` needs its `excuse`.
    pub(crate) fn due(&self) -> Time {
        self.health.due(&self.policy)
    }

    /// The signal of the operator's stop, if there was one.
    pub(crate) fn stop_signal(&self) -> Option<i32> {
        self.stop.map(|(signal, _)| signal)
    }
}
