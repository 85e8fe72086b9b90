//! The options of a history.

use std::{
    env, io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{Actor, host::sys};

use super::disk::{Disk, Fault};

/// Where a runtime keeps its history, and how. [`RuntimeBuilder::history`](crate::RuntimeBuilder::history) takes one.
///
/// ```no_run
/// use std::time::Duration;
/// let history = lcr::history::History::at("/var/lib/kv/history").keep(500).keep_for(Duration::from_secs(90 * 86_400));
/// let rt = lcr::Runtime::builder().history(history).build()?;
/// # Ok::<(), lcr::Error>(())
/// ```
#[must_use = "options keep no history until a runtime has them"]
#[derive(Clone, Debug)]
pub struct History {
    pub(super) directory: PathBuf,
    pub(super) options: Options,
    pub(super) disk: Disk,
}

/// The options of a history, which can be changed while it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How many transactions are kept, refused ones included; at least 1. Default: 1,000.
    pub keep: usize,
    /// For how long transactions are kept; `None` sets no limit. Default: no limit.
    pub keep_for: Option<Duration>,
    /// Whether the start brings back what was confirmed last. `None` leaves that to what an earlier process has
    /// said, and else means true. Default: `None`.
    pub reload_on_start: Option<bool>,
    /// Whether an orderly end leaves what was committed to the next process. With false the next process starts with
    /// what was confirmed when this one started. Default: true.
    pub persist_on_shutdown: bool,
    /// Whether an orderly end takes back every change: the next process starts with what is linked into the program.
    /// Default: false.
    pub unload_on_shutdown: bool,
    /// Whether a plan may be committed that cannot be recorded, because the disk is full or read-only, or another
    /// process has the directory. By default such a plan is refused with `History`. Default: false.
    pub allow_unrecorded: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            keep: 1_000,
            keep_for: None,
            reload_on_start: None,
            persist_on_shutdown: true,
            unload_on_shutdown: false,
            allow_unrecorded: false,
        }
    }
}

impl History {
    /// A history in this directory, which is made for this user alone if there is none. One process at a time has it.
    pub fn at(directory: impl Into<PathBuf>) -> History {
        History { directory: directory.into(), options: Options::default(), disk: Disk::default() }
    }

    /// A history in the user's directory for states, `$XDG_STATE_HOME/lcr/PROGRAM` or `~/.local/state/lcr/PROGRAM`,
    /// where `PROGRAM` is the name of this program's file. Of a program that runs twice, only one process has it: give
    /// each a directory of its own by [`History::at`].
    ///
    /// # Errors
    /// `NotFound` if neither variable is set.
    pub fn default_place() -> io::Result<History> {
        let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let states = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let states = states.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "neither XDG_STATE_HOME nor HOME is set; name the directory")
        })?;
        let program = Actor::this_process().program;
        let program = if program.is_empty() { "program".to_owned() } else { program };
        Ok(History::at(states.join("lcr").join(program)))
    }

    /// How many transactions are kept: see [`Options::keep`].
    pub fn keep(mut self, count: usize) -> History {
        self.options.keep = count;
        self
    }

    /// For how long transactions are kept: see [`Options::keep_for`].
    pub fn keep_for(mut self, age: impl Into<Option<Duration>>) -> History {
        self.options.keep_for = age.into();
        self
    }

    /// Whether the start brings back what was confirmed last: see [`Options::reload_on_start`].
    pub fn reload_on_start(mut self, reload: bool) -> History {
        self.options.reload_on_start = Some(reload);
        self
    }

    /// Whether an orderly end leaves what was committed to the next process: see [`Options::persist_on_shutdown`].
    pub fn persist_on_shutdown(mut self, persist: bool) -> History {
        self.options.persist_on_shutdown = persist;
        self
    }

    /// Whether an orderly end takes back every change: see [`Options::unload_on_shutdown`].
    pub fn unload_on_shutdown(mut self, unload: bool) -> History {
        self.options.unload_on_shutdown = unload;
        self
    }

    /// Whether a plan may be committed that cannot be recorded: see [`Options::allow_unrecorded`].
    pub fn allow_unrecorded(mut self, allow: bool) -> History {
        self.options.allow_unrecorded = allow;
        self
    }

    /// Calls a function ahead of each call that changes a file; an error takes the place of the call. For tests.
    #[doc(hidden)]
    pub fn __faults(mut self, fault: Fault) -> History {
        self.disk = Disk::with_faults(fault);
        self
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

/// Whether another user could write to a directory, which holds code.
pub(super) fn others_may_write(directory: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(directory)?;
    let is_ours = matches!(metadata.uid(), owner if owner == sys::user() || owner == 0);
    Ok(!is_ours || metadata.mode() & 0o022 != 0)
}
