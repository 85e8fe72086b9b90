//! The caller's side of an async call: a future that calls method `method` of a callee.

use std::{
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::arguments::Arguments;
use crate::{
    abi::future::Room,
    component::{
        async_call::{Advance, AsyncCallee, FirstPoll, Running, Started, Ticket},
        call_path::Unserved,
        fault::Fault,
        waker::lent::Lender,
    },
};

/// Calls method `method` of `callee` when it is polled. The component's future may lie in `room`; one that gives the
/// items of a stream does not, and needs none. `lower` lowers the arguments, and `done` lifts the result. The output is
/// the result, or the reason why there is none; a method that the component lacks gives the arguments back, for a
/// default body.
///
/// # Safety
/// The method is async and there is a room, or it returns a stream and there is none. It takes arguments of these
/// representations and has values of type `R`. What the arguments borrow lives for as long as the borrows in `V` say.
/// A room and the result are in one `async` block, which makes them one after the other, awaits the result at once,
/// and uses the room for nothing else.
#[inline(always)]
pub unsafe fn request_async<'c, C, V, A, R, T, L, D>(
    callee: &'c C,
    method: u32,
    room: Option<&'c Room>,
    arguments: V,
    lower: L,
    done: D,
) -> Request<'c, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    let state = State::Unstarted(arguments, Ticket::default());
    Request { callee, method, room, state, lender: Lender::new(), lower, done, types: PhantomData }
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
    room: Option<&'c Room>,
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

impl<V, T> Answer<V, T> {
    fn fault(fault: Fault) -> Answer<V, T> {
        Answer::Unserved(Unserved::Fault(fault))
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
    /// The fault of a call without a result, whose default body does not serve it.
    #[cfg(feature = "stream")]
    pub(super) fn fault_of(&self, unserved: Unserved<V>) -> Fault {
        unserved.into_fault::<C::Interface>(self.method)
    }

    /// Whether the call has ended.
    #[cfg(feature = "stream")]
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Polls the call, or starts it.
    #[inline(always)]
    pub(super) fn advance(&mut self, context: &mut Context<'_>) -> Poll<Answer<V, T>> {
        match &self.state {
            State::Unstarted(..) => self.begin(context.waker()),
            State::Pending(_) => self.go_on(context.waker()),
            State::Over => panic!("a call was polled after its end"),
        }
    }

    /// The first poll, and further ones while the call waits at a gate.
    #[inline(always)]
    fn begin(&mut self, waker: &Waker) -> Poll<Answer<V, T>> {
        // Over, whatever panics from here on; put back where the call goes on.
        let State::Unstarted(values, mut ticket) = mem::replace(&mut self.state, State::Over) else {
            unreachable!("the call has begun")
        };
        let (callee, method, room, lower, done) = (self.callee, self.method, self.room, &self.lower, &self.done);
        let started = self.lender.lend(waker, |waker| {
            // SAFETY: `request_async` was told so; the waker is lent for this poll.
            unsafe { callee.start(method, FirstPoll { waker, room }, &mut ticket, values, lower, done) }
        });
        match started {
            Started::Ready(value) => Poll::Ready(Answer::Ready(value)),
            Started::Pending(running) => {
                self.state = State::Pending(running);
                self.pend(waker)
            }
            Started::Item(item, running) => {
                self.state = State::Pending(running);
                Poll::Ready(self.go_on_behind(item, waker))
            }
            Started::AtGate(values) => {
                self.state = State::Unstarted(values, ticket);
                Poll::Pending
            }
            Started::Missing(values) => Poll::Ready(Answer::Unserved(Unserved::Missing(values))),
            Started::Fault(fault) => Poll::Ready(Answer::fault(fault)),
        }
    }

    /// A later poll.
    #[inline(always)]
    fn go_on(&mut self, waker: &Waker) -> Poll<Answer<V, T>> {
        let (callee, method, done) = (self.callee, self.method, &self.done);
        let ends = Ends(&mut self.state);
        let running = ends.running();
        // SAFETY: this call was started by this callee, and is not over.
        if let Some(fault) = unsafe { running.end_if_cancelled(callee, method) } {
            return Poll::Ready(Answer::fault(fault));
        }
        let polled = self.lender.lend(waker, |waker| {
            // SAFETY: this call was started with these types, and is not over.
            unsafe { running.poll::<C, R, T>(callee, method, waker, done) }
        });
        match polled {
            Advance::Ready(value) => Poll::Ready(Answer::Ready(value)),
            Advance::Fault(fault) => Poll::Ready(Answer::fault(fault)),
            Advance::Pending => {
                mem::forget(ends);
                self.pend(waker)
            }
            Advance::Item(item) => {
                mem::forget(ends);
                Poll::Ready(self.go_on_behind(item, waker))
            }
        }
    }

    /// Waits for the component's future, unless the call is cancelled.
    #[inline(always)]
    fn pend(&mut self, waker: &Waker) -> Poll<Answer<V, T>> {
        let (callee, method) = (self.callee, self.method);
        let ends = Ends(&mut self.state);
        let running = ends.running();
        if running.cancels() {
            // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
            let fault = self.lender.lend(waker, |waker| unsafe { running.watch(callee, method, waker) });
            if let Some(fault) = fault {
                return Poll::Ready(Answer::fault(fault));
            }
        }
        mem::forget(ends);
        Poll::Pending
    }

    /// Gives an item of a stream that goes on, or ends with a fault at the next poll.
    #[inline]
    fn go_on_behind(&mut self, item: T, waker: &Waker) -> Answer<V, T> {
        if let State::Pending(running) = &self.state
            && running.cancels()
        {
            let callee = self.callee;
            // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
            self.lender.lend(waker, |waker| unsafe { running.watch_behind_item(callee, waker) });
        }
        Answer::Item(item)
    }
}

/// Notes, when it is dropped, that a pending call is over: whatever panics, unless it is forgotten.
struct Ends<'s, V>(&'s mut State<V>);

impl<V> Ends<'_, V> {
    #[inline(always)]
    fn running(&self) -> &Running {
        match &*self.0 {
            State::Pending(running) => running,
            State::Unstarted(..) | State::Over => unreachable!("the call is not pending"),
        }
    }
}

impl<V> Drop for Ends<'_, V> {
    #[inline(always)]
    fn drop(&mut self) {
        // A pending call has nothing to drop.
        mem::forget(mem::replace(self.0, State::Over));
    }
}

// Nothing in it is pinned: the component's future lies in the room, beside it, or in a box of the component's.
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
