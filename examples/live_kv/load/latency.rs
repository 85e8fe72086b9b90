//! How long requests take, and which of them a replacement may have held.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use hdrhistogram::Histogram;

/// A counter of replacements: odd while one is going on.
#[derive(Default)]
pub(crate) struct Activity(AtomicU64);

/// A moment, to ask later whether a replacement happened since.
#[derive(Clone, Copy)]
pub(crate) struct Moment(u64);

impl Activity {
    /// Runs `change` as a replacement.
    pub(crate) fn during<T>(&self, change: impl FnOnce() -> T) -> T {
        self.0.fetch_add(1, Ordering::AcqRel);
        let result = change();
        self.0.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// Now.
    pub(crate) fn now(&self) -> Moment {
        Moment(self.0.load(Ordering::Acquire))
    }

    /// Whether a replacement was going on at `since` or after it.
    pub(crate) fn touched(&self, since: Moment) -> bool {
        since.0 % 2 == 1 || self.now().0 != since.0
    }
}

/// A histogram of microseconds up to a minute, exact to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_max(60_000_000, 3).expect("the limits are allowed")
}

/// Latencies in microseconds.
pub(crate) struct Latency {
    /// Of all requests.
    pub(crate) all: Histogram<u64>,
    /// Of requests during which a replacement was going on.
    pub(crate) during: Histogram<u64>,
}

impl Default for Latency {
    fn default() -> Latency {
        Latency { all: histogram(), during: histogram() }
    }
}

impl Latency {
    /// Adds a request.
    pub(crate) fn record(&mut self, took: Duration, touched: bool) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.all.saturating_record(micros);
        if touched {
            self.during.saturating_record(micros);
        }
    }

    /// Adds the latencies of another connection.
    pub(crate) fn add(&mut self, other: &Latency) {
        for (histogram, more) in [(&mut self.all, &other.all), (&mut self.during, &other.during)] {
            histogram.add(more).expect("both have the same limits");
        }
    }
}
