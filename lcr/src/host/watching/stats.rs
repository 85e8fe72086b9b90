//! Counts and quantiles of a method's calls.
//!
//! Each call is counted; the clock is read for the first [`ALL`] calls of a thread's shard, and for one of [`SAMPLE`]
//! after that. Two reads of the clock cost more than everything else here.
//!
//! A method that is not polled has a layer of its own kind here, [`CountedCalls`], and not that of an [`Observer`]:
//! where a call is only counted and ends well, nothing is noted of it until its end, and nothing needs a barrier, since
//! adding to a count and comparing a fault with null do not panic. So it costs a few loads and stores beside the call.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::Serialize;

use super::{
    Switch,
    counter::Counter,
    histogram::Histogram,
    layer::{Call, Ended, Observer, quietly},
    polled::observing,
    signature::Signature,
};
use crate::{
    abi::crossing::Packed,
    component::hooks::{Around, Next},
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

impl Counts {
    /// A call has ended.
    fn end(&self, ended: &Ended<'_>) {
        match ended {
            Ended::Dropped => {}
            Ended::Fault(_) => _ = self.faults.fetch_add(1, Ordering::Relaxed),
            Ended::Value(_) if ended.is_good() => {}
            Ended::Value(_) => _ = self.errors.fetch_add(1, Ordering::Relaxed),
        }
    }
}

/// The layer that counts the calls of a method of this signature.
pub(crate) fn counting(switch: &Arc<Switch>, signature: Signature, counts: Arc<Counts>) -> Box<dyn Around> {
    if signature.is_async() {
        return observing(switch, signature, Stats(counts));
    }
    let switch = Arc::clone(switch);
    match signature.result().error_type() {
        Some(_) => Box::new(CountedCalls::<true> { switch, counts, signature }),
        None => Box::new(CountedCalls::<false> { switch, counts, signature }),
    }
}

/// Whether the call of that number is timed.
#[inline(always)]
fn is_timed(number: u64) -> bool {
    number < ALL || number.is_multiple_of(SAMPLE)
}

/// The layer around a method that is not polled, and that may return an `Err` or not.
struct CountedCalls<const MAY_ERR: bool> {
    switch: Arc<Switch>,
    counts: Arc<Counts>,
    signature: Signature,
}

// SAFETY: the arguments and the place go on to what is below, once and unchanged, and nothing here unwinds. Whoever
// puts the layer in compares the signature's shape with that of the method.
unsafe impl<const MAY_ERR: bool> Around for CountedCalls<MAY_ERR> {
    #[inline(always)]
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let number = if self.switch.is_on() { self.counts.calls.add_to_own() } else { None };
        if number.is_none_or(is_timed) {
            // SAFETY: the caller says so.
            return unsafe { self.run_rare(number, *next, arguments, out) };
        }
        // SAFETY: as above.
        unsafe { next.run(arguments, out) };
        // SAFETY: an outcome begins with its fault, and what is below has written it.
        let fault = unsafe { out.cast::<*mut ()>().read() };
        if MAY_ERR || !fault.is_null() {
            // SAFETY: as above.
            unsafe { self.end(out) };
        }
    }
}

impl<const MAY_ERR: bool> CountedCalls<MAY_ERR> {
    /// A call that is timed, or that was not counted yet, as its `number` is `None`: the thread has no shard where it
    /// looks first, or the watch is off.
    ///
    /// # Safety
    /// As for [`Around::run`].
    #[cold]
    #[inline(never)]
    unsafe fn run_rare(&self, number: Option<u64>, next: Next<'_>, arguments: Packed, out: *mut ()) {
        let number = match number {
            Some(number) => number,
            None if self.switch.is_on() => self.counts.calls.add(),
            // SAFETY: the caller says so.
            None => return unsafe { next.run(arguments, out) },
        };
        let since = if is_timed(number) { quietly(&self.switch, Instant::now) } else { None };
        // SAFETY: as above.
        unsafe { next.run(arguments, out) };
        if let Some(since) = since {
            quietly(&self.switch, || self.counts.times.note(since.elapsed()));
        }
        // SAFETY: what is below has written the outcome.
        unsafe { self.end(out) };
    }

    /// # Safety
    /// An outcome of the signature is there, and nobody takes it before this returns.
    #[inline(never)]
    unsafe fn end(&self, out: *mut ()) {
        // SAFETY: the caller says so.
        let ended = unsafe { Ended::read(&self.signature, out) };
        quietly(&self.switch, || self.counts.end(&ended));
    }
}

/// The statistics of one async method.
struct Stats(Arc<Counts>);

impl Observer for Stats {
    /// When the call began, if it is timed.
    type Noted = Option<Instant>;

    fn begin(&self, _: Call<'_>) -> Option<Option<Instant>> {
        Some(is_timed(self.0.calls.add()).then(Instant::now))
    }

    fn end(&self, since: Option<Instant>, _: &Signature, ended: &Ended<'_>) {
        if let Some(since) = since.filter(|_| !matches!(ended, Ended::Dropped)) {
            self.0.times.note(since.elapsed());
        }
        self.0.end(ended);
    }
}
