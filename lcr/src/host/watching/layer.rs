//! The hook of a watch.

use std::{
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::Arc,
};

use super::{Switch, signature::Signature};
use crate::{
    abi::{
        crossing::Packed,
        fault::{FaultKind, RawFault},
    },
    component::hooks::{Around, Next},
    host::reflect::view::At,
};

/// What looks at calls. It runs on the threads of callers: see the rules of [the room](super).
pub(crate) trait Observer: Send + Sync + 'static {
    /// What is kept of a call until it has ended. An async call may end on another thread.
    type Noted: Send;

    /// Looks at a call that begins. `None` if its end is not to be looked at.
    fn begin(&self, call: Call<'_>) -> Option<Self::Noted>;

    /// Looks at a call that has ended.
    fn end(&self, noted: Self::Noted, signature: &Signature, ended: &Ended<'_>);
}

/// The layer around a method that is not polled.
pub(super) struct Observing<O> {
    pub(super) switch: Arc<Switch>,
    pub(super) signature: Signature,
    pub(super) observer: O,
}

// SAFETY: the arguments and the place go on to what is below, once and unchanged, and nothing here unwinds. Whoever
// puts the layer in compares the signature's shape with that of the method.
unsafe impl<O: Observer> Around for Observing<O> {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let Observing { switch, signature, observer } = self;
        let noted = if switch.is_on() {
            // SAFETY: the caller passes the arguments of this signature, which nobody takes before `next` runs.
            let call = unsafe { Call::new(signature, arguments) };
            quietly(switch, || observer.begin(call)).flatten()
        } else {
            None
        };
        // SAFETY: the caller says so.
        unsafe { next.run(arguments, out) };
        let Some(noted) = noted else { return };
        // SAFETY: what is below has written the outcome of this signature, and nobody takes it before this returns.
        let ended = unsafe { Ended::read(signature, out) };
        end(switch, noted, |noted| observer.end(noted, signature, &ended));
    }
}

/// Looks at the end of a call by `look`. In the child of a fork, the call began in the parent: what was noted of it
/// stays as it is, since a thread that is not there may have been changing what it refers to.
pub(super) fn end<N>(switch: &Switch, noted: N, look: impl FnOnce(N)) {
    if !switch.is_here() {
        mem::forget(noted);
        return;
    }
    quietly(switch, || look(noted));
}

/// Runs code of ours. A panic is counted.
pub(super) fn quietly<T>(switch: &Switch, run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).inspect_err(|_| switch.note_panic()).ok()
}

/// A call that begins, with its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) signature: &'a Signature,
    arguments: Packed,
}

impl<'a> Call<'a> {
    /// # Safety
    /// There are arguments of the signature, which live and do not change for `'a`.
    pub(super) unsafe fn new(signature: &'a Signature, arguments: Packed) -> Call<'a> {
        Call { signature, arguments }
    }

    /// The argument of that place, from 0.
    pub(super) fn argument(self, number: usize) -> Option<At<'a>> {
        self.arguments().nth(number)
    }

    /// The arguments.
    pub(crate) fn arguments(self) -> impl Iterator<Item = At<'a>> {
        self.signature.arguments().iter().enumerate().map(move |(number, ty)| {
            // SAFETY: there are as many places as arguments.
            let place = unsafe { self.arguments.add(number) };
            // SAFETY: as above.
            let at = unsafe { place.read() };
            // SAFETY: `new` requires that the argument is there.
            unsafe { At::new(ty, at) }
        })
    }
}

/// How a call ended.
pub(crate) enum Ended<'a> {
    /// With a value. If the method returns a `Result`, it may be an `Err`.
    Value(At<'a>),
    /// Without one: what was said of it.
    Fault(&'a RawFault),
    /// Not at all: its caller has dropped it. Only of an async method.
    Dropped,
}

impl<'a> Ended<'a> {
    /// # Safety
    /// The outcome is one of the signature, and lives and does not change for `'a`.
    pub(super) unsafe fn read(signature: &'a Signature, out: *mut ()) -> Ended<'a> {
        // SAFETY: an outcome begins with its fault.
        let fault = unsafe { out.cast::<*mut RawFault>().read() };
        // SAFETY: a fault that is there is alive.
        if let Some(fault) = unsafe { fault.as_ref() } {
            return Ended::Fault(fault);
        }
        let value = out.wrapping_byte_add(value_offset(signature));
        // SAFETY: without a fault, the value is there.
        unsafe { Ended::value(signature, value) }
    }

    /// # Safety
    /// A result of the signature is there, which lives and does not change for `'a`.
    pub(super) unsafe fn value(signature: &'a Signature, value: *mut ()) -> Ended<'a> {
        // SAFETY: the caller says so.
        Ended::Value(unsafe { At::new(signature.result(), value) })
    }

    /// Whether it ended as callers want: one that drops a call wants no more of it.
    pub(crate) fn is_good(&self) -> bool {
        match self {
            Ended::Value(value) => !value.is_err(),
            Ended::Fault(_) => false,
            Ended::Dropped => true,
        }
    }

    /// What a fault says: its kind, text, and the component in which it began, if that is another one.
    pub(crate) fn fault(fault: &RawFault) -> (FaultKind, String, Option<String>) {
        // SAFETY: the fault is alive, and stays its owner's.
        let (kind, text, beginning) = unsafe { RawFault::look(ptr::from_ref(fault)) };
        (kind, text, beginning.map(|beginning| beginning.component))
    }
}

/// Where an outcome has its value: behind the fault, aligned.
pub(super) fn value_offset(signature: &Signature) -> usize {
    size_of::<*mut RawFault>().next_multiple_of(signature.result().align())
}
