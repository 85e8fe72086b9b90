//! What the expansion of `#[sam::main]` and the library for C call. Not for people.

use std::process;

use crate::{Builder, Error};

pub use crate::options::{
    setting::{Section, Setting, Unset, spelled},
    surroundings::Identity,
    table::SETTINGS,
    values::read_signal,
};

/// Puts an option of the command line in; `None` if its value makes no sense.
pub fn set(builder: Builder, setting: &Setting, value: &std::ffi::OsStr) -> Option<Builder> {
    builder.set(setting, value)
}

/// Has another program run as that user.
pub fn set_user(builder: Builder, user: Identity) -> Builder {
    builder.user(user)
}

/// The options of the table that the command line has.
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

/// Restarts and passes exits on as corosync's library does, unless `SAM_COROSYNC=0`.
pub fn like_corosync(builder: Builder) -> Builder {
    builder.like_corosync()
}

/// Begins supervision, or says why not and ends the process: `main` may return anything.
pub fn enter(builder: Builder) {
    if let Err(error) = builder.supervise() {
        give_up(&error);
    }
}

/// Whether this process was forked by an instance, and so is none itself. Two loads;
/// async-signal-safe.
#[inline]
pub fn is_detached() -> bool {
    crate::app::is_detached()
}

/// Says why, and ends the process with the error's status.
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

/// What the expansion of `#[sam::main]` names, called by the version of `lcr-macros` that wrote
/// it: macros that are sent to another version by `crate = path` do not compile.
pub mod v0_1_0 {
    pub use super::{enter, signals};
}
