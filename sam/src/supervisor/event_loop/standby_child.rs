//! What the standby child does, from its fork until it is an instance.
//!
//! After the fork the child drops everything of the supervisor but a [`StandbyChild`], and waits for its
//! bell with every signal still blocked. It runs no line of the application and holds none of the
//! kept descriptors. When the bell rings it becomes the instance.
//!
//! When the supervisor dies, no process can ring that bell any more. The child then kills the instance that
//! serves, with everything of it that can be found (`guard`), and exits.

use std::{
    hint,
    os::fd::{AsFd as _, AsRawFd, BorrowedFd},
};

use super::{exec, guard::Guard};
use crate::{
    app::{InstanceFds, app, attach},
    error::{Error, Result},
    options::Options,
    supervisor::{
        kernel::{
            signals::{self, Signal},
            surroundings::Prepared,
            sys,
        },
        protocols::{notify_client, notify_server::NotifyEnvironment},
    },
    wire::heard,
};

/// What the child of a fork keeps of the supervisor: all that the instance needs.
pub(crate) struct StandbyChild {
    pub(super) instance: u32,
    pub(super) fds: InstanceFds,
    /// Whether the instance is a program, this one or another, from its first line.
    pub(super) executes: bool,
    pub(super) options: Options,
    pub(super) supervisor: i32,
    pub(super) mask: signals::Mask,
    pub(super) child_signal: Option<signals::Disposition>,
    pub(super) notify_server: Option<NotifyEnvironment>,
    pub(super) surroundings: Prepared,
    /// The instance that serves meanwhile, which this process kills if the supervisor dies.
    pub(super) before: Option<Guard>,
}

impl StandbyChild {
    /// Prepares what can be prepared, waits until the supervisor starts this instance, and becomes it. If the
    /// preparation fails, the process exits, which counts as an instance that ended at once.
    pub(crate) fn begin(self) {
        // Attaching gives the instance's end away, so this is a copy.
        let bell = match self.fds.bell.try_clone() {
            Ok(bell) => bell,
            Err(error) => exit_over(&Error::io("cannot copy the bell of the instance", error)),
        };
        let program = self.options.program.as_deref();
        let dies = !self.options.outlive;
        let program = program.map(|program| {
            let mut command = exec::command(program, self.instance, self.notify_server.as_ref());
            self.surroundings.give(&mut command, dies.then_some(self.supervisor));
            command
        });
        let fds = match attach_unless(self.executes, self.fds) {
            Ok(fds) => fds,
            Err(error) => exit_over(&error),
        };
        // Touches what the first calls of the application read.
        hint::black_box(app().instance());
        notify_client::hide();
        exec::readdress(self.supervisor, self.options.hidden);
        if let Some(before) = &self.child_signal {
            signals::set_back(before);
        }
        if !is_started(bell.as_fd(), self.supervisor) {
            self.before.iter().filter(|_| dies).for_each(|before| before.kill(self.supervisor));
            sys::exit(libc::EXIT_FAILURE);
        }
        if dies {
            sys::die_with(self.supervisor);
        }
        signals::set_mask(&self.mask);
        match (program, fds) {
            (Some(program), _) => exec::execute(program),
            (None, Some(fds)) => exec::execute_self(&fds, self.supervisor),
            (None, None) => {}
        }
    }
}

/// Waits for the bell. False when the supervisor is gone, so that the bell cannot ring any more.
///
/// A signal that comes meanwhile (`pkill` by the program's name, for example) is for no instance, and this
/// drops it. It reads signals one by one, so that it drops none that comes after the ring.
fn is_started(bell: BorrowedFd<'_>, supervisor: i32) -> bool {
    // Without this descriptor the signals stay pending and reach the instance.
    let signals = signals::signal_fd().ok();
    let mut fds = [bell.as_raw_fd(), signals.as_ref().map_or(-1, AsRawFd::as_raw_fd)].map(|fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    });
    while fds[0].revents == 0 {
        // If the kernel is short of memory, the next turn may succeed.
        if sys::wait(&mut fds, None).is_err() || fds[0].revents != 0 {
            continue;
        }
        if let Some(Signal { number: signal, sender, .. }) = signals.as_ref().and_then(signals::next_signal)
            && sender == supervisor
        {
            // The supervisor has rung meanwhile, and this signal is for the instance.
            let _ = sys::send(std::process::id().cast_signed(), signal);
            break;
        }
    }
    heard(bell)
}

/// Attaches, unless the descriptors are for the program that is executed.
fn attach_unless(executes: bool, fds: InstanceFds) -> Result<Option<InstanceFds>> {
    if executes { Ok(Some(fds)) } else { attach(fds).map(|()| None) }
}

/// Prints the error on standard error and exits; the supervisor sees the status.
pub(super) fn exit_over(error: &Error) -> ! {
    eprintln!("sam: an instance cannot begin: {error}");
    sys::exit(libc::EXIT_FAILURE)
}
