//! What a step of the machine has changed that somebody wants to know.

use crate::state::{Cause, Exit, How, Stage, State, Then};

/// What a step has changed that somebody wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
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

impl What {
    pub(super) fn of(before: &State, after: &State) -> Option<What> {
        if before.last() != after.last()
            && let Some(end) = after.last()
        {
            return Some(if matches!(end.how, How::NotMade(_)) { What::NotStarted } else { What::Ended });
        }
        if before.hand_overs() != after.hand_overs() {
            return Some(What::HandedOver);
        }
        match (before.stage(), after.stage()) {
            (old, Stage::Left { exit }) if !matches!(old, Stage::Left { .. }) => Some(What::Left(exit)),
            (Stage::Spawning, Stage::Living | Stage::Stopping { .. }) => Some(What::Started),
            (Stage::Living, Stage::Warned { cause, .. }) => Some(What::Warned(cause)),
            (Stage::Warned { cause: old, .. }, Stage::Warned { cause, .. }) if old != cause => {
                Some(What::Warned(cause))
            }
            (Stage::Warned { .. }, Stage::Living) => Some(What::Recovered),
            (old, Stage::Killing { .. }) if !matches!(old, Stage::Killing { .. }) => Some(What::Killed),
            (Stage::Living | Stage::Warned { .. }, Stage::Stopping { .. }) if after.is_renewed() => {
                Some(What::Restarting)
            }
            _ if before.stop_signal() != after.stop_signal() => after.stop_signal().map(What::Stopping),
            (Stage::Living, Stage::Living) if !before.serves() && after.serves() => Some(What::Ready),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            What::Started => "started",
            What::Ready => "ready",
            What::Warned(_) => "warned",
            What::Recovered => "recovered",
            What::HandedOver => "handed over",
            What::Killed => "killed",
            What::Stopping(_) => "stopping",
            What::Restarting => "restarting",
            What::Ended => "ended",
            What::NotStarted => "not started",
            What::Left(_) => "left",
        }
    }

    /// Whether an operator wants to read it: not what goes well from the first instance to
    /// a clean end.
    pub(super) fn is_for_people(self, after: &State) -> bool {
        match self {
            What::Started | What::Ready | What::HandedOver | What::Stopping(_) | What::Restarting | What::Left(_) => {
                false
            }
            What::Ended => !after.last().is_some_and(|end| end.then == Then::Clean),
            _ => true,
        }
    }
}
