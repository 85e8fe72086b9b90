//! Counting the answers of a component's methods.
//!
//! A trial that ends by a number of calls has the methods of the versions on trial hooked, each with one layer
//! ([`Answers::layer`], [`Answers::layer_of_start`]) right above the method. The layer counts when the call is over:
//!
//! | call | counts |
//! |---|---|
//! | of a method that returns a value | when it returns, also if the value is an `Err` |
//! | of an async method | when its future is ready |
//! | of a method that returns a stream | when the stream has ended |
//! | that faults | never |
//! | whose future or stream is dropped before its end | never |
//!
//! # Polled methods
//!
//! The C function of a polled method is its start and first poll ([`future`](crate::abi::future)). Where the future is
//! not over then, the layer puts a future of its own in front of it, which passes each poll and the drop on, and lies
//! in a box of the host's. So a call that pends costs one allocation more while answers are counted.
//!
//! # Promise
//!
//! Each call counts once, with one atomic addition on a counter that all callers share: when the count reaches the
//! number that is wanted, exactly so many calls have been answered. That is announced once, on the thread of the call
//! that reached it, inside that call.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::hooks::{Around, Next};
use crate::abi::{
    crossing::Packed,
    future::{FutureTable, ITEM, PENDING, Polled, RawCall, RawFuture},
    waker::WakerHead,
};

/// How many calls were answered, of how many that are wanted.
pub struct Answers {
    wanted: u64,
    given: AtomicU64,
    enough: Box<dyn Fn() + Send + Sync>,
}

impl Answers {
    /// Counts up to `wanted` and on. `enough` is called when the count reaches it: on a caller's thread, inside a
    /// component. It returns soon, and does not panic.
    pub fn new(wanted: u64, enough: impl Fn() + Send + Sync + 'static) -> Arc<Answers> {
        Arc::new(Answers { wanted, given: AtomicU64::new(0), enough: Box::new(enough) })
    }

    /// How many are wanted.
    pub fn wanted(&self) -> u64 {
        self.wanted
    }

    /// How many there were.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::Acquire)
    }

    /// A layer for a method that is not polled.
    pub fn layer(self: &Arc<Answers>) -> Box<dyn Around> {
        Box::new(CountedCall(Arc::clone(self)))
    }

    /// A layer for the C function of a polled method, which takes so many arguments: the last one is the call.
    pub fn layer_of_start(self: &Arc<Answers>, arguments: u8) -> Box<dyn Around> {
        Box::new(CountedStart { answers: Arc::clone(self), call: usize::from(arguments.max(1)) - 1 })
    }

    fn note(&self) {
        if self.given.fetch_add(1, Ordering::AcqRel) + 1 == self.wanted {
            (self.enough)();
        }
    }
}

impl std::fmt::Debug for Answers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answers").field("wanted", &self.wanted).field("given", &self.given()).finish_non_exhaustive()
    }
}

struct CountedCall(Arc<Answers>);

// SAFETY: what is below consumes the arguments and writes the outcome. Nothing here unwinds.
unsafe impl Around for CountedCall {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        // SAFETY: the caller says so; the method is below, since only methods that are there are counted.
        unsafe { next.run(arguments, out) };
        // SAFETY: an outcome begins with its fault, and what is below has written it.
        let fault = unsafe { out.cast::<*mut ()>().read() };
        if fault.is_null() {
            self.0.note();
        }
    }
}

struct CountedStart {
    answers: Arc<Answers>,
    /// The place of the call among the arguments.
    call: usize,
}

// SAFETY: as above.
unsafe impl Around for CountedStart {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        // SAFETY: there are as many arguments.
        let call = unsafe { arguments.add(self.call) };
        // SAFETY: as above.
        let call = unsafe { call.read() };
        // The value's type is not known here, and lies behind what is read.
        // SAFETY: the last argument of a polled method's function is the call.
        let call: *mut RawCall<()> = unsafe { call.cast::<*mut RawCall<()>>().read() };
        // SAFETY: the caller says so.
        unsafe { next.run(arguments, out) };
        // SAFETY: the result of such a function is a `Polled`, which it has written.
        let polled = unsafe { out.cast::<Polled>().read() };
        if polled.is(PENDING) || polled.is(ITEM) {
            // SAFETY: the call is the caller's, which waits for this function.
            let future = unsafe { &raw mut (*call).future };
            // SAFETY: the component has written its future there, and the caller has not seen it yet.
            let below = unsafe { future.read() };
            let counted = CountedFuture::wrap(below, Arc::clone(&self.answers));
            // SAFETY: as above.
            unsafe { future.write(counted) };
        } else if polled.fault.is_null() {
            self.answers.note();
        }
    }
}

/// A component's future, with what counts its end.
struct CountedFuture {
    below: RawFuture,
    answers: Arc<Answers>,
}

impl CountedFuture {
    const TABLE: FutureTable = FutureTable { poll, drop: drop_future, cancels: false };
    const CANCELLING: FutureTable = FutureTable { cancels: true, ..CountedFuture::TABLE };

    fn wrap(below: RawFuture, answers: Arc<Answers>) -> RawFuture {
        // SAFETY: the component's future is there.
        let cancels = unsafe { below.cancels() };
        let data = Box::into_raw(Box::new(CountedFuture { below, answers })).cast();
        let table = if cancels { &CountedFuture::CANCELLING } else { &CountedFuture::TABLE };
        RawFuture { data, table }
    }
}

unsafe extern "C" fn poll(data: *mut (), waker: *const WakerHead, value: *mut ()) -> Polled {
    let counted: *mut CountedFuture = data.cast();
    // SAFETY: `wrap` made it, and the caller polls it while it is there.
    let RawFuture { data, table } = unsafe { (*counted).below };
    // SAFETY: the component's future is there as long as this one.
    let poll = unsafe { (*table).poll };
    // SAFETY: the caller says so of waker and value.
    let polled = unsafe { poll(data, waker, value) };
    if polled.is(PENDING) || polled.is(ITEM) {
        return polled;
    }
    // SAFETY: the call is over, so this is not used again.
    let counted = unsafe { Box::from_raw(counted) };
    if polled.fault.is_null() {
        counted.answers.note();
    }
    polled
}

unsafe extern "C" fn drop_future(data: *mut ()) {
    // SAFETY: `wrap` made it, and the caller drops it once.
    let counted = unsafe { Box::from_raw(data.cast::<CountedFuture>()) };
    // SAFETY: the component's future is there as long as this one.
    unsafe { counted.below.drop() };
}
