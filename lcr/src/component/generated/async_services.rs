//! The component's side of an async call.
//!
//! Generated code makes one future of a call: it lifts the arguments, awaits the author's method and lowers the result.
//! [`serve_async`] puts it into the caller's room, or into a box if it does not fit, and polls it once; [`poll`] and
//! [`drop_future`] are the functions that the caller has for it after that. `abi/future` says what each answer means,
//! and why a future may lie in the caller's memory.
//!
//! Invariants
//! 1. Each of the three runs behind the panic barrier, and inside what the instance runs inside.
//! 2. Once the answer is not [`PENDING`], the future was dropped in its place, once, and its box freed: a function that
//!    has the future owns it as a [`Lying`], and lets go of it only to answer `PENDING`.

use std::{
    marker::PhantomData,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    ptr,
    task::{Context, Poll},
};

use crate::{
    abi::{
        future::{FutureTable, PENDING, Polled, READY, RawCall, RawFuture, Room},
        waker::WakerHead,
    },
    component::{
        ambient::{Ambient, Placed},
        panic_barrier::{barrier, drop_quietly},
        waker::with_waker,
    },
};

/// A future of the author's, and what it runs inside.
struct Call<'t, A, F> {
    ambient: &'t A,
    future: F,
}

/// A call's future, in the caller's room or in a box. Dropping it drops the future in its place.
struct Lying<'t, A, F>(*mut Call<'t, A, F>);

impl<'t, A, F: Future> Lying<'t, A, F> {
    const IS_IN_ROOM: bool = Room::fits::<Call<'t, A, F>>();

    /// Puts a call's future in its place.
    ///
    /// # Safety
    /// `room` is a [`Room`] in which nothing is, and which stays as it is until the future is gone.
    #[inline(always)]
    unsafe fn put(ambient: &'t A, future: F, room: *mut ()) -> Lying<'t, A, F> {
        let call = Call { ambient, future };
        if !Self::IS_IN_ROOM {
            return Lying(Box::into_raw(Box::new(call)));
        }
        let place = room.cast::<Call<'t, A, F>>();
        // SAFETY: it fits, and nothing is there.
        unsafe { place.write(call) };
        Lying(place)
    }

    /// Polls the future. If it is not ready, lets go of it.
    ///
    /// # Safety
    /// The waker is valid.
    #[inline(always)]
    unsafe fn poll(self, waker: *const WakerHead) -> Poll<F::Output> {
        // No reference to all of the call: the future may refer to itself.
        // SAFETY: the future is there, and this value owns it.
        let future = unsafe { &mut (*self.0).future };
        // SAFETY: the future stays in its place until it is dropped there.
        let future = unsafe { Pin::new_unchecked(future) };
        // SAFETY: the caller says so.
        let polled = unsafe { with_waker(waker, |waker| future.poll(&mut Context::from_waker(waker))) };
        if polled.is_pending() {
            mem::forget(self);
        }
        polled
    }
}

impl<A, F> Drop for Lying<'_, A, F> {
    #[inline(always)]
    fn drop(&mut self) {
        if Room::fits::<Call<'_, A, F>>() {
            // SAFETY: this value owns the future, which is not used again.
            unsafe { ptr::drop_in_place(self.0) };
        } else {
            // SAFETY: as above; `put` leaked the box.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }
}

/// Starts a call of an async method of the instance `this`. `method` makes the future, whose output is the
/// representation of the method's result.
///
/// # Safety
/// `this` is a `T` that was constructed inside `A`. `call` is the caller's, with a valid waker, and with a room that is
/// the future's until the future is gone. The instance, and what the future borrows, stay valid until then. It may
/// be polled and dropped on any thread.
#[inline(always)]
pub unsafe fn serve_async<'t, T: 't, A: Ambient, F: Future<Output = R>, R: Copy>(
    this: *const (),
    call: *mut RawCall<R>,
    method: impl FnOnce(&'t T) -> F,
) -> Polled {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed: &'t Placed<T, A> = unsafe { &*this.cast() };
        // Left behind the drop of the future, also by a panic.
        let _inside = placed.ambient.enter();
        // SAFETY: the caller's call lives as long as this one.
        let waker = unsafe { (*call).waker };
        // SAFETY: as above.
        let room = unsafe { (*call).room };
        // SAFETY: the caller says so of the room.
        let lying = unsafe { Lying::put(&placed.ambient, method(&placed.value), room) };
        let future = RawFuture { data: lying.0.cast(), table: &Of::<A, F, R>::TABLE };
        // SAFETY: the caller says that the waker is valid.
        match unsafe { lying.poll(waker) } {
            Poll::Ready(value) => {
                // SAFETY: as above.
                unsafe { (*call).value.write(value) };
                READY
            }
            Poll::Pending => {
                // SAFETY: as above.
                unsafe { (*call).future = future };
                PENDING
            }
        }
    })
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
        let call = data.cast::<Call<'_, A, F>>();
        // SAFETY: `serve_async` let go of the future, and the caller polls it until it is not pending.
        let ambient = unsafe { (*call).ambient };
        // From here on, so that whatever panics drops the future.
        let lying = Lying(call);
        // Left behind the drop of the future, also by a panic of its own.
        let _inside = ambient.enter();
        // SAFETY: the caller's waker is valid.
        match unsafe { lying.poll(waker) } {
            Poll::Ready(ready) => {
                // SAFETY: the caller has room for a value of this representation.
                unsafe { value.cast::<R>().write(ready) };
                READY
            }
            Poll::Pending => PENDING,
        }
    })
}

unsafe extern "C" fn drop_future<A: Ambient, F>(data: *mut ()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        let call = data.cast::<Call<'_, A, F>>();
        // SAFETY: `serve_async` let go of the future, and the caller has it dropped once.
        let ambient = unsafe { (*call).ambient };
        // As in `poll`.
        let lying = Lying(call);
        let _inside = ambient.enter();
        drop(lying);
    }));
    // The component's panic hook has reported it.
    if let Err(payload) = dropped {
        drop_quietly(payload);
    }
}
