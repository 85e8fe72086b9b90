//! The commands that an operator gives: the probe, and the command for a failure. A shell runs them.
//!
//! Each command runs in a process group of its own, beside the instance, with the supervisor's environment,
//! signals and folder. It dies with the supervisor.

use std::{
    io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use nix::unistd::{ForkResult, Pid, fork, setpgid};

use crate::{
    error::{Error, Result},
    supervisor::{
        kernel::{dispositions, program, signals, sys},
        protocols::notify_client,
    },
    time::Time,
};

const SHELL: &str = "/bin/sh";

/// Refuses commands where there is no shell, because each would count as a failure.
pub(super) fn look_for_shell(what: &str) -> Result<()> {
    program::look_for(SHELL.as_ref()).map_err(|error| {
        let text =
            format!("{what} are run by {SHELL} -c, which cannot be executed here; install a shell, or give no command");
        Error::new(error.kind(), text).with_source(error)
    })
}

/// A command that runs.
pub(super) struct ShellCommand {
    /// The number of the first process and of the process group.
    pub(super) pid: i32,
    /// When the supervisor kills the command.
    pub(super) until: Time,
}

/// What a command inherits.
pub(super) struct Inherited<'a> {
    pub(super) supervisor: i32,
    pub(super) mask: &'a signals::Mask,
    /// Whether the output goes to the supervisor's standard error, because it is for the reader of the log and
    /// not for the reader of the service's output. Otherwise it goes to `/dev/null`.
    pub(super) logs: bool,
}

impl ShellCommand {
    /// Starts the command `text`; `set` adds variables to its environment.
    ///
    /// # Errors
    /// The kernel makes no process.
    pub(super) fn start(
        text: &str,
        until: Time,
        inherited: Inherited<'_>,
        set: impl FnOnce(&mut Command),
    ) -> nix::Result<ShellCommand> {
        // SAFETY: this process has one thread, so the child may do whatever a process may.
        match unsafe { fork() }? {
            ForkResult::Parent { child } => {
                // The child does the same: whichever process is first, the group exists from then on.
                let _ = setpgid(child, child);
                Ok(ShellCommand { pid: child.as_raw(), until })
            }
            ForkResult::Child => {
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                sys::die_with(inherited.supervisor);
                notify_client::hide();
                signals::set_mask(inherited.mask);
                let mut command = Command::new(SHELL);
                command.arg("-c").arg(text).stdin(Stdio::null());
                let log = || if inherited.logs { stderr_again() } else { Stdio::null() };
                command.stdout(log()).stderr(log());
                set(&mut command);
                dispositions::as_found(&mut command);
                let _ = command.exec();
                sys::exit(127)
            }
        }
    }

    /// Kills the command and its process group. The loop reaps the first process like any child.
    pub(super) fn stop(&mut self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
        let _ = sys::send(self.pid, libc::SIGKILL);
        self.until = Time::NEVER;
    }

    /// Kills what is left of the group, now that the first process was reaped.
    pub(super) fn stop_rest(self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
    }
}

/// A copy of standard error; `/dev/null` where it cannot be copied.
fn stderr_again() -> Stdio {
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}
