//! The command that the supervisor runs when an instance has failed, to notify people or to save evidence.
//!
//! The command runs beside the next instance. The supervisor does not wait for it, and kills it after its
//! limit. At its own end the supervisor does wait, because it supervises nothing any more: until that
//! limit at most, and not if an operator stops it. While one command runs, the supervisor starts no second
//! one: a program that fails in a loop would fill the machine with commands.

use std::os::fd::AsRawFd as _;

use super::{
    Supervisor,
    shell::{Inherited, ShellCommand},
};
use crate::{
    shared::now,
    state::Exit,
    supervisor::{
        kernel::signals::{self, Signal},
        protocols::journal::{cause_name, decision_name},
        sys::{self, Change},
    },
    time::Time,
};

impl Supervisor {
    /// Runs the command for the end that the machine has just judged.
    pub(super) fn run_failure_command(&mut self, now: Time) {
        let (Some(text), Some(end)) = (&self.options.on_failure, self.state.last()) else { return };
        if self.failure_command.is_some() {
            return self.say_that_no_command_runs(end.instance, "that of an earlier failure still runs");
        }
        let inherited = Inherited { supervisor: self.pid, mask: &self.mask, logs: self.options.log };
        let started = ShellCommand::start(text, now.after(self.options.on_failure_limit), inherited, |command| {
            command.env("SAM_INSTANCE", end.instance.to_string()).env("SAM_DECISION", decision_name(end.decision));
            command.env("SAM_LIVED_MS", end.lived.as_millis().to_string());
            for name in ["SAM_CAUSE", "SAM_EXIT_STATUS", "SAM_EXIT_SIGNAL"] {
                command.env_remove(name);
            }
            if let Some(cause) = end.cause {
                command.env("SAM_CAUSE", cause_name(cause));
            }
            match end.exit {
                Ok(Exit::Code(code)) => command.env("SAM_EXIT_STATUS", code.to_string()),
                Ok(Exit::Signal { signal, .. }) => command.env("SAM_EXIT_SIGNAL", signal.to_string()),
                Err(_) => command,
            };
        });
        match started {
            Ok(command) => self.failure_command = Some(command),
            Err(_) => self.say_that_no_command_runs(end.instance, "the system makes no process for it"),
        }
    }

    fn say_that_no_command_runs(&self, instance: u32, why: &str) {
        self.journal.say(format_args!("the command for the failure of instance {instance} is not run: {why}"));
    }

    /// Kills the command when its limit is over.
    pub(super) fn limit_failure_command(&mut self, now: Time) {
        if let Some(command) = self.failure_command.as_mut().filter(|command| command.until <= now) {
            command.stop();
            self.journal
                .say(format_args!("the command for a failure has run for longer than on-failure-limit, and is killed"));
        }
    }

    /// Waits for the command at the end of the supervisor, when nothing else is left to be done.
    pub(super) fn await_failure_command(&mut self) {
        while let Some(pid) = self.failure_command.as_ref().map(|command| command.pid) {
            while let Some(Signal { number, .. }) = signals::next_signal(&self.signals) {
                let stops = matches!(number, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT);
                self.failure_command.as_mut().filter(|_| stops).into_iter().for_each(ShellCommand::stop);
            }
            while let Some((child, change, _)) = sys::next_change() {
                if let (true, Change::Ended(_)) = (child == pid, change) {
                    self.failure_command.take().into_iter().for_each(ShellCommand::stop_rest);
                    return;
                }
            }
            self.limit_failure_command(now());
            let until = self.failure_command.as_ref().map_or(Time::NEVER, |command| command.until);
            let mut fds = [libc::pollfd { fd: self.signals.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
            let _ = sys::wait(&mut fds, (until != Time::NEVER).then(|| until.since(now())));
        }
    }
}
