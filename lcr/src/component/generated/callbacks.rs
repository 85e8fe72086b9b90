//! Callbacks in generated code: functions that a caller lends or gives, and calls of received
//! ones.

use std::marker::PhantomData;

use super::arguments::Arguments;
use crate::{
    abi::value::callback::{BorrowedCallback, BoxedCallback},
    component::panic_barrier::{CatchDrop, expect_outcome},
};

/// Whether a type is `Send` and `Sync`, by [`Bounds::SEND`] and [`Bounds::SYNC`]: the compiler
/// finds the constants of the type itself first, if its bounds hold, and those of [`Unbounded`]
/// otherwise. So the compiler decides, not the spelling of a bound.
pub struct Bounds<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized + Send> Bounds<T> {
    /// The type is `Send`.
    pub const SEND: bool = true;
}

impl<T: ?Sized + Sync> Bounds<T> {
    /// The type is `Sync`.
    pub const SYNC: bool = true;
}

/// The bounds that a type may lack.
pub trait Unbounded {
    /// The type need not be `Send`.
    const SEND: bool = false;
    /// The type need not be `Sync`.
    const SYNC: bool = false;
}

impl<T: ?Sized> Unbounded for Bounds<T> {}

impl BorrowedCallback {
    /// Lends `function`, which the caller keeps until the call is over. The function receives
    /// its arguments and lowers its result.
    pub fn new<A: Arguments, R: Copy, F: Fn(A) -> R>(function: &F) -> BorrowedCallback {
        BorrowedCallback::of((&raw const *function).cast(), A::trampoline::<F, R>())
    }

    /// Calls the function in the image that lent it, with arguments that are lowered already.
    ///
    /// # Panics
    /// If the function does.
    ///
    /// # Safety
    /// The function takes the arguments `A`, has the result `R`, and is still lent.
    #[inline]
    pub unsafe fn call<A: Arguments, R: Copy>(&self, arguments: A) -> R {
        let raw = self.raw();
        // SAFETY: the caller says so.
        unsafe { call_back(raw.call, raw.data, arguments) }
    }
}

impl BoxedCallback {
    /// Gives `function` away. The function receives its arguments and lowers its result.
    pub fn new<A: Arguments, R: Copy, F: Fn(A) -> R + Send + 'static>(function: F) -> BoxedCallback {
        fn give<A: Arguments, R: Copy, F: Fn(A) -> R + Send>(function: F) -> BoxedCallback {
            BoxedCallback::of(function, A::trampoline::<F, R>())
        }
        let function = CatchDrop::new(function);
        give(move |arguments: A| (*function)(arguments))
    }

    /// Calls the function in the image that gave it, with arguments that are lowered already.
    ///
    /// # Panics
    /// If the function does.
    ///
    /// # Safety
    /// The function takes the arguments `A` and has the result `R`.
    pub unsafe fn call<A: Arguments, R: Copy>(&self, arguments: A) -> R {
        let raw = self.raw();
        // SAFETY: the caller says so; the function is alive while this value owns it.
        unsafe { call_back(raw.call, raw.data, arguments) }
    }
}

/// # Safety
/// `function` is a trampoline for `data`, the arguments `A` and the result `R`.
#[inline]
unsafe fn call_back<A: Arguments, R: Copy>(function: *const (), data: *const (), arguments: A) -> R {
    // SAFETY: the caller says so.
    let outcome = unsafe { arguments.invoke::<R>(function, data) };
    // SAFETY: a trampoline keeps the contract of `Outcome`, and this outcome is taken once.
    unsafe { expect_outcome(outcome) }
}
