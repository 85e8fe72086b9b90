//! What a step of the machine has changed, as the log and the events tell it.

use crate::state::{Cause, Decision, Exit, Stage, State};

/// What a step has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    Started,
    Ready,
    Warned(Cause),
    Recovered,
    HandedOver,
    Killed,
    Stopping(i32),
    Restarting,
    Ended,
    NotStarted,
    Left(Exit),
}

impl Transition {
    pub(super) fn of(before: &State, after: &State) -> Option<Transition> {
        if before.last() != after.last()
            && let Some(end) = after.last()
        {
            return Some(if end.exit.is_err() { Transition::NotStarted } else { Transition::Ended });
        }
        if before.hand_overs() != after.hand_overs() {
            return Some(Transition::HandedOver);
        }
        match (before.stage(), after.stage()) {
            (old, Stage::Left { exit }) if !matches!(old, Stage::Left { .. }) => Some(Transition::Left(exit)),
            (Stage::Spawning, Stage::Living | Stage::Stopping { .. }) => Some(Transition::Started),
            (Stage::Living, Stage::Warned { cause, .. }) => Some(Transition::Warned(cause)),
            (Stage::Warned { cause: old, .. }, Stage::Warned { cause, .. }) if old != cause => {
                Some(Transition::Warned(cause))
            }
            (Stage::Warned { .. }, Stage::Living) => Some(Transition::Recovered),
            (old, Stage::Killing { .. }) if !matches!(old, Stage::Killing { .. }) => Some(Transition::Killed),
            (Stage::Living | Stage::Warned { .. }, Stage::Stopping { .. }) if after.is_restart_asked() => {
                Some(Transition::Restarting)
            }
            _ if before.stop_signal() != after.stop_signal() => after.stop_signal().map(Transition::Stopping),
            (Stage::Living, Stage::Living) if !before.serves() && after.serves() => Some(Transition::Ready),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Transition::Started => "started",
            Transition::Ready => "ready",
            Transition::Warned(_) => "warned",
            Transition::Recovered => "recovered",
            Transition::HandedOver => "handed over",
            Transition::Killed => "killed",
            Transition::Stopping(_) => "stopping",
            Transition::Restarting => "restarting",
            Transition::Ended => "ended",
            Transition::NotStarted => "not started",
            Transition::Left(_) => "left",
        }
    }

    /// Whether an operator wants to read of it. What goes well, from the first instance to a clean end, is
    /// silent.
    pub(super) fn is_for_people(self, after: &State) -> bool {
        match self {
            Transition::Started
            | Transition::Ready
            | Transition::HandedOver
            | Transition::Stopping(_)
            | Transition::Restarting
            | Transition::Left(_) => false,
            Transition::Ended => !after.last().is_some_and(|end| end.decision == Decision::Clean),
            _ => true,
        }
    }
}
