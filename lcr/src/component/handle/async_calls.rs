//! How an async call through a handle enters the instance, by the fast or the slow path, and enters it again for
//! a later poll.

use std::ptr::{self, NonNull};

use crate::{
    abi::{
        frame::{Frame, Place, Record},
        interface::Interface,
        tables::{AT_GATE, RawEntered},
        waker::WakerHead,
        world::{Methods, Table},
    },
    component::{
        async_call::{AsyncCallee, FirstPoll, Held, Started, Ticket, start_inside},
        call_path::{Inside, refused},
        generated::arguments::Arguments,
        image,
    },
};

use super::{AtDepth, Handle, InFrame};

/// A call that is pending, inside its instance again by either path.
struct Again<'a, I: ?Sized + Interface> {
    handle: &'a Handle<I>,
    /// This thread's own.
    record: *const Record,
    /// Null if the call entered by the slow path, at `depth`.
    frame: *const Frame,
    depth: u32,
    table: *const Table,
}

impl<I: ?Sized + Interface> Inside<I> for Again<'_, I> {
    fn handle(&self) -> &Handle<I> {
        self.handle
    }

    fn table(&self) -> *const Table {
        self.table
    }

    #[inline(always)]
    fn leave(&self) {
        // SAFETY: this thread's own record, which lives until the thread ends.
        let record = unsafe { &*self.record };
        if self.frame.is_null() { record.leave_to(self.depth) } else { record.leave(self.frame) }
    }

    fn hold(&self, method: u32) -> Held {
        self.handle.detach(self.table, method)
    }
}

// SAFETY: both paths of a start end in `start_inside`, which gives `done` what the component has written. A frame, by
// whichever path, is there until the call leaves.
unsafe impl<I: ?Sized + Interface> AsyncCallee for Handle<I> {
    type Fast<'a>
        = InFrame<'a, I>
    where
        I: 'a;

    #[inline(always)]
    unsafe fn start<V, A: Arguments, R: Copy, T>(
        &self,
        method: u32,
        first: FirstPoll<'_>,
        ticket: &mut Ticket,
        values: V,
        lower: impl FnOnce(V) -> A,
        done: impl FnOnce(R) -> T,
    ) -> Started<V, T> {
        let record = image::record();
        let entered = if ticket.waits() { None } else { self.enter_fast(record, method) };
        let Some((frame, methods)) = entered else {
            // SAFETY: the caller vouches for the signature and the waker.
            return unsafe { self.start_slowly(method, first, ticket, values, lower, done) };
        };
        // SAFETY: this thread's own record, which lives until the thread ends.
        let record = unsafe { &*record };
        // SAFETY: the core lives as long as the slot, and is not null on the fast path.
        if unsafe { &*self.core }.holds_starts() {
            record.leave(frame);
            // SAFETY: the caller vouches for the signature and the waker.
            return unsafe { self.start_slowly(method, first, ticket, values, lower, done) };
        }
        let inside = InFrame { handle: self, record, frame };
        // SAFETY: the caller vouches for the signature, and the frame for the methods.
        unsafe { start_inside(inside, methods, method, first, values, lower, done) }
    }

    #[inline(always)]
    unsafe fn enter_again_fast(&self, held: &Held) -> Option<InFrame<'_, I>> {
        // SAFETY: this thread's own record, or the closed one, which admits no call. Neither is ever freed, and what is
        // returned stays on this thread.
        let record = unsafe { &*image::record() };
        let frame = record.enter_held(held.table, held.place)?;
        Some(InFrame { handle: self, record, frame })
    }

    unsafe fn enter_again<'a>(&'a self, held: &Held) -> impl Inside<I> + use<'a, I> {
        let record = image::record();
        // SAFETY: the record is this thread's own, or the closed one, which admits no call.
        match unsafe { &*record }.enter_held(held.table, held.place) {
            Some(frame) => Again { handle: self, record, frame, depth: 0, table: held.table },
            None => self.resume(held),
        }
    }

    unsafe fn end(&self, held: &Held) {
        if let Some(detached) = held.detached {
            // SAFETY: the caller says that the call is over and outside.
            unsafe { (self.host().end)(detached.as_ptr()) };
        }
    }

    unsafe fn watch(&self, held: &Held, waker: *const WakerHead) -> bool {
        let Some(detached) = held.detached else { return false };
        // SAFETY: the slot is alive, and the caller vouches for the call and the waker.
        unsafe { (self.host().watch)(self.slot.as_ptr(), detached.as_ptr(), waker) != 0 }
    }

    #[cold]
    fn unwait(&self, ticket: Ticket) {
        // SAFETY: the slot is alive, and the host gave the ticket for it.
        unsafe { (self.host().unwait)(self.slot.as_ptr(), ticket.0) };
    }
}

impl<I: ?Sized + Interface> Handle<I> {
    /// The start of an async call by the slow path.
    ///
    /// # Safety
    /// As for [`AsyncCallee::start`].
    #[cold]
    #[inline(never)]
    unsafe fn start_slowly<V, A: Arguments, R: Copy, T>(
        &self,
        method: u32,
        first: FirstPoll<'_>,
        ticket: &mut Ticket,
        values: V,
        lower: impl FnOnce(V) -> A,
        done: impl FnOnce(R) -> T,
    ) -> Started<V, T> {
        let mut entered = RawEntered::outside();
        let enter = self.host().enter_async;
        // SAFETY: the slot is alive, the caller vouches for the waker, and the host fills what `entered` promises.
        let answer = unsafe { enter(self.slot.as_ptr(), method, first.waker, &raw mut ticket.0, &raw mut entered) };
        if answer == AT_GATE {
            return Started::AtGate(values);
        }
        if !entered.fault.is_null() {
            return Started::Fault(refused::<I>(entered.fault, method));
        }
        image::remember(entered.record);
        let methods = Methods::at(entered.methods);
        let inside = AtDepth { handle: self, entered };
        // SAFETY: the caller vouches for the signature, and the host's frame for the methods.
        unsafe { start_inside(inside, methods, method, first, values, lower, done) }
    }

    /// Has the host hold the instance of a call that is inside `table`.
    pub(super) fn detach(&self, table: *const Table, method: u32) -> Held {
        let place = Place::new(self.offset, method);
        // SAFETY: the slot is alive, and this thread is inside the table.
        let detached = unsafe { (self.host().detach)(self.slot.as_ptr(), table, place.bits()) };
        Held { detached: NonNull::new(detached.cast_mut()), table, place: place.poll() }
    }

    /// Enters what the host holds by the slow path.
    #[cold]
    #[inline(never)]
    fn resume(&self, held: &Held) -> Again<'_, I> {
        let mut entered = RawEntered::outside();
        let detached = held.detached.map_or(ptr::null(), |detached| detached.as_ptr().cast_const());
        // SAFETY: the host gave it to this call, which is not over.
        unsafe { (self.host().resume)(detached, &raw mut entered) };
        image::remember(entered.record);
        let RawEntered { record, depth, table, .. } = entered;
        Again { handle: self, record, frame: ptr::null(), depth, table }
    }
}
