//! A command that looks at the instance from outside.

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use nix::unistd::{ForkResult, Pid, fork, setpgid};

use super::{Supervisor, sys};

/// A probe that runs.
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
}

impl Supervisor {
    /// Starts the command. `None` if that failed, or there is none.
    pub(super) fn start_probe(&self) -> Option<Probe> {
        let (Some(probe), Some(living)) = (&self.options.probe, &self.living) else {
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
                super::upward::hide();
                sys::set_mask(&self.mask);
                let mut command = Command::new("/bin/sh");
                command.arg("-c").arg(&probe.command).stdin(Stdio::null());
                command.env("SAM_PID", living.pid.to_string());
                command.env("SAM_INSTANCE", self.state.instance().to_string());
                let _ = command.exec();
                sys::leave(127)
            }
        }
    }
}
