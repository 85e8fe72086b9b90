//! The supervisor: effects around the state machine.
//!
//! The process that calls [`supervise`] becomes the supervisor: one thread in one loop. It waits until a
//! signal, a message or the machine's deadline comes, tells the machine what happened, and executes the
//! actions that the machine asks for. [`Supervisor::run`] returns only in children. Each child is a fork
//! of this process as it was before the first fork. On its way out it drops everything of the supervisor,
//! and waits until it is to be an instance (`standby_child`).
//!
//! # Invariants
//! 1. Between the first fork and its end the supervisor allocates nothing, takes no lock and starts no
//!    thread. It waits only in [`sys::wait`], and for the end of a standby child that it has just killed:
//!    at its own end, where it executes an instance in the child's place, and where a signal had stopped
//!    the child.
//! 2. Every signal is blocked and read from a descriptor, so no handler of the application ever runs here.
//!    The supervisor drops the signals that its own system calls cause (SIGPIPE). At SIGCHLD it looks after
//!    its children. All others go to the machine.
//! 3. The supervisor signals a process only between its fork and its reaping, when the number is the
//!    process's own, or by a descriptor (`main_process`). It signals a group only while `Instance` exists,
//!    which outlasts the group, and if the instance's main process was in the group.
//! 4. The machine hears of an end when the supervisor has reaped the instance *and* its process group is
//!    empty; under [`crate::options::Strays::Kill`] also no stray must be left, and no process may live in
//!    its cgroup. Two instances never overlap, apart from what [`crate::options::KillMode::Main`] lets live
//!    on. After `REAP_TIMEOUT` the supervisor waits no longer for what SIGKILL has not ended: a system call
//!    that never returns, or a dead process that its parent does not reap.
//! 5. A standby child runs no code of the application until the supervisor rings its bell, which is after
//!    the machine has heard of the end of the instance before.
//! 6. No descriptor of sam's has the number of a standard stream: before it makes any other, the supervisor
//!    opens each standard stream that is closed as `/dev/null`. The instances find `/dev/null` there, too.
//! 7. An instance whose supervisor died before the instance asked to die with it (PR_SET_PDEATHSIG) sees
//!    another parent and exits.

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

/// The signal that asks for a restart, and the word that is queued with it. The word tells this request from
/// the same signal of other senders, which the supervisor passes on.
pub(crate) fn restart_request() -> (i32, Option<i32>) {
    (libc::SIGRTMAX(), Some(i32::from_be_bytes(*b"next")))
}

/// Makes this process a supervisor, and returns in its instances.
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
    // An instance executes the program, or exits.
    sys::exit(libc::EXIT_FAILURE)
}

fn fill_standard_streams() -> Result<()> {
    let what = "cannot open /dev/null for a standard stream that is closed";
    sys::fill_standard_streams().map_err(|error| Error::io(what, error))
}

/// Supervises, and returns in a child that is to be an instance. This is a function of its own, so that its
/// large frame is gone while the child waits: the child touches the pages of the stack that the application
/// uses next.
#[inline(never)]
fn fresh(options: Options) -> Result<StandbyChild> {
    Ok(Supervisor::new(options)?.run())
}

/// How many lines of a datagram of `sd_notify(3)` say something to the supervisor.
#[cfg(feature = "fuzzing")]
pub(crate) fn understood(bytes: &[u8]) -> usize {
    protocols::sd_notify::notifications(bytes).count()
}
