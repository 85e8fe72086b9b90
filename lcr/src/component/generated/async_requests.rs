//! The caller's side of an async call: a future that calls method `method` of a callee.

use std::{
    convert,
    marker::{PhantomData, PhantomPinned},
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::arguments::Arguments;
use crate::{
    abi::future::Room,
    component::{
        async_call::{Advance, Answer, Answered, AsyncCallee, FirstPoll, Running, Started, Ticket},
        call_path::{Inside, Unserved},
        fault::Fault,
        waker::lent::{Lender, Loan},
    },
};

/// Calls method `method` of `callee` when it is polled. `lower` lowers the arguments, and `done` lifts the result.
/// Without a result, the output is that of `otherwise`, which gets the reason; a method that the component lacks gives
/// the arguments back, for a default body.
///
/// # Safety
/// The method is async. It takes arguments of these representations and has values of type `R`. What the arguments
/// borrow lives for as long as the borrows in `V` say.
#[inline(always)]
pub unsafe fn request_async<C, V, A, R, T, L, D, O>(
    callee: &C,
    method: u32,
    arguments: V,
    lower: L,
    done: D,
    otherwise: O,
) -> AsyncCall<'_, C, V, A, R, T, L, D, O>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
    O: Fn(&C, Unserved<V>) -> T,
{
    // SAFETY: the caller says so; the call's own room is used for each poll.
    let request = unsafe { Request::new(callee, method, arguments, lower, done) };
    AsyncCall { request, otherwise, room: Room::new(), _pinned: PhantomPinned }
}

/// The fault of a method without a default body.
pub fn fault_of<C: AsyncCallee, V>(_: &C, method: u32, unserved: Unserved<V>) -> Fault {
    unserved.into_fault::<C::Interface>(method)
}

/// The future of [`request_async`].
///
/// The component's future may lie in its room. So it is `!Unpin`; and the request, which is dropped before the room,
/// ends that future.
#[must_use = "a call begins when its future is polled"]
pub struct AsyncCall<'c, C, V, A, R, T, L, D, O>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    request: Request<'c, C, V, A, R, T, L, D>,
    otherwise: O,
    room: Room,
    _pinned: PhantomPinned,
}

impl<C, V, A, R, T, L, D, O> Future for AsyncCall<'_, C, V, A, R, T, L, D, O>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
    O: Fn(&C, Unserved<V>) -> T,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // SAFETY: only `room` must stay in its place, and it does.
        let this = unsafe { self.get_unchecked_mut() };
        let (callee, otherwise) = (this.request.callee, &this.otherwise);
        let finish = |answer| match answer {
            Answer::Ready(value) => value,
            Answer::Unserved(unserved) => otherwise(callee, unserved),
            Answer::Item(_) => unreachable!("the signature is that of an async method"),
        };
        // SAFETY: the method is async; the room stays in its place until it was dropped, behind the request, and is
        // used for nothing else.
        unsafe { this.request.advance(Some(&this.room), context, finish) }
    }
}

/// A call of an async method, or of one that returns a stream.
///
/// It is `Send` where the arguments are. Its type has the lifetimes of what they borrow, and its destructor
/// ends the component's future, so the compiler keeps that memory until then.
pub(super) struct Request<'c, C, V, A, R, T, L, D>
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
    /// The component's future is pending, or goes on behind an item.
    Pending(Running),
    /// The call has not begun. The ticket says whether it waits at a gate.
    Unstarted(V, Ticket),
    /// As `Pending`, of a call that is to end when its instance is replaced.
    Cancellable(Running),
    /// There is no component's future, or not any more.
    Over,
}

impl<V> State<V> {
    /// Of a call that goes on.
    #[inline(always)]
    fn of(running: Running) -> State<V> {
        if running.cancels() { State::Cancellable(running) } else { State::Pending(running) }
    }

    /// The call, which is pending.
    #[inline(always)]
    fn running(&self) -> &Running {
        match self {
            State::Pending(running) | State::Cancellable(running) => running,
            State::Unstarted(..) | State::Over => unreachable!("the call is not pending"),
        }
    }
}

impl<'c, C, V, A, R, T, L, D> Request<'c, C, V, A, R, T, L, D>
where
    C: AsyncCallee,
    A: Arguments,
    R: Copy,
    L: Fn(V) -> A,
    D: Fn(R) -> T,
{
    /// As for [`request_async`]; or the method returns a stream.
    ///
    /// # Safety
    /// As for [`request_async`].
    #[inline(always)]
    pub(super) unsafe fn new(callee: &'c C, method: u32, arguments: V, lower: L, done: D) -> Self {
        let state = State::Unstarted(arguments, Ticket::default());
        Request { callee, method, state, lender: Lender::new(), lower, done, types: PhantomData }
    }

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

    /// Polls the call, or starts it. `finish` makes the output of an answer, outside the instance.
    ///
    /// # Safety
    /// The method is async and there is a room, or it returns a stream and there is none. A room is the same for each
    /// poll. It stays in its place until the request was dropped, and nobody uses it for anything else.
    #[inline(always)]
    pub(super) unsafe fn advance<O>(
        &mut self,
        room: Option<&Room>,
        context: &mut Context<'_>,
        finish: impl FnOnce(Answer<V, T>) -> O,
    ) -> Poll<O> {
        // First, because a call may have many later polls.
        if let State::Pending(_) = self.state {
            return self.go_on(context.waker(), finish);
        }
        if let State::Unstarted(..) = self.state {
            // SAFETY: the caller says so of the room.
            return unsafe { self.begin(room, context.waker()) }.map(finish);
        }
        self.go_on_unless_cancelled(context.waker()).map(finish)
    }

    /// The first poll, and further ones while the call waits at a gate.
    ///
    /// # Safety
    /// As for [`Request::advance`].
    #[inline(always)]
    unsafe fn begin(&mut self, room: Option<&Room>, waker: &Waker) -> Poll<Answer<V, T>> {
        // Over, whatever panics from here on; put back where the call goes on.
        let State::Unstarted(values, mut ticket) = mem::replace(&mut self.state, State::Over) else {
            unreachable!("the call has begun")
        };
        let (callee, method, lower, done) = (self.callee, self.method, &self.lower, &self.done);
        let mut loan = Loan::new();
        let first = FirstPoll { waker: self.lender.lend(waker, &mut loan), room };
        // SAFETY: `new` and the caller were told so; the loan is for this poll.
        let started = unsafe { callee.start(method, first, &mut ticket, values, lower, done) };
        match started {
            Started::Ready(value) => Poll::Ready(Answer::Ready(value)),
            Started::Pending(running) => {
                self.state = State::of(running);
                if let State::Cancellable(_) = self.state { self.pend(waker) } else { Poll::Pending }
            }
            Started::Item(item, running) => {
                self.state = State::of(running);
                self.watch_behind_item(waker);
                Poll::Ready(Answer::Item(item))
            }
            Started::AtGate(values) => {
                self.state = State::Unstarted(values, ticket);
                Poll::Pending
            }
            Started::Missing(values) => Poll::Ready(Answer::Unserved(Unserved::Missing(values))),
            Started::Fault(fault) => Poll::Ready(Answer::fault(fault)),
        }
    }

    /// A later poll. One that is pending still does nothing that it need not: compilers join the ways of all answers
    /// where they come back as one value, and then each such poll pays for that.
    #[inline(always)]
    fn go_on<O>(&mut self, waker: &Waker, finish: impl FnOnce(Answer<V, T>) -> O) -> Poll<O> {
        let callee = self.callee;
        let running = self.state.running();
        let mut loan = Loan::new();
        let lent = self.lender.lend(waker, &mut loan);
        // SAFETY: this call was started by this callee, and is not over.
        let Some(inside) = (unsafe { callee.enter_again_fast(running.held()) }) else {
            return self.go_on_slowly(waker, finish);
        };
        // SAFETY: this call was started by this callee with these types, and is not over; the loan is for this poll.
        let Some(answered) = (unsafe { running.poll(lent) }) else {
            inside.leave();
            return Poll::Pending;
        };
        // SAFETY: this is the answer of this call's future, and the call has not left.
        unsafe { self.settle(inside, answered, finish) }
    }

    /// As [`Request::go_on`], where the host has to enter the instance. What comes next is written in both: to lend the
    /// whole request to a third function would end the loan of its waker.
    #[cold]
    #[inline(never)]
    fn go_on_slowly<O>(&mut self, waker: &Waker, finish: impl FnOnce(Answer<V, T>) -> O) -> Poll<O> {
        let callee = self.callee;
        let running = self.state.running();
        let mut loan = Loan::new();
        let lent = self.lender.lend(waker, &mut loan);
        // SAFETY: as in `go_on`.
        let inside = unsafe { callee.enter_again(running.held()) };
        // SAFETY: as above.
        let Some(answered) = (unsafe { running.poll(lent) }) else {
            inside.leave();
            return Poll::Pending;
        };
        // SAFETY: as in `go_on`.
        unsafe { self.settle(inside, answered, finish) }
    }

    /// What a later poll came to that is not pending. Apart from the poll, because a call has one end and may have many
    /// polls before it. An item of a stream takes this way, too.
    ///
    /// # Safety
    /// It is the answer of the call's future, and the call is `inside` its instance since then.
    #[cold]
    #[inline(never)]
    unsafe fn settle<O>(
        &mut self,
        inside: impl Inside<C::Interface>,
        answered: Answered<R>,
        finish: impl FnOnce(Answer<V, T>) -> O,
    ) -> Poll<O> {
        let (callee, method, done) = (self.callee, self.method, &self.done);
        let ends = Ends(&mut self.state);
        // SAFETY: this call was started by this callee with these types; the caller says the rest.
        let answer = match unsafe { ends.0.running().settle(callee, inside, method, answered, done) } {
            Advance::Pending => {
                mem::forget(ends);
                return Poll::Pending;
            }
            Advance::Item(item) => {
                mem::forget(ends);
                Answer::Item(item)
            }
            Advance::Ready(value) => Answer::Ready(value),
            Advance::Fault(fault) => Answer::fault(fault),
        };
        Poll::Ready(finish(answer))
    }

    /// A later poll of a call that ends when its instance is replaced.
    #[inline(never)]
    fn go_on_unless_cancelled(&mut self, waker: &Waker) -> Poll<Answer<V, T>> {
        assert!(matches!(self.state, State::Cancellable(_)), "a call was polled after its end");
        let (callee, method) = (self.callee, self.method);
        let ends = Ends(&mut self.state);
        // SAFETY: this call was started by this callee, and is not over.
        if let Some(fault) = unsafe { ends.0.running().end_if_cancelled(callee, method) } {
            return Poll::Ready(Answer::fault(fault));
        }
        mem::forget(ends);
        match self.go_on(waker, convert::identity) {
            Poll::Pending => self.pend(waker),
            Poll::Ready(Answer::Item(item)) => {
                self.watch_behind_item(waker);
                Poll::Ready(Answer::Item(item))
            }
            over @ Poll::Ready(_) => over,
        }
    }

    /// Waits for the component's future, unless the call, which is to end when its instance is replaced, is cancelled.
    #[cold]
    fn pend(&mut self, waker: &Waker) -> Poll<Answer<V, T>> {
        let (callee, method) = (self.callee, self.method);
        let ends = Ends(&mut self.state);
        let running = ends.0.running();
        // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
        let fault = self.lender.lend_to(waker, |waker| unsafe { running.watch(callee, method, waker) });
        if let Some(fault) = fault {
            return Poll::Ready(Answer::fault(fault));
        }
        mem::forget(ends);
        Poll::Pending
    }

    /// Behind an item of a call that is to end when its instance is replaced: the next poll ends with a fault if the
    /// call is cancelled.
    #[inline]
    fn watch_behind_item(&mut self, waker: &Waker) {
        if let State::Cancellable(running) = &self.state {
            let callee = self.callee;
            // SAFETY: this call was started by this callee, and is not over; the waker is lent for this call.
            self.lender.lend_to(waker, |waker| unsafe { running.watch_behind_item(callee, waker) });
        }
    }
}

/// Notes, when it is dropped, that a pending call is over: whatever panics, unless it is forgotten.
struct Ends<'s, V>(&'s mut State<V>);

impl<V> Drop for Ends<'_, V> {
    #[inline(always)]
    fn drop(&mut self) {
        // A pending call has nothing to drop.
        mem::forget(mem::replace(self.0, State::Over));
    }
}

// Nothing in it is pinned: the component's future lies in a room beside it, or in a box of the component's.
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
            State::Pending(running) | State::Cancellable(running) => unsafe { running.cancel(self.callee) },
            State::Unstarted(_, ticket) if ticket.waits() => self.callee.unwait(ticket),
            State::Unstarted(..) | State::Over => {}
        }
    }
}
