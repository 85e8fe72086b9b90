//! What an operator chose before the first instance, as the machine needs it.

use std::time::Duration;

use super::action::SignalTarget;

/// Everything that the machine is told. `Default` is the policy of `#[sam::main]` without arguments; a test
/// of `options` compares both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The main check's deadline, and how long an excuse holds. Zero: the machine does not look at the main
    /// check, only at named checks, probes, `mark_failed` and ends.
    pub(crate) interval: Duration,
    pub(crate) recovery: Recovery,
    /// The signal that warns, unless the instance's board names another.
    pub(crate) warn: i32,
    /// The signal that a stop sends to the instance. `None`: the operator's own.
    pub(crate) stop_signal: Option<i32>,
    /// Which processes get that signal.
    pub(crate) stop_to: SignalTarget,
    /// Which processes get the signals that the supervisor passes on.
    pub(crate) pass_to: SignalTarget,
    /// The time from the warning to SIGKILL. Zero: the next `Tick` kills.
    pub(crate) grace: Duration,
    /// How long an instance may take from `Spawned` to `Phase::Ready`. `None`: the machine does not wait for
    /// readiness, and an instance counts as serving from its first moment.
    pub(crate) start_limit: Option<Duration>,
    /// The instance says itself when it is ready, and probes begin then.
    pub(crate) says_ready: bool,
    /// The time from the operator's stop to SIGKILL.
    pub(crate) stop_limit: Duration,
    pub(crate) checks: Checks,
    pub(crate) probe: Option<Probing>,
    pub(crate) backoff: Backoff,
    /// How long an instance serves without a complaint until the backoff begins anew.
    pub(crate) healthy_after: Duration,
    pub(crate) budget: Budget,
    /// Codes besides 0 that end the supervisor as a success.
    pub(crate) clean: Codes,
    /// Codes that end the supervisor because a restart would not help.
    pub(crate) fatal: Codes,
    /// The supervisor has a controlling terminal and lends it to its instances. When the terminal stops an
    /// instance (Ctrl-Z), the supervisor stops, too, so that the shell sees it.
    pub(crate) terminal: bool,
    /// True: `Phase::Stopping` says that the application wants no further instance (`finalize`). False: it
    /// only says that the program is on its way out (STOPPING=1), perhaps because of a warning.
    pub(crate) finalizes: bool,
    /// There is a command to run at each end that is a failure.
    pub(crate) tells_failures: bool,
    /// An exit while no check is active (before `sam_start`, or after `sam_stop`) ends the supervisor,
    /// whatever the status, as with corosync's library.
    pub(crate) passes_exits: bool,
    /// Signals that stop a program, and whether this process ignored them when supervision began, as a
    /// shell's `&` has it. A signal that it ignored is no stop: the supervisor passes it on like others.
    pub(crate) ignored: [(i32, bool); 2],
    /// The seed of the jitter and of the questions' numbers.
    pub(crate) seed: u64,
}

impl Policy {
    pub(super) fn is_stop(&self, signal: i32) -> bool {
        matches!(signal, libc::SIGTERM | libc::SIGINT | libc::SIGQUIT) && !self.ignored.contains(&(signal, true))
    }

    /// Whether a program that fails at once is restarted for ever although its budget has a window.
    pub(crate) fn is_endless(&self) -> bool {
        let is_bounded = self.recovery == Recovery::Restart && !self.budget.window.is_zero();
        is_bounded && !self.backoff.can_spend(self.budget)
    }
}

/// What follows the end of an instance that its operator has not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recovery {
    /// After a failure: the next instance, after a delay, within the budget. After a clean or a fatal status
    /// the supervisor ends as the instance did.
    #[default]
    Restart,
    /// The next instance also after a clean end, within the budget. Only a fatal status and the operator's
    /// stop end the supervisor.
    Always,
    /// The supervisor ends as the instance did.
    Quit,
}

/// Where signs of life come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Checks {
    /// The application sends beats of its own accord: [`App::beat`](crate::App::beat).
    #[default]
    Beats,
    /// The supervisor asks once an interval while the application runs, and the application answers within
    /// the next interval: [`App::asked`](crate::App::asked),
    /// [`App::set_callback`](crate::App::set_callback).
    Asks,
}

/// A command that looks at the instance from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probing {
    /// The time from the start of one probe to the start of the next, at least a millisecond.
    pub(crate) every: Duration,
    /// How long a probe may run; then the supervisor kills it, and it has failed.
    pub(crate) limit: Duration,
    /// How many failures in a row, at least one, are a complaint.
    pub(crate) failures: u32,
    /// Whether the first probe that finds the instance well tells that it is ready. Until then probes come
    /// at least once a second, and their failures do not count; the start limit does.
    pub(crate) tells_ready: bool,
}

/// How long a restart waits. The first `at_once` restarts in a row (at least one) do not wait; the next
/// waits for `first`, and each one after that twice as long, up to `max`. Each delay is shorter by up to
/// `jitter` per cent at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// How many restarts in a row, without health between them, do not wait.
    pub(crate) at_once: u32,
    pub(crate) first: Duration,
    pub(crate) max: Duration,
    /// 0 to 100.
    pub(crate) jitter: u8,
}

/// At most `restarts` restarts, [`Budget::MAX_RESTARTS`] or fewer, in any `window`. With 0 there is no
/// restart at all. With a window of zero any other number allows any number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) restarts: u8,
    pub(crate) window: Duration,
}

impl Backoff {
    /// How long the delays before the restarts of a whole budget take together at most.
    fn whole(&self, restarts: u8) -> Duration {
        let from = self.at_once.max(1) - 1;
        let delays = (0..u32::from(restarts)).map(|past| match past.checked_sub(from) {
            Some(doublings) => self.first.saturating_mul(1 << doublings.min(31)).min(self.max),
            None => Duration::ZERO,
        });
        delays.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Whether a program that fails at once spends that budget, however often it is restarted: the
    /// delays of no other restarts in a row are shorter than those of the first.
    pub(crate) fn can_spend(&self, budget: Budget) -> bool {
        self.whole(budget.restarts) < budget.window || budget.restarts == 0
    }
}

impl Budget {
    /// The size of the ring that remembers restarts.
    pub(crate) const MAX_RESTARTS: u8 = 64;
}

/// A few exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Codes {
    codes: [u8; Codes::CAPACITY],
    len: u8,
}

impl Codes {
    pub(crate) const CAPACITY: usize = 8;

    /// A list of those codes; `None` if they are too many.
    pub(crate) const fn new(codes: &[u8]) -> Option<Codes> {
        if codes.len() > Codes::CAPACITY {
            return None;
        }
        let mut list = Codes { codes: [0; Codes::CAPACITY], len: codes.len() as u8 };
        let mut i = 0;
        while i < codes.len() {
            list.codes[i] = codes[i];
            i += 1;
        }
        Some(list)
    }

    pub(crate) fn contains(&self, code: i32) -> bool {
        self.codes[..usize::from(self.len)].iter().any(|&c| i32::from(c) == code)
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            interval: Duration::from_secs(2),
            recovery: Recovery::Restart,
            warn: libc::SIGTERM,
            stop_signal: None,
            stop_to: SignalTarget::Group,
            pass_to: SignalTarget::Main,
            grace: Duration::from_secs(2),
            start_limit: None,
            says_ready: false,
            stop_limit: Duration::from_secs(10),
            checks: Checks::Beats,
            probe: None,
            backoff: Backoff { at_once: 1, first: Duration::from_millis(100), max: Duration::from_secs(3), jitter: 25 },
            healthy_after: Duration::from_secs(10),
            budget: Budget { restarts: 10, window: Duration::from_secs(60) },
            clean: Codes::default(),
            fatal: Codes::default(),
            terminal: false,
            finalizes: true,
            tells_failures: false,
            passes_exits: false,
            ignored: [(libc::SIGINT, false), (libc::SIGQUIT, false)],
            seed: 0,
        }
    }
}
