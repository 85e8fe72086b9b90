//! Watching: hooks that are blind to the signature, around any method of any component, for operators.
//!
//! A watch looks at calls, or has some fail, without a type of the interface. It is a [layer](crate::component::hooks)
//! like those of typed patches, and what it knows of a value is the value's [shape](super::reflect). `change/watching`
//! puts watches in and takes them off; this room is what runs inside a call.
//!
//! | file | does |
//! |---|---|
//! | [`signature`] | what a watch knows of a method: the types of its arguments and result, names, secrets |
//! | [`layer`] | the hook itself: lends the values to an [`Observer`](layer::Observer), and keeps its panics |
//! | [`polled`] | the same around an async method, whose calls end in a later poll |
//! | [`lines`] | the bounded queue between the threads that call and the one that reads |
//! | [`trace`] | a line for each call: arguments, outcome, time |
//! | [`stats`], [`counter`], [`histogram`] | counts and quantiles |
//! | [`slow`] | the slowest calls |
//! | [`fail`] | has a share of the calls fail |
//! | [`record`] | a line for each call that can be replayed |
//! | [`canary`], [`matching`] | gives a share of the calls to another version, or of those with some argument |
//! | [`requests`] | gives it a share of the requests, each whole |
//! | [`comparison`], [`side`], [`pace`], [`evidence`] | how the two versions do, and whether one does worse |
//! | [`shadow`], [`copies`] | gives copies of calls to another version, by a bounded queue |
//! | [`second_call`], [`shadowed`] | makes them there, and compares what came of them |
//! | [`differences`] | the calls that came out differently |
//!
//! # Rules
//!
//! 1. *Ownership.* A hook owns the arguments from the moment at which it is entered. A layer that observes lends them
//!    to its observer, keeps nothing but text, and gives them on to what is below, once. [`fail`] releases them by
//!    their shapes and writes the outcome itself.
//! 2. *Our own panics.* What an observer does is inside a barrier, before the call and after it. A panic there is
//!    counted, costs the line, and changes neither arguments nor outcome. [`stats`] only adds to counts for most calls,
//!    which cannot panic, and has no barrier around that.
//! 3. *A fault of what is below* is in the outcome and goes up unchanged. An observer looks at it and owns none of it.
//! 4. *Order.* Watches stand around all patches: they see what callers see, also where a patch answers. The last
//!    watch is outermost. `fail` is a watch too, so a trace that came before it does not see the failures.
//! 5. *Protected components* are observed like others. To have them fail needs the override.
//! 6. *Methods that are polled.* An async method is hooked at its start, and its call observed until it ends, in
//!    whichever poll. One that is to [fail](fail) does so at its start. A stream is left out, since it has no end to
//!    wait for. It is refused by name, and left out of what a pattern means, which is told.
//! 7. *Recursion.* A hook calls nothing of a component but what is below it, and the functions that free values. So a
//!    call inside a call is watched like any other, and no watch watches itself.
//! 8. *No waiting.* A caller's thread takes no lock that another thread holds while it works: lines go through a queue
//!    that refuses what it has no room for, and the list of slow calls is passed over when it is taken. What is lost
//!    is counted.
//! 9. *Bounds.* A text has a limit for each value and for all of them, a queue one in lines and bytes, a trace one in
//!    lines a second, which is looked at before anything is printed.
//! 10. *The end.* A [`Switch`] that is off makes a layer a mere passage at once, whatever stands in the way of taking
//!     it off. In the child of a fork it is off. [`stats`] goes on to count until a call would be timed.

pub(crate) mod canary;
pub(crate) mod comparison;
pub(crate) mod copies;
mod counter;
pub(crate) mod differences;
pub(crate) mod evidence;
pub(crate) mod fail;
mod histogram;
pub(crate) mod layer;
pub(crate) mod lines;
pub(crate) mod matching;
pub(crate) mod pace;
pub(crate) mod polled;
pub(crate) mod record;
pub(crate) mod requests;
pub(crate) mod second_call;
pub(crate) mod shadow;
pub(crate) mod shadowed;
pub(crate) mod side;
pub(crate) mod signature;
pub(crate) mod slow;
pub(crate) mod stats;
pub(crate) mod trace;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::sys;

/// Whether a watch is on, and what went wrong in it.
#[derive(Debug)]
pub(crate) struct Switch {
    /// The number of forks before the process in which it is on; [`OFF`] if it is off.
    on_in: AtomicU32,
    /// The same of the process in which it began.
    process: u32,
    panics: AtomicU64,
}

/// A number of forks that there is not.
const OFF: u32 = u32::MAX;

impl Switch {
    /// A watch that is on.
    pub(crate) fn new() -> Switch {
        let process = sys::forks();
        Switch { on_in: AtomicU32::new(process), process, panics: AtomicU64::new(0) }
    }

    /// Whether calls are looked at. In the child of a fork, which has neither a reader nor the thread that ends the
    /// watch, they are not.
    #[inline(always)]
    pub(crate) fn is_on(&self) -> bool {
        self.on_in.load(Ordering::Relaxed) == sys::forks()
    }

    /// Whether this is the process in which the watch began. In the child of a fork, a thread that is not there may
    /// have what a reader would wait for: a lock, or a line that is half in the queue.
    pub(crate) fn is_here(&self) -> bool {
        self.process == sys::forks()
    }

    /// Has all layers pass calls on from now on.
    pub(crate) fn turn_off(&self) {
        self.on_in.store(OFF, Ordering::Relaxed);
    }

    /// How often an observer panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    #[cold]
    #[inline(never)]
    fn note_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}
