//! Everything that a supervisor is told, and what it is told if nothing is given.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{Cgroup, Checks, KillMode, Notify, Recovery, Respawn, SignalTarget, Strays, surroundings::Surroundings};
use crate::{shared::DEFAULT_CAPACITY, state::Exit};

/// The signals by which memory errors end a process. The stack protector and the allocator raise SIGABRT.
const FAULTS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGABRT];

/// Everything that a supervisor is told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `None`: beats are not checked.
    pub(crate) interval: Option<Duration>,
    pub(crate) recovery: Recovery,
    pub(crate) checks: Checks,
    pub(crate) warn_signal: i32,
    /// Which processes get the signals that do not stop the supervisor.
    pub(crate) pass_signals: SignalTarget,
    /// The signal at which the supervisor opens the file of events anew. It passes the signal on, too.
    pub(crate) reopen_signal: i32,
    /// The signal that a stop sends. `None`: the operator's own.
    pub(crate) stop_signal: Option<i32>,
    /// Which processes a stop and SIGKILL reach.
    pub(crate) kill_mode: KillMode,
    /// The time from the warning to SIGKILL. `None`: as long as the interval.
    pub(crate) grace: Option<Duration>,
    pub(crate) start_limit: Option<Duration>,
    pub(crate) stop_limit: Duration,
    /// How many restarts in a row do not wait.
    pub(crate) at_once: u32,
    /// The delay before the restart after those, and the longest delay. `None`: derived from the budget.
    pub(crate) backoff: Option<(Duration, Duration)>,
    /// How many restarts there may be in a window of time. `None`: any number, as corosync's library has it.
    pub(crate) budget: Option<(u32, Duration)>,
    pub(crate) healthy_after: Duration,
    pub(crate) clean: Vec<u8>,
    pub(crate) fatal: Vec<u8>,
    /// A command for `/bin/sh -c` that tells from outside whether the instance is well.
    pub(crate) probe: Option<String>,
    /// The time from the start of one probe to the start of the next.
    pub(crate) probe_every: Duration,
    /// How long a probe may run; then the supervisor kills it, and it has failed.
    pub(crate) probe_limit: Duration,
    /// How many failed probes in a row are a failure of the instance.
    pub(crate) probe_failures: u32,
    /// A command for `/bin/sh -c` when an instance has failed.
    pub(crate) on_failure: Option<String>,
    /// How long that command may run.
    pub(crate) on_failure_limit: Duration,
    pub(crate) respawn: Respawn,
    pub(crate) strays: Strays,
    pub(crate) cgroup: Cgroup,
    /// Whether `App::resume_checks` says that the application is ready, too.
    pub(crate) ready_at_start: bool,
    /// Whether the first probe that finds an instance well says that it is ready.
    pub(crate) ready_by_probe: bool,
    /// Whether an exit while no check is active ends the supervisor, whatever its status.
    pub(crate) passes_exits: bool,
    /// Whether the instance lives on when its supervisor is killed.
    pub(crate) outlive: bool,
    /// Whether the supervisor moves its memory to huge pages before the first fork.
    pub(crate) huge_pages: bool,
    /// Whether the next instance is forked while one serves.
    pub(crate) standby: bool,
    /// How many bytes may be stored.
    pub(crate) store_limit: u64,
    /// The program that instances execute, with its arguments. `None`: they are forks of this process.
    pub(crate) program: Option<Vec<OsString>>,
    /// Whose messages by `sd_notify` the supervisor reads. `None`: it reads none.
    pub(crate) notify: Option<Notify>,
    /// The file that names the successor of a main process that has ended.
    pub(crate) pid_file: Option<PathBuf>,
    /// The environment, user, folder and limits of the program.
    pub(crate) surroundings: Surroundings,
    pub(crate) log: bool,
    /// Whether values from the environment win over these.
    pub(crate) environment: bool,
    /// Whether the program runs without a supervisor.
    pub(crate) disabled: bool,
    pub(crate) events: Option<PathBuf>,
    pub(crate) status: Option<PathBuf>,
    /// Variables of the environment that look like options but are not.
    pub(crate) unknown: Vec<String>,
    /// A variable of the environment that is meant for this supervisor; instances do not find it.
    pub(crate) hidden: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            interval: Some(Duration::from_secs(2)),
            recovery: Recovery::default(),
            checks: Checks::default(),
            warn_signal: libc::SIGTERM,
            pass_signals: SignalTarget::default(),
            reopen_signal: libc::SIGHUP,
            stop_signal: None,
            kill_mode: KillMode::default(),
            grace: None,
            start_limit: None,
            stop_limit: Duration::from_secs(10),
            at_once: 1,
            backoff: None,
            budget: Some((10, Duration::from_secs(60))),
            healthy_after: Duration::from_secs(10),
            clean: Vec::new(),
            fatal: Vec::new(),
            probe: None,
            probe_every: Duration::from_secs(10),
            probe_limit: Duration::from_secs(5),
            probe_failures: 3,
            on_failure: None,
            on_failure_limit: Duration::from_secs(30),
            respawn: Respawn::default(),
            strays: Strays::default(),
            cgroup: Cgroup::default(),
            ready_at_start: true,
            ready_by_probe: false,
            passes_exits: false,
            outlive: false,
            huge_pages: true,
            standby: true,
            store_limit: DEFAULT_CAPACITY,
            program: None,
            notify: None,
            pid_file: None,
            surroundings: Surroundings::default(),
            log: true,
            environment: true,
            disabled: false,
            events: None,
            status: None,
            unknown: Vec::new(),
            hidden: None,
        }
    }
}

/// How many restarts in a row do not wait where this library stands in for corosync's. A program that is
/// killed now and then never has so many without health between them, and neither has a test of such a
/// program; a crash loop has them in a moment, and goes on with one a second.
const AT_ONCE: u32 = 200;
/// The delays of that crash loop.
const LOOP: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

impl Options {
    /// Has restarts and exits follow the rules of corosync's library, or those of this library.
    pub(crate) fn be_like_corosync(&mut self, is_like: bool) {
        if is_like == self.passes_exits {
            return;
        }
        let own = Options::default();
        self.passes_exits = is_like;
        if is_like {
            self.at_once = AT_ONCE;
            self.backoff = Some(LOOP);
            self.budget = None;
        } else {
            (self.at_once, self.backoff, self.budget) = (own.at_once, own.backoff, own.budget);
        }
    }

    /// Whether the next instance is forked while one serves.
    pub(crate) fn forks_ahead(&self) -> bool {
        self.standby && self.recovery != Recovery::Quit
    }

    /// Whether processes that outlive their instance live on.
    pub(crate) fn keeps_strays(&self) -> bool {
        self.strays == Strays::Keep || self.kill_mode == KillMode::Main
    }

    /// Whether the next instance executes a program as soon as it is started. `before` is how the instance
    /// before it ended.
    pub(crate) fn executes(&self, before: Option<Exit>) -> bool {
        let is_of_memory = |exit| matches!(exit, Exit::Signal { signal, .. } if FAULTS.contains(&signal));
        self.program.is_some()
            || match self.respawn {
                Respawn::Fork => false,
                Respawn::Exec => before.is_some(),
                Respawn::ExecAfterFault => before.is_some_and(is_of_memory),
            }
    }

    /// The same for an instance that is forked while the one before it lives.
    pub(crate) fn executes_ahead(&self) -> bool {
        self.program.is_some() || self.respawn == Respawn::Exec
    }

    /// Whether moving this process's memory to huge pages pays: it does if instances are copies of it.
    pub(crate) fn gathers(&self) -> bool {
        self.huge_pages && !self.executes_ahead() && self.recovery != Recovery::Quit
    }
}
