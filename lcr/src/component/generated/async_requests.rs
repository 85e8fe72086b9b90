//! The caller's side of an async call: a future that calls method `method` of a callee.

use std::{
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::arguments::Arguments;
use crate::component::{
    async_call::{AsyncCallee, Running, Started, Ticket},
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
    /// The component's future is pending.
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
        let this = self.get_mut();
        let waker = context.waker();
        let method = this.method;
        // Over, whatever panics from here on; put back where the call goes on.
        match mem::replace(&mut this.state, State::Over) {
            State::Unstarted(values, mut ticket) => {
                let (callee, lower, done) = (this.callee, &this.lower, &this.done);
                let started = this.lender.lend(waker, |waker| {
                    // SAFETY: `request_async` was told so; the waker is lent for this poll.
                    unsafe { callee.start(method, waker, &mut ticket, values, lower, done) }
                });
                match started {
                    Started::Ready(value) => Poll::Ready(Ok(value)),
                    Started::Pending(running) => this.pend(running, waker),
                    Started::AtGate(values) => {
                        this.state = State::Unstarted(values, ticket);
                        Poll::Pending
                    }
                    Started::Missing(values) => Poll::Ready(Err(Unserved::Missing(values))),
                    Started::Fault(fault) => Poll::Ready(Err(Unserved::Fault(fault))),
                }
            }
            State::Pending(running) => {
                let (callee, done) = (this.callee, &this.done);
                // SAFETY: this call was started by this callee, and is not over.
                if let Some(fault) = unsafe { running.end_if_cancelled(callee, method) } {
                    return Poll::Ready(Err(Unserved::Fault(fault)));
                }
                let polled = this.lender.lend(waker, |waker| {
                    // SAFETY: this call was started with these types, and is not over.
                    unsafe { running.poll::<C, R, T>(callee, method, waker, done) }
                });
                match polled {
                    Some(result) => Poll::Ready(result.map_err(Unserved::Fault)),
                    None => this.pend(running, waker),
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
    fn pend(&mut self, running: Running, waker: &Waker) -> Poll<Result<T, Unserved<V>>> {
        if !running.cancels() {
            self.state = State::Pending(running);
            return Poll::Pending;
        }
        let (callee, method) = (self.callee, self.method);
        // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
        let fault = self.lender.lend(waker, |waker| unsafe { running.watch(callee, method, waker) });
        match fault {
            Some(fault) => Poll::Ready(Err(Unserved::Fault(fault))),
            None => {
                self.state = State::Pending(running);
                Poll::Pending
            }
        }
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
