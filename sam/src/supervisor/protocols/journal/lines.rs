//! Lines that tell what a step has changed: one for people, in words, and one for programs, in JSON.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use nix::errno::Errno;

use super::{
    facts::{Facts, calendar},
    transition::Transition,
};
use crate::{
    state::{Cause, Decision, Exit, State},
    supervisor::text::Json,
};

/// `its check main is overdue`.
struct CauseText<'a>(Cause, Facts<'a>);

impl fmt::Display for CauseText<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Cause::Failed => out.write_str("it marked itself failed"),
            Cause::Overdue { check } => match self.1.check(check) {
                Some((label, _)) => write!(out, "its check {} is overdue", label.as_str()),
                None => write!(out, "its check {check} is overdue"),
            },
            Cause::Unanswered => out.write_str("it did not answer"),
            Cause::Probe => out.write_str("its probe failed"),
            Cause::Start => out.write_str("it was not ready in time"),
        }
    }
}

/// `1.5s`, `20.0ms`, `less than a millisecond`.
struct Lived(Duration);

impl fmt::Display for Lived {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < Duration::from_millis(1) {
            return out.write_str("less than a millisecond");
        }
        write!(out, "{:.1?}", self.0)
    }
}

/// One line for people.
pub(super) struct Plain<'a> {
    pub(super) transition: Transition,
    pub(super) state: &'a State,
    pub(super) facts: Facts<'a>,
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.state.last();
        match (self.transition, end) {
            (Transition::Ended | Transition::NotStarted, Some(end)) => {
                match end.exit {
                    Ok(exit) => write!(out, "instance {} {}", end.instance, exit)?,
                    Err(error) => {
                        write!(out, "instance {} could not be made: {}", end.instance, Errno::from_raw(error).desc())?;
                    }
                }
                if let Some(cause) = end.cause {
                    write!(out, " ({})", CauseText(cause, self.facts))?;
                }
                if !self.facts.said.is_empty() {
                    write!(out, ", having said {}", Json(self.facts.said))?;
                }
                if end.exit.is_ok() {
                    write!(out, " after {}", Lived(end.lived))?;
                }
                out.write_str("; ")?;
                match end.decision {
                    Decision::Restart { after: Duration::ZERO } => out.write_str("the next begins"),
                    Decision::Restart { after } => write!(out, "the next begins in {after:.1?}"),
                    Decision::Stopped => out.write_str("stopped as asked"),
                    Decision::Clean => out.write_str("done"),
                    Decision::Fatal => out.write_str("its status says that a restart would not help"),
                    Decision::Finished => out.write_str("it had said that it would end"),
                    Decision::Quit => out.write_str("the policy is to quit"),
                    Decision::Spent => out.write_str("no restart is left in the budget"),
                }
            }
            (Transition::Warned(cause), _) => {
                let instance = self.state.instance();
                write!(out, "instance {instance} (pid {}) was warned: ", self.facts.pid())?;
                write!(out, "{}", CauseText(cause, self.facts))
            }
            (transition, _) => {
                write!(out, "instance {} (pid {}): {}", self.state.instance(), self.facts.pid(), transition.name())
            }
        }
    }
}

/// One line for programs.
pub(super) struct Event<'a> {
    pub(super) transition: Transition,
    pub(super) state: &'a State,
    pub(super) facts: Facts<'a>,
    pub(super) lost: u32,
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = calendar();
        write!(out, "{{\"time\":{}.{:03}", time.as_secs(), time.subsec_millis())?;
        let instance = match (self.transition, self.state.last()) {
            (Transition::Ended | Transition::NotStarted, Some(end)) => end.instance,
            _ => self.state.instance(),
        };
        write!(out, ",\"event\":\"{}\",\"instance\":{instance}", self.transition.name())?;
        if self.facts.pid() != 0 {
            write!(out, ",\"pid\":{}", self.facts.pid())?;
        }
        match self.transition {
            Transition::Warned(cause) => write_cause(out, cause, self.facts)?,
            Transition::Stopping(signal) => write!(out, ",\"signal\":{signal}")?,
            Transition::Left(exit) => write_exit(out, exit)?,
            Transition::Ended | Transition::NotStarted => {
                if let Some(end) = self.state.last() {
                    match end.exit {
                        Ok(exit) => write_exit(out, exit)?,
                        Err(error) => write!(out, ",\"error\":{error}")?,
                    }
                    if let Some(cause) = end.cause {
                        write_cause(out, cause, self.facts)?;
                    }
                    write_said(out, self.facts.said)?;
                    write!(out, ",\"lived_ms\":{},\"decision\":", end.lived.as_millis())?;
                    match end.decision {
                        Decision::Restart { after } => write!(out, "\"restart\",\"delay_ms\":{}", after.as_millis())?,
                        then => write!(out, "\"{}\"", decision_name(then))?,
                    }
                }
            }
            _ => {}
        }
        if self.lost > 0 {
            write!(out, ",\"lost\":{}", self.lost)?;
        }
        out.write_char('}')
    }
}

pub(crate) fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::Failed => "failed",
        Cause::Overdue { .. } => "overdue",
        Cause::Unanswered => "unanswered",
        Cause::Probe => "probe",
        Cause::Start => "start",
    }
}

pub(crate) fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Restart { .. } => "restart",
        Decision::Stopped => "stopped",
        Decision::Clean => "clean",
        Decision::Fatal => "fatal",
        Decision::Finished => "finished",
        Decision::Quit => "quit",
        Decision::Spent => "budget spent",
    }
}

pub(super) fn write_exit(out: &mut fmt::Formatter<'_>, exit: Exit) -> fmt::Result {
    match exit {
        Exit::Code(code) => write!(out, ",\"status\":{code}"),
        Exit::Signal { signal, core } => write!(out, ",\"signal\":{signal},\"core\":{core}"),
    }
}

pub(super) fn write_said(out: &mut fmt::Formatter<'_>, said: &[u8]) -> fmt::Result {
    if said.is_empty() { Ok(()) } else { write!(out, ",\"said\":{}", Json(said)) }
}

pub(super) fn write_cause(out: &mut fmt::Formatter<'_>, cause: Cause, facts: Facts<'_>) -> fmt::Result {
    write!(out, ",\"cause\":\"{}\"", cause_name(cause))?;
    if let Cause::Overdue { check } = cause
        && let Some((label, silent)) = facts.check(check)
    {
        write!(out, ",\"check\":{}", Json(label.as_str().as_bytes()))?;
        if let Some(silent) = silent {
            write!(out, ",\"silent_ms\":{}", silent.as_millis())?;
        }
    }
    Ok(())
}
