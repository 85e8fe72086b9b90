//! Deadlines: the end of a time that a user gave.
//!
//! A user gives a `Duration`, or `None` for no limit. The duration may be longer than the clock counts
//! (`Duration::MAX`), and adding such a one to an `Instant` panics. So a thread that waits for a time
//! from outside waits for a [`Deadline`].

use std::time::{Duration, Instant};

/// The moment at which a wait ends, if it ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    /// How long a thread without a limit sleeps before it looks again.
    const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

    /// `timeout` after `start`. There is no limit if `timeout` is `None`, or if the clock does not
    /// reach that far.
    pub(crate) fn after(start: Instant, timeout: impl Into<Option<Duration>>) -> Deadline {
        Deadline(timeout.into().and_then(|timeout| start.checked_add(timeout)))
    }

    /// This deadline, `grace` later.
    pub(crate) fn later(self, grace: Duration) -> Deadline {
        Deadline(self.0.and_then(|end| end.checked_add(grace)))
    }

    pub(crate) fn has_passed(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }

    /// Whether it comes before `other`.
    pub(crate) fn is_before(self, other: Deadline) -> bool {
        self.0.is_some_and(|end| other.0.is_none_or(|other| end < other))
    }

    /// How long a thread may sleep before it looks again.
    pub(crate) fn left(self) -> Duration {
        self.0.map_or(Self::LONGEST_WAIT, |end| end.saturating_duration_since(Instant::now()))
    }

    /// The deadline as time after `epoch`; `None` if there is no limit.
    pub(crate) fn since(self, epoch: Instant) -> Option<Duration> {
        self.0.map(|end| end.saturating_duration_since(epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_no_limit() {
        let never = Deadline::after(Instant::now(), Duration::MAX);
        assert_eq!(never, Deadline::after(Instant::now(), None));
        assert!(!never.has_passed());
        assert!(!never.later(Duration::MAX).has_passed());
        assert_eq!(never.left(), Deadline::LONGEST_WAIT);
        assert_eq!(never.since(Instant::now()), None);
        let now = Deadline::after(Instant::now(), Duration::ZERO);
        assert!(now.has_passed());
        assert_eq!(now.later(Duration::MAX), never);
        assert!(now.is_before(never) && !never.is_before(now) && !never.is_before(never));
        assert!(now.is_before(now.later(Duration::from_secs(1))) && !now.is_before(now));
    }
}
