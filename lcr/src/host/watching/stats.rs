//! Counts and quantiles of a method's calls.
//!
//! Each call is counted; the clock is read for the first [`ALL`] calls of a thread's shard, and for one of [`SAMPLE`]
//! after that. Two reads of the clock cost more than everything else here.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::Serialize;

use super::{
    counter::Counter,
    histogram::Histogram,
    layer::{Call, Ended, Observer},
    signature::Signature,
};

/// How many calls are timed before only some are.
const ALL: u64 = 64;

/// After that, one of so many calls is timed. A power of two.
const SAMPLE: u64 = 64;

/// What is counted of one method.
pub(crate) struct Counts {
    name: String,
    component: String,
    calls: Counter,
    faults: AtomicU64,
    errors: AtomicU64,
    times: Histogram,
}

/// The numbers of one method. Times are in nanoseconds, of the calls that were timed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MethodStats {
    /// `kv.store.get`
    pub method: String,
    /// The component, with the version that it had when the watch began.
    pub component: String,
    /// How many calls have begun.
    pub calls: u64,
    /// How many ended with a fault.
    pub faults: u64,
    /// How many returned an `Err`.
    pub errors: u64,
    /// How many were timed.
    pub timed: u64,
    /// Half of the calls took no longer.
    pub p50_ns: u64,
    /// Of ten calls, nine took no longer.
    pub p90_ns: u64,
    /// Of a hundred calls, 99 took no longer.
    pub p99_ns: u64,
    /// The longest that was timed.
    pub longest_ns: u64,
}

impl Counts {
    pub(crate) fn new(signature: &Signature) -> Arc<Counts> {
        Arc::new(Counts {
            name: signature.name().to_owned(),
            component: signature.component().to_owned(),
            calls: Counter::default(),
            faults: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            times: Histogram::new(),
        })
    }

    /// The numbers at this moment.
    pub(crate) fn now(&self) -> MethodStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MethodStats {
            method: self.name.clone(),
            component: self.component.clone(),
            calls: self.calls.sum(),
            faults: count(&self.faults),
            errors: count(&self.errors),
            timed: self.times.count(),
            p50_ns: self.times.quantile(500),
            p90_ns: self.times.quantile(900),
            p99_ns: self.times.quantile(990),
            longest_ns: self.times.longest(),
        }
    }
}

/// The statistics of one method.
pub(crate) struct Stats(pub(crate) Arc<Counts>);

impl Observer for Stats {
    /// When the call began, if it is timed.
    type Noted = Option<Instant>;

    fn begin(&self, _: Call<'_>) -> Option<Option<Instant>> {
        let number = self.0.calls.add();
        let is_timed = number < ALL || number.is_multiple_of(SAMPLE);
        Some(is_timed.then(Instant::now))
    }

    fn end(&self, since: Option<Instant>, _: &Signature, ended: &Ended<'_>) {
        if let Some(since) = since.filter(|_| !matches!(ended, Ended::Dropped)) {
            self.0.times.note(since.elapsed());
        }
        match ended {
            Ended::Dropped => {}
            Ended::Fault(_) => _ = self.0.faults.fetch_add(1, Ordering::Relaxed),
            Ended::Value(_) if ended.is_good() => {}
            Ended::Value(_) => _ = self.0.errors.fetch_add(1, Ordering::Relaxed),
        }
    }
}
