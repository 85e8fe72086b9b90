//! When rounds of a pre-copy end: pure policy, which [`precopy`](super::precopy) follows.

use std::time::Duration;

/// A round that is not shorter than this part of the one before brings no more.
const GAIN: f64 = 0.8;

/// How long an item takes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Pace {
    items: u64,
    time: Duration,
}

impl Pace {
    /// `items` took `time`. The last items count most.
    pub(super) fn add(&mut self, items: u64, time: Duration) {
        const WINDOW: u64 = 1 << 17;
        if self.items > WINDOW {
            *self = Pace { items: self.items / 2, time: self.time / 2 };
        }
        self.items += items;
        self.time += time;
    }

    /// The time that so many items will take.
    pub(super) fn time_for(&self, items: u64) -> Duration {
        if self.items == 0 {
            return if items == 0 { Duration::ZERO } else { Duration::MAX };
        }
        let seconds = self.time.as_secs_f64() * (items as f64 / self.items as f64);
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// What follows a round.
#[must_use]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    /// Little enough is left for the gate.
    Ready,
    /// Another round.
    Again,
    /// Too much is left, and no further round is allowed.
    UsedUp,
}

/// The rounds of one attempt.
pub(super) struct Rounds {
    most: u32,
    /// How long callers may be held; `None` for no limit.
    allowed: Option<Duration>,
    count: u32,
    last: Option<Duration>,
}

impl Rounds {
    pub(super) fn new(most: u32, allowed: Option<Duration>) -> Rounds {
        Rounds { most, allowed, count: 0, last: None }
    }

    /// How many rounds there were.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// A round is over, and callers would be held for `hold` now.
    pub(super) fn end_round(&mut self, hold: Duration) -> Progress {
        self.count += 1;
        let last = self.last.replace(hold);
        let is_allowed = self.allowed.is_none_or(|allowed| hold <= allowed);
        let is_short = self.allowed.map_or(hold.is_zero(), |allowed| hold <= allowed / 4);
        let is_stuck = last.is_some_and(|last| hold.as_secs_f64() >= last.as_secs_f64() * GAIN);
        if is_short || (is_allowed && (is_stuck || self.count >= self.most)) {
            Progress::Ready
        } else if self.count >= self.most {
            Progress::UsedUp
        } else {
            Progress::Again
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn run(most: u32, allowed: Option<Duration>, holds: impl IntoIterator<Item = u64>) -> (Progress, u32) {
        let mut rounds = Rounds::new(most, allowed);
        for hold in holds {
            match rounds.end_round(ms(hold)) {
                Progress::Again => {}
                end => return (end, rounds.count()),
            }
        }
        (Progress::Again, rounds.count())
    }

    #[test]
    fn rounds_end_when_little_is_left() {
        assert_eq!(run(30, Some(ms(10)), [500, 100, 20, 4, 2, 1]), (Progress::Ready, 5));
        assert_eq!(run(30, Some(ms(10)), [0]), (Progress::Ready, 1));
    }

    #[test]
    fn rounds_end_when_they_get_no_shorter_and_the_hold_is_allowed() {
        assert_eq!(run(30, Some(ms(10)), [500, 100, 9, 8]), (Progress::Ready, 4));
        assert_eq!(run(30, None, [500, 100, 99]), (Progress::Ready, 3));
    }

    #[test]
    fn a_hold_that_is_not_allowed_ends_with_the_last_round() {
        assert_eq!(run(5, Some(ms(10)), [20; 9]), (Progress::UsedUp, 5));
        assert_eq!(run(3, Some(ms(10)), [500, 100, 9]), (Progress::Ready, 3), "the last round made it");
        assert_eq!(run(u32::MAX, Some(ms(10)), [20; 9]), (Progress::Again, 9));
    }

    #[test]
    fn a_pace_that_is_not_known_allows_nothing() {
        let mut pace = Pace::default();
        assert_eq!((pace.time_for(0), pace.time_for(1)), (Duration::ZERO, Duration::MAX));
        pace.add(1_000, ms(1));
        assert_eq!(pace.time_for(10_000), ms(10));
        assert_eq!(pace.time_for(0), Duration::ZERO);
        (0..1_000).for_each(|_| pace.add(1_000, ms(2)));
        let now = pace.time_for(1_000);
        assert!(now > ms(1) && now <= ms(2), "{now:?}");
        pace.add(1, Duration::MAX / 4);
        assert_eq!(pace.time_for(u64::MAX), Duration::MAX);
    }
}
