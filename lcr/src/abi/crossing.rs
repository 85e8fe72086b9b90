//! Crossings: the two thunks of a signature, by which a method is called, and patched, by whoever does not know its
//! types.
//!
//! A component's image has two thunks for each signature of its methods, generic over the representations of
//! arguments and result: methods of one signature share them. A table of [`Crossing`]s, one for each method, crosses
//! by a function of the [`Export`](super::tables::Export), which makes the table when it is asked for it first: for
//! each address in a constant table the file would have 24 bytes more, by which the loader finds it.
//!
//! - *packed*: calls a method's C function with arguments that lie elsewhere, and writes the outcome elsewhere. It
//!   reads the function out of a [`Bound`], so that it belongs to the signature and not to the method. A `Bound` begins
//!   with a [`Hook`] that this thunk runs: so a method is called like any other hook.
//! - *hooked*: a C function of the method's own form. What it is called with as instance is a [`Hook`]: it gives that
//!   the addresses of its arguments, and answers what the hook wrote. A method whose
//!   [`Pair`](super::world::Pair) is this function and a hook is *patched*.
//!
//! # Who owns what
//!
//! 1. Entering [`Hook::run`], or `packed`, the callee owns every argument's representation, once. When it returns, all
//!    of them are consumed, also if the call faulted. What an argument only borrows (`&str`, `&[T]`, a lent function)
//!    is valid until it returns.
//! 2. When it returns, `out` is an initialised [`Outcome`](super::fault::Outcome): a value or a fault, which the caller
//!    owns.
//! 3. Neither unwinds.
//! 4. `out` is written whole, tail padding included: it has room for [`Crossing::outcome_size`] bytes at
//!    [`Crossing::outcome_align`].
//! 5. Tail padding, the payload of a `None` and the unused part of a union are not initialised. Nobody compares or
//!    keeps representations as bytes.
//!
//! # Methods that are polled
//!
//! An async method, or one that returns a stream, has no crossing. Its C function makes a future, which its caller
//! polls, is woken for and drops, and whose instance the host holds between polls; a packed call has none of that to
//! offer, and a hook around it would be a hook around each poll. Hosts refuse such a method by name.
//!
//! The C function itself has thunks, though ([`Crossing::is_polled`]). Its last argument is the
//! address of the [call](super::future::RawCall), its result a [`Polled`](super::future::Polled), and a hook of it sees
//! the start and first poll, and the future that is left behind. Hosts count the ends of calls by that.

use super::{layout::layout, value::sequences::RawSlice, world::Pair};

/// Where the arguments' representations lie, in order: as many pointers as there are arguments. A hook may write to
/// them, to replace an argument.
pub type Packed = *const *mut ();

/// Calls the method of the [`Bound`] that begins at the first argument, with the arguments that lie at the second's
/// places, and writes the outcome to the last. It is [`Hook::run`] of that `Bound`.
pub type PackedCall = unsafe extern "C" fn(bound: *const Hook, arguments: Packed, out: *mut ());

/// The thunks of one signature in one image. Constant.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Crossing {
    /// Calls a function of this signature.
    pub packed: PackedCall,
    /// The C function of this signature that runs a `Hook`.
    pub hooked: *const (),
    /// The size of the outcome, in bytes.
    pub outcome_size: u32,
    /// Its alignment.
    pub outcome_align: u16,
    /// How many arguments there are.
    pub arguments: u8,
    /// Whether the method is polled. Then these are the thunks of its C function, which takes the
    /// [call](super::future::RawCall) as its last argument.
    pub is_polled: bool,
}

layout!(Crossing: size 24, align 8 {
    packed at 0, hooked at 8, outcome_size at 16, outcome_align at 20, arguments at 22,
    is_polled at 23
});

// SAFETY: a crossing is constant, and holds addresses of code.
unsafe impl Sync for Crossing {}
// SAFETY: as above.
unsafe impl Send for Crossing {}

/// What a patched method is called with in the instance's place: the head of a structure that its maker knows.
#[repr(C)]
#[derive(Debug)]
pub struct Hook {
    /// Runs the hook, on the caller's thread, inside the caller's frame.
    pub run: unsafe extern "C" fn(*const Hook, Packed, *mut ()),
}

layout!(Hook: size 8, align 8 { run at 0 });

/// A method of an instance, or what has its form, as a hook.
#[repr(C)]
#[derive(Debug)]
pub struct Bound {
    /// Run by the packed thunk of the method's signature.
    pub hook: Hook,
    /// The function, and what it is called with.
    pub method: Pair,
}

layout!(Bound: size 24, align 8 { hook at 0, method at 8 });

impl Crossing {
    /// The method as a hook.
    #[inline(always)]
    pub fn bind(&self, method: Pair) -> Bound {
        Bound { hook: Hook { run: self.packed }, method }
    }

    /// Calls the method.
    ///
    /// # Safety
    /// The method is of this signature, and so are the arguments and the place.
    #[inline(always)]
    pub unsafe fn call(&self, method: Pair, arguments: Packed, out: *mut ()) {
        let bound = self.bind(method);
        // SAFETY: the caller says so. The pointer is that of the whole.
        unsafe { (self.packed)((&raw const bound).cast(), arguments, out) };
    }
}

/// What is below a function of a patch library. The host's; it lives for the call.
#[repr(C)]
pub struct Below {
    /// Runs what is below: the next layer, or the method. It may be run any number of times, each time with arguments
    /// of its own, on the thread of the call.
    pub hook: Hook,
    /// The component of the method, with its version, in UTF-8.
    pub component: RawSlice<u8>,
}

layout!(Below: size 24, align 8 { hook at 0, component at 8 });

/// A function of a patch library, for one method: runs in the method's place, with what is below, the arguments, and
/// the place for the outcome. Who owns what is as for [`Hook::run`]. Any thread; it does not unwind.
pub type LayerFunction = unsafe extern "C" fn(*const Below, Packed, *mut ());
