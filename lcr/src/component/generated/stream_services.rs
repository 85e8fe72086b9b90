//! The component's side of a method that returns a stream.
//!
//! Generated code makes one future of a call, as it does for an async method: an async block that lifts the
//! arguments, has the author's stream, and drains it by [`drain`]. So whatever the stream borrows of the arguments
//! lies in one block with it, where the compiler sees all borrows. The block cannot hand out items by itself. It
//! lays each one into [`Items`], which lies beside it in its box, and is pending; the function that has polled the
//! block takes the item out, and answers with it.
//!
//! Invariants
//! 1. Each C function runs behind the panic barrier, and inside what the instance runs inside.
//! 2. Once the answer is neither [`PENDING`] nor [`ITEM`], the future is dropped, and its box freed.
//! 3. An item is taken out by the poll that laid it in. Between polls there is none.

use std::{
    cell::Cell,
    marker::PhantomData,
    mem::{self, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    abi::{
        future::{FutureTable, ITEM, PENDING, Polled, READY, RawCall, RawFuture},
        waker::WakerHead,
    },
    component::{
        ambient::{Ambient, Placed},
        panic_barrier::{barrier, drop_quietly},
        waker::with_waker,
    },
};

/// Where a future lays the item that its poll came to, lowered.
pub struct Items<R>(Cell<Option<R>>);

/// Lays the items of the author's stream into `items`, each lowered by `lower`. The output is the end, lowered.
///
/// The stream is `Send`, because each poll may run on another thread.
pub fn drain<S: Stream + Send, R, L: Fn(Option<S::Item>) -> R>(
    items: &Items<R>,
    stream: S,
    lower: L,
) -> Drain<'_, S, R, L> {
    Drain { items, stream, lower }
}

/// The future of [`drain`].
pub struct Drain<'i, S, R, L> {
    items: &'i Items<R>,
    /// Pinned, as nothing else here is.
    stream: S,
    lower: L,
}

impl<S: Stream, R, L: Fn(Option<S::Item>) -> R> Future for Drain<'_, S, R, L> {
    type Output = R;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        // SAFETY: only `stream` is pinned, and it is not moved.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: it lies in `self`, which is pinned.
        let item = ready!(unsafe { Pin::new_unchecked(&mut this.stream) }.poll_next(context));
        let is_end = item.is_none();
        let lowered = (this.lower)(item);
        if is_end {
            return Poll::Ready(lowered);
        }
        this.items.0.set(Some(lowered));
        Poll::Pending
    }
}

/// A future that drains a stream of the author's, with what it runs inside.
#[repr(C)]
struct Boxed<'t, A, F, R> {
    ambient: &'t A,
    items: Items<R>,
    future: F,
}

/// A future that is dropped, and its box freed, unless it is forgotten.
struct Owned<'t, A, F, R>(*mut Boxed<'t, A, F, R>);

impl<A, F, R> Drop for Owned<'_, A, F, R> {
    fn drop(&mut self) {
        // SAFETY: `serve_stream` leaked the box, and there is one `Owned` of it at a time.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

/// Starts a call of a method that returns a stream, of the instance `this`. `method` makes the future that drains
/// the stream.
///
/// # Safety
/// `this` is a `T` that was constructed inside `A`. `call` is the caller's, with a valid waker. The instance, and what
/// the future borrows, stay valid until the future is gone. It may be polled and dropped on any thread.
#[inline(always)]
pub unsafe fn serve_stream<'t, T: 't, A: Ambient, F: Future<Output = R>, R: Copy + 't>(
    this: *const (),
    call: *mut RawCall<R>,
    method: impl FnOnce(&'t T, &'t Items<R>) -> F,
) -> Polled {
    barrier(|| {
        // SAFETY: the caller says so.
        let placed: &'t Placed<T, A> = unsafe { &*this.cast() };
        let _inside = placed.ambient.enter();
        let items = Items(Cell::new(None));
        let room = Box::new(Boxed { ambient: &placed.ambient, items, future: MaybeUninit::<F>::uninit() });
        let room = Box::into_raw(room);
        // SAFETY: the box is freed behind the drop of the future, which is all that borrows this.
        let items: &'t Items<R> = unsafe { &(*room).items };
        // It makes an async block and runs no code of the author's. If it panicked, the box would leak.
        let future = method(&placed.value, items);
        // SAFETY: the box has room for the future.
        unsafe { (*room).future = MaybeUninit::new(future) };
        // `MaybeUninit<F>` lies as `F` does, and the fields are in C's order.
        let owned = Owned(room.cast::<Boxed<'t, A, F, R>>());
        // SAFETY: the caller's call lives as long as this one.
        let waker = unsafe { (*call).waker };
        // SAFETY: as above.
        let value = unsafe { &raw mut (*call).value };
        // SAFETY: the caller says that the waker is valid, and there is room for a value.
        let answer = unsafe { poll_once(&owned, waker, value.cast()) };
        if answer != READY {
            let future = RawFuture { data: owned.0.cast(), table: &Of::<A, F, R>::TABLE };
            // SAFETY: as above.
            unsafe { (*call).future = future };
            mem::forget(owned);
        }
        answer
    })
}

/// Polls a future, and writes what it came to.
///
/// # Safety
/// The waker is valid. There is room for a value.
#[inline]
unsafe fn poll_once<A, F: Future<Output = R>, R: Copy>(
    owned: &Owned<'_, A, F, R>,
    waker: *const WakerHead,
    value: *mut R,
) -> u8 {
    // The future borrows `items`, so no reference to all of the box is made.
    // SAFETY: the box is there; one thread at a time polls its future.
    let future = unsafe { &mut (*owned.0).future };
    // SAFETY: the future stays in its box.
    let future = unsafe { Pin::new_unchecked(future) };
    // SAFETY: the caller says so.
    let polled = unsafe { with_waker(waker, |waker| future.poll(&mut Context::from_waker(waker))) };
    // SAFETY: the box is there, and its future is not polled now.
    let item = unsafe { &(*owned.0).items }.0.take();
    let (answer, lowered) = match (polled, item) {
        (Poll::Ready(end), _) => (READY, end),
        (Poll::Pending, Some(item)) => (ITEM, item),
        (Poll::Pending, None) => return PENDING,
    };
    // SAFETY: the caller has room for it.
    unsafe { value.write(lowered) };
    answer
}

/// The functions for a future of the type `F`.
struct Of<A, F, R>(PhantomData<(A, F, R)>);

impl<A: Ambient, F: Future<Output = R>, R: Copy> Of<A, F, R> {
    const TABLE: FutureTable = FutureTable { poll: poll::<A, F, R>, drop: drop_future::<A, F, R>, cancels: A::CANCELS };
}

unsafe extern "C" fn poll<A: Ambient, F: Future<Output = R>, R: Copy>(
    data: *mut (),
    waker: *const WakerHead,
    value: *mut (),
) -> Polled {
    barrier(|| {
        let boxed = data.cast::<Boxed<'_, A, F, R>>();
        // SAFETY: `serve_stream` leaked the box, and the caller polls it until it is gone.
        let ambient = unsafe { (*boxed).ambient };
        // From here on, so that whatever panics drops the future.
        let owned = Owned(boxed);
        // Left behind the drop of the box, also by a panic of its own.
        let _inside = ambient.enter();
        // SAFETY: the caller's waker is valid, and it has room for a value of this representation.
        let answer = unsafe { poll_once(&owned, waker, value.cast()) };
        if answer != READY {
            mem::forget(owned);
        }
        answer
    })
}

unsafe extern "C" fn drop_future<A: Ambient, F, R>(data: *mut ()) {
    let dropped = catch_unwind(AssertUnwindSafe(|| {
        let boxed = data.cast::<Boxed<'_, A, F, R>>();
        // SAFETY: `serve_stream` leaked the box, and the caller has it dropped once.
        let ambient = unsafe { (*boxed).ambient };
        // As in `poll`.
        let owned = Owned(boxed);
        let _inside = ambient.enter();
        drop(owned);
    }));
    // The component's panic hook has reported it.
    if let Err(payload) = dropped {
        drop_quietly(payload);
    }
}
