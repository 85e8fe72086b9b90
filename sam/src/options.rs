//! The values of options that are words: which policy, how a stop reaches an instance, what becomes
//! of strays.
//!
//! Each type reads the words of the command line, the environment and the attribute by [`FromStr`], and
//! writes them by [`Display`]:
//!
//! ```
//! use sam::options::KillMode;
//!
//! assert_eq!("mixed".parse::<KillMode>()?, KillMode::Mixed);
//! assert_eq!(KillMode::Mixed.to_string(), "mixed");
//! assert_eq!("all".parse::<KillMode>().unwrap_err().to_string(), "\"all\" is unknown; give group, mixed or main");
//! # Ok::<(), sam::Error>(())
//! ```
//!
//! [`FromStr`]: std::str::FromStr
//! [`Display`]: std::fmt::Display
// Inside the crate: `Options`, all that a supervisor is told; `state::Policy` is what the machine makes
// of it.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::{
    error::{Error, ErrorKind, Result},
    shared::{DEFAULT_CAPACITY, can_warn},
    state::{Backoff, Budget, Codes, Exit, Policy, Probing},
    surroundings::Surroundings,
};

pub use crate::state::{Checks, Recovery, SignalTarget};

/// How the next instance is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Respawn {
    /// A copy of the supervisor, which is as the process was when supervision began. Fast,
    /// and nothing before that point runs again; but all instances have the same layout of
    /// addresses and the same stack canary.
    #[default]
    Fork,
    /// The program anew, from its file: `main` runs from its first line, at new addresses.
    Exec,
    /// As `Exec` after an end by SIGSEGV, SIGBUS, SIGILL or SIGABRT, else as `Fork`. Memory errors end
    /// by these signals, and so do an attacker's guesses at addresses or the canary.
    ExecAfterFault,
}

/// What becomes of processes that outlive their instance and have left its process group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strays {
    /// The supervisor kills them before the next instance begins. As process 1 every orphan of the
    /// container becomes its child; there it keeps them, unless [`Cgroup::Need`] tells whose they are.
    #[default]
    Kill,
    /// They live on as children of the supervisor, which reaps them.
    Keep,
}

/// Whether each instance lives in a cgroup (version 2) of its own. The supervisor then kills an instance
/// with everything that descends from it at once, also processes that have left its process group or fork
/// without rest.
///
/// The supervisor makes `sam-PID` below its own cgroup, with a cgroup in it for each instance in turns, and
/// removes it at its end. If the supervisor is killed, the next supervisor in the same cgroup removes what is
/// left. Cgroups need Linux 5.14 and the right to make them. Limits of the supervisor's cgroup hold for the
/// instances as before. The first instance begins some 15 ms later: the kernel takes so long to move a
/// process. Later instances are moved ahead of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Cgroup {
    /// Where the supervisor can make one; elsewhere it says nothing and goes on without. Where systemd runs,
    /// only if it has delegated the supervisor's cgroup (`Delegate=yes` in the unit). Not with
    /// [`Strays::Keep`], and not as process 1, which keeps orphans.
    #[default]
    Auto,
    /// Supervision does not begin without a cgroup. One is made also as process 1, and where systemd has not
    /// delegated the cgroup. Refused together with [`Strays::Keep`].
    Need,
    /// The supervisor makes no cgroup.
    Off,
}

/// Whose messages by `sd_notify(3)` the supervisor reads. It ignores those of other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Notify {
    /// Those of the instance's main process.
    #[default]
    Main,
    /// Those of every process of the instance's process group, such as a script's helpers.
    Group,
}

/// Which processes of an instance a stop and SIGKILL reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum KillMode {
    /// A stop goes to the whole process group, which has the whole stop limit to end. SIGKILL ends what is
    /// left then, or what is left when the main process ends in another way.
    #[default]
    Group,
    /// A stop goes to the main process, which knows what to tell its helpers. As soon as the main process
    /// has ended, or is to be killed, SIGKILL ends the rest.
    Mixed,
    /// A stop and SIGKILL reach the main process alone. What it has started lives on, as with
    /// [`Strays::Keep`], and may live beside the next instance. There is no cgroup.
    Main,
}

/// The first delay of a backoff, and the longest.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

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

/// The backoff where none is given: 100 ms to 30 s, less where the delays before the restarts of a
/// whole budget would take more than half of its window, so that a program that fails at once (or
/// takes a little while for it) spends the budget.
fn fitting(budget: Budget) -> (Duration, Duration) {
    let share = budget.window.checked_div(2 * u32::from(budget.restarts)).filter(|share| !share.is_zero());
    let longest = share.map_or(LONGEST_DELAY, |share| share.min(LONGEST_DELAY));
    (FIRST_DELAY.min(longest), longest)
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

    /// What the machine is to do, if every value is within its range. `seed` is of the
    /// jitter.
    pub(crate) fn policy(&self, seed: u64) -> Result<Policy> {
        let refuse = |text: String| Error::new(ErrorKind::Invalid, text);
        if !can_warn(self.warn_signal) {
            return Err(refuse(format!("signal {} cannot warn; give a signal that can be caught", self.warn_signal)));
        }
        if let Some(signal) = self.stop_signal.filter(|signal| !can_warn(*signal)) {
            return Err(refuse(format!("signal {signal} cannot stop; give a signal that can be caught")));
        }
        if self.cgroup == Cgroup::Need && self.keeps_strays() {
            let text =
                "a cgroup is needed, which is killed as a whole, and strays are to be kept; drop one of these options";
            return Err(refuse(text.to_owned()));
        }
        for (option, command) in [("probe", &self.probe), ("on-failure", &self.on_failure)] {
            if command.as_ref().is_some_and(String::is_empty) {
                return Err(refuse(format!("the command of {option} is empty; give one for /bin/sh -c")));
            }
        }
        if self.probe.is_some() && self.probe_failures == 0 {
            return Err(refuse("probe-failures is 0; give a number from 1 on".to_owned()));
        }
        let (restarts, window) = self.budget;
        let restarts =
            u8::try_from(restarts).ok().filter(|restarts| *restarts <= Budget::MAX_RESTARTS).ok_or_else(|| {
                refuse(format!(
                    "a budget of {restarts} restarts; give {} at most, in a shorter time",
                    Budget::MAX_RESTARTS
                ))
            })?;
        let budget = Budget { restarts, window };
        let (first, max) = self.backoff.unwrap_or_else(|| fitting(budget));
        if first > max {
            return Err(refuse(format!("a backoff from {first:?} to {max:?}; give the shorter delay first")));
        }
        let codes = |codes: &[u8]| {
            let text = || refuse(format!("{} exit codes; give {} at most", codes.len(), Codes::CAPACITY));
            Codes::new(codes).ok_or_else(text)
        };
        let probe = self.probe.is_some().then_some(Probing {
            every: self.probe_every,
            limit: self.probe_limit,
            failures: self.probe_failures,
            tells_ready: self.ready_by_probe,
        });
        Ok(Policy {
            interval: self.interval,
            recovery: self.recovery,
            warn: self.warn_signal,
            stop_signal: self.stop_signal,
            stop_to: match self.kill_mode {
                KillMode::Group => SignalTarget::Group,
                KillMode::Mixed | KillMode::Main => SignalTarget::Main,
            },
            pass_to: self.pass_signals,
            grace: self.grace.unwrap_or(self.interval),
            start_limit: self.start_limit,
            says_ready: !self.ready_at_start && !self.ready_by_probe,
            stop_limit: self.stop_limit,
            checks: self.checks,
            probe,
            backoff: Backoff { at_once: self.at_once, first, max, ..Policy::default().backoff },
            healthy_after: self.healthy_after,
            budget,
            clean: codes(&self.clean)?,
            fatal: codes(&self.fatal)?,
            terminal: false,
            finalizes: self.program.is_none(),
            tells_failures: self.on_failure.is_some(),
            passes_exits: self.passes_exits,
            ignored: Policy::default().ignored,
            seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        state::{Event, Stage, State, step},
        time::Time,
    };

    /// How long a program that fails at once is restarted, on a virtual clock; `None` if it is after a
    /// thousand restarts.
    fn time_until_spent(policy: Policy) -> Option<Duration> {
        let began = Time(1_000_000_000_000);
        let (mut state, mut now) = (State::new(policy, began), began);
        for _ in 0..2000 {
            let tell = |state: &mut State, event| *state = step(state, event, now).0;
            match state.stage() {
                Stage::Waiting { at } => {
                    now = now.max(at);
                    state = step(&state, Event::Tick, now).0;
                }
                Stage::Spawning => tell(&mut state, Event::Spawned),
                Stage::Left { .. } => return Some(now.since(began)),
                _ => tell(&mut state, Event::Ended(Exit::Code(1))),
            }
        }
        assert!(matches!(state.last().map(|end| end.exit), Some(Ok(_))));
        None
    }

    #[test]
    fn every_budget_ends_a_program_that_fails_at_once_unless_a_backoff_that_is_given_is_too_slow_for_it() {
        let seconds = [1, 10, 60, 300, 3600, 86_400];
        let given = [None, Some((100, 30_000)), Some((1, 1)), Some((0, 0)), Some((1000, 1000)), Some((500, 20_000))];
        let (mut spent, mut never) = (0, 0);
        for restarts in [0, 1, 2, 3, 5, 10, 20, 64] {
            for window in seconds.map(Duration::from_secs) {
                for backoff in given {
                    let millis = |(first, longest)| (Duration::from_millis(first), Duration::from_millis(longest));
                    let backoff = backoff.map(millis);
                    for seed in 0..4 {
                        let options = Options { budget: (restarts, window), backoff, ..Options::default() };
                        let mut policy = options.policy(seed).unwrap();
                        if seed == 0 {
                            policy.backoff.jitter = 0;
                        }
                        let time = time_until_spent(policy);
                        let can = policy.backoff.can_spend(policy.budget);
                        // Chance shortens delays, so one that the longest cannot spend may be spent.
                        assert!(time.is_some() || !can, "{restarts} in {window:?}, {:?}", policy.backoff);
                        assert!(time.is_none() || can || seed != 0, "{restarts} in {window:?}, {:?}", policy.backoff);
                        assert!(can || backoff.is_some(), "the default of {restarts} in {window:?}");
                        assert!(time.is_none_or(|time| time <= window), "{time:?} for {restarts} in {window:?}");
                        if can { spent += 1 } else { never += 1 }
                    }
                }
            }
        }
        assert!(spent > 500 && never > 50, "{spent} {never}");
    }

    #[test]
    fn the_options_without_a_word_make_the_default_policy() {
        assert_eq!(Options::default().policy(0).unwrap(), Policy::default());
    }

    #[test]
    fn the_defaults_end_a_program_that_fails_at_once_within_half_a_minute() {
        let time = time_until_spent(Options::default().policy(7).unwrap()).unwrap();
        assert!(time < Duration::from_secs(30), "{time:?}");
    }

    #[test]
    fn a_program_that_fails_within_seconds_of_its_start_spends_the_default_budget_too() {
        let policy = Options::default().policy(0).unwrap();
        let began = Time(1_000_000_000_000);
        let (mut state, mut now) = (State::new(policy, began), began);
        let mut instances = 0;
        while !matches!(state.stage(), Stage::Left { .. }) {
            assert!(instances < 100, "it is restarted for ever");
            if let Stage::Waiting { at } = state.stage() {
                now = now.max(at);
            }
            state = step(&state, Event::Tick, now).0;
            state = step(&state, Event::Spawned, now).0;
            now = now.after(Duration::from_secs(2));
            state = step(&state, Event::Ended(Exit::Code(1)), now).0;
            instances += 1;
        }
        assert_eq!(instances, 11);
    }
}
