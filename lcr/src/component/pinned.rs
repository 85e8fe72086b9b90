//! Pins on one handle: calls that go to one instance, whatever is committed.

use std::{fmt, ptr};

use crate::abi::{
    frame::Place,
    interface::Interface,
    tables::RawPin,
    waker::WakerHead,
    world::{Methods, Table},
};

use super::{
    async_call::{AsyncCallee, FirstPoll, Held, Started, Ticket, start_inside},
    call_path::{Callee, Inside, Unserved, call_inside, refused},
    fault::Fault,
    generated::arguments::Arguments,
    handle::Handle,
};

/// One instance, held by [`Handle::pin`]. `Pinned<dyn Store>` implements `Store`.
///
/// Calls may be made on any thread, and across awaits. They meet no gate: their faults are panics of
/// the component, and methods that the instance lacks. Pins may be dropped in any order and on any
/// thread; dropping one does not wait.
#[must_use = "dropping the pin releases the instance"]
pub struct Pinned<I: ?Sized + Interface> {
    methods: Methods,
    /// The world that the pin holds.
    table: *const Table,
    pin: *const (),
    handle: Handle<I>,
}

// SAFETY: an interface is `Send + Sync`, and the host ends a pin on any thread.
unsafe impl<I: ?Sized + Interface> Send for Pinned<I> {}
// SAFETY: as above.
unsafe impl<I: ?Sized + Interface> Sync for Pinned<I> {}

impl<I: ?Sized + Interface> Pinned<I> {
    pub(super) fn new(handle: &Handle<I>) -> Result<Pinned<I>, Fault> {
        let mut raw = RawPin {
            fault: ptr::null_mut(),
            table: ptr::null(),
            data: ptr::null(),
            methods: ptr::null(),
            pin: ptr::null(),
        };
        // SAFETY: the slot is alive, and the host fills what `raw` promises.
        unsafe { (handle.host().pin)(handle.slot().as_ptr(), &raw mut raw) };
        if !raw.fault.is_null() {
            return Err(refused::<I>(raw.fault, u32::MAX));
        }
        Ok(Pinned { methods: Methods::at(raw.methods), table: raw.table, pin: raw.pin, handle: handle.clone() })
    }
}

impl<I: ?Sized + Interface> Drop for Pinned<I> {
    fn drop(&mut self) {
        // SAFETY: the pin is ours and ends once.
        unsafe { (self.handle.host().unpin)(self.pin) };
    }
}

impl<I: ?Sized + Interface> fmt::Debug for Pinned<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pinned<{} v{}>", I::NAME, I::VERSION)
    }
}

impl<I: ?Sized + Interface> Inside<I> for &Pinned<I> {
    fn handle(&self) -> &Handle<I> {
        &self.handle
    }

    fn table(&self) -> *const Table {
        self.table
    }

    /// The pin goes on holding the instance.
    #[inline(always)]
    fn leave(&self) {}

    /// The pin holds the instance, and the caller's future borrows the pin.
    fn hold(&self, method: u32) -> Held {
        Held { detached: None, table: self.table, place: Place::new(0, method) }
    }
}

// SAFETY: `call_inside` gives `done` the outcome of the function.
unsafe impl<I: ?Sized + Interface> Callee for Pinned<I> {
    type Interface = I;

    #[inline(always)]
    unsafe fn call<A: Arguments, R: Copy, V, T>(
        &self,
        method: u32,
        arguments: A,
        lift: impl FnOnce(A) -> V,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<V>) -> T,
    ) -> T {
        // SAFETY: the caller vouches for the signature, and the pin for the methods.
        unsafe { call_inside(self, self.methods, method, arguments, lift, done, otherwise) }
    }
}

// SAFETY: `start_inside` gives `done` what the component has written, and the pin holds the instance.
unsafe impl<I: ?Sized + Interface> AsyncCallee for Pinned<I> {
    type Fast<'a>
        = &'a Self
    where
        I: 'a;

    #[inline(always)]
    unsafe fn start<V, A: Arguments, R: Copy, T>(
        &self,
        method: u32,
        first: FirstPoll<'_>,
        _ticket: &mut Ticket,
        values: V,
        lower: impl FnOnce(V) -> A,
        done: impl FnOnce(R) -> T,
    ) -> Started<V, T> {
        // SAFETY: the caller vouches for the signature, and the pin for the methods.
        unsafe { start_inside(self, self.methods, method, first, values, lower, done) }
    }

    #[inline(always)]
    unsafe fn enter_again_fast(&self, _held: &Held) -> Option<&Self> {
        Some(self)
    }

    #[inline(always)]
    unsafe fn enter_again<'a>(&'a self, _held: &Held) -> impl Inside<I> + use<'a, I> {
        self
    }

    unsafe fn end(&self, _held: &Held) {}

    /// A pin holds its instance, whatever replaces that.
    unsafe fn watch(&self, _held: &Held, _waker: *const WakerHead) -> bool {
        false
    }

    /// A pin meets no gate.
    fn unwait(&self, _ticket: Ticket) {}
}
