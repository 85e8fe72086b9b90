//! What an operator chose, once, before the first instance.

use std::time::Duration;

use super::action::Whom;

/// All of it. `Default` is what `#[sam::main]` without a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Policy {
    /// The main check's deadline, and the unit of every re-arming. Zero: the main check
    /// is not looked at (named checks, probes, `mark_failed` and ends still are).
    pub(crate) interval: Duration,
    pub(crate) recovery: Recovery,
    /// The signal that warns, unless the instance's board names another.
    pub(crate) warn: i32,
    /// Who gets the signals that are passed on.
    pub(crate) pass_to: Whom,
    /// From the warning to SIGKILL. Zero kills at the next `Tick`.
    pub(crate) grace: Duration,
    /// From `Spawned` to `Phase::Ready`. Without it nobody waits for readiness, and an
    /// instance counts as serving from its first moment.
    pub(crate) start_limit: Option<Duration>,
    /// From the operator's stop to SIGKILL. `Duration::MAX`: for ever.
    pub(crate) stop_limit: Duration,
    pub(crate) checks: Checks,
    pub(crate) probe: Option<Probing>,
    pub(crate) backoff: Backoff,
    /// An instance that served this long without a complaint starts the backoff anew.
    pub(crate) healthy_after: Duration,
    pub(crate) budget: Budget,
    /// Codes besides 0 that end the supervisor as a success.
    pub(crate) clean: Codes,
    /// Codes that end the supervisor because another instance would fare no better.
    pub(crate) fatal: Codes,
    /// The supervisor has a controlling terminal and gives it to its instances: when that
    /// stops one (Ctrl-Z), the supervisor stops too, so that the shell sees it.
    pub(crate) terminal: bool,
    /// Of the jitter and of the questions' numbers.
    pub(crate) seed: u64,
}

/// What follows when an instance ends that should not have: neither with a clean status, nor
/// with a fatal one, nor because its operator stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recovery {
    /// The next instance, after a delay, within the budget.
    #[default]
    Restart,
    /// The supervisor ends, as the instance ended.
    Quit,
}

/// Where the main check's signs of life come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Checks {
    /// The application says that it is well, of its own accord:
    /// [`App::beat`](crate::App::beat).
    #[default]
    Beats,
    /// The supervisor asks each interval while the application runs, and wants an answer
    /// within another one: [`App::asked`](crate::App::asked),
    /// [`App::callback`](crate::App::callback).
    Asks,
}

/// A command that looks at the instance from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probing {
    /// From the start of one to the start of the next; at least a millisecond.
    pub(crate) every: Duration,
    /// One that runs longer is stopped and has failed.
    pub(crate) limit: Duration,
    /// This many failures in a row (at least one) are a complaint.
    pub(crate) failures: u32,
}

/// How long to wait before a restart: nothing for the first, then `first`, doubled each
/// time up to `max`, each less up to `jitter` per cent by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
    /// 0 to 100.
    pub(crate) jitter: u8,
}

/// At most `restarts` (at most [`Budget::MOST`]) in any `window`; none at all if that is
/// 0. A window of zero bounds nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) restarts: u8,
    pub(crate) window: Duration,
}

impl Budget {
    /// The size of the ring that remembers restarts.
    pub(crate) const MOST: u8 = 64;
}

/// A few exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Codes {
    codes: [u8; Codes::MOST],
    len: u8,
}

impl Codes {
    pub(crate) const MOST: usize = 8;

    /// Those, or nothing if they are too many.
    pub(crate) const fn new(codes: &[u8]) -> Option<Codes> {
        if codes.len() > Codes::MOST {
            return None;
        }
        let mut list = Codes { codes: [0; Codes::MOST], len: codes.len() as u8 };
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
            pass_to: Whom::Instance,
            grace: Duration::from_secs(2),
            start_limit: None,
            stop_limit: Duration::from_secs(30),
            checks: Checks::Beats,
            probe: None,
            backoff: Backoff { first: Duration::from_millis(100), max: Duration::from_secs(30), jitter: 25 },
            healthy_after: Duration::from_secs(10),
            budget: Budget { restarts: 10, window: Duration::from_secs(60) },
            clean: Codes::default(),
            fatal: Codes::default(),
            terminal: false,
            seed: 0,
        }
    }
}
