//! A fault that passes through an author's closure.

use std::{mem::ManuallyDrop, sync::Arc};

use super::{
    fault::{Fault, Origin},
    identity::ComponentId,
};
use crate::abi::{fault::RawFault, interface::Interface};

/// A fault of what is below a layer, on its way through an author's closure: as the payload of a panic, it becomes the
/// same fault again at the barrier of the layer, and is freed if the closure swallows it.
#[derive(Debug)]
pub struct PassingFault {
    pub(super) raw: *mut RawFault,
    /// What served the call, if the fault does not say where it began.
    pub(super) below: Arc<str>,
}

// SAFETY: a fault belongs to whoever has it, on any thread.
unsafe impl Send for PassingFault {}

impl PassingFault {
    /// The fault itself.
    pub(super) fn into_raw(self) -> *mut RawFault {
        ManuallyDrop::new(self).raw
    }

    /// The fault for an author, of the method of that number of `I`.
    pub fn into_fault<I: ?Sized + Interface>(self, method: usize) -> Fault {
        let below = self.below.to_string();
        // SAFETY: this value owns the fault.
        let (kind, message, beginning) = unsafe { RawFault::take(self.into_raw()) };
        let component = ComponentId::parse(&below);
        let origin = beginning.and_then(|beginning| Origin::of(beginning, 0));
        let name = I::METHODS.get(method).map(|method| method.shape.name);
        Fault::new(kind, I::NAME, name, component, message, origin)
    }
}

impl Drop for PassingFault {
    fn drop(&mut self) {
        // SAFETY: this value owns the fault.
        drop(unsafe { RawFault::take(self.raw) });
    }
}
