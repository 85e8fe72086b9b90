//! Times in buckets: fixed memory, and quantiles that are right within an eighth.
//!
//! A bucket is an eighth of a power of two, as in HdrHistogram. From 1 ns to 18 minutes that is 320 buckets.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Buckets in each power of two.
const PARTS: u64 = 8;

/// Below this, in nanoseconds, each number has a bucket.
const EXACT: u64 = PARTS;

const BUCKETS: usize = 320;

pub(super) struct Histogram {
    buckets: Box<[AtomicU64]>,
    longest: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Histogram {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Histogram { buckets, longest: AtomicU64::new(0) }
    }

    /// Counts a time.
    pub(super) fn note(&self, time: Duration) {
        self.note_often(time, 1);
    }

    /// Counts a time so often.
    pub(super) fn note_often(&self, time: Duration, weight: u64) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(weight, Ordering::Relaxed);
        // Mostly it is not, and then nothing is written to what all threads read.
        if nanos > self.longest.load(Ordering::Relaxed) {
            self.longest.fetch_max(nanos, Ordering::Relaxed);
        }
    }

    /// The longest time, in nanoseconds.
    pub(super) fn longest(&self) -> u64 {
        self.longest.load(Ordering::Relaxed)
    }

    /// The time, in nanoseconds, that so many of a thousand calls did not exceed. 0 if none was counted.
    pub(super) fn quantile(&self, of_thousand: u64) -> u64 {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let mut left = (all * of_thousand).div_ceil(1000).max(1);
        for (number, count) in counts.into_iter().enumerate() {
            if count >= left {
                return highest(number).min(self.longest());
            }
            left -= count;
        }
        0
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < EXACT {
        return usize::try_from(nanos).unwrap_or(0);
    }
    let power = u64::from(nanos.ilog2());
    let part = (nanos >> (power - 3)) & (PARTS - 1);
    let number = EXACT + (power - 3) * PARTS + part;
    usize::try_from(number).map_or(BUCKETS - 1, |number| number.min(BUCKETS - 1))
}

/// The highest time of a bucket.
fn highest(number: usize) -> u64 {
    let number = number as u64;
    if number < EXACT {
        return number;
    }
    let (power, part) = ((number - EXACT) / PARTS + 3, (number - EXACT) % PARTS);
    let width = 1_u64 << (power - 3);
    (1_u64 << power) + part * width + (width - 1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_within_an_eighth() {
        for nanos in (0..40).map(|power| 1_u64 << power).flat_map(|n| [n, n + n / 3, n + n / 2]) {
            let high = highest(bucket(nanos));
            assert!(high >= nanos && high <= nanos + nanos / 8 + 1, "{nanos} is counted as {high}");
        }
        let times = Histogram::new();
        assert_eq!(times.quantile(500), 0);
        (1..=1000).for_each(|micros| times.note(Duration::from_micros(micros)));
        for (of_thousand, expected) in [(500, 500_000), (990, 990_000), (1000, 1_000_000)] {
            let found = times.quantile(of_thousand);
            assert!(found >= expected && found <= expected + expected / 8, "{of_thousand}: {found}");
        }
        times.note(Duration::MAX);
        assert_eq!((times.quantile(1000), times.longest()), (highest(BUCKETS - 1), u64::MAX));
    }

    #[test]
    fn a_time_counts_for_as_many_calls_as_it_stands_for() {
        let times = Histogram::new();
        (0..64).for_each(|_| times.note(Duration::from_secs(1)));
        (0..100).for_each(|_| times.note_often(Duration::from_nanos(7), 256));
        assert_eq!(times.quantile(990), 7);
        assert!(times.quantile(1000) >= 1_000_000_000);
    }
}
