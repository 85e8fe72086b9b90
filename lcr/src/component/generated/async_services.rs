//! The component's side of an async call.
//!
//! Generated code makes one future of a call: it lifts the arguments, awaits the author's method
//! and lowers the result. [`serve_async`] puts it into a box and polls it once; [`poll`] and [`drop_future`] are
//! the functions that the caller has for it after that. `abi/future` says what each answer means.
//!
//! Invariants
//! 1. Each of the three runs behind the panic barrier, and inside what the instance runs inside.
//! 2. Once the answer is not [`PENDING`], the future is dropped, and its box freed.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    abi::{
        future::{FutureTable, PENDING, Polled, READY, RawCall, RawFuture},
        waker::WakerHead,
    },
    component::{
        ambient::{Ambient, Placed},
        panic_barrier::{barrier, drop_quietly},
        waker::with_waker,
    },
};

/// A future of the author's, and what it runs inside.
struct Boxed<'t, A, F> {
    ambient: &'t A,
    future: F,
}

/// Starts a call of an async method of the instance `this`. `method` makes the future, whose output is the
/// representation of the method's result.
///
/// # Safety
/// `this` is a `T` that was constructed inside `A`. `call` is the caller's, with a valid waker. The instance, and what
/// the future borrows, stay valid until the future is gone. It may be polled and dropped on any thread.
#[inline(always)]
pub unsafe fn serve_async<'t, T: 't, A: Ambient, F: Future<Output = R>, R: Copy>(
    this: *const (),
    call: *mut RawCall<R>,
    method: impl FnOnce(&'t T) -> F,
) -> Polled {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed: &'t Placed<T, A> = unsafe { &*this.cast() };
        let _inside = placed.ambient.enter();
        let future = Box::pin(Boxed { ambient: &placed.ambient, future: method(&placed.value) });
        // SAFETY: the caller's call lives as long as this one.
        let waker = unsafe { (*call).waker };
        // SAFETY: the caller says that the waker is valid.
        match unsafe { poll_once(future, waker) } {
            Ok(value) => {
                // SAFETY: as above.
                unsafe { (*call).value.write(value) };
                READY
            }
            Err(future) => {
                let future = RawFuture { data: Box::into_raw(future).cast(), table: &Of::<A, F, R>::TABLE };
                // SAFETY: as above.
                unsafe { (*call).future = future };
                PENDING
            }
        }
    })
}

/// Polls a future. If it is not ready, gives its box back.
///
/// # Safety
/// The waker is valid.
#[inline]
unsafe fn poll_once<'t, A, F: Future>(
    mut boxed: Pin<Box<Boxed<'t, A, F>>>,
    waker: *const WakerHead,
) -> Result<F::Output, Box<Boxed<'t, A, F>>> {
    // SAFETY: the future is pinned with its box.
    let future = unsafe { boxed.as_mut().map_unchecked_mut(|boxed| &mut boxed.future) };
    // SAFETY: the caller says so.
    match unsafe { with_waker(waker, |waker| future.poll(&mut Context::from_waker(waker))) } {
        Poll::Ready(value) => Ok(value),
        // SAFETY: whoever gets the box pins it again, or drops it.
        Poll::Pending => Err(unsafe { Pin::into_inner_unchecked(boxed) }),
    }
}

/// The functions for a future of the type `F`.
struct Of<A, F, R>(PhantomData<(A, F, R)>);

impl<A: Ambient, F: Future<Output = R>, R: Copy> Of<A, F, R> {
    const TABLE: FutureTable = FutureTable { poll: poll::<A, F, R>, drop: drop_future::<A, F>, cancels: A::CANCELS };
}

unsafe extern "C" fn poll<A: Ambient, F: Future<Output = R>, R: Copy>(
    data: *mut (),
    waker: *const WakerHead,
    value: *mut (),
) -> Polled {
    barrier(|| {
        let boxed = data.cast::<Boxed<'_, A, F>>();
        // The future may refer to itself: no reference to all of the box may come before that of its own poll.
        // SAFETY: `serve_async` leaked the box, and the caller polls it until it is not pending.
        let ambient = unsafe { (*boxed).ambient };
        // Left behind the drop of the box, also by a panic.
        let _inside = ambient.enter();
        // SAFETY: as above.
        let boxed = unsafe { Box::from_raw(boxed) };
        // SAFETY: the caller's waker is valid.
        match unsafe { poll_once(Box::into_pin(boxed), waker) } {
            Ok(ready) => {
                // SAFETY: the caller has room for a value of this representation.
                unsafe { value.cast::<R>().write(ready) };
                READY
            }
            Err(boxed) => {
                // The box stays at its address, which the caller has.
                let _ = Box::into_raw(boxed);
                PENDING
            }
        }
    })
}

unsafe extern "C" fn drop_future<A: Ambient, F>(data: *mut ()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        let boxed = data.cast::<Boxed<'_, A, F>>();
        // SAFETY: `serve_async` leaked the box, and the caller has it dropped once.
        let ambient = unsafe { (*boxed).ambient };
        let _inside = ambient.enter();
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(boxed) });
    }));
    // The component's panic hook has reported it.
    if let Err(payload) = dropped {
        drop_quietly(payload);
    }
}
