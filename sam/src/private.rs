//! What the expansion of `#[sam::main]`, the command and the library for C call. It is no public API.

use std::process;

use crate::{Builder, Error};

pub use crate::options::{
    setting::{Section, Setting, Unset, spelled},
    surroundings::Identity,
    table::SETTINGS,
    values::read_signal,
};

/// Sets an option of the command line. `None`: the option does not take that value.
pub fn set(builder: Builder, setting: &Setting, value: &std::ffi::OsStr) -> Option<Builder> {
    builder.set(setting, value)
}

/// Sets the user as which another program runs.
pub fn set_user(builder: Builder, user: Identity) -> Builder {
    builder.user(user)
}

/// The options of the table that `sam run` takes.
pub fn settings_of_command() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.places.command)
}

/// The signal that asks a supervisor for a restart, and the word that is queued with it.
pub fn restart_request() -> (i32, Option<i32>) {
    crate::supervisor::restart_request()
}

/// Signals by their names.
pub mod signals {
    pub use libc::{
        SIGABRT, SIGALRM, SIGBUS, SIGCHLD, SIGCONT, SIGFPE, SIGHUP, SIGILL, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGPROF,
        SIGPWR, SIGQUIT, SIGSEGV, SIGSTOP, SIGSYS, SIGTERM, SIGTRAP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGUSR1,
        SIGUSR2, SIGVTALRM, SIGWINCH, SIGXCPU, SIGXFSZ,
    };
}

/// Has restarts and exits follow the rules of corosync's library, unless `SAM_COROSYNC=0`.
pub fn like_corosync(builder: Builder) -> Builder {
    builder.like_corosync()
}

/// Begins supervision. If that fails, prints why and ends the process: `main` may have any return type, so
/// the error cannot be its result.
pub fn enter(builder: Builder) {
    if let Err(error) = builder.supervise() {
        give_up(&error);
    }
}

/// Whether an instance has forked this process, so that it is no instance itself. Two loads;
/// async-signal-safe.
#[inline]
pub fn is_detached() -> bool {
    crate::app::is_detached()
}

/// Prints the error with its sources, and ends the process with the error's exit status.
pub fn give_up(error: &Error) -> ! {
    let mut text = format!("sam: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    eprintln!("{text}");
    process::exit(error.kind().exit_status().into())
}

/// The names in the expansion of `#[sam::main]`, under the version of `lcr-macros` that wrote the expansion:
/// if `crate = path` leads to another version of sam, the program does not compile.
pub mod v0_1_0 {
    pub use super::{enter, signals};
}
