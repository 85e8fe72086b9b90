//! A command that an operator wants to be run when an instance has failed: it tells somebody, or
//! saves what there is to see.
//!
//! It runs beside the next instance, in a process group of its own, which is killed after its limit;
//! the supervisor does not wait for it. At the supervisor's own end nothing is supervised any more, so
//! it does wait there, for that limit at most, and not if it is told to stop. While one runs there is no
//! second: a program that fails in a loop would fill the machine with them.

use std::{
    os::{fd::AsRawFd as _, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use nix::unistd::{ForkResult, Pid, fork, setpgid};

use crate::{
    shared::now,
    state::Exit,
    supervisor::{
        event_loop::{
            Supervisor,
            probe::{SHELL, stderr_again},
        },
        kernel::{
            dispositions,
            sys::{self, Change, Signal},
        },
        protocols::journal::{cause_name, decision_name},
    },
    time::Time,
};

/// A command that runs.
pub(super) struct Failure {
    /// Its first process and its process group.
    pub(super) pid: i32,
    /// When it is killed.
    pub(super) until: Time,
}

impl Failure {
    /// Kills what there is of it; its first process is reaped like an orphan.
    pub(super) fn stop(&mut self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
        let _ = sys::send(self.pid, libc::SIGKILL);
        self.until = Time::NEVER;
    }

    /// Kills what is left of it, now that its first process was reaped.
    pub(super) fn stop_rest(self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
    }
}

impl Supervisor {
    /// Runs the command for the end that the machine has just judged.
    pub(super) fn run_failure_command(&mut self, now: Time) {
        let (Some(command), Some(end)) = (&self.options.on_failure, self.state.last()) else { return };
        let why = match &self.failure {
            Some(_) => "the one of a failure before it still runs",
            // SAFETY: this process has one thread, so the child may do whatever a process may.
            None => match unsafe { fork() } {
                Err(_) => "no process can be made for it",
                Ok(ForkResult::Parent { child }) => {
                    let _ = setpgid(child, child);
                    self.failure =
                        Some(Failure { pid: child.as_raw(), until: now.after(self.options.on_failure_limit) });
                    return;
                }
                Ok(ForkResult::Child) => {
                    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                    sys::die_with(self.pid);
                    crate::supervisor::protocols::notify_client::hide();
                    sys::set_mask(&self.mask);
                    let mut shell = Command::new(SHELL);
                    shell.arg("-c").arg(command).stdin(Stdio::null());
                    let log = || if self.options.log { stderr_again() } else { Stdio::null() };
                    shell.stdout(log()).stderr(log());
                    shell
                        .env("SAM_INSTANCE", end.instance.to_string())
                        .env("SAM_DECISION", decision_name(end.decision));
                    shell.env("SAM_LIVED_MS", end.lived.as_millis().to_string());
                    for name in ["SAM_CAUSE", "SAM_EXIT_STATUS", "SAM_EXIT_SIGNAL"] {
                        shell.env_remove(name);
                    }
                    if let Some(cause) = end.cause {
                        shell.env("SAM_CAUSE", cause_name(cause));
                    }
                    match end.exit {
                        Ok(Exit::Code(code)) => shell.env("SAM_EXIT_STATUS", code.to_string()),
                        Ok(Exit::Signal { signal, .. }) => shell.env("SAM_EXIT_SIGNAL", signal.to_string()),
                        Err(_) => &mut shell,
                    };
                    dispositions::as_found(&mut shell);
                    let _ = shell.exec();
                    sys::exit(127)
                }
            },
        };
        self.journal.say(format_args!("the command for the failure of instance {} is not run: {why}", end.instance));
    }

    /// Kills the command that has had its time.
    pub(super) fn limit_failure_command(&mut self, now: Time) {
        if let Some(failure) = self.failure.as_mut().filter(|failure| failure.until <= now) {
            failure.stop();
            self.journal.say(format_args!("the command for a failure is killed: it has had its time"));
        }
    }

    /// Waits for the command at the end of the supervisor, when nothing else is left to be done.
    pub(super) fn await_failure_command(&mut self) {
        while let Some(pid) = self.failure.as_ref().map(|failure| failure.pid) {
            while let Some(Signal { number, .. }) = sys::next_signal(&self.signals) {
                let stops = matches!(number, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT);
                self.failure.as_mut().filter(|_| stops).into_iter().for_each(Failure::stop);
            }
            while let Some((child, change, _)) = sys::next_change() {
                if let (true, Change::Ended(_)) = (child == pid, change) {
                    self.failure.take().into_iter().for_each(Failure::stop_rest);
                    return;
                }
            }
            self.limit_failure_command(now());
            let until = self.failure.as_ref().map_or(Time::NEVER, |failure| failure.until);
            let mut fds = [libc::pollfd { fd: self.signals.as_raw_fd(), events: libc::POLLIN, revents: 0 }];
            let _ = sys::wait(&mut fds, (until != Time::NEVER).then(|| until.since(now())));
        }
    }
}
