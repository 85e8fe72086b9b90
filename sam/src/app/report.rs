//! How the previous instance ended.

use std::{fmt, time::Duration};

use nix::sys::signal::Signal;

use super::{
    attach::{self, Supervision},
    calls::App,
};
use crate::{
    shared::{CHECKS, CheckReading, ExitRecord},
    state::Exit,
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
