//! Moments on the clock that both processes read: `CLOCK_MONOTONIC`, in nanoseconds. It
//! stands still while the machine is suspended.

use std::time::Duration;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Time(pub(crate) u64);

impl Time {
    /// A moment that does not come.
    pub(crate) const NEVER: Time = Time(u64::MAX);

    /// The moment that much later. Beyond the range of the clock it is [`NEVER`](Self::NEVER).
    pub(crate) const fn after(self, duration: Duration) -> Time {
        let nanos = duration.as_nanos();
        if nanos >= u64::MAX as u128 { Time::NEVER } else { Time(self.0.saturating_add(nanos as u64)) }
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub(crate) const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
