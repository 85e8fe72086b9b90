//! [`Pace`]: when a call takes too long.
//!
//! A call is slow if it takes longer than a limit, which is set when the old version has answered [`PACE`] calls of
//! the method: a multiple of the time that half of them did not exceed, and not less than a time below which nobody
//! minds. The second is needed, since a version that gets few calls finds caches colder. Calls before that are slow for
//! neither version. Of a canary of requests, a request stands for a call, and there is one limit for all.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::histogram::Histogram;

/// After how many calls of the old version the limit of slow calls of a method is set.
const PACE: u64 = 100;

/// When a call is slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The multiple of the time that half of the calls do not exceed.
    pub(crate) factor: f64,
    /// Never below this.
    pub(crate) least: Duration,
}

/// When a call of one method is slow, or a request.
pub(super) struct Pace {
    /// Of the first calls of the old version.
    times: Histogram,
    counted: AtomicU64,
    /// In nanoseconds; 0 until it is set.
    limit: AtomicU64,
}

impl Pace {
    pub(super) fn new() -> Pace {
        Pace { times: Histogram::new(), counted: AtomicU64::new(0), limit: AtomicU64::new(0) }
    }

    /// Whether so long is longer than the limit, if that is set.
    pub(super) fn is_exceeded(&self, took: Duration) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        limit > 0 && took > Duration::from_nanos(limit)
    }

    /// Whether a call, or a request, that has ended is slow. Called once for each: the first ones set the limit.
    pub(super) fn takes_long(&self, is_new: bool, took: Duration, limits: Limits) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit > 0 {
            return took > Duration::from_nanos(limit);
        }
        if !is_new {
            self.times.note(took);
            if self.counted.fetch_add(1, Ordering::Relaxed) + 1 == PACE {
                let multiple = (self.times.quantile(500) as f64 * limits.factor) as u64;
                let least = u64::try_from(limits.least.as_nanos()).unwrap_or(u64::MAX);
                self.limit.store(multiple.max(least).max(1), Ordering::Relaxed);
            }
        }
        false
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_slow_by_what_the_old_version_took_and_never_below_what_nobody_minds() {
        let limits = Limits { factor: 2.0, least: Duration::from_millis(1) };
        let millis = Duration::from_millis;
        for (usual, fine, slow) in [(millis(10), millis(20), millis(24)), (millis(0), millis(1), millis(2))] {
            let pace = Pace::new();
            assert!(!pace.takes_long(true, millis(1_000), limits), "nothing is known of the old version");
            (0..PACE).for_each(|_| assert!(!pace.takes_long(false, usual, limits)));
            assert!(!pace.takes_long(true, fine, limits) && pace.takes_long(true, slow, limits), "{usual:?}");
            assert!(pace.takes_long(false, slow, limits), "the old version's count, too");
        }
    }
}
