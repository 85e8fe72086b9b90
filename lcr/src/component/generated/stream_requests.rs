//! The caller's side of a method that returns a stream: a stream that calls method `method` of a callee.
//!
//! The call is that of an async method ([`Request`]) whose values are `Option`s: it gives items before its result,
//! which is `None`. It begins with the first poll of the stream. This file adds what an async block does for an
//! `async fn`: a fault becomes the last item, and a default body serves a component that lacks the method.
//!
//! Once the stream has ended it answers `None`, however often it is polled.

use std::{
    convert::{self, Infallible},
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use super::{arguments::Arguments, async_requests::Request};
use crate::component::{
    async_call::{Answer, AsyncCallee},
    call_path::Unserved,
    fault::Fault,
};

/// Calls method `method` of `callee` when the stream is polled. `lower` lowers the arguments, and `done` lifts what
/// each poll gives. If there is no result, `raise` makes the last item of the fault, or panics.
///
/// # Safety
/// The method returns a stream whose items are `T`, takes arguments of these representations and has values of type
/// `R`. What the arguments borrow lives for as long as the borrows in `V` say.
#[inline(always)]
pub unsafe fn request_stream<C, V, A, R, T, L, D, F>(
    callee: &C,
    method: u32,
    arguments: V,
    lower: L,
    done: D,
    raise: F,
) -> WithoutDefault<'_, C, V, A, R, T, L, D, F>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> Option<T>,
    F: Fn(Fault) -> T,
{
    // SAFETY: the caller says so.
    let request = unsafe { Request::new(callee, method, arguments, lower, done) };
    StreamRequest { request, raise, default: None, served: None }
}

/// As [`request_stream`], for a method with a default body: the stream of `default` serves the arguments if the
/// component lacks the method.
///
/// # Safety
/// As for [`request_stream`].
#[inline(always)]
pub unsafe fn request_stream_or_default<C, V, A, R, T, L, D, F, B, S>(
    callee: &C,
    method: u32,
    arguments: V,
    lower: L,
    done: D,
    raise: F,
    default: B,
) -> StreamRequest<'_, C, V, A, R, T, L, D, F, B, S>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> Option<T>,
    F: Fn(Fault) -> T,
    B: FnOnce(V) -> S,
    S: Stream<Item = T>,
{
    // SAFETY: as in `request_stream`.
    let request = unsafe { Request::new(callee, method, arguments, lower, done) };
    StreamRequest { request, raise, default: Some(default), served: None }
}

/// The stream of [`request_stream`] and [`request_stream_or_default`].
#[must_use = "a call begins when its stream is polled"]
pub struct StreamRequest<'c, C, V, A, R, T, L, D, F, B, S>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> Option<T>,
{
    request: Request<'c, C, V, A, R, Option<T>, L, D>,
    raise: F,
    default: Option<B>,
    /// The stream of the default body. Pinned, as nothing else here is.
    served: Option<S>,
}

/// The stream of [`request_stream`].
pub type WithoutDefault<'c, C, V, A, R, T, L, D, F> =
    StreamRequest<'c, C, V, A, R, T, L, D, F, fn(V) -> NoDefault<T>, NoDefault<T>>;

/// The stream of the default body of a method that has none.
pub struct NoDefault<T>(Infallible, PhantomData<fn() -> T>);

impl<T> Stream for NoDefault<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        match self.0 {}
    }
}

impl<C, V, A, R, T, L, D, F, B, S> Stream for StreamRequest<'_, C, V, A, R, T, L, D, F, B, S>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> Option<T>,
    F: Fn(Fault) -> T,
    B: FnOnce(V) -> S,
    S: Stream<Item = T>,
{
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        // SAFETY: only `served` is pinned; it is not moved below, nor by a destructor.
        let this = unsafe { self.get_unchecked_mut() };
        if this.served.is_none() {
            if this.request.is_over() {
                return Poll::Ready(None);
            }
            // SAFETY: the method returns a stream, for which there is no room.
            let unserved = match ready!(unsafe { this.request.advance(None, context, convert::identity) }) {
                Answer::Ready(last) => return Poll::Ready(last),
                Answer::Item(item) => return Poll::Ready(item),
                Answer::Unserved(unserved) => unserved,
            };
            match (unserved, this.default.take()) {
                (Unserved::Missing(values), Some(default)) => this.served = Some(default(values)),
                (unserved, _) => {
                    let fault = this.request.fault_of(unserved);
                    return Poll::Ready(Some((this.raise)(fault)));
                }
            }
        }
        let Some(served) = &mut this.served else { return Poll::Ready(None) };
        // SAFETY: it lies in `self`, which is pinned, until it is dropped in its place.
        let item = ready!(unsafe { Pin::new_unchecked(served) }.poll_next(context));
        if item.is_none() {
            this.served = None;
        }
        Poll::Ready(item)
    }
}
