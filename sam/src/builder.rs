//! The builder of a supervisor: supervision begins by a call, where the program chooses.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use crate::{
    error::Result,
    options::{
        Cgroup, Checks, KillMode, Notify, Options, Recovery, Respawn, SignalTarget, Strays, environment,
        setting::Setting, surroundings::Identity,
    },
    supervisor,
};

/// The options of a supervisor, and the call that begins supervision.
///
/// `#[sam::main]` makes a builder of its arguments and calls [`supervise`](Builder::supervise) before
/// the body of `main`; each of its keys is the method of that name. The environment wins over both,
/// unless the program asks for [`without_environment`](Builder::without_environment).
/// [`guide::options`](crate::guide::options) is the table of all options.
///
/// ```no_run
/// use std::time::Duration;
///
/// fn main() -> Result<(), sam::Error> {
///     sam::Builder::new().interval(Duration::from_millis(500)).budget(5, Duration::from_secs(60)).supervise()?;
///     // From here on this is an instance; the process that began is its supervisor.
///     let app = sam::app();
///     app.resume_checks();
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

/// Health.
impl Builder {
    /// A builder with all defaults: a beat each 2 s; a restart at once, then after 100 ms to 3 s, at most 10
    /// in 60 s.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// How long an instance may go without a [beat](crate::App::beat), longer than zero. `None` turns this
    /// check off; named checks, probes and ends count as before. Default: 2 s.
    pub fn interval(mut self, interval: impl Into<Option<Duration>>) -> Builder {
        self.options.interval = interval.into();
        self
    }

    /// Where signs of life come from: the application sends beats, or the supervisor asks and the
    /// application answers. Default: [`Checks::Beats`].
    pub fn checks(mut self, checks: Checks) -> Builder {
        self.options.checks = checks;
        self
    }

    /// A command that the supervisor runs by `/bin/sh -c` while an instance serves. If it ends with
    /// another status than 0, or takes longer than [`probe_limit`](Builder::probe_limit), the probe has
    /// failed; [`probe_failures`](Builder::probe_failures) of those in a row are a failure of the
    /// instance. The command finds `SAM_PID` and `SAM_INSTANCE` in its environment. Default: none.
    pub fn probe(mut self, command: impl Into<String>) -> Builder {
        self.options.probe = Some(command.into());
        self
    }

    /// The time from the start of one [probe](Builder::probe) to the start of the next. Default: 10 s.
    pub fn probe_every(mut self, period: Duration) -> Builder {
        self.options.probe_every = period;
        self
    }

    /// How long a [probe](Builder::probe) may run; then the supervisor kills it, and it has failed.
    /// Default: 5 s.
    pub fn probe_limit(mut self, limit: Duration) -> Builder {
        self.options.probe_limit = limit;
        self
    }

    /// How many failed [probes](Builder::probe) in a row are a failure of the instance, 1 or more.
    /// Default: 3.
    pub fn probe_failures(mut self, failures: u32) -> Builder {
        self.options.probe_failures = failures;
        self
    }

    /// Whether an instance is ready when it first calls
    /// [`App::resume_checks`](crate::App::resume_checks), and another [`program`](Builder::program) at its
    /// start. With `false` the instance itself says when it is ready, by [`App::ready`](crate::App::ready) or
    /// `READY=1`. Default: `true`.
    pub fn ready_at_start(mut self, ready: bool) -> Builder {
        self.options.ready_at_start = ready;
        self
    }

    /// Whether the first good [probe](Builder::probe) makes an instance ready. Use it for a
    /// [`program`](Builder::program) that does not say so itself, together with
    /// [`ready_at_start(false)`](Builder::ready_at_start). Until then probes come at least once a second,
    /// and their failures do not count; the [start limit](Builder::start_limit) does. Default: `false`.
    pub fn ready_by_probe(mut self, ready: bool) -> Builder {
        self.options.ready_by_probe = ready;
        self
    }

    /// How long an instance may take until it is ready. If it takes longer, it has failed. Default: no limit.
    pub fn start_limit(mut self, limit: Duration) -> Builder {
        self.options.start_limit = Some(limit);
        self
    }
}

/// What follows a failure.
impl Builder {
    /// The signal that warns an instance that hangs or has
    /// [marked itself failed](crate::App::mark_failed), 1 to 64, not SIGSTOP. After SIGKILL the
    /// instance has no time left. Default: SIGTERM.
    pub fn warn_signal(mut self, signal: i32) -> Builder {
        self.options.warn_signal = signal;
        self
    }

    /// The time from the warning to SIGKILL. An instance that recovers within this time goes on.
    /// Default: the interval.
    pub fn grace(mut self, grace: Duration) -> Builder {
        self.options.grace = Some(grace);
        self
    }

    /// What follows the end of an instance. Default: [`Recovery::Restart`].
    pub fn policy(mut self, recovery: Recovery) -> Builder {
        self.options.recovery = recovery;
        self
    }

    /// The delay before the second restart in a row, and the longest delay. Delays double from `first` to
    /// `longest`, with jitter; the first restart does not wait. The supervisor's log says so if delays are so
    /// long that the [budget](Builder::budget) cannot be spent. Default: 100 ms..3 s; with another budget
    /// 30 s at most, and so short that a program that fails at once spends the budget in half its window.
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Builder {
        self.options.backoff = Some((first, longest));
        self
    }

    /// How long an instance must serve without a complaint until delays begin anew at the next failure.
    /// Default: 10 s.
    pub fn healthy_after(mut self, time: Duration) -> Builder {
        self.options.healthy_after = time;
        self
    }

    /// How many restarts, 64 at most, there may be in any `window` of time. If an instance fails when none is
    /// left, the supervisor ends as that instance did. The window is longer than zero. Default: 10 in 60 s.
    pub fn budget(mut self, restarts: u32, window: Duration) -> Builder {
        self.options.budget = Some((restarts, window));
        self
    }

    /// Exit codes, 8 at most, that end the service as 0 does: the supervisor ends with the same code.
    /// Default: none.
    pub fn clean_exits(mut self, codes: &[u8]) -> Builder {
        self.options.clean = codes.to_vec();
        self
    }

    /// Exit codes, 8 at most, after which a restart would not help, such as that of a wrong configuration: the
    /// supervisor ends with the same code. Default: none.
    pub fn fatal_exits(mut self, codes: &[u8]) -> Builder {
        self.options.fatal = codes.to_vec();
        self
    }

    /// A command that the supervisor runs by `/bin/sh -c` at each end of an instance that is a failure:
    /// neither clean nor asked for. The next instance does not wait for the command. The supervisor waits for
    /// it before its own end, unless an operator stops it. While one such command runs, the supervisor starts
    /// no second one. The command finds
    /// `SAM_INSTANCE`, `SAM_DECISION` (`restart`, `budget spent`, `fatal`, `quit`), `SAM_EXIT_STATUS` or
    /// `SAM_EXIT_SIGNAL`, `SAM_CAUSE` (`overdue`, `unanswered`, `probe`, `failed`, `start`) if the
    /// instance was warned, and `SAM_LIVED_MS`. Default: none.
    pub fn on_failure(mut self, command: impl Into<String>) -> Builder {
        self.options.on_failure = Some(command.into());
        self
    }

    /// How long the command of [`on_failure`](Builder::on_failure) may run; then the supervisor kills it with
    /// its process group. Default: 30 s.
    pub fn on_failure_limit(mut self, limit: Duration) -> Builder {
        self.options.on_failure_limit = limit;
        self
    }
}

/// Stops and signals.
impl Builder {
    /// The signal that an instance gets when an operator stops the supervisor. At SIGQUIT, for example, nginx
    /// finishes its requests first. Default: the signal that stops the supervisor.
    pub fn stop_signal(mut self, signal: i32) -> Builder {
        self.options.stop_signal = Some(signal);
        self
    }

    /// The time from an operator's SIGTERM, SIGINT or SIGQUIT to SIGKILL. Default: 10 s.
    pub fn stop_limit(mut self, limit: Duration) -> Builder {
        self.options.stop_limit = limit;
        self
    }

    /// Which processes of an instance a stop and SIGKILL reach. Default: [`KillMode::Group`].
    pub fn kill_mode(mut self, mode: KillMode) -> Builder {
        self.options.kill_mode = mode;
        self
    }

    /// Which processes get the signals that do not stop the supervisor. Default: [`SignalTarget::Main`].
    pub fn pass_signals(mut self, to: SignalTarget) -> Builder {
        self.options.pass_signals = to;
        self
    }
}

/// Instances.
impl Builder {
    /// How the next instance is made. Default: [`Respawn::Fork`].
    pub fn respawn(mut self, respawn: Respawn) -> Builder {
        self.options.respawn = respawn;
        self
    }

    /// Whether the supervisor forks the next instance while one serves, so that a restart does not wait for a
    /// fork. It costs a process that waits: 60 kB of memory of its own, and about 100 kB in the kernel. With
    /// `false` a restart takes longer the more memory the application has when supervision begins. Under
    /// [`Recovery::Quit`] no process stands by. Default: `true`.
    pub fn standby(mut self, standby: bool) -> Builder {
        self.options.standby = standby;
        self
    }

    /// Whether the supervisor first moves what the application has allocated when supervision begins to huge
    /// pages. A restart is then as quick as that of a process without memory; with 100 MiB in small pages it
    /// takes a few milliseconds longer. It costs a copy of that memory at the start, 250 ms at most. Nothing
    /// is moved if instances are not forks, or if the system's policy for transparent huge pages is `never`.
    /// Default: `true`.
    pub fn huge_pages(mut self, gather: bool) -> Builder {
        self.options.huge_pages = gather;
        self
    }

    /// What becomes of processes that outlive their instance. Default: [`Strays::Kill`].
    pub fn strays(mut self, strays: Strays) -> Builder {
        self.options.strays = strays;
        self
    }

    /// Whether each instance lives in a cgroup of its own, by which it is killed with everything that it
    /// has started. Default: [`Cgroup::Auto`].
    pub fn cgroup(mut self, cgroup: Cgroup) -> Builder {
        self.options.cgroup = cgroup;
        self
    }

    /// Whether an instance lives on when its supervisor is killed.
    ///
    /// With `false` the kernel kills the instance then, so that nothing runs unsupervised, unless the instance
    /// has changed its user. Where the next instance [stands by](Builder::standby), that process notices the
    /// supervisor's end, too, and kills the instance, its process group and its descendants with the
    /// supervisor's rights. It finds a process that has left the group and lost its parent only in a
    /// [cgroup](Builder::cgroup). Default: `false`.
    pub fn outlive(mut self, outlive: bool) -> Builder {
        self.options.outlive = outlive;
        self
    }
}

/// Another program in place of this one.
impl Builder {
    /// Supervises another program, with its arguments, in place of copies of this one. Each instance
    /// finds its number in `SAM_INSTANCE`. A program tells its health by [`notify`](Builder::notify); a
    /// program that cannot do so counts as ready from its start.
    pub fn program(mut self, command: impl IntoIterator<Item = impl Into<OsString>>) -> Builder {
        self.options.program = Some(command.into_iter().map(Into::into).collect());
        self
    }

    /// Reads what the program sends by the protocol of `sd_notify(3)`. The program finds a
    /// `NOTIFY_SOCKET`, and `WATCHDOG_USEC` unless there is no interval. Default: off.
    ///
    /// | message | meaning |
    /// |---|---|
    /// | `READY=1` | the program is ready, and owes a beat each interval from then on; with [`ready_at_start`](Builder::ready_at_start) it does so from its start |
    /// | `WATCHDOG=1` | a beat |
    /// | `WATCHDOG_USEC=` | another interval, until the instance ends; 0 for no beats |
    /// | `WATCHDOG=trigger` | the program has failed |
    /// | `STOPPING=1` | the program ends of its own accord, and has the stop limit for that |
    /// | `EXTEND_TIMEOUT_USEC=` | a longer start limit, or more time for an end of the program's own |
    /// | `STATUS=` | a text for the status file, and for a service manager above |
    /// | `MAINPID=` | another process of the program's process group is the main one: it gets the signals, and once the main process before it has ended, its end is the instance's |
    /// | `BARRIER=1` | the sender wants to know that the supervisor has read everything before |
    pub fn notify(mut self, from: Notify) -> Builder {
        self.options.notify = Some(from);
        self
    }

    /// A file to which the program writes the number of its main process. When the main process ends, the
    /// process that the file then names becomes the main process, if it is of the program's process
    /// group. So a server that upgrades itself is followed. With `MAINPID=` ([`notify`](Builder::notify)) a
    /// program says so before the old process ends. Default: none.
    pub fn pid_file(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.pid_file = Some(file.into());
        self
    }

    /// Sets the user as which another program runs. The command calls it, because it looks names up.
    pub(crate) fn user(mut self, user: Identity) -> Builder {
        self.options.surroundings.user = Some(user);
        self
    }
}

/// Reports.
impl Builder {
    /// A file in which the supervisor describes itself and its instance, in JSON. It replaces the file as a
    /// whole at each change; `sam status FILE` shows it. Default: none.
    pub fn status(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.status = Some(file.into());
        self
    }

    /// A file to which the supervisor appends each event as one line of JSON, with cause, evidence, decision
    /// and delay. Default: none.
    pub fn events(mut self, file: impl Into<PathBuf>) -> Builder {
        self.options.events = Some(file.into());
        self
    }

    /// At this signal the supervisor opens the file of [`events`](Builder::events) anew by its name, for
    /// rotation of logs. It passes the signal on to the instance as well. Default: SIGHUP.
    pub fn reopen_signal(mut self, signal: i32) -> Builder {
        self.options.reopen_signal = signal;
        self
    }

    /// Whether the supervisor writes a line to standard error when something happens that an operator
    /// wants to know. Default: `true`.
    pub fn log(mut self, log: bool) -> Builder {
        self.options.log = log;
        self
    }
}

/// The beginning.
impl Builder {
    /// Takes no value from the environment.
    ///
    /// Without this call each `SAM_` variable of the [table of options](crate::guide::options) wins over what
    /// the program says, so that an operator tunes a service without building it again. But who sets the
    /// program's environment can then turn its supervision off (`SAM_DISABLE=1`), restart it for ever
    /// (`SAM_POLICY=always`), leave its processes behind (`SAM_STRAYS=keep`), and have the supervisor
    /// write to any file that the program may write to (`SAM_STATUS`, `SAM_EVENTS`).
    ///
    /// Turn the environment off
    /// - in a program that has more rights than the user who starts it: one with set-user-ID or file
    ///   capabilities, or one that a privileged process starts with a caller's environment;
    /// - where supervision must behave as it was tested and certified;
    /// - in a supervisor of other programs ([`program`](Builder::program)): the variables are meant for
    ///   the programs, which inherit them. `sam run` does so.
    ///
    /// The environment of the instances stays as it is.
    pub fn without_environment(mut self) -> Builder {
        self.options.environment = false;
        self
    }

    /// Makes this process the supervisor of instances of itself, and returns in each of them. In the
    /// supervisor the call never returns: the process ends as its last instance did.
    ///
    /// With `SAM_DISABLE=1` in the environment the call returns at once, and the program runs unsupervised.
    ///
    /// # Errors
    /// - [`Threads`](crate::ErrorKind::Threads): this process has more than one thread. A fork has only
    ///   the thread that calls it, so the others would be missing in each instance.
    /// - [`Invalid`](crate::ErrorKind::Invalid): a value is out of its range, in the builder or in the
    ///   environment, or two options contradict each other.
    /// - [`NoProgram`](crate::ErrorKind::NoProgram), [`NotExecutable`](crate::ErrorKind::NotExecutable): the
    ///   other [`program`](Builder::program), or the shell for a command, does not exist or cannot be executed.
    /// - [`NotSupported`](crate::ErrorKind::NotSupported): a cgroup is needed and the system has none to give; or
    ///   the limit of file sizes (`ulimit -f`), or `/proc`, does not let a supervisor work.
    /// - [`Exists`](crate::ErrorKind::Exists): this process is an instance already, or another supervisor keeps
    ///   the status file.
    /// - [`Io`](crate::ErrorKind::Io), [`NoMemory`](crate::ErrorKind::NoMemory): a system call failed.
    pub fn supervise(self) -> Result<()> {
        match environment::apply(self.options)? {
            Some(options) if options.program.is_some() => supervisor::supervise_program(options).map(drop),
            Some(options) => supervisor::supervise(options),
            None => Ok(()),
        }
    }

    /// Sets an option of the table. `None`: the option does not take that value.
    pub(crate) fn set(mut self, setting: &Setting, value: &OsStr) -> Option<Builder> {
        (setting.set)(&mut self.options, value).map(|()| self)
    }

    /// Has restarts and exits follow the rules of corosync's library, for the library for C.
    pub(crate) fn like_corosync(mut self) -> Builder {
        self.options.be_like_corosync(true);
        self
    }
}
