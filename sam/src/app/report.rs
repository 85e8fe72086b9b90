//! What the supervisor tells an instance: how the one before ended, and that this one is warned.

use std::{fmt, time::Duration};

use nix::sys::signal::Signal;

use super::{
    attach::{self, Supervision},
    calls::App,
};
use crate::{
    shared::{CHECKS, CheckReading, ExitRecord, Warned, now},
    state::{Cause, Exit},
};

/// How the previous instance ended, and which resources it had used; see [`App::previous_exit`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How the process ended.
    pub exit: Exit,
    /// The check for whose silence the supervisor warned the instance, if it puts the end down to that.
    pub hung: Option<String>,
    /// Whether the instance had called [`App::mark_failed`].
    pub failed: bool,
    /// The time from the instance's start to its end.
    pub lived: Duration,
    /// Processor time in the instance's own code and in that of its children.
    pub user: Duration,
    /// Processor time that the kernel spent for the instance and its children.
    pub system: Duration,
    /// The most resident memory that the instance had at once, in bytes.
    pub max_rss: u64,
    /// The state of each check at the end.
    pub checks: Vec<CheckReport>,
}

/// A check at the end of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The check's name; `main` is that of [`App::beat`].
    pub name: String,
    /// Whether the check was parked, so that its silence was no failure.
    pub parked: bool,
    /// How long the check had been silent.
    pub silent: Duration,
    /// How long the check was allowed to be silent.
    pub deadline: Duration,
}

/// A warning of this instance by its supervisor; see [`App::last_warning`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// Tells this warning from the ones before: the first is 1, and 1 follows 65,535.
    pub number: u16,
    /// Why the supervisor warned.
    pub cause: WarningCause,
}

/// Why a supervisor warned its instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarningCause {
    /// The instance had called [`App::mark_failed`].
    Failed,
    /// A check was silent for longer than it may be: its name; `main` is that of [`App::beat`].
    Overdue(String),
    /// The instance did not answer a question.
    Unanswered,
    /// As many probes in a row had failed as the policy allows.
    Probe,
    /// The instance was not ready within the start limit.
    Start,
}

impl fmt::Display for WarningCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WarningCause::Failed => f.write_str("it has marked itself failed"),
            WarningCause::Overdue(check) => write!(f, "its check `{check}` was silent for too long"),
            WarningCause::Unanswered => f.write_str("it did not answer a question"),
            WarningCause::Probe => f.write_str("its probes have failed"),
            WarningCause::Start => f.write_str("it was not ready in time"),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Exit::Code(code) => write!(f, "ended with status {code}"),
            Exit::Signal { signal, core } => {
                match Signal::try_from(signal) {
                    Ok(signal) => write!(f, "died of {signal}")?,
                    Err(_) => write!(f, "died of signal {signal}")?,
                }
                if core { f.write_str(" and left a core") } else { Ok(()) }
            }
        }
    }
}

impl App {
    /// The last warning of this instance, also if the instance has recovered since. `None` if there was none, and
    /// without a supervisor.
    ///
    /// The supervisor writes it ahead of the warn signal. So a thread that looks here at intervals needs no handler for
    /// that signal, and tells a warning from an operator's stop ([`is_stopping`](Self::is_stopping)). Without a warning
    /// a look is a few loads. A signal that ends the process leaves no time to look.
    pub fn last_warning(&self) -> Option<Warning> {
        let Supervision::Attached(attached) = attach::supervision() else { return None };
        let Warned { number, cause } = attached.board.warned()?;
        let name = |check: u8| attached.board.check(check.into(), now()).map(|check| check.label.as_str().to_owned());
        let cause = match cause {
            Cause::Failed => WarningCause::Failed,
            Cause::Overdue { check } => WarningCause::Overdue(name(check).unwrap_or_default()),
            Cause::Unanswered => WarningCause::Unanswered,
            Cause::Probe => WarningCause::Probe,
            Cause::Start => WarningCause::Start,
        };
        Some(Warning { number, cause })
    }

    /// How the instance before this one ended. `None` in the first instance, and without a supervisor.
    pub fn previous_exit(&self) -> Option<Report> {
        let Supervision::Attached(attached) = attach::supervision() else { return None };
        let ExitRecord { exit, hung, failed, lived, user, system, max_rss } = attached.board.report()?;
        let check = |CheckReading { label, parked, silent, deadline }| CheckReport {
            name: label.as_str().to_owned(),
            parked,
            silent,
            deadline,
        };
        Some(Report {
            exit,
            hung: hung.map(|label| label.as_str().to_owned()),
            failed,
            lived,
            user,
            system,
            max_rss: max_rss.saturating_mul(1024),
            checks: (0..CHECKS).filter_map(|index| attached.board.past_check(index)).map(check).collect(),
        })
    }
}
