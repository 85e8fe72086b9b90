//! Counts and quantiles of a method's calls.
//!
//! Each call is counted, and the clock is read for some of them ([`counter`](super::counter)): two reads of it cost ten
//! times what counting costs.
//!
//! A method that is not polled has a layer of its own kind here, [`CountedCalls`], and not that of an [`Observer`]:
//! where a call is only counted and ends well, nothing is noted of it until its end, and nothing needs a barrier, since
//! adding to a count and comparing a fault and a tag do not panic. So it costs a few loads and a store beside the call.
//! Whatever else may come is in functions of their own, which are C functions, since those do not unwind: so the
//! barrier around the layer has nothing to do, and the compiler leaves it out, with what it would keep on the stack.
//!
//! Nor does such a call look at the switch of the watch: a thread sees that it is off with the next call that would be
//! timed, and then leaves the count. So a thread may count as many calls more as lie between two that are timed, in
//! numbers that nobody waits for any more. In the child of a fork, nobody gets them.

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
    counter::{Counter, Weight},
    histogram::Histogram,
    layer::{Call, Ended, Observer, quietly, value_offset},
    polled::observing,
    signature::Signature,
};
use crate::{
    abi::crossing::Packed,
    component::hooks::{Around, Next},
};

/// What is counted of one method.
pub(crate) struct Counts {
    name: String,
    component: String,
    calls: Counter,
    faults: AtomicU64,
    errors: AtomicU64,
    timed: AtomicU64,
    times: Histogram,
}

/// The numbers of one method. Times are in nanoseconds. A call that was timed stands for those that
/// were not since the one before.
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
            timed: AtomicU64::new(0),
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
            timed: count(&self.timed),
            p50_ns: self.times.quantile(500),
            p90_ns: self.times.quantile(900),
            p99_ns: self.times.quantile(990),
            longest_ns: self.times.longest(),
        }
    }
}

impl Counts {
    /// A call has ended that was timed, and stands for so many.
    fn note(&self, since: Instant, weight: Weight) {
        self.times.note_often(since.elapsed(), weight);
        self.timed.fetch_add(1, Ordering::Relaxed);
    }

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
    let (switch, may_err) = (Arc::clone(switch), signature.result().error_type().is_some());
    let result_at = value_offset(&signature);
    match may_err {
        true => Box::new(CountedCalls::<true> { switch, counts, result_at, signature }),
        false => Box::new(CountedCalls::<false> { switch, counts, result_at, signature }),
    }
}

/// The layer around a method that is not polled, and that may return an `Err` or not.
struct CountedCalls<const MAY_ERR: bool> {
    switch: Arc<Switch>,
    counts: Arc<Counts>,
    /// Where an outcome has its value.
    result_at: usize,
    signature: Signature,
}

// SAFETY: the arguments and the place go on to what is below, once and unchanged, and nothing here unwinds. Whoever
// puts the layer in compares the signature's shape with that of the method.
unsafe impl<const MAY_ERR: bool> Around for CountedCalls<MAY_ERR> {
    #[inline(always)]
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        if !self.counts.calls.add_untimed() {
            // SAFETY: the caller says so.
            return unsafe { self.run_rare(*next, arguments, out) };
        }
        // SAFETY: as above.
        unsafe { next.run(arguments, out) };
        // SAFETY: what is below has written the outcome.
        if unsafe { self.is_bad(out) } {
            // SAFETY: as above, and nobody takes it before this returns.
            unsafe { self.end(out) };
        }
    }
}

impl<const MAY_ERR: bool> CountedCalls<MAY_ERR> {
    /// Whether a call has ended with a fault or an `Err`.
    ///
    /// # Safety
    /// An outcome of the signature is there.
    #[inline(always)]
    unsafe fn is_bad(&self, out: *mut ()) -> bool {
        // SAFETY: an outcome begins with its fault.
        let fault = unsafe { out.cast::<*mut ()>().read() };
        if !fault.is_null() || !MAY_ERR {
            return !fault.is_null();
        }
        let tag = out.wrapping_byte_add(self.result_at).cast::<u8>();
        // SAFETY: without a fault, the value is there; it is a `Result`, which begins with its tag.
        unsafe { tag.read() == 1 }
    }

    /// A call that is timed, or whose thread has no shard where it looks first, or for which the watch is off.
    ///
    /// # Safety
    /// As for [`Around::run`].
    #[cold]
    #[inline(never)]
    unsafe extern "C" fn run_rare(&self, next: Next<'_>, arguments: Packed, out: *mut ()) {
        if !self.switch.is_on() {
            self.counts.calls.leave();
            // SAFETY: the caller says so.
            return unsafe { next.run(arguments, out) };
        }
        let weight = self.counts.calls.add();
        let since = weight.and_then(|weight| quietly(&self.switch, || (Instant::now(), weight)));
        // SAFETY: as above.
        unsafe { next.run(arguments, out) };
        if let Some((since, weight)) = since {
            quietly(&self.switch, || self.counts.note(since, weight));
        }
        // SAFETY: what is below has written the outcome.
        if unsafe { self.is_bad(out) } {
            // SAFETY: as above, and nobody takes it before this returns.
            unsafe { self.end(out) };
        }
    }

    /// A call has ended badly.
    ///
    /// # Safety
    /// An outcome of the signature is there, and nobody takes it before this returns.
    #[cold]
    #[inline(never)]
    unsafe extern "C" fn end(&self, out: *mut ()) {
        // SAFETY: the caller says so.
        let ended = unsafe { Ended::read(&self.signature, out) };
        quietly(&self.switch, || self.counts.end(&ended));
    }
}

/// The statistics of one async method.
struct Stats(Arc<Counts>);

impl Observer for Stats {
    /// When the call began and for how many it stands, if it is timed.
    type Noted = Option<(Instant, Weight)>;

    fn begin(&self, _: Call<'_>) -> Option<Option<(Instant, Weight)>> {
        Some(self.0.calls.add().map(|weight| (Instant::now(), weight)))
    }

    fn end(&self, since: Option<(Instant, Weight)>, _: &Signature, ended: &Ended<'_>) {
        if let Some((since, weight)) = since.filter(|_| !matches!(ended, Ended::Dropped)) {
            self.0.note(since, weight);
        }
        self.0.end(ended);
    }
}
