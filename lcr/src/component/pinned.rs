//! Pins on one handle.

use std::{fmt, ptr};

use crate::abi::{
    fault::{Outcome, RawFault},
    interface::Interface,
    tables::RawPin,
    world::{Table, Target},
};

use super::{
    fault::Fault,
    handle::{Callee, Handle, Unserved, faulted, lacking, may_lack, refused},
};

/// One instance, held: implements the interface's trait. See [`Handle::pin`].
///
/// Pins may end in any order and on any thread.
pub struct Pinned<I: ?Sized + Interface> {
    target: Target,
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
        let target = Target { data: raw.data, methods: raw.methods };
        Ok(Pinned { target, table: raw.table, pin: raw.pin, handle: handle.clone() })
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

impl<I: ?Sized + Interface> Pinned<I> {
    #[cold]
    #[inline(never)]
    fn fault<A, T>(&self, fault: *mut RawFault, method: u32, otherwise: impl FnOnce(Unserved<A>) -> T) -> T {
        otherwise(Unserved::Faulted(faulted(&self.handle, fault, method, self.table)))
    }
}

impl<I: ?Sized + Interface> Callee for Pinned<I> {
    #[inline(always)]
    fn call<A: Copy, R: Copy, T>(
        &self,
        method: u32,
        args: A,
        invoke: impl Fn(*const (), *const (), A) -> Outcome<R>,
        done: impl Fn(R) -> T,
        otherwise: impl FnOnce(Unserved<A>) -> T,
    ) -> T {
        // SAFETY: the host linked as many functions as `I` has methods, and keeps them
        // while the pin is held.
        let function = unsafe { self.target.function(method) };
        if may_lack::<I>(method) && function.is_null() {
            return lacking(args, otherwise);
        }
        let outcome = invoke(self.target.data, function, args);
        if outcome.fault.is_null() {
            // SAFETY: no fault means a value.
            return done(unsafe { outcome.value.assume_init() });
        }
        self.fault(outcome.fault, method, otherwise)
    }
}
