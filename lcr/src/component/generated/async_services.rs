//! The component's side of an async call.
//!
//! Generated code makes one future of a call: it lifts the arguments, awaits the author's method
//! and lowers the result. [`start`] puts it into a box and polls it once; [`poll`] and [`drop`](drop_future) are the
//! functions that the caller has for it after that. `abi/future` says what each answer means.
//!
//! Invariants
//! 1. Each of the three runs behind the panic barrier.
//! 2. Once the answer is not [`PENDING`], the future is dropped, and its box freed.

use std::{
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    abi::{
        future::{FutureTable, PENDING, Polled, READY, RawCall, RawFuture},
        waker::WakerHead,
    },
    component::{
        panic_barrier::{CatchDrop, barrier},
        waker::with_waker,
    },
};

/// Starts a call: polls `future`, whose output is the representation of the method's result.
///
/// # Safety
/// `call` is the caller's, with a valid waker. What the future borrows stays valid until the future
/// is gone. It may be polled and dropped on any thread.
#[inline]
pub unsafe fn start<F: Future<Output = R>, R: Copy>(call: *mut RawCall<R>, future: F) -> u8 {
    // SAFETY: the caller's call lives as long as this one.
    let waker = unsafe { (*call).waker };
    // SAFETY: the caller says that the waker is valid.
    match unsafe { poll_once(Box::pin(future), waker) } {
        Ok(value) => {
            // SAFETY: as above.
            unsafe { (*call).value.write(value) };
            READY
        }
        Err(future) => {
            let future = RawFuture { data: Box::into_raw(future).cast(), table: &Of::<F, R>::TABLE };
            // SAFETY: as above.
            unsafe { (*call).future = future };
            PENDING
        }
    }
}

/// Polls a future. If it is not ready, gives its box back.
///
/// # Safety
/// The waker is valid.
#[inline]
unsafe fn poll_once<F: Future>(mut future: Pin<Box<F>>, waker: *const WakerHead) -> Result<F::Output, Box<F>> {
    // SAFETY: the caller says so.
    let polled = unsafe { with_waker(waker, |waker| future.as_mut().poll(&mut Context::from_waker(waker))) };
    match polled {
        Poll::Ready(value) => Ok(value),
        // SAFETY: whoever gets the box pins it again, or drops it.
        Poll::Pending => Err(unsafe { Pin::into_inner_unchecked(future) }),
    }
}

/// The functions for a future of the type `F`.
struct Of<F, R>(PhantomData<(F, R)>);

impl<F: Future<Output = R>, R: Copy> Of<F, R> {
    const TABLE: FutureTable = FutureTable { poll: poll::<F, R>, drop: drop_future::<F> };
}

unsafe extern "C" fn poll<F: Future<Output = R>, R: Copy>(
    data: *mut (),
    waker: *const WakerHead,
    value: *mut (),
) -> Polled {
    barrier(|| {
        // SAFETY: `start` leaked the box, and the caller polls it until it is not pending.
        let future = unsafe { Box::from_raw(data.cast::<F>()) };
        // SAFETY: the caller's waker is valid.
        match unsafe { poll_once(Box::into_pin(future), waker) } {
            Ok(ready) => {
                // SAFETY: the caller has room for a value of this representation.
                unsafe { value.cast::<R>().write(ready) };
                READY
            }
            Err(future) => {
                // The box stays at its address, which the caller has.
                let _ = Box::into_raw(future);
                PENDING
            }
        }
    })
}

unsafe extern "C" fn drop_future<F>(data: *mut ()) {
    // SAFETY: `start` leaked the box, and the caller has it dropped once.
    drop(CatchDrop::new(unsafe { Box::from_raw(data.cast::<F>()) }));
}
