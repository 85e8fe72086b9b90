//! Everything that a supervisor is told, and what it is told if nothing is given.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use super::{Cgroup, Checks, KillMode, Notify, Recovery, Respawn, SignalTarget, Strays, surroundings::Surroundings};
use crate::{shared::DEFAULT_CAPACITY, state::Exit};

/// How memory errors end: the last is the stack protector's and the allocator's.
const FAULTS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGABRT];

/// Everything that a supervisor is told.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) interval: Duration,
    pub(crate) recovery: Recovery,
    pub(crate) checks: Checks,
    pub(crate) warn_signal: i32,
    /// Who gets the signals that do not stop the supervisor.
    pub(crate) pass_signals: SignalTarget,
    /// At which the file of events is opened anew; it is passed on, too.
    pub(crate) reopen_signal: i32,
    /// What a stop sends; the operator's own signal if it is not given.
    pub(crate) stop_signal: Option<i32>,
    /// Whom a stop and a kill reach.
    pub(crate) kill_mode: KillMode,
    /// From the warning to SIGKILL; as long as the interval if it is not given.
    pub(crate) grace: Option<Duration>,
    pub(crate) start_limit: Option<Duration>,
    pub(crate) stop_limit: Duration,
    /// How many restarts in a row do not wait.
    pub(crate) at_once: u32,
    /// The delay before the restart that follows those, and the longest; derived from the budget if
    /// it is not given.
    pub(crate) backoff: Option<(Duration, Duration)>,
    pub(crate) budget: (u32, Duration),
    pub(crate) healthy_after: Duration,
    pub(crate) clean: Vec<u8>,
    pub(crate) fatal: Vec<u8>,
    /// A command for `/bin/sh -c` that tells from outside whether the instance is well.
    pub(crate) probe: Option<String>,
    /// From the start of one probe to the start of the next.
    pub(crate) probe_every: Duration,
    /// After which a probe is killed and counts as a failure.
    pub(crate) probe_limit: Duration,
    /// How many failed probes in a row are a failure of the instance.
    pub(crate) probe_failures: u32,
    /// A command for `/bin/sh -c` when an instance has failed.
    pub(crate) on_failure: Option<String>,
    /// After which that command is killed.
    pub(crate) on_failure_limit: Duration,
    pub(crate) respawn: Respawn,
    pub(crate) strays: Strays,
    pub(crate) cgroup: Cgroup,
    /// Whether `App::resume_checks` says that the application is ready, too.
    pub(crate) ready_at_start: bool,
    /// Whether the first probe that finds an instance well says that it is ready.
    pub(crate) ready_by_probe: bool,
    /// Whether an exit while no check is active ends supervision, whatever its status.
    pub(crate) passes_exits: bool,
    /// Whether the instance lives on when its supervisor is killed.
    pub(crate) outlive: bool,
    /// Whether memory is gathered in huge pages before the first fork.
    pub(crate) huge_pages: bool,
    /// Whether the next instance is forked while one serves.
    pub(crate) standby: bool,
    /// How much may be stored, in bytes.
    pub(crate) store_limit: u64,
    /// The program that instances execute; they are forks of this one if it is not given.
    pub(crate) program: Option<Vec<OsString>>,
    /// Whether, and to whom, the supervisor of a program listens.
    pub(crate) notify: Option<Notify>,
    /// Which names the process that follows a main process that has ended.
    pub(crate) pid_file: Option<PathBuf>,
    /// What the program finds around itself.
    pub(crate) surroundings: Surroundings,
    pub(crate) log: bool,
    /// Whether the environment is asked for values that win over these.
    pub(crate) environment: bool,
    /// Whether nothing is supervised.
    pub(crate) disabled: bool,
    pub(crate) events: Option<PathBuf>,
    pub(crate) status: Option<PathBuf>,
    /// Variables of the environment that look like options and are none.
    pub(crate) unknown: Vec<String>,
    /// A variable that was this supervisor's and is not its instances'.
    pub(crate) hidden: Option<&'static str>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            interval: Duration::from_secs(2),
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
            budget: (10, Duration::from_secs(60)),
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

/// How many restarts in a row do not wait where corosync's library is stood in for: more than any
/// program needs that is killed now and then, and than a test of one; a crash loop has them in a
/// moment. It goes on, once a second.
const AT_ONCE: u32 = 200;
const LOOP: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

impl Options {
    /// Restarts and passes exits on as corosync's library does, or as this one does of its own accord.
    pub(crate) fn be_like_corosync(&mut self, is_like: bool) {
        if is_like == self.passes_exits {
            return;
        }
        let own = Options::default();
        self.passes_exits = is_like;
        if is_like {
            self.at_once = AT_ONCE;
            self.backoff = Some(LOOP);
            // Any number.
            self.budget = (1, Duration::ZERO);
        } else {
            (self.at_once, self.backoff, self.budget) = (own.at_once, own.backoff, own.budget);
        }
    }

    /// Whether the next instance is forked while one serves.
    pub(crate) fn forks_ahead(&self) -> bool {
        self.standby && self.recovery != Recovery::Quit
    }

    /// Whether what outlives an instance goes on.
    pub(crate) fn keeps_strays(&self) -> bool {
        self.strays == Strays::Keep || self.kill_mode == KillMode::Main
    }

    /// Whether an instance executes a program as soon as it is rung for. `before` is how the one
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

    /// The same of one that is made while the one before it lives.
    pub(crate) fn executes_ahead(&self) -> bool {
        self.program.is_some() || self.respawn == Respawn::Exec
    }

    /// Whether the memory of this process is worth gathering: instances are copies of it.
    pub(crate) fn gathers(&self) -> bool {
        self.huge_pages && !self.executes_ahead() && self.recovery != Recovery::Quit
    }
}
