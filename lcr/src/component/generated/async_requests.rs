//! The caller's side of an async call: a future that calls method `method` of a callee.

use std::{
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::arguments::Arguments;
use crate::component::{
    async_call::{Advance, AsyncCallee, Running, Started, Ticket},
    call_path::Unserved,
    fault::Fault,
    waker::lent::Lender,
};

/// Calls method `method` of `callee` when it is polled. `lower` lowers the arguments, and `done` lifts
/// the result. The output is the result, or the reason why there is none; a method that the
/// component lacks gives the arguments back, for a default body.
///
/// # Safety
/// The method is async, takes arguments of these representations and has a result of type `R`. What the arguments
/// borrow lives for as long as the borrows in `V` say.
#[inline(always)]
pub unsafe fn request_async<C, V, A, R, T, L, D>(
    callee: &C,
    method: u32,
    arguments: V,
    lower: L,
    done: D,
) -> Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    let state = State::Unstarted(arguments, Ticket::default());
    Request { callee, method, state, lender: Lender::new(), lower, done, types: PhantomData }
}

/// The fault of a method without a default body.
pub fn fault_of<C: AsyncCallee, V>(_: &C, method: u32, unserved: Unserved<V>) -> Fault {
    unserved.into_fault::<C::Interface>(method)
}

/// The future of [`request_async`].
///
/// It is `Send` where the arguments are. Its type has the lifetimes of what they borrow, and its destructor
/// ends the component's future, so the compiler keeps that memory until then.
#[must_use = "a call begins when its future is polled"]
pub struct Request<'c, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    callee: &'c C,
    method: u32,
    state: State<V>,
    lender: Lender,
    lower: L,
    done: D,
    types: PhantomData<fn(A, R) -> T>,
}

enum State<V> {
    /// The call has not begun. The ticket says whether it waits at a gate.
    Unstarted(V, Ticket),
    /// The component's future is pending, or goes on behind an item.
    Pending(Running),
    /// There is no component's future, or not any more.
    Over,
}

impl<C, V, A, R, T, L, D> Future for Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    type Output = Result<T, Unserved<V>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut().advance(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Answer::Ready(value)) => Poll::Ready(Ok(value)),
            Poll::Ready(Answer::Unserved(unserved)) => Poll::Ready(Err(unserved)),
            Poll::Ready(Answer::Item(_)) => unreachable!("the signature is that of an async method"),
        }
    }
}

/// What a poll that is not pending came to.
pub(super) enum Answer<V, T> {
    /// The result. The call is over.
    Ready(T),
    /// An item of a stream, which goes on.
    Item(T),
    /// There is no result. The call is over.
    Unserved(Unserved<V>),
}

impl<C, V, A, R, T, L, D> Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    /// Whether the call has ended.
    #[cfg(feature = "stream")]
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Polls the call, or starts it.
    #[inline(always)]
    pub(super) fn advance(&mut self, context: &mut Context<'_>) -> Poll<Answer<V, T>> {
        let waker = context.waker();
        let (callee, method) = (self.callee, self.method);
        // Over, whatever panics from here on; put back where the call goes on.
        match mem::replace(&mut self.state, State::Over) {
            State::Unstarted(values, mut ticket) => {
                let (lower, done) = (&self.lower, &self.done);
                let started = self.lender.lend(waker, |waker| {
                    // SAFETY: `request_async` was told so; the waker is lent for this poll.
                    unsafe { callee.start(method, waker, &mut ticket, values, lower, done) }
                });
                match started {
                    Started::Ready(value) => Poll::Ready(Answer::Ready(value)),
                    Started::Pending(running) => self.pend(running, waker),
                    Started::Item(item, running) => Poll::Ready(self.go_on_behind(item, running, waker)),
                    Started::AtGate(values) => {
                        self.state = State::Unstarted(values, ticket);
                        Poll::Pending
                    }
                    Started::Missing(values) => Poll::Ready(Answer::Unserved(Unserved::Missing(values))),
                    Started::Fault(fault) => Poll::Ready(Answer::Unserved(Unserved::Fault(fault))),
                }
            }
            State::Pending(running) => {
                // SAFETY: this call was started by this callee, and is not over.
                if let Some(fault) = unsafe { running.end_if_cancelled(callee, method) } {
                    return Poll::Ready(Answer::Unserved(Unserved::Fault(fault)));
                }
                let done = &self.done;
                let polled = self.lender.lend(waker, |waker| {
                    // SAFETY: this call was started with these types, and is not over.
                    unsafe { running.poll::<C, R, T>(callee, method, waker, done) }
                });
                match polled {
                    Advance::Ready(value) => Poll::Ready(Answer::Ready(value)),
                    Advance::Pending => self.pend(running, waker),
                    Advance::Item(item) => Poll::Ready(self.go_on_behind(item, running, waker)),
                    Advance::Fault(fault) => Poll::Ready(Answer::Unserved(Unserved::Fault(fault))),
                }
            }
            State::Over => panic!("a call was polled after its end"),
        }
    }
}

impl<C, V, A, R, T, L, D> Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    /// Waits for the component's future, unless the call is cancelled.
    #[inline]
    fn pend(&mut self, running: Running, waker: &Waker) -> Poll<Answer<V, T>> {
        if !running.cancels() {
            self.state = State::Pending(running);
            return Poll::Pending;
        }
        let (callee, method) = (self.callee, self.method);
        // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
        let fault = self.lender.lend(waker, |waker| unsafe { running.watch(callee, method, waker) });
        match fault {
            Some(fault) => Poll::Ready(Answer::Unserved(Unserved::Fault(fault))),
            None => {
                self.state = State::Pending(running);
                Poll::Pending
            }
        }
    }

    /// Gives an item of a stream that goes on, or ends with a fault at the next poll.
    #[inline]
    fn go_on_behind(&mut self, item: T, running: Running, waker: &Waker) -> Answer<V, T> {
        if running.cancels() {
            let callee = self.callee;
            // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
            self.lender.lend(waker, |waker| unsafe { running.watch_behind_item(callee, waker) });
        }
        self.state = State::Pending(running);
        Answer::Item(item)
    }
}

// Nothing in it is pinned: the component's future lies in a box of the component's.
impl<C, V, A, R, T, L, D> Unpin for Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
}

impl<C, V, A, R, T, L, D> Drop for Request<'_, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    #[inline]
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Over) {
            // SAFETY: the call is not over.
            State::Pending(running) => unsafe { running.cancel(self.callee, self.method) },
            State::Unstarted(_, ticket) if ticket.waits() => self.callee.unwait(ticket),
            State::Unstarted(..) | State::Over => {}
        }
    }
}
