//! What operators and terminals ask for by signals, and what follows when a signal stops or continues the
//! instance.

use std::time::Duration;

use super::{
    action::{Action, Actions, SignalTarget},
    exit::Exit,
    machine::State,
    stage::Stage,
};
use crate::time::Time;

/// A second SIGINT that comes sooner than this is the first once more: a terminal and a parent process may
/// both have sent one for the same Ctrl-C.
const ANOTHER: Duration = Duration::from_millis(100);

/// A halt that comes later than this is no answer to the SIGTSTP that the supervisor passed on.
const HALTS_WITHIN: Duration = Duration::from_secs(5);

impl State {
    /// A signal came to the supervisor.
    pub(super) fn signal(&mut self, signal: i32, now: Time, actions: &mut Actions) {
        match signal {
            _ if self.policy.is_stop(signal) => self.stopped(signal, now, actions),
            libc::SIGTSTP => self.suspended(now, actions),
            // SIGCHLD is about our own children; no process can catch the others.
            libc::SIGCHLD | libc::SIGKILL | libc::SIGSTOP => {}
            1..=64 if self.lives() => {
                // A Ctrl-Z halted the whole group.
                let to = if signal == libc::SIGCONT { SignalTarget::Group } else { self.policy.pass_to };
                actions.push(Action::Send { signal, to });
                if signal == libc::SIGCONT {
                    self.job.halting_until = None;
                    self.unsuspended(now);
                }
            }
            _ => {}
        }
    }

    /// An operator wants the next instance. This one is stopped; its end is no failure, and the budget does
    /// not count the restart.
    pub(super) fn restart(&mut self, now: Time, actions: &mut Actions) {
        if self.stop.is_some() {
            return;
        }
        let limit = now.after(self.policy.stop_limit);
        let kill_at = match self.stage {
            Stage::Waiting { .. } => {
                self.delays.reset();
                self.restart_asked = true;
                self.stage = Stage::Waiting { at: now };
                return;
            }
            Stage::Living => limit,
            Stage::Warned { kill_at, .. } => kill_at.min(limit),
            Stage::Killing { .. } => {
                self.restart_asked = true;
                return;
            }
            // The next instance is on its way.
            Stage::Stopping { .. } | Stage::Spawning | Stage::Left { .. } => return,
        };
        self.restart_asked = true;
        self.end(self.policy.stop_signal.unwrap_or(libc::SIGTERM), Some(kill_at), actions);
    }

    /// The operator's stop.
    fn stopped(&mut self, signal: i32, now: Time, actions: &mut Actions) {
        let first = *self.stop.get_or_insert((signal, now));
        let limit = now.after(self.policy.stop_limit);
        let kill_at = match self.stage {
            Stage::Waiting { .. } => return self.exit(Exit::Signal { signal, core: false }, actions),
            Stage::Spawning | Stage::Left { .. } => return,
            Stage::Living => Some(limit),
            Stage::Warned { kill_at, .. } => Some(kill_at.min(limit)),
            // An operator who presses Ctrl-C a second time does not want to wait.
            Stage::Stopping { .. }
                if (first.0, signal) == (libc::SIGINT, libc::SIGINT) && now.since(first.1) >= ANOTHER =>
            {
                return self.kill(None, actions);
            }
            // Any other second stop hastens nothing.
            Stage::Stopping { .. } | Stage::Killing { .. } => None,
        };
        self.end(self.policy.stop_signal.unwrap_or(signal), kill_at, actions);
    }

    /// Tells the instance to end. With `kill_at` the stop begins here, and the machine kills then.
    fn end(&mut self, signal: i32, kill_at: Option<Time>, actions: &mut Actions) {
        actions.push(Action::Send { signal, to: self.policy.stop_to });
        if self.job.halted {
            actions.push(Action::Send { signal: libc::SIGCONT, to: SignalTarget::Group });
        }
        if let Some(kill_at) = kill_at {
            self.health.stop_probe(actions);
            self.job.suspended = false;
            self.job.halting_until = None;
            self.stage = Stage::Stopping { kill_at };
        }
    }

    /// SIGTSTP: stops the instance's group first, then the supervisor.
    fn suspended(&mut self, now: Time, actions: &mut Actions) {
        match self.stage {
            Stage::Waiting { .. } => actions.push(Action::Suspend),
            Stage::Living | Stage::Warned { .. } if self.job.halted => self.suspend(actions),
            Stage::Living | Stage::Warned { .. } => {
                actions.push(Action::Send { signal: libc::SIGTSTP, to: SignalTarget::Group });
                self.job.halting_until = Some(now.after(HALTS_WITHIN));
            }
            // A supervisor that has a limit to keep does not stop.
            Stage::Spawning | Stage::Stopping { .. } | Stage::Killing { .. } | Stage::Left { .. } => {}
        }
    }

    fn suspend(&mut self, actions: &mut Actions) {
        self.job.halting_until = None;
        self.job.suspended = true;
        actions.push(Action::Suspend);
    }

    fn unsuspended(&mut self, now: Time) {
        if !self.job.suspended {
            return;
        }
        self.job.suspended = false;
        self.health.rearm(&self.policy, now);
        if let Stage::Warned { kill_at, .. } = &mut self.stage {
            *kill_at = now.after(self.policy.grace);
        }
    }

    /// A signal has stopped the instance's main process.
    pub(super) fn halted(&mut self, signal: i32, now: Time, actions: &mut Actions) {
        self.job.halted = true;
        let asked = self.job.halting_until.is_some_and(|until| now <= until);
        let terminal = self.policy.terminal && matches!(signal, libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU);
        let attended = matches!(self.stage, Stage::Living | Stage::Warned { .. });
        if attended && !self.job.suspended && (asked || terminal) {
            self.suspend(actions);
        }
    }

    /// A signal has continued the instance's main process; if the supervisor is suspended, it came from
    /// another process.
    pub(super) fn resumed(&mut self, now: Time) {
        self.job.halted = false;
        self.unsuspended(now);
    }
}
