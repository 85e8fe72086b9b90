//! The dispositions of signals that a program finds: those that it would find without a supervisor.
//!
//! A signal that is ignored stays ignored over `exec`. So the caller of a program decides what becomes of
//! the program at a hang-up (`nohup`), a closed pipe, or an interrupt (a shell's `&`). The signal mask is
//! the business of `standby_child`. Two dispositions are not what the caller left: SIGCHLD, which the
//! supervisor sets and an instance sets back, and SIGPIPE, which the runtime of Rust ignores before
//! `main` begins and `std::process::Command` sets to its default before `exec`.

use std::{
    os::unix::process::CommandExt as _,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use super::signals;

/// Whether SIGPIPE was ignored when this process began.
static PIPE_WAS_IGNORED: AtomicBool = AtomicBool::new(false);

/// Looks before the runtime of Rust changes the disposition: the C library calls the functions of this
/// section before `main` (System V ABI, `.init_array`), or when it loads this library.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    // Miri runs initialisers too, and knows no dispositions.
    if cfg!(miri) {
        return;
    }
    PIPE_WAS_IGNORED.store(signals::is_ignored(libc::SIGPIPE), Ordering::Relaxed);
}

/// Has a program find SIGPIPE as this process found it.
pub(crate) fn as_found(command: &mut Command) {
    keep_pipe(command, PIPE_WAS_IGNORED.load(Ordering::Relaxed));
}

/// Has a program find SIGPIPE as it is now.
pub(crate) fn as_is(command: &mut Command) {
    keep_pipe(command, signals::is_ignored(libc::SIGPIPE));
}

fn keep_pipe(command: &mut Command, is_ignored: bool) {
    // SAFETY: one system call, after what `Command` itself does.
    unsafe {
        command.pre_exec(move || {
            signals::set_ignored(libc::SIGPIPE, is_ignored);
            Ok(())
        });
    }
}
