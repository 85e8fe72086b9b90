//! Packed calls of async methods.
//!
//! Such a call begins by the thunk of the method's start ([`Export::start`](crate::abi::tables::Export::start)), and
//! goes on as [`future`](crate::abi::future) says. A handle's call leaves the component between two polls. This one
//! stays inside on a thread that sleeps: it has a deadline, and whoever waits for its end sees it by its frame.

use std::{
    alloc::Layout,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
    thread::{self, Thread},
};

use super::{CallFault, PackedMethod, Place};
use crate::{
    abi::future::{PENDING, Polled, RawCall, Room},
    component::waker::lent::Lender,
    host::deadline::Deadline,
};

impl PackedMethod {
    /// Calls it as [`call`](PackedMethod::call) does, if it is an async method and has a result of the layout `result`:
    /// polls its future on this thread, which sleeps between the polls and stays inside the component. `None` says that
    /// the deadline came before the result, and the future was dropped.
    ///
    /// # Errors
    /// As for [`call`](PackedMethod::call).
    ///
    /// # Safety
    /// As for [`call`](PackedMethod::call).
    pub(crate) unsafe fn call_async<T>(
        &self,
        arguments: &[*mut ()],
        result: Layout,
        deadline: Deadline,
        read: impl FnOnce(*mut ()) -> T,
    ) -> Result<Option<T>, CallFault> {
        let inside = self.enter(arguments.len() + 1)?;
        let (out, room) = (Place::of(inside.crossing), Room::new());
        // The fields before the value lie at the same places whatever the value is.
        let at = mem::offset_of!(RawCall<u8>, value).next_multiple_of(result.align());
        let memory = Place::new(at + result.size(), result.align().max(align_of::<RawCall<u8>>()));
        let (mut call, value) = (memory.behind::<RawCall<u8>>(0), memory.behind::<()>(at));
        let arguments: Vec<*mut ()> = arguments.iter().copied().chain([(&raw mut call).cast()]).collect();
        let woken = Arc::new(Woken { thread: thread::current(), is_woken: AtomicBool::new(false) });
        let (waker, mut lender) = (Waker::from(Arc::clone(&woken)), Lender::new());
        let mut polled = lender.lend_to(&waker, |waker| {
            // SAFETY: there is room for a call, and only this thread knows it.
            unsafe { call.cast::<RawCall<()>>().write(RawCall::new(waker, Some(&room))) };
            // SAFETY: as in `call`; the call has been filled in, and the room outlives the future.
            unsafe { inside.pack(&arguments, &out) };
            // SAFETY: the thunk has written the answer.
            unsafe { out.at.cast::<Polled>().read() }
        });
        loop {
            if !polled.fault.is_null() {
                return Err(self.made(&inside, polled.fault));
            }
            // SAFETY: an answer without a fault has a value.
            if unsafe { polled.value.assume_init() } != PENDING {
                return Ok(Some(read(value)));
            }
            // SAFETY: the component has written it with the first such answer.
            let future = unsafe { (*call).future };
            if !woken.wait(deadline) {
                // SAFETY: the future is pending, and this thread alone has it.
                unsafe { future.drop() };
                return Ok(None);
            }
            // SAFETY: a component's table is constant, and its image is mapped while the future is there.
            let poll = unsafe { (*future.table).poll };
            // SAFETY: as above; the value has room behind the call.
            polled = lender.lend_to(&waker, |waker| unsafe { poll(future.data, waker, value) });
        }
    }
}

/// Wakes the thread that polls an async call.
struct Woken {
    thread: Thread,
    is_woken: AtomicBool,
}

impl Woken {
    /// Sleeps until the call is woken. Returns whether it was, before the deadline.
    fn wait(&self, deadline: Deadline) -> bool {
        loop {
            // Sees what the waking thread did before.
            if self.is_woken.swap(false, Ordering::Acquire) {
                return true;
            }
            if deadline.has_passed() {
                return false;
            }
            thread::park_timeout(deadline.left());
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Woken>) {
        self.is_woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}
