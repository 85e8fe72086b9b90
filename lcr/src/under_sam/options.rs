//! The options of a runtime under sam.

use std::time::Duration;

/// How a runtime keeps its states with [`sam`]: what [`RuntimeBuilder::under`](crate::RuntimeBuilder::under) takes.
/// `sam::app()` alone is the default.
///
/// ```
/// # use std::time::Duration;
/// let under = lcr::Under::new(sam::app()).every(Duration::from_millis(200)).max_bytes(16 << 20);
/// let rt = lcr::Runtime::builder().under(under).build()?;
/// # Ok::<(), lcr::Error>(())
/// ```
#[must_use = "options keep nothing until `RuntimeBuilder::under` takes them"]
#[derive(Clone, Debug)]
pub struct Under {
    pub(super) app: &'static sam::App,
    pub(super) every: Option<Duration>,
    pub(super) at_commits: bool,
    pub(super) at_end: bool,
    pub(super) hold: Option<Duration>,
    pub(super) max_bytes: usize,
}

impl Under {
    /// The defaults.
    pub fn new(app: &'static sam::App) -> Under {
        let (every, hold) = (Some(Duration::from_secs(1)), Some(Duration::from_secs(1)));
        Under { app, every, at_commits: true, at_end: true, hold, max_bytes: 256 << 20 }
    }

    /// How often the states are saved. Callers of components with state are held each time, for as long as the copy
    /// takes; the save is given up if calls are inside for 2 s. Plans wait for its end. `None` saves at commits and at
    /// the end only. Default: 1 s.
    pub fn every(mut self, every: impl Into<Option<Duration>>) -> Under {
        self.every = every.into();
        self
    }

    /// Whether each commit is followed by a save. Default: true.
    pub fn at_commits(mut self, at_commits: bool) -> Under {
        self.at_commits = at_commits;
        self
    }

    /// Whether the end of the runtime begins with a save, which waits at most 2 s for calls that are inside.
    /// Default: true.
    pub fn at_end(mut self, at_end: bool) -> Under {
        self.at_end = at_end;
        self
    }

    /// How long callers may be held; a save that takes longer is given up. `None` sets no limit. Default: 1 s.
    pub fn hold(mut self, hold: impl Into<Option<Duration>>) -> Under {
        self.hold = hold.into();
        self
    }

    /// The most that is kept, in bytes. States that have more are not kept, and those of the save before stay.
    /// Default: 256 MiB.
    pub fn max_bytes(mut self, max_bytes: usize) -> Under {
        self.max_bytes = max_bytes;
        self
    }
}

impl From<&'static sam::App> for Under {
    fn from(app: &'static sam::App) -> Under {
        Under::new(app)
    }
}
