//! The component's side of an async call.
//!
//! Generated code lifts the arguments and calls the author's method, which gives a future, and says how the future's
//! output is lowered. It puts an `async` block around the method only where an argument is a lent function: the
//! author's future borrows the closure that stands for that, so both must lie in one place.
//! [`serve_async`] puts the future into the caller's room, or into a box if it does not fit, and polls it once;
//! [`poll`] and [`drop_future`] are the functions that the caller has for it after that. `abi/future` says what each
//! answer means, and why a future may lie in the caller's memory.
//!
//! The first poll goes through [`poll`], too, unless what the instance runs inside would be entered twice then. So the
//! author's code is compiled once, into the function that is called for each poll.
//!
//! Invariants
//! 1. Each of the three runs behind the panic barrier, and inside what the instance runs inside.
//! 2. Once the answer is not [`PENDING`], the future was dropped in its place, once, and its box freed: a function
//!    that has the future owns it as a [`Lying`], and lets go of it only to answer `PENDING`, or for [`poll`] to own
//!    it next.
//! 3. The output is lowered when the future is gone.

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

/// A future of the author's, what it runs inside, and what lowers its output.
struct Call<'t, A, F, L> {
    ambient: &'t A,
    lower: L,
    future: F,
}

/// A call's future, in the caller's room or in a box. Dropping it drops the future in its place.
struct Lying<'t, A, F, L>(*mut Call<'t, A, F, L>);

impl<'t, A, F: Future, R, L: Fn(F::Output) -> R + Copy> Lying<'t, A, F, L> {
    const IS_IN_ROOM: bool = Room::fits::<Call<'t, A, F, L>>();

    /// Puts a call's future in its place.
    ///
    /// # Safety
    /// `room` is a [`Room`] in which nothing is, and which stays as it is until the future is gone.
    #[inline(always)]
    unsafe fn put(ambient: &'t A, lower: L, future: F, room: *mut ()) -> Lying<'t, A, F, L> {
        let call = Call { ambient, lower, future };
        if !Self::IS_IN_ROOM {
            return Lying(Box::into_raw(Box::new(call)));
        }
        let place = room.cast::<Call<'t, A, F, L>>();
        // SAFETY: it fits, and nothing is there.
        unsafe { place.write(call) };
        Lying(place)
    }

    /// Polls the future. If it is not ready, lets go of it; else drops it and writes its output, lowered.
    ///
    /// # Safety
    /// The waker is valid, and there is room for a value of this representation.
    #[inline(always)]
    unsafe fn poll(self, waker: *const WakerHead, value: *mut R) -> u8 {
        // No reference to all of the call: the future may refer to itself.
        // SAFETY: the future is there, and this value owns it.
        let future = unsafe { &mut (*self.0).future };
        // SAFETY: the future stays in its place until it is dropped there.
        let future = unsafe { Pin::new_unchecked(future) };
        // SAFETY: the caller says so.
        let polled = unsafe { with_waker(waker, |waker| future.poll(&mut Context::from_waker(waker))) };
        let Poll::Ready(output) = polled else {
            mem::forget(self);
            return PENDING;
        };
        // SAFETY: as above.
        let lower = unsafe { (*self.0).lower };
        drop(self);
        let lowered = lower(output);
        // SAFETY: the caller says so.
        unsafe { value.write(lowered) };
        READY
    }
}

impl<A, F, L> Drop for Lying<'_, A, F, L> {
    #[inline(always)]
    fn drop(&mut self) {
        if Room::fits::<Call<'_, A, F, L>>() {
            // SAFETY: this value owns the future, which is not used again.
            unsafe { ptr::drop_in_place(self.0) };
        } else {
            // SAFETY: as above; `put` leaked the box.
            drop(unsafe { Box::from_raw(self.0) });
        }
    }
}

/// Starts a call of an async method of the instance `this`. `method` makes the future, and `lower` lowers its output.
///
/// # Safety
/// `this` is a `T` that was constructed inside `A`. `call` is the caller's, with a valid waker, and with a room that is
/// the future's until the future is gone. The instance, and what the future borrows, stay valid until then. It may
/// be polled and dropped on any thread.
#[inline(always)]
pub unsafe fn serve_async<'t, T: 't, A: Ambient, F: Future, R: Copy, L: Fn(F::Output) -> R + Copy>(
    this: *const (),
    call: *mut RawCall<R>,
    method: impl FnOnce(&'t T) -> F,
    lower: L,
) -> Polled {
    let started = barrier(|| {
        // SAFETY: the caller says so.
        let placed: &'t Placed<T, A> = unsafe { &*this.cast() };
        // Left behind the drop of the future, also by a panic.
        let _inside = placed.ambient.enter();
        // SAFETY: the caller's call lives as long as this one.
        let room = unsafe { (*call).room };
        // SAFETY: the caller says so of the room.
        let lying = unsafe { Lying::put(&placed.ambient, lower, method(&placed.value), room) };
        let future = RawFuture { data: lying.0.cast(), table: &Of::<A, F, R, L>::TABLE };
        // Of no use if the answer is not `PENDING`.
        // SAFETY: as above.
        unsafe { (*call).future = future };
        if A::IS_NOTHING {
            // `poll` owns it next, below.
            mem::forget(lying);
            return PENDING;
        }
        // SAFETY: as above.
        let waker = unsafe { (*call).waker };
        // SAFETY: as above.
        let value = unsafe { &raw mut (*call).value };
        // SAFETY: the caller says that the waker is valid, and there is room for a value.
        unsafe { lying.poll(waker, value.cast()) }
    });
    if !A::IS_NOTHING || !started.fault.is_null() {
        return started;
    }
    // SAFETY: as above.
    let RawCall { waker, future, .. } = unsafe { *call };
    // SAFETY: as above.
    let value = unsafe { &raw mut (*call).value };
    // SAFETY: the future is there, since there was no fault; the rest as above.
    unsafe { poll::<A, F, R, L>(future.data, waker, value.cast()) }
}

/// The functions for a future of the type `F`.
struct Of<A, F, R, L>(PhantomData<(A, F, R, L)>);

impl<A: Ambient, F: Future, R: Copy, L: Fn(F::Output) -> R + Copy> Of<A, F, R, L> {
    const TABLE: FutureTable =
        FutureTable { poll: poll::<A, F, R, L>, drop: drop_future::<A, F, L>, cancels: A::CANCELS };
}

unsafe extern "C" fn poll<A: Ambient, F: Future, R: Copy, L: Fn(F::Output) -> R + Copy>(
    data: *mut (),
    waker: *const WakerHead,
    value: *mut (),
) -> Polled {
    barrier(|| {
        let call = data.cast::<Call<'_, A, F, L>>();
        // SAFETY: `serve_async` let go of the future, and the caller polls it until it is not pending.
        let ambient = unsafe { (*call).ambient };
        // From here on, so that whatever panics drops the future.
        let lying = Lying(call);
        // Left behind the drop of the future, also by a panic of its own.
        let _inside = ambient.enter();
        // SAFETY: the caller's waker is valid, and it has room for a value of this representation.
        unsafe { lying.poll(waker, value.cast()) }
    })
}

unsafe extern "C" fn drop_future<A: Ambient, F, L>(data: *mut ()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        let call = data.cast::<Call<'_, A, F, L>>();
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
