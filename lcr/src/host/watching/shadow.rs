//! A shadow's layer: it copies calls of a method for a candidate, and changes nothing of them.
//!
//! It stands below all patches, as a [canary's](super::canary) does, so what is compared is the method itself and its
//! next version. The copies go to the candidate's own thread ([`second_call`](super::second_call)).
//!
//! # Rules
//! 1. *What callers see*: the method's outcome, unchanged, and the time that copying takes. No caller waits for the
//!    candidate, and none does more than copy because of a candidate that hangs.
//! 2. *Before the call* the arguments are copied by their shapes, with what they borrow, and after it the result and
//!    what the method has left in each `&mut [T]`. Nothing that either version does to its own reaches the other's.
//! 3. *Functions and handles are not copied*: a method with one, anywhere in an argument or its result, is
//!    [refused](super::shadowed::cannot_be_shadowed).
//! 4. *Bounds*: see [`copies`](super::copies). A call without room is left out, and counted.
//! 5. *Lifetime* of the candidate: the layer never calls it, and the thread that does holds it.

use std::{sync::Arc, time::Instant};

use super::{
    comparison::{Comparison, Taken},
    copies::Room,
    differences::LeftOut,
    layer::{Call, Ended, end, quietly},
    second_call::{Came, SecondCall, SecondCalls},
    shadowed::Shadowed,
    signature::Signature,
    trace::cut,
};
use crate::{
    abi::crossing::Packed,
    component::hooks::{Around, Next},
    host::reflect::{types::Type, value::Value, view::At, weight::weight},
};

/// The longest text of a fault that is kept, in bytes.
const FAULT: usize = 512;

/// The layer around one method.
pub(crate) struct Shadow {
    comparison: Arc<Comparison>,
    copies: Arc<SecondCalls>,
    shadowed: Arc<Shadowed>,
}

impl Shadow {
    /// The layer around a method, which [can be shadowed](super::shadowed::cannot_be_shadowed). Whoever puts it in has
    /// compared the signatures of both versions.
    pub(crate) fn layer(
        comparison: &Arc<Comparison>,
        copies: &Arc<SecondCalls>,
        shadowed: Shadowed,
    ) -> Box<dyn Around> {
        let (comparison, copies, shadowed) = (Arc::clone(comparison), Arc::clone(copies), Arc::new(shadowed));
        Box::new(Shadow { comparison, copies, shadowed })
    }

    /// Its signature, for values that a [`SecondCall`] has.
    ///
    /// # Safety
    /// The caller keeps a count of the method for as long as it uses the signature.
    unsafe fn for_copies(&self) -> &'static Signature {
        // SAFETY: the method is behind an `Arc`, of which the caller keeps a count, and nobody changes it.
        unsafe { &(*Arc::as_ptr(&self.shadowed)).signature }
    }

    fn leave_out<T>(&self, why: LeftOut) -> Option<T> {
        self.comparison.differences().leave_out(&self.shadowed.counts, why);
        None
    }

    /// Copies the arguments. `None` if the candidate does not get this call.
    ///
    /// # Safety
    /// There are arguments of the signature, which nobody takes meanwhile.
    unsafe fn begin(&self, arguments: Packed) -> Option<Begun> {
        if !self.comparison.switch.is_on() {
            return None;
        }
        let taken = self.comparison.take_copy()?;
        let Some(mut room) = self.copies.room() else { return self.leave_out(LeftOut::Room) };
        // SAFETY: the copies that are made by this are in a value that keeps the method.
        let signature = unsafe { self.for_copies() };
        // SAFETY: the caller says so.
        let call = unsafe { Call::new(signature, arguments) };
        let mut copies = Vec::with_capacity(signature.arguments().len());
        for (ty, value) in signature.arguments().iter().zip(call.arguments()) {
            copies.push(self.copy(&mut room, ty, value)?);
        }
        Some(Begun { arguments: copies, began: Instant::now(), room, taken, shadowed: Arc::clone(&self.shadowed) })
    }

    /// A copy, in the room that it takes.
    fn copy(&self, room: &mut Room, ty: &'static Type<'static>, value: At<'_>) -> Option<Value<'static>> {
        let Some(bytes) = weight(value, room.left()) else { return self.leave_out(LeftOut::Size) };
        if !room.add(bytes) {
            return self.leave_out(LeftOut::Room);
        }
        // No type is refused here that `cannot_be_shadowed` takes.
        Value::copy_of(ty, value).ok()
    }

    /// Copies what came of the call, and queues it.
    ///
    /// # Safety
    /// The method has been called with the arguments, whose representations are as they were, and has written its
    /// outcome to `out`.
    unsafe fn end(&self, begun: Begun, arguments: Packed, out: *mut ()) {
        let took = begun.began.elapsed();
        let Begun { arguments: copies, mut room, taken, shadowed, .. } = begun;
        // SAFETY: as in `begin`.
        let signature = unsafe { self.for_copies() };
        // SAFETY: the caller says so.
        let came = match unsafe { Ended::read(signature, out) } {
            Ended::Value(value) => self.copy(&mut room, signature.result(), value).map(Came::Value),
            Ended::Fault(fault) => {
                let (kind, text, _) = Ended::fault(fault);
                Some(Came::Fault(kind, cut(text, FAULT)))
            }
            // No async method is shadowed.
            Ended::Dropped => None,
        };
        let Some(came) = came else { return };
        let mut left = Vec::new();
        for number in shadowed.lent() {
            // SAFETY: there are as many places as arguments.
            let place = unsafe { arguments.add(number) };
            // SAFETY: as above.
            let at = unsafe { place.read() };
            let ty = &signature.arguments()[number];
            // SAFETY: the representation is as it was, and what it lends is the caller's, who waits.
            let value = unsafe { At::new(ty, at) };
            let Some(copy) = self.copy(&mut room, ty, value) else { return };
            left.push(copy);
        }
        self.copies.put(SecondCall { arguments: copies, left, came, took, taken, room, shadowed });
    }
}

/// A call under way.
struct Begun {
    // They refer to the method, so they are dropped before it.
    arguments: Vec<Value<'static>>,
    began: Instant,
    room: Room,
    taken: Taken,
    shadowed: Arc<Shadowed>,
}

// SAFETY: the arguments and the place go on to what is below, once and unchanged, and nothing here unwinds. Whoever
// puts the layer in compares the signature's shape with those of both methods.
unsafe impl Around for Shadow {
    unsafe fn run(&self, next: &Next<'_>, arguments: Packed, out: *mut ()) {
        let switch = &self.comparison.switch;
        // SAFETY: the caller passes the arguments of this signature, which nobody takes before `next` runs.
        let begun = quietly(switch, || unsafe { self.begin(arguments) }).flatten();
        // SAFETY: the caller says so.
        unsafe { next.run(arguments, out) };
        let Some(begun) = begun else { return };
        // SAFETY: this layer is the last one above the method, whose thunk reads the representations of the arguments
        // and writes the outcome, which nobody takes before this returns.
        end(switch, begun, |begun| unsafe { self.end(begun, arguments, out) });
    }
}
