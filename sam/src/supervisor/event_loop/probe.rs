//! A command that looks at the instance from outside.

use std::{
    io,
    os::{fd::AsFd as _, unix::process::CommandExt as _},
    process::{Command, Stdio},
};

use nix::unistd::{ForkResult, Pid, fork, setpgid};

use crate::{
    error::{Error, Result},
    supervisor::{
        event_loop::Supervisor,
        kernel::{dispositions, program, sys},
    },
};

/// A probe that runs. It is a process group of its own.
pub(super) struct Probe {
    /// Its first process and its process group.
    pub(super) pid: i32,
}

impl Probe {
    /// Kills it, all of it; it is reaped like an orphan.
    pub(super) fn stop(self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
        let _ = sys::send(self.pid, libc::SIGKILL);
    }

    /// Kills what is left of it, now that its first process was reaped: a probe's group ends with it.
    pub(super) fn stop_rest(self) {
        let _ = sys::send(-self.pid, libc::SIGKILL);
    }
}

/// What runs probes.
pub(super) const SHELL: &str = "/bin/sh";

/// Looks whether probes (or other commands) can be run at all: else each would be a failure.
pub(super) fn look_for_shell(what: &str) -> Result<()> {
    program::look_for(SHELL.as_ref()).map_err(|error| {
        let text =
            format!("{what} are run by {SHELL} -c, which cannot be executed here; install a shell, or have none");
        Error::new(error.kind(), text).with_source(error)
    })
}

/// Standard error once more. Nothing, where it cannot be copied.
pub(super) fn stderr_again() -> Stdio {
    io::stderr().as_fd().try_clone_to_owned().map_or_else(|_| Stdio::null(), Stdio::from)
}

impl Supervisor {
    /// Starts the command. `None` if that failed, or there is none.
    pub(super) fn start_probe(&self) -> Option<Probe> {
        let (Some(probe), Some(instance)) = (&self.options.probe, &self.instance) else {
            return None;
        };
        // SAFETY: this process has one thread, so the child may do whatever a process may.
        match unsafe { fork() } {
            Err(_) => None,
            Ok(ForkResult::Parent { child }) => {
                let _ = setpgid(child, child);
                Some(Probe { pid: child.as_raw() })
            }
            Ok(ForkResult::Child) => {
                let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
                sys::die_with(self.pid);
                crate::supervisor::protocols::notify_client::hide();
                sys::set_mask(&self.mask);
                let mut command = Command::new(SHELL);
                command.arg("-c").arg(probe).stdin(Stdio::null());
                // What it says is for whoever reads the log, not for whoever reads the service's output.
                let log = || if self.options.log { stderr_again() } else { Stdio::null() };
                command.stdout(log()).stderr(log());
                command.env("SAM_PID", instance.pid().to_string());
                command.env("SAM_INSTANCE", self.state.instance().to_string());
                dispositions::as_found(&mut command);
                let _ = command.exec();
                sys::exit(127)
            }
        }
    }
}
