//! Wakers out of heads that come from another image.

use std::{
    mem::ManuallyDrop,
    ptr,
    task::{RawWaker, RawWakerVTable, Waker},
};

use crate::abi::waker::WakerHead;

/// The functions of every waker that this image has received: one table in each image, so that its
/// address tells whose waker it is.
static RECEIVED: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, release);

/// The waker of a head that is lent, or belongs to the lender. A clone of it may be kept.
///
/// # Safety
/// The head is valid for as long as the waker is used.
#[inline(always)]
pub(super) unsafe fn borrowed(head: *const WakerHead) -> ManuallyDrop<Waker> {
    // SAFETY: the functions keep the contract of a waker while the head is valid, and a clone owns
    // a reference.
    ManuallyDrop::new(unsafe { Waker::new(head.cast(), &RECEIVED) })
}

/// The head of a waker that this image has received; `None` if it is another waker. The head is
/// valid as long as the waker is borrowed.
#[inline]
pub(super) fn head_of(waker: &Waker) -> Option<*const WakerHead> {
    ptr::eq(waker.vtable(), &raw const RECEIVED).then(|| waker.data().cast())
}

unsafe fn clone(head: *const ()) -> RawWaker {
    // SAFETY: the waker that is cloned keeps its head valid.
    let kept = unsafe { WakerHead::keep(head.cast()) };
    assert!(!kept.is_null(), "the waker of the executor panicked as it was cloned");
    RawWaker::new(kept.cast(), &RECEIVED)
}

unsafe fn wake(head: *const ()) {
    // SAFETY: the waker that is consumed owns a reference.
    unsafe { WakerHead::wake(head.cast()) };
    // SAFETY: as above.
    unsafe { WakerHead::release(head.cast()) };
}

unsafe fn wake_by_ref(head: *const ()) {
    // SAFETY: the waker keeps its head valid.
    unsafe { WakerHead::wake(head.cast()) };
}

unsafe fn release(head: *const ()) {
    // SAFETY: a waker that is dropped owns a reference: one of a lent head is never dropped.
    unsafe { WakerHead::release(head.cast()) };
}
