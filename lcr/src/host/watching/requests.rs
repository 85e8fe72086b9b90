//! A canary of requests: all calls of one request go to the candidate, or none.
//!
//! A *request* is what a thread calls from its first [`Pin`](crate::Pin) of the runtime on, until its last one is gone:
//! all pins that a thread holds at one time hold the same world ([`own`](crate::host::worlds::own)). Nothing is kept of
//! a request before it calls the component, so one that never does is neither drawn for nor counted.
//!
//! # Which version
//! 1. *Once.* The first call of a request draws, and what was drawn is kept with the thread's pins. Each later call
//!    finds it there, by whichever handle it comes, also by one that a component below has: calls on one thread are
//!    made one after the other, so nothing here is shared between threads.
//! 2. *To the end.* Who has drawn the candidate keeps it when the canary has ended, and who has not called yet gets the
//!    old version, uncounted. The pin holds the world that has the layers, with the old version below them, and keeps
//!    the candidate, whatever was committed meanwhile. So a version that does worse goes on to serve the requests that
//!    it has: a request that is served by both is what a pin is there to prevent.
//! 3. *Whole.* A request whose world is older than the canary has called the old version, or may have: it stays there,
//!    also where a handle that is younger than its world leads here. So does a call of a thread that holds no pin.
//!    Both are counted as calls that are of no request.
//! 4. *Its thread.* Calls that other threads make for a request are of theirs, or of none, as for a `Pin`. A
//!    [`Pinned`](crate::Pinned) handle may go to another thread, so it is no request of its own: a call through it is
//!    of its thread's request. Between the threads nothing says which request it is for, and the call itself, which is
//!    made without a frame, has no room for that.
//! 5. *In the child of a fork* the thread's request goes on with its version, uncounted, and no further one is drawn
//!    for.
//!
//! # What is counted
//! The unit is the request. It is bad in one of the three kinds if one of its calls is: if one faults, if one returns
//! an `Err`, and if the calls take too long. That is known as soon as the first call shows it, so it counts then, and a
//! request that is held for hours hides nothing; a good one counts at its end. As to [`evidence`](super::evidence):
//! whether a request goes wrong does not depend on its draw, if the candidate does no worse. That holds of requests,
//! and not of the calls in them, which one draw gives away together. So calls cannot be the unit here.
//!
//! What a request takes is the time of its calls, in sum, without those that are made inside another one of them. It is
//! not the life of its pins, which is mostly what the program does between calls, and waits for its client: no version
//! has a part in that, and it would hide what has. The limit of slow requests is set by the first requests of the old
//! version, as that of calls is by its first calls.
//!
//! A request that never ends is counted as one that has not returned. It counts when it ends or goes wrong, and the
//! canary ends by its time.

use std::{
    cell::Cell,
    fmt, ptr,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    canary::Candidate,
    comparison::{Comparison, said},
    layer::{Ended, quietly},
    pace::Pace,
    side::{How, Wrong},
    signature::Signature,
};
use crate::{
    abi::{crossing::Packed, frame::Core},
    component::hooks::{Around, Next},
    host::{ids::Generation, worlds::records},
};

/// The requests of one canary: what its layers have in common.
pub(crate) struct Requests {
    comparison: Arc<Comparison>,
    /// The address of the runtime's [`Core`], for comparing.
    core: usize,
    /// The number of a world that has all layers, as have the ones after it; `u64::MAX` until there is one.
    since: AtomicU64,
    pace: Pace,
}

impl Requests {
    /// None is drawn for before [`begin`](Requests::begin).
    pub(crate) fn new(comparison: &Arc<Comparison>, core: *const Core) -> Requests {
        let comparison = Arc::clone(comparison);
        Requests { comparison, core: core.addr(), since: AtomicU64::new(u64::MAX), pace: Pace::new() }
    }

    /// Draws for requests from now on. The layers are in the world of this number.
    pub(crate) fn begin(&self, since: Generation) {
        self.since.store(since.to_table(), Ordering::Relaxed);
    }

    /// The layer around a method of this signature. Whoever puts it in has compared the signatures of both methods, and
    /// retires the candidate as rule 2 of a [canary's layer](super::canary) says.
    pub(crate) fn layer(requests: &Arc<Requests>, signature: Arc<Signature>, candidate: Candidate) -> Box<dyn Around> {
        Box::new(OfRequests { requests: Arc::clone(requests), signature, candidate })
    }

    /// The calling thread's request, which is drawn for if that was not done. `None` if the call is of no request, or
    /// the canary ended before the request called.
    fn of_this_thread(self: &Arc<Requests>) -> Option<Rc<Request>> {
        let (comparison, core) = (&self.comparison, ptr::without_provenance::<Core>(self.core));
        // SAFETY: the record is this thread's own, and nothing that is called below uses its pins.
        let own = unsafe { records::mine().own() };
        let is_of_this = |request: &Request| Arc::ptr_eq(&request.requests, self);
        if let Some(kept) = own.kept().find(|kept| kept.downcast_ref().is_some_and(is_of_this)) {
            return Rc::clone(kept).downcast().ok();
        }
        if !comparison.switch.is_on() {
            return None;
        }
        // SAFETY: the thread's pin keeps the table alive.
        let world = own.table_of_request(core).map(|table| Generation::of_table(unsafe { &*table }));
        if world.is_none_or(|world| world.to_table() < self.since.load(Ordering::Relaxed)) {
            comparison.note_outside();
            return None;
        }
        let request = Rc::new(Request {
            requests: Arc::clone(self),
            is_new: comparison.is_for_candidate(),
            inside: Cell::new(0),
            took: Cell::new(Duration::ZERO),
            wrong: Cell::new(Wrong::default()),
        });
        own.keep(core, Rc::clone(&request) as _);
        Some(request)
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("comparison", &self.comparison).finish_non_exhaustive()
    }
}

/// A request that has called the component. It ends when nothing holds it: neither its thread's pins nor a call.
struct Request {
    requests: Arc<Requests>,
    /// Whether the candidate serves it.
    is_new: bool,
    /// How many of its calls are inside.
    inside: Cell<u32>,
    took: Cell<Duration>,
    /// What is counted of it.
    wrong: Cell<Wrong>,
}

impl Request {
    fn enter(&self) {
        self.inside.set(self.inside.get() + 1);
    }

    /// Notes the end of a call.
    fn leave(&self, took: Duration, signature: &Signature, ended: &Ended<'_>) {
        self.inside.set(self.inside.get() - 1);
        if self.inside.get() == 0 {
            self.took.set(self.took.get() + took);
        }
        let total = self.took.get();
        let how = How::of(ended);
        let took_long = self.requests.pace.is_exceeded(total);
        let wrong = Wrong { faulted: how == How::Fault, erred: how == How::Error, took_long };
        self.count(wrong, || match how {
            How::Good => too_long(total),
            How::Error | How::Fault => said(took, false, signature, ended),
        });
    }

    /// Counts the ways in which it has gone wrong, but for those that are counted.
    fn count(&self, wrong: Wrong, text: impl FnOnce() -> String) {
        let before = self.wrong.get();
        let now = wrong.without(before);
        let comparison = &self.requests.comparison;
        if now.is_any() && comparison.switch.is_here() {
            self.wrong.set(before.and(now));
            comparison.note_wrong(self.is_new, now, before.is_any(), text);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let Requests { comparison, pace, .. } = &*self.requests;
        if !comparison.switch.is_here() {
            return;
        }
        quietly(&comparison.switch, || {
            let total = self.took.get();
            let took_long = comparison.takes_long(self.is_new, pace, total);
            self.count(Wrong { took_long, ..Wrong::default() }, || too_long(total));
            comparison.note_request(self.is_new, total, self.wrong.get().is_any());
        });
    }
}

fn too_long(took: Duration) -> String {
    format!("its calls took {took:.1?}")
}

/// The layer around one method.
struct OfRequests {
    requests: Arc<Requests>,
    signature: Arc<Signature>,
    candidate: Candidate,
}

// SAFETY: as for a canary of calls: the arguments and the place go on once, to what is below or to a method of the same
// signature, and nothing here unwinds. Whoever puts the layer in compares the signatures, and keeps the candidate until
// no call can reach the layer.
unsafe impl Around for OfRequests {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let OfRequests { requests, signature, candidate } = self;
        let switch = &requests.comparison.switch;
        let Some(request) = quietly(switch, || requests.of_this_thread()).flatten() else {
            // SAFETY: the caller says so.
            return unsafe { next.run(arguments, out) };
        };
        request.enter();
        let began = Instant::now();
        if request.is_new {
            // SAFETY: the caller says so, the candidate's method takes the same, and the candidate is alive.
            unsafe { candidate.call(arguments, out) };
        } else {
            // SAFETY: the caller says so.
            unsafe { next.run(arguments, out) };
        }
        let took = began.elapsed();
        // SAFETY: what was called has written the outcome of this signature, and nobody takes it before this returns.
        let ended = unsafe { Ended::read(signature, out) };
        quietly(switch, || request.leave(took, signature, &ended));
    }
}
