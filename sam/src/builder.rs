//! Supervision begun in a place of one's own choosing.

use std::{
    convert::Infallible,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use crate::{
    environment,
    error::Result,
    options::{Cgroup, KillMode, Notify, Options, Probe, Respawn, SignalTarget, Strays},
    settings::Setting,
    state::{Checks, Recovery},
    supervisor,
    surroundings::Identity,
};

/// What a supervisor is told before it begins.
///
/// `#[sam::main]` makes one of its arguments and calls [`Builder::supervise`] before the
/// body of `main`. Values that the environment gives win; the crate's page lists them.
///
/// ```no_run
/// use std::time::Duration;
///
/// fn main() -> Result<(), sam::Error> {
///     sam::Builder::new().interval(Duration::from_millis(500)).budget(5, Duration::from_secs(60)).supervise()?;
///     // From here on this is an instance; the process that began is its supervisor.
///     let app = sam::app();
///     app.start();
///     loop {
///         app.beat();
///         // ... one round of work
///     }
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `supervise` is called"]
pub struct Builder {
    options: Options,
}

impl Builder {
    /// Restart at once, then after 100 ms to 3 s, 10 times in 60 s at most; a beat each 2 s.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How long a check may stay silent, unless it has a deadline of its own. Zero: there
    /// are no health checks, only ends. 2 s by default.
    pub fn interval(mut self, interval: Duration) -> Builder {
        self.options.interval = interval;
        self
    }

    /// What follows a failure. [`Recovery::Restart`] by default.
    pub fn policy(mut self, recovery: Recovery) -> Builder {
        self.options.recovery = recovery;
        self
    }

    /// Who begins: the application with beats, or the supervisor with questions.
    pub fn checks(mut self, checks: Checks) -> Builder {
        self.options.checks = checks;
        self
    }

    /// The signal that warns an instance that has missed a check, 1 to 64. SIGTERM by
    /// default; SIGKILL leaves it no time.
    pub fn warn_signal(mut self, signal: i32) -> Builder {
        self.options.warn_signal = signal;
        self
    }

    /// Who gets the signals that the supervisor passes on (all but those that stop it).
    /// [`SignalTarget::Main`] by default.
    pub fn pass_signals(mut self, to: SignalTarget) -> Builder {
        self.options.pass_signals = to;
        self
    }

    /// From the warning to SIGKILL. The interval by default.
    pub fn grace(mut self, grace: Duration) -> Builder {
        self.options.grace = Some(grace);
        self
    }

    /// How long an instance may take until it is ready. No limit by default.
    pub fn start_limit(mut self, limit: Duration) -> Builder {
        self.options.start_limit = Some(limit);
        self
    }

    /// From an operator's SIGTERM, SIGINT or SIGQUIT to SIGKILL. 10 s by default.
    pub fn stop_limit(mut self, limit: Duration) -> Builder {
        self.options.stop_limit = limit;
        self
    }

    /// What an instance is sent when its operator stops it: SIGQUIT to nginx, say, which then
    /// finishes its requests. The operator's own signal by default.
    pub fn stop_signal(mut self, signal: i32) -> Builder {
        self.options.stop_signal = Some(signal);
        self
    }

    /// Which processes a stop reaches, and which are killed. [`KillMode::Group`] by default.
    pub fn kill_mode(mut self, mode: KillMode) -> Builder {
        self.options.kill_mode = mode;
        self
    }

    /// The delay before the second restart in a row, and the longest one; between them it
    /// doubles, with jitter. The first restart is at once. By default 100 ms, and 30 s or, if that is
    /// less, what has a program that fails at once spend its [budget](Builder::budget) within half
    /// of the window: 3 s with the default budget. The supervisor says at its start if the delays
    /// given here are so long that the budget cannot be spent.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Builder {
        self.options.backoff = Some((first, longest));
        self
    }

    /// At most that many restarts (64 at most) in any such time; then the supervisor ends
    /// as the last instance did. 10 in 60 s by default.
    pub fn budget(mut self, restarts: u32, window: Duration) -> Builder {
        self.options.budget = (restarts, window);
        self
    }

    /// How long an instance is healthy until the backoff begins anew. 10 s by default.
    pub fn healthy_after(mut self, time: Duration) -> Builder {
        self.options.healthy_after = time;
        self
    }

    /// Exit codes, beside 0, by which an instance ends its service as it wished: the
    /// supervisor ends with them. At most 8.
    pub fn clean_exits(mut self, codes: &[u8]) -> Builder {
        self.options.clean = codes.to_vec();
        self
    }

    /// Exit codes after which another instance would not help (a wrong configuration):
    /// the supervisor ends with them. At most 8.
    pub fn fatal_exits(mut self, codes: &[u8]) -> Builder {
        self.options.fatal = codes.to_vec();
        self
    }

    /// Runs a command by `/bin/sh -c` while the instance serves, `every` so often; if it
    /// ends otherwise than by 0, or not within `limit`, `failures` times in a row, that is
    /// a failure of the instance. It finds `SAM_PID` and `SAM_INSTANCE` in its environment.
    pub fn probe(mut self, command: &str, every: Duration, limit: Duration, failures: u32) -> Builder {
        self.options.probe = Some(Probe { command: command.to_owned(), every, limit, failures });
        self
    }

    /// Runs a command by `/bin/sh -c` at each end of an instance that is a failure: neither clean nor
    /// asked for. The next instance does not wait for it; the supervisor's own end does, and a stop
    /// ends that. It is killed with its process group after `limit`, and while one runs there is no
    /// second. It finds `SAM_INSTANCE`, `SAM_DECISION` (`restart`, `budget spent`, `fatal`, `quit`),
    /// `SAM_EXIT_STATUS` or `SAM_EXIT_SIGNAL`, `SAM_CAUSE` (`overdue`, `probe`, `failed`, `start`,
    /// `unanswered`) if the instance was warned, and `SAM_LIVED_MS`.
    pub fn on_failure(mut self, command: &str, limit: Duration) -> Builder {
        self.options.on_failure = Some((command.to_owned(), limit));
        self
    }

    /// Whether the first [probe](Builder::probe) that finds an instance well says that it is ready.
    /// Until then probes come at least once a second, and those that fail do not count; the
    /// [start limit](Builder::start_limit) does. For a [program](Builder::program) that does not say
    /// so itself, together with [`ready_at_start(false)`](Builder::ready_at_start).
    pub fn ready_by_probe(mut self, ready: bool) -> Builder {
        self.options.ready_by_probe = ready;
        self
    }

    /// Supervises another program, with its arguments, in place of copies of this one. Each
    /// instance finds its number in `SAM_INSTANCE`. What it may say of its health it says by
    /// [`notify`](Builder::notify); if it cannot, it counts as ready from its start on.
    pub fn program(mut self, command: impl IntoIterator<Item = impl Into<OsString>>) -> Builder {
        self.options.program = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// Listens to the other program by the protocol of `sd_notify(3)`: it finds a
    /// `NOTIFY_SOCKET`, and `WATCHDOG_USEC` unless the interval is zero. It is ready when
    /// it says `READY=1`, unless [`ready_at_start`](Builder::ready_at_start), and owes a
    /// `WATCHDOG=1` each interval from then on (or as `WATCHDOG_USEC=` says). `STOPPING=1` gives it the stop limit to end;
    /// `WATCHDOG=trigger` marks it failed; `STATUS=` goes to the status file, and to a
    /// manager above; `EXTEND_TIMEOUT_USEC=` extends the start limit, or its own stop; `MAINPID=`
    /// hands over to another process of its process group, which is the main one from then on: it
    /// gets the signals, and when the one before has ended, its end is the instance's.
    pub fn notify(mut self, from: Notify) -> Builder {
        self.options.notify = Some(from);
        self
    }

    /// A file in which the other program writes the number of its main process. When that ends,
    /// the process that the file names then is the main process, if it is of the instance: a server
    /// that upgrades itself goes on. It is to be of the process group of the instance. `MAINPID=` of
    /// `sd_notify(3)` says so before the old one ends.
    pub fn pid_file(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.pid_file = Some(file.into());
        self
    }

    /// How the next instance is made. [`Respawn::Fork`] by default.
    pub fn respawn(mut self, respawn: Respawn) -> Builder {
        self.options.respawn = respawn;
        self
    }

    /// Whether the memory that the application has when supervision begins is gathered in huge
    /// pages first; true by default. It makes a restart quick however much that is (100 MiB: from
    /// a few milliseconds to what an empty process takes), and costs a copy of it at the start,
    /// 250 ms at most. Nothing is done where instances are no forks, or where the system's
    /// policy for transparent huge pages is `never`.
    pub fn huge_pages(mut self, gather: bool) -> Builder {
        self.options.huge_pages = gather;
        self
    }

    /// Whether the next instance is forked while one serves and stands by, so that a restart waits
    /// for no fork; true by default, under [`Recovery::Restart`]. It costs a process that does
    /// nothing: 60 kB written and what the kernel has for a process, about 100 kB. With `false` the
    /// fork comes when it is needed, which takes the longer the more memory the application has
    /// when supervision begins.
    pub fn standby(mut self, ahead: bool) -> Builder {
        self.options.standby = ahead;
        self
    }

    /// What becomes of processes that outlive their instance. [`Strays::Kill`] by default.
    pub fn strays(mut self, strays: Strays) -> Builder {
        self.options.strays = strays;
        self
    }

    /// Whether instances live in cgroups of their own, and are killed by way of them.
    /// [`Cgroup::Auto`] by default: where that can be.
    pub fn cgroup(mut self, cgroup: Cgroup) -> Builder {
        self.options.cgroup = cgroup;
        self
    }

    /// Whether [`App::start`](crate::App::start) says that the application is ready, too
    /// (the default), or [`App::ready`](crate::App::ready) is called for that. Of another
    /// [`program`](Builder::program): whether it is ready from its start on.
    pub fn ready_at_start(mut self, ready: bool) -> Builder {
        self.options.ready_at_start = ready;
        self
    }

    /// Whether an instance is killed when its supervisor dies (the default), so that
    /// nothing runs unsupervised. The kernel does so, but not for one that has changed its user. While
    /// another stands by ([`standby`](Builder::standby)), that one notices the supervisor's end and
    /// kills the instance, its process group and its descendants with the supervisor's rights; what
    /// has left the group and lost its parent it finds in a [cgroup](Builder::cgroup) only.
    pub fn dies_with_supervisor(mut self, dies: bool) -> Builder {
        self.options.dies_with_supervisor = dies;
        self
    }

    /// Whether the supervisor writes a line to standard error when something happened that
    /// an operator wants to know. It does by default.
    pub fn log(mut self, log: bool) -> Builder {
        self.options.log = log;
        self
    }

    /// Appends what happens to a file, one JSON object a line: cause, evidence, decision
    /// and delay.
    pub fn events(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.events = Some(file.into());
        self
    }

    /// The signal at which the file of events is opened anew by its name, as rotation of logs
    /// wants it; it is passed on to the instance as well. SIGHUP by default.
    pub fn reopen_signal(mut self, signal: i32) -> Builder {
        self.options.reopen_signal = signal;
        self
    }

    /// Keeps a file that says in JSON how things stand, replaced as a whole at each change.
    /// `sam status FILE` shows it.
    pub fn status(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.status = Some(file.into());
        self
    }

    /// An option by its word.
    pub(crate) fn set(mut self, setting: &Setting, value: &OsStr) -> Option<Builder> {
        (setting.set)(&mut self.options, value).map(|()| self)
    }

    /// For the command, which looks names up.
    pub(crate) fn user(mut self, user: Identity) -> Builder {
        self.options.surroundings.user = Some(user);
        self
    }

    /// For the library for C.
    pub(crate) fn like_corosync(mut self) -> Builder {
        self.options.be_like_corosync(true);
        self
    }

    /// Makes this process the supervisor of instances of itself, and returns in each of
    /// them. In the supervisor it never returns: it ends as its last instance did.
    ///
    /// With `SAM_DISABLE=1` in the environment it returns at once, unsupervised.
    ///
    /// # Errors
    /// [`Threads`](crate::ErrorKind::Threads) if this process has more than one thread:
    /// only this one would live on in the instances, and the others in the supervisor.
    /// [`Invalid`](crate::ErrorKind::Invalid) if a value is out of its range.
    /// [`NoProgram`](crate::ErrorKind::NoProgram) or
    /// [`NotExecutable`](crate::ErrorKind::NotExecutable) if another program is to be
    /// supervised and cannot be.
    /// [`Io`](crate::ErrorKind::Io) if a system call fails.
    pub fn supervise(self) -> Result<()> {
        match environment::apply(self.options)? {
            Some(options) if options.program.is_some() => supervisor::supervise_program(options).map(drop),
            Some(options) => supervisor::supervise(options),
            None => Ok(()),
        }
    }

    /// The same for another program, without a look at the environment.
    pub(crate) fn supervise_as_told(self) -> Result<Infallible> {
        supervisor::supervise_program(self.options)
    }
}
