//! The path of an async call, from the caller's first poll to the end of the component's future.
//!
//! | when | what | by |
//! |---|---|---|
//! | first poll | enter the instance, as a plain call does; at a shut gate be pending | [`AsyncCallee::start`] |
//! | | lower the arguments, start and poll the component's future | [`start_inside`] |
//! | | ready: lift the value, leave. Pending: have the host hold the instance ([`Held`]), leave | |
//! | later polls | enter the held instance, [poll](Running::poll); leave if the future is pending still | the request |
//! | | ready: lift the value, leave | [`Running::settle`] |
//! | [cancelled](Running::cancels) | enter, drop the future, leave, answer with a fault | [`Running::end_cancelled`] |
//! | an item of a stream | lift the item inside; the call goes on as one that is pending | [`Advance::Item`] |
//! | ready, faulted, cancelled or dropped | the component's future is gone; end what the host holds | [`Running`] |
//!
//! The caller's future is [`AsyncCall`](super::generated::async_requests::AsyncCall); it keeps the typed
//! arguments until they are lowered. So nothing of a call exists in the component before the first poll, and a
//! future that is never polled holds nothing.
//!
//! Invariants
//! 1. While a function of the component's future runs, and while its value is lifted, the call is inside
//!    the instance: by a frame on the polling thread, or by the pin.
//! 2. Between polls a pending call is held by what [`HostTable::detach`](crate::abi::tables::HostTable::detach) gave
//!    inside the frame of its start, or by the pin, which the caller's future borrows.
//! 3. What the host holds is ended once, after the component's future is gone, its value is lifted, and the frame
//!    is left. An item of a stream is lifted while the component's future is there; if lifting panics, that is
//!    dropped, and the call is over.
//! 4. The arguments are lowered inside the instance, because only there is it certain that they will be used.
//!    Lowering may run the author's code, which may panic: the call leaves then, too.

use std::{
    mem::{self, MaybeUninit},
    ptr::NonNull,
};

use super::{
    call_path::{Callee, Inside, InsideGuard, Unserved, served_fault},
    fault::Fault,
    generated::arguments::Arguments,
};
use crate::abi::{
    detached::Detached,
    fault::{FaultKind, RawFault},
    frame::Place,
    future::{ITEM, PENDING, Polled, READY, RawCall, RawFuture, Room},
    interface::Interface,
    waker::WakerHead,
    world::{Methods, Pair, Table},
};

/// What async methods are called on: a [`Handle`](super::handle::Handle) or a [`Pinned`](super::pinned::Pinned).
///
/// # Safety
/// [`AsyncCallee::start`] gives `done` a result that the component has written for this call, and nothing else, and
/// returns a `Running` of this call. Who enters again is inside its instance until it leaves, on the same thread.
pub unsafe trait AsyncCallee: Callee {
    /// How a later poll stands inside the instance if it needed no host to enter.
    type Fast<'a>: Inside<Self::Interface>
    where
        Self: 'a;

    /// Starts a call of method `method`. `lower` lowers the arguments when the call is inside the instance. `done`
    /// lifts the result while the component's image cannot go away.
    ///
    /// # Safety
    /// The method is async and there is a room, or it returns a stream and there is none. It takes arguments of these
    /// representations and has values of type `R`. The waker is valid until this function returns. What the arguments
    /// borrow outlives the `Running`. Nothing is in the room, which keeps its place, and which nobody uses for anything
    /// else, until the component's future is gone.
    unsafe fn start<V, A: Arguments, R: Copy, T>(
        &self,
        method: u32,
        first: FirstPoll<'_>,
        ticket: &mut Ticket,
        values: V,
        lower: impl FnOnce(V) -> A,
        done: impl FnOnce(R) -> T,
    ) -> Started<V, T>;

    /// Enters the instance of a pending call again. `None` if only [`enter_again`](AsyncCallee::enter_again) can.
    ///
    /// # Safety
    /// `held` comes from a call of this callee that is not over.
    unsafe fn enter_again_fast(&self, held: &Held) -> Option<Self::Fast<'_>>;

    /// Enters the instance of a pending call again, by whichever way.
    ///
    /// # Safety
    /// As for [`enter_again_fast`](AsyncCallee::enter_again_fast).
    unsafe fn enter_again<'a>(&'a self, held: &Held) -> impl Inside<Self::Interface> + use<'a, Self>;

    /// Ends what the host holds. The call is outside, and its future is gone.
    ///
    /// # Safety
    /// `held` comes from a call of this callee, and is not used again.
    unsafe fn end(&self, held: &Held);

    /// Has the task of a pending call woken if the call is cancelled. Returns whether it is cancelled already.
    ///
    /// # Safety
    /// `held` comes from a call of this callee that is pending, and the waker is valid.
    unsafe fn watch(&self, held: &Held, waker: *const WakerHead) -> bool;

    /// Forgets a call that waits at a gate.
    fn unwait(&self, ticket: Ticket);
}

/// What the caller lends for a first poll.
#[derive(Clone, Copy)]
pub struct FirstPoll<'r> {
    pub(super) waker: *const WakerHead,
    /// `None` if the method returns a stream.
    pub(super) room: Option<&'r Room>,
}

/// A place among those that wait at a shut gate; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ticket(pub(super) u64);

impl Ticket {
    /// Whether the host knows of the call.
    pub(super) fn waits(self) -> bool {
        self.0 != 0
    }
}

/// What a first poll came to.
pub enum Started<V, T> {
    /// The result.
    Ready(T),
    /// The first item of a stream, which goes on.
    Item(T, Running),
    /// The component's future waits for something.
    Pending(Running),
    /// A gate is shut: the host wakes the caller when it opens. The arguments were not used.
    AtGate(V),
    /// The component lacks the method. The arguments were not used.
    Missing(V),
    /// The call was refused or faulted.
    Fault(Fault),
}

/// What a later poll came to that was not plainly pending.
pub(super) enum Advance<T> {
    /// The result. The call is over.
    Ready(T),
    /// An item of a stream, which goes on.
    Item(T),
    /// The component's future waits for something.
    Pending,
    /// The call faulted, and is over.
    Fault(Fault),
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
    pub(super) fn fault(fault: Fault) -> Answer<V, T> {
        Answer::Unserved(Unserved::Fault(fault))
    }
}

/// The answer of a later poll, if that was not plainly pending.
pub(super) struct Answered<R: Copy> {
    polled: Polled,
    /// Written if the answer is `READY` or `ITEM`.
    value: MaybeUninit<R>,
}

/// A call that is pending, or between two items. It must not be dropped before its future is gone.
#[derive(Debug)]
pub struct Running {
    future: RawFuture,
    held: Held,
}

// SAFETY: the component's future is `Send`, since the method's declaration says so; the host's functions
// for what it holds may be called by any thread.
unsafe impl Send for Running {}

/// How the instance of a pending call is held.
#[derive(Debug)]
pub struct Held {
    /// `None` if a pin holds it.
    pub(super) detached: Option<NonNull<Detached>>,
    /// The world.
    pub(super) table: *const Table,
    /// What the frames of later polls show. A pin has none.
    pub(super) place: Place,
}

/// Starts a call on the instance with these methods, in which the call is `inside`. `hold` has the host hold the
/// instance.
///
/// # Safety
/// As for [`AsyncCallee::start`]; the methods are alive until the call leaves.
#[inline(always)]
pub(super) unsafe fn start_inside<I: ?Sized + Interface, V, A: Arguments, R: Copy, T>(
    inside: impl Inside<I>,
    methods: Methods,
    method: u32,
    first: FirstPoll<'_>,
    values: V,
    lower: impl FnOnce(V) -> A,
    done: impl FnOnce(R) -> T,
) -> Started<V, T> {
    let inside = InsideGuard::new(inside);
    // SAFETY: the host linked as many functions as `I` has methods.
    let Pair { function, data } = unsafe { methods.pair(method) };
    if I::METHODS[method as usize].has_default && function.is_null() {
        return Started::Missing(values);
    }
    let arguments = lower(values);
    let mut call = RawCall::<R>::new(first.waker, first.room);
    // SAFETY: the host linked the method's function; the caller vouches for its signature.
    let polled = unsafe { arguments.start(function, data, &raw mut call) };
    if !polled.fault.is_null() {
        return Started::Fault(served_fault(inside.handle(), polled.fault, method, inside.table()));
    }
    // SAFETY: no fault means an answer.
    match unsafe { polled.value.assume_init() } {
        // SAFETY: the component has written the value.
        READY => Started::Ready(done(unsafe { call.value.assume_init() })),
        ITEM => {
            let unwinding = DropFuture(call.future);
            // SAFETY: as above.
            let item = done(unsafe { call.value.assume_init() });
            mem::forget(unwinding);
            Started::Item(item, Running { future: call.future, held: inside.hold(method) })
        }
        _ => Started::Pending(Running { future: call.future, held: inside.hold(method) }),
    }
}

/// Drops a component's future, unless it is forgotten: for lifting an item, which may panic.
struct DropFuture(RawFuture);

impl Drop for DropFuture {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: it is made where the future is there, inside the instance.
        unsafe { self.0.drop() };
    }
}

impl Running {
    /// How the call's instance is held.
    pub(super) fn held(&self) -> &Held {
        &self.held
    }

    /// Polls the call, which is inside its instance again. `None` if it is pending.
    ///
    /// # Safety
    /// The call is inside its instance, has a result of type `R`, and is not over. The waker is valid.
    #[inline(always)]
    pub(super) unsafe fn poll<R: Copy>(&self, waker: *const WakerHead) -> Option<Answered<R>> {
        let mut value = MaybeUninit::uninit();
        // SAFETY: the call is not over, so the future is there, and `&self` is the only way to it.
        let polled = unsafe { self.future.poll(waker, &mut value) };
        if polled.is(PENDING) {
            return None;
        }
        Some(Answered { polled, value })
    }

    /// What a poll came to, of a call that is `inside` its instance since then. With [`Advance::Ready`] or a fault, the
    /// call is over; also if `done` panics.
    ///
    /// # Safety
    /// `callee` has started this call, of method `method`. The answer is of its future; it has not left since then.
    #[inline(always)]
    pub(super) unsafe fn settle<C: AsyncCallee, R: Copy, T>(
        &self,
        callee: &C,
        inside: impl Inside<C::Interface>,
        method: u32,
        Answered { polled, value }: Answered<R>,
        done: impl FnOnce(R) -> T,
    ) -> Advance<T> {
        // Dropped behind `inside`, in each of the ways out.
        let end = End { callee, held: &self.held };
        let inside = InsideGuard::new(inside);
        if !polled.fault.is_null() {
            return Advance::Fault(served_fault(inside.handle(), polled.fault, method, inside.table()));
        }
        // SAFETY: no fault means an answer.
        match unsafe { polled.value.assume_init() } {
            // SAFETY: the component has written the value.
            READY => Advance::Ready(done(unsafe { value.assume_init() })),
            ITEM => {
                let unwinding = DropFuture(self.future);
                // SAFETY: as above.
                let item = done(unsafe { value.assume_init() });
                mem::forget(unwinding);
                mem::forget(end);
                Advance::Item(item)
            }
            // None of an honest component.
            _ => {
                mem::forget(end);
                Advance::Pending
            }
        }
    }

    /// Before a poll: ends a call that was cancelled since the last one.
    ///
    /// # Safety
    /// `callee` has started this call, of method `method`. It is not over; a fault says that it is.
    #[inline]
    pub(super) unsafe fn end_if_cancelled<C: AsyncCallee>(&self, callee: &C, method: u32) -> Option<Fault> {
        // SAFETY: the host's slot is the call's until it is over.
        let is_cancelled = self.held.detached.is_some_and(|detached| unsafe { detached.as_ref() }.is_cancelled());
        // SAFETY: as above.
        is_cancelled.then(|| unsafe { self.end_cancelled(callee, method) })
    }

    /// Behind a poll that is pending: has the task woken if the call is cancelled. A fault says that it was cancelled
    /// meanwhile, and is over.
    ///
    /// # Safety
    /// As for [`Running::end_if_cancelled`]; the waker is valid.
    #[cold]
    pub(super) unsafe fn watch<C: AsyncCallee>(
        &self,
        callee: &C,
        method: u32,
        waker: *const WakerHead,
    ) -> Option<Fault> {
        // SAFETY: the caller says so.
        let is_cancelled = unsafe { callee.watch(&self.held, waker) };
        // SAFETY: as above.
        is_cancelled.then(|| unsafe { self.end_cancelled(callee, method) })
    }

    /// Behind an item: has the task woken if the call is cancelled. The next poll sees that it was cancelled.
    ///
    /// # Safety
    /// As for [`Running::watch`].
    #[cold]
    pub(super) unsafe fn watch_behind_item<C: AsyncCallee>(&self, callee: &C, waker: *const WakerHead) {
        // SAFETY: the caller says so.
        unsafe { callee.watch(&self.held, waker) };
    }

    /// Whether the call is to end when its instance is replaced.
    #[inline]
    pub(super) fn cancels(&self) -> bool {
        // SAFETY: as long as there is a `Running`, its future is there.
        unsafe { self.future.cancels() }
    }

    /// Drops the component's future, and says why.
    ///
    /// # Safety
    /// As for [`Running::cancel`].
    #[cold]
    unsafe fn end_cancelled<C: AsyncCallee>(&self, callee: &C, method: u32) -> Fault {
        let _end = End { callee, held: &self.held };
        // SAFETY: the callee has started this call, which is not over.
        let inside = InsideGuard::new(unsafe { callee.enter_again(&self.held) });
        // SAFETY: the call is not over, so the future is there.
        unsafe { self.future.drop() };
        let text = "the component is being replaced, and ends calls that are under way; make the call again";
        let fault = RawFault::new(FaultKind::Cancelled, text.to_owned());
        served_fault(inside.handle(), fault, method, inside.table())
    }

    /// Drops the component's future.
    ///
    /// # Safety
    /// `callee` has started this call; it is not over, and this ends it.
    pub(super) unsafe fn cancel<C: AsyncCallee>(&self, callee: &C) {
        let _end = End { callee, held: &self.held };
        // SAFETY: as the caller says, the callee has started this call, which is not over.
        let _inside = InsideGuard::new(unsafe { callee.enter_again(&self.held) });
        // SAFETY: the call is not over, so the future is there.
        unsafe { self.future.drop() };
    }
}

/// Ends what the host holds.
struct End<'a, C: AsyncCallee> {
    callee: &'a C,
    held: &'a Held,
}

impl<C: AsyncCallee> Drop for End<'_, C> {
    fn drop(&mut self) {
        // SAFETY: the call is over, and outside.
        unsafe { self.callee.end(self.held) };
    }
}
