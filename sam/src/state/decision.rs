//! What follows the end of an instance: the next one, or the end of the supervisor, and with which exit.

use std::time::Duration;

use super::{
    event::Phase,
    exit::Exit,
    machine::State,
    policy::Recovery,
    stage::{Cause, Decision},
};
use crate::time::Time;

/// The supervisor's status if it could make no instance: EX_OSERR of `sysexits.h`.
const NOT_MADE: i32 = 71;

impl State {
    /// Decides what follows an end with this exit, or an instance that could not be made (`Err`: the error
    /// number). `cause` is why the supervisor had warned or killed the instance.
    pub(super) fn decide(&mut self, exit: Result<Exit, i32>, cause: Option<Cause>, now: Time) -> Decision {
        if self.stop.is_some() {
            return Decision::Stopped;
        }
        if self.restart_asked {
            self.delays.reset();
            return Decision::Restart { after: Duration::ZERO };
        }
        if self.policy.recovery == Recovery::Quit {
            return Decision::Quit;
        }
        match exit {
            Ok(Exit::Code(code)) if self.policy.fatal.contains(code) => return Decision::Fatal,
            Ok(_) if self.policy.recovery == Recovery::Always => {}
            Ok(Exit::Code(code)) if cause.is_none() && (code == 0 || self.policy.clean.contains(code)) => {
                return Decision::Clean;
            }
            Ok(_) if cause.is_none() && self.health.reading.phase == Phase::Stopping => return Decision::Finished,
            Ok(Exit::Code(_))
                if self.policy.passes_exits && cause.is_none() && self.health.reading.phase != Phase::Running =>
            {
                return Decision::Finished;
            }
            _ => {}
        }
        let after = self.delays.next(&self.policy.backoff);
        if self.restarts.allows(self.policy.budget, now.after(after)) {
            Decision::Restart { after }
        } else {
            Decision::Spent
        }
    }

    /// Whether an end is a failure: neither clean, nor what the operator or the instance wanted.
    pub(super) fn is_failure(&self, exit: Result<Exit, i32>, cause: Option<Cause>, decision: Decision) -> bool {
        let is_clean =
            cause.is_none() && matches!(exit, Ok(Exit::Code(code)) if code == 0 || self.policy.clean.contains(code));
        match decision {
            Decision::Stopped | Decision::Clean | Decision::Finished => false,
            Decision::Restart { .. } | Decision::Quit => !is_clean,
            Decision::Fatal | Decision::Spent => true,
        }
    }

    /// The supervisor's own status.
    pub(super) fn exit_of_supervisor(&self, exit: Result<Exit, i32>, decision: Decision) -> Exit {
        match (exit, decision, self.stop) {
            // A supervisor that gives up did not succeed, even if the last instance ended with 0 when
            // it was warned.
            (Ok(Exit::Code(0)), Decision::Spent, _) => Exit::Code(1),
            (Ok(exit), ..) => exit,
            (Err(_), _, Some((signal, _))) => Exit::Signal { signal, core: false },
            (Err(_), _, None) => Exit::Code(NOT_MADE),
        }
    }
}
