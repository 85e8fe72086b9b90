//! The supervisor: effects around the state machine.
//!
//! The process that calls [`supervise`] becomes it. It is one thread in one loop: it waits
//! until a signal or a message comes or the machine's deadline does, tells the machine what
//! happened, and does what that says. [`Supervisor::run`] returns only in children, each a
//! fork of this process as it was before the first; there, everything of the supervisor is
//! dropped on the way out, and the child waits until it is to be an instance (`spawn`).
//!
//! # Invariants
//! 1. Between the first fork and its end the supervisor allocates nothing, takes no lock,
//!    starts no thread, and waits for nothing but in [`sys::wait`], and for a child that stood
//!    by and was just killed: on its way out, where an instance is executed in its place, and
//!    where a signal had stopped it.
//! 2. Every signal is blocked and read from a descriptor, so no handler of the application
//!    ever runs here. What the kernel sends for this process's own deeds (SIGPIPE) is
//!    dropped; SIGCHLD is the occasion to look after children; others go to the machine.
//! 3. A process is signalled only between its fork and its reaping, so its number is its
//!    own, or by a descriptor (`main_process`); its group only while `Instance` is there, which
//!    outlasts the group, and its main process was in it.
//! 4. An end is told to the machine when the instance is reaped *and* its process group is
//!    empty (and, under [`crate::options::Strays::Kill`], no stray is left, and nothing lives in its cgroup):
//!    two instances never overlap, but for what [`crate::options::KillMode::Main`] lets go on.
//!    What SIGKILL itself does not end within `REAP_TIMEOUT` (a system call that never
//!    returns, a dead process that its parent does not wait for) is no longer waited for.
//! 5. A child that stands by runs no code of the application until its bell is rung, which
//!    is after the end of the instance before it was told to the machine.
//! 6. No descriptor of sam's has the number of a standard stream: one that is closed is opened
//!    before any other is made, as `/dev/null`, which the instances have there then, too.
//! 7. An instance that lost its supervisor before it asked to die with it (PR_SET_PDEATHSIG)
//!    sees another parent and leaves.

mod event_loop;
mod kernel;
mod protocols;
mod text;

use std::{convert::Infallible, ffi::OsStr};

use crate::{
    app::{app, attach},
    error::{Error, ErrorKind, Result},
    options::Options,
};
use event_loop::{StandbyChild, Supervisor, exec};
use kernel::{program, surroundings::Prepared, sys, threads};

/// The signal that asks for a restart, and the word that is queued with it. Others send real-time
/// signals, too, which are passed on.
pub(crate) fn restart_request() -> (i32, Option<i32>) {
    (libc::SIGRTMAX(), Some(i32::from_be_bytes(*b"next")))
}

/// Makes this process a supervisor; returns in its instances.
pub(crate) fn supervise(options: Options) -> Result<()> {
    fill_standard_streams()?;
    if let Some(fds) = exec::inherited() {
        return attach(fds);
    }
    if app().is_supervised() {
        return Err(Error::new(ErrorKind::Exists, "this process is an instance already; begin supervision once"));
    }
    threads::refuse_others()?;
    fresh(options)?.begin();
    Ok(())
}

/// Makes this process the supervisor of instances of `options.program`.
pub(crate) fn supervise_program(options: Options) -> Result<Infallible> {
    fill_standard_streams()?;
    threads::refuse_others()?;
    let program = options.program.as_deref().and_then(<[_]>::first);
    let program = program.map_or(OsStr::new(""), |name| name);
    if options.surroundings.are_given() && !program.is_empty() {
        Prepared::new(&options.surroundings).try_out(program)?;
    } else {
        program::look_for(program)?;
    }
    fresh(options)?.begin();
    // An instance executes the program, or leaves.
    sys::exit(libc::EXIT_FAILURE)
}

fn fill_standard_streams() -> Result<()> {
    let what = "open /dev/null for a standard stream that is closed";
    sys::fill_standard_streams().map_err(|error| Error::io(what, error))
}

/// A child that is to be an instance. Apart from its callers, so that its large frame is gone when
/// that one waits, which then touches the pages of the stack that the application has next.
#[inline(never)]
fn fresh(options: Options) -> Result<StandbyChild> {
    Ok(Supervisor::new(options)?.run())
}

/// How many lines of a datagram of `sd_notify(3)` say something.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(bytes: &[u8]) -> usize {
    protocols::sd_notify::notifications(bytes).count()
}
