//! Functions that a caller lends or gives to a component.
//!
//! The functions in these tables (`call`, `drop`) belong to the image that made the callback;
//! they never unwind. `call` has the signature that both sides generated from the same
//! shape: `unsafe extern "C" fn(*const (), arguments..) -> Outcome<result>`. What builds and
//! calls them needs a panic barrier, and is in floor 1 (`component/generated/callbacks`).

use alloc::boxed::Box;
use core::mem::ManuallyDrop;

use super::{
    super::{
        holds::{self, Hold, Holds},
        layout::layout,
        shape::{Kind, Shape},
    },
    Abi,
};

/// The representation of `&dyn Fn(..)`, which the caller lends for the length of a call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawCallback {
    /// Passed back as the first argument.
    pub data: *const (),
    /// The C function.
    pub call: *const (),
}

layout!(RawCallback: size 16, align 8 { data at 0, call at 8 });

/// The representation of `Box<dyn Fn(..) + Send>`, which the receiver owns.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawBoxedCallback {
    /// Passed back as the first argument.
    pub data: *mut (),
    /// The C function.
    pub call: *const (),
    /// Frees `data`; called once, on any thread.
    pub drop: unsafe extern "C" fn(*mut ()),
    /// Counts of the image that made the callback; the receiver counts back when `drop` has
    /// returned.
    pub holds: *const Holds,
}

layout!(RawBoxedCallback: size 32, align 8 { data at 0, call at 8, drop at 16, holds at 24 });

/// `&dyn Fn(..)` on its way to the callee.
pub struct BorrowedCallback(RawCallback);

// SAFETY: a function is received as `&(dyn Fn(..) + Send)` or `+ Sync` only if its lender has
// that bound, too: bounds are in the shape of a callback, and the host links no component
// that wants a bound which the caller's interface lacks. Any other function is used on the
// calling thread.
unsafe impl Send for BorrowedCallback {}
// SAFETY: as above.
unsafe impl Sync for BorrowedCallback {}

impl BorrowedCallback {
    /// Lends the function at `data`, which `call` calls.
    #[inline(always)]
    pub(crate) const fn of(data: *const (), call: *const ()) -> BorrowedCallback {
        BorrowedCallback(RawCallback { data, call })
    }

    /// The function that was lent.
    #[inline(always)]
    pub(crate) const fn raw(&self) -> RawCallback {
        self.0
    }
}

// SAFETY: it crosses as it is. The macros describe its signature where it is an argument.
unsafe impl Abi for BorrowedCallback {
    type Repr = RawCallback;
    const SHAPE: &'static Shape = &Shape::of::<RawCallback>(Kind::Callback, "", &[]);
    #[inline(always)]
    fn into_repr(self) -> RawCallback {
        self.0
    }
    #[inline(always)]
    unsafe fn from_repr(repr: RawCallback) -> BorrowedCallback {
        BorrowedCallback(repr)
    }
}

/// `Box<dyn Fn(..) + Send>` on its way or received: dropping it frees the function in the
/// image that made it.
pub struct BoxedCallback(RawBoxedCallback);

// SAFETY: `BoxedCallback::of` takes only a function that is `Send`, and no shape of a boxed
// callback lacks that bound.
unsafe impl Send for BoxedCallback {}
// SAFETY: a function is received as `Box<dyn Fn(..) + Send + Sync>` only if its giver has
// that bound, too: see `BorrowedCallback`. As any other type it is a `Box<dyn Fn(..) + Send>`,
// which one thread at a time calls.
unsafe impl Sync for BoxedCallback {}

impl BoxedCallback {
    /// Gives away `function`, whose destructor does not panic, and which `call` calls.
    pub(crate) fn of<F: Send>(function: F, call: *const ()) -> BoxedCallback {
        unsafe extern "C" fn drop_function<F>(data: *mut ()) {
            // SAFETY: `of` leaked this box; `drop` is called once.
            drop(unsafe { Box::from_raw(data.cast::<F>()) });
        }
        holds::ours().take(Hold::Value);
        BoxedCallback(RawBoxedCallback {
            data: Box::into_raw(Box::new(function)).cast(),
            call,
            drop: drop_function::<F>,
            holds: holds::ours(),
        })
    }

    /// The function that was given; this value still owns it.
    pub(crate) const fn raw(&self) -> RawBoxedCallback {
        self.0
    }
}

impl Drop for BoxedCallback {
    fn drop(&mut self) {
        // SAFETY: a value of this type is the only owner of its function.
        unsafe { (self.0.drop)(self.0.data) };
        // SAFETY: `BoxedCallback::of` took it, and the image's function has returned.
        unsafe { Holds::give_back(self.0.holds, Hold::Value) };
    }
}

// SAFETY: it carries the function that frees it. The macros describe its signature.
unsafe impl Abi for BoxedCallback {
    type Repr = RawBoxedCallback;
    const SHAPE: &'static Shape = &Shape::of::<RawBoxedCallback>(Kind::BoxedCallback, "Send", &[]);
    fn into_repr(self) -> RawBoxedCallback {
        ManuallyDrop::new(self).0
    }
    unsafe fn from_repr(raw: RawBoxedCallback) -> BoxedCallback {
        BoxedCallback(raw)
    }
}
