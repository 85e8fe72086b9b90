//! The panic barrier: no panic crosses an image border.
//!
//! Every C function of a component runs its body in [`barrier`]. Two images may have
//! two copies of the unwinder's runtime; a Rust panic that reached the other
//! image would be a foreign exception there, and would abort the process.

use std::{
    any::Any,
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::abi::fault::{Beginning, FaultKind, Outcome, RawFault};

use super::{fault_note, image, passing_fault::PassingFault};

/// Runs `body` and turns a panic into a fault with the panic's message.
///
/// If the image was compiled with `panic = "abort"`, which its manifest says, a panic ends the process.
#[inline(always)]
pub fn barrier<R: Copy>(body: impl FnOnce() -> R) -> Outcome<R> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Outcome::done(value),
        Err(payload) => caught(payload, false),
    }
}

/// As [`barrier`], for a callback: its code belongs to the image that made it, and not to the
/// component that calls it.
#[inline(always)]
pub fn callback_barrier<R: Copy>(body: impl FnOnce() -> R) -> Outcome<R> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => Outcome::done(value),
        Err(payload) => caught(payload, true),
    }
}

/// Runs an author's code that stands in a component's method without being part of the component. A panic becomes a
/// fault that began in `owner`, unless it is a fault that passes through; so does a [`Refusal`].
///
/// # Errors
/// The fault, which the caller owns.
#[inline(always)]
pub(super) fn contained<T>(owner: impl FnOnce() -> Beginning, body: impl FnOnce() -> T) -> Result<T, *mut RawFault> {
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| fault_of_owner(payload, owner))
}

/// What [`contained`] makes of a panic.
#[cold]
#[inline(never)]
pub(super) fn fault_of_owner(payload: Box<dyn Any + Send>, owner: impl FnOnce() -> Beginning) -> *mut RawFault {
    match payload.downcast::<Refusal>() {
        Ok(refusal) => RawFault::passing(refusal.0, refusal.1, Some(owner())),
        Err(payload) => fault_of(payload, || Some(owner())),
    }
}

/// Why code that stands in a component's method refuses the call: the payload with which it unwinds to [`contained`].
pub(super) struct Refusal(pub(super) FaultKind, pub(super) String);

#[cold]
#[inline(never)]
fn caught<R: Copy>(payload: Box<dyn Any + Send>, is_callback: bool) -> Outcome<R> {
    let own = || is_callback.then(|| Beginning { component: image::component(), generation: 0 });
    Outcome { fault: fault_of(payload, own), value: MaybeUninit::uninit() }
}

/// The fault that a panic becomes; `own` says where a panic began that was no fault before.
#[cold]
#[inline(never)]
fn fault_of(payload: Box<dyn Any + Send>, own: impl FnOnce() -> Option<Beginning>) -> *mut RawFault {
    let payload = match payload.downcast::<PassingFault>() {
        Ok(passing) => return passing.into_raw(),
        Err(payload) => payload,
    };
    let message = match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(message) => (*message).to_owned(),
            Err(payload) => {
                drop_quietly(payload);
                "a panic without a message".to_owned()
            }
        },
    };
    let beginning = fault_note::take(&message);
    RawFault::passing(FaultKind::Panic, message, beginning.or_else(own))
}

/// Drops a payload. A payload of the author's own type may panic then, with a second payload
/// that may do the same: unless the second is a text, it is leaked.
pub(crate) fn drop_quietly(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload)))
        && !second.is::<&'static str>()
        && !second.is::<String>()
    {
        std::mem::forget(second);
    }
}

/// A value whose destructor is the author's and runs in a C function of this image, because
/// another image owns the value: a panic of the destructor is caught here. The panic hook has
/// reported that panic.
pub struct CatchDrop<T>(ManuallyDrop<T>);

impl<T> CatchDrop<T> {
    /// Keeps the destructor of `value` inside this image.
    pub fn new(value: T) -> CatchDrop<T> {
        CatchDrop(ManuallyDrop::new(value))
    }
}

impl<T> Deref for CatchDrop<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for CatchDrop<T> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_ref()
    }
}

impl<T> Drop for CatchDrop<T> {
    fn drop(&mut self) {
        // SAFETY: the value is not used again.
        let dropped = catch_unwind(AssertUnwindSafe(|| unsafe { ManuallyDrop::drop(&mut self.0) }));
        if let Err(payload) = dropped {
            drop_quietly(payload);
        }
    }
}

/// The value of a callback's outcome. A fault goes on as a panic of the component that called
/// back.
///
/// # Panics
/// With the fault's message.
///
/// # Safety
/// As for [`Outcome::into_result`].
#[inline(always)]
pub unsafe fn expect_outcome<R: Copy>(outcome: Outcome<R>) -> R {
    // SAFETY: the caller keeps the contract of `into_result`.
    match unsafe { outcome.into_result() } {
        Ok(value) => value,
        Err((_, message, beginning)) => {
            fault_note::note(&message, beginning.unwrap_or(Beginning { component: String::new(), generation: 0 }));
            panic!("{message}")
        }
    }
}
