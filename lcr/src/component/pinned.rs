//! Pins on one handle.

use std::{fmt, ptr};

use crate::abi::{fault::Outcome, interface::Interface, tables::RawPin, world::Target};

use super::{
    fault::Fault,
    handle::{Callee, Handle, Reply, faulted, refused},
};

/// One instance, held: implements the interface's trait. See [`Handle::pin`].
///
/// Pins may end in any order and on any thread.
pub struct Pinned<I: ?Sized + Interface> {
    target: Target,
    pin: *const (),
    handle: Handle<I>,
}

// SAFETY: an interface is `Send + Sync`, and the host ends a pin on any thread.
unsafe impl<I: ?Sized + Interface> Send for Pinned<I> {}
// SAFETY: as above.
unsafe impl<I: ?Sized + Interface> Sync for Pinned<I> {}

impl<I: ?Sized + Interface> Pinned<I> {
    pub(super) fn new(handle: &Handle<I>) -> Result<Pinned<I>, Fault> {
        let mut raw =
            RawPin { fault: ptr::null_mut(), data: ptr::null(), methods: ptr::null(), pin: ptr::null() };
        // SAFETY: the slot is alive, and the host fills what `raw` promises.
        unsafe { (handle.host().pin)(handle.slot().as_ptr(), &raw mut raw) };
        if !raw.fault.is_null() {
            return Err(refused::<I>(raw.fault, u32::MAX));
        }
        let target = Target { data: raw.data, methods: raw.methods };
        Ok(Pinned { target, pin: raw.pin, handle: handle.clone() })
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

impl<I: ?Sized + Interface> Callee for Pinned<I> {
    #[inline(always)]
    fn call<A: Copy, R: Copy>(
        &self,
        method: u32,
        args: A,
        invoke: impl FnOnce(*const (), *const (), A) -> Outcome<R>,
    ) -> Reply<A, R> {
        // SAFETY: the host linked as many functions as `I` has methods, and keeps them
        // while the pin is held.
        let function = unsafe { *self.target.methods.add(method as usize) };
        if function.is_null() {
            return Reply::Missing(args);
        }
        let outcome = invoke(self.target.data, function, args);
        if outcome.fault.is_null() {
            // SAFETY: no fault means a value.
            return Reply::Done(unsafe { outcome.value.assume_init() });
        }
        Reply::Faulted(faulted(&self.handle, outcome.fault, method, self.target.data))
    }
}
