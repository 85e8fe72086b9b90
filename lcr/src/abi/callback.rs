//! Functions that the caller lends or gives to a component.
//!
//! The trampolines (`call`, `drop`) belong to the image that made the callback; they
//! never unwind. `call` has the signature that both sides generated from the same
//! shape: `unsafe extern "C" fn(*const (), arguments..) -> Outcome<result>`.

use super::holds::{self, Hold, Holds};
use alloc::boxed::Box;

/// `&dyn Fn(..)`, lent for the length of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Callback {
    /// Passed back as the first argument.
    pub data: *const (),
    /// The trampoline.
    pub call: *const (),
}

/// `Box<dyn Fn(..) + Send>`, given away.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BoxedCallback {
    /// Passed back as the first argument.
    pub data: *mut (),
    /// The trampoline.
    pub call: *const (),
    /// Frees `data`; called once, on any thread.
    pub drop: unsafe extern "C" fn(*mut ()),
    /// Counts of the image that made it; the receiver counts back when `drop` has returned.
    pub holds: *const Holds,
}

impl BoxedCallback {
    /// Gives away `function`, whose destructor does not panic, with its trampoline.
    pub fn new<F: Send>(function: F, call: *const ()) -> BoxedCallback {
        unsafe extern "C" fn drop_function<F>(data: *mut ()) {
            // SAFETY: `new` leaked this box; `drop` is called once.
            drop(unsafe { Box::from_raw(data.cast::<F>()) });
        }
        holds::ours().take(Hold::Value);
        BoxedCallback {
            data: Box::into_raw(Box::new(function)).cast(),
            call,
            drop: drop_function::<F>,
            holds: holds::ours(),
        }
    }
}

/// A received [`BoxedCallback`], freed in its own image when dropped.
pub struct OwnedCallback(BoxedCallback);

impl OwnedCallback {
    /// Takes over a callback.
    ///
    /// # Safety
    /// `raw` was given away to the caller and is used only through the result.
    pub unsafe fn new(raw: BoxedCallback) -> OwnedCallback {
        OwnedCallback(raw)
    }
}

impl Drop for OwnedCallback {
    fn drop(&mut self) {
        // SAFETY: `new` made us the only owner.
        unsafe { (self.0.drop)(self.0.data) };
        // SAFETY: `BoxedCallback::new` took it, and the image's function has returned.
        unsafe { Holds::give_back(self.0.holds, Hold::Value) };
    }
}

// SAFETY: `BoxedCallback::new` takes only what is `Send`, and no shape of a boxed callback
// lacks that bound.
unsafe impl Send for OwnedCallback {}
// SAFETY: shared, it does nothing. What calls it, `Given`, is shared only as a
// `Box<dyn Fn(..) + Send + Sync>`, and the host links that only with a caller whose own
// interface has the bound `Sync`.
unsafe impl Sync for OwnedCallback {}
