//! The caller's side of a call.

use super::arguments::Arguments;
use crate::component::{
    call_path::{Callee, Unserved},
    fault::Fault,
};

/// Calls method `method` of `callee`. `done` lifts the result; if there is no result, `raise`
/// makes one of the fault, or panics. `lift` takes arguments back that the component did not get.
///
/// These are continuations and not one answer, so that an inlined call goes straight on with its
/// result.
///
/// # Safety
/// The method takes arguments of these representations and has a result of type `R`.
#[inline(always)]
pub unsafe fn request<C: Callee, A: Arguments, R: Copy, V, T>(
    callee: &C,
    method: u32,
    arguments: A,
    lift: impl FnOnce(A) -> V,
    done: impl Fn(R) -> T,
    raise: impl FnOnce(Fault) -> T,
) -> T {
    // By value: the address of `method` would be a store on every call.
    let otherwise = move |unserved: Unserved<V>| raise(unserved.into_fault::<C::Interface>(method));
    // SAFETY: the caller says so.
    unsafe { callee.call(method, arguments, lift, done, otherwise) }
}

/// As [`request`], for a method with a default body: `default` serves the arguments if the
/// component lacks the method.
///
/// # Safety
/// As for [`request`].
#[inline(always)]
pub unsafe fn request_or_default<C: Callee, A: Arguments, R: Copy, V, T>(
    callee: &C,
    method: u32,
    arguments: A,
    lift: impl FnOnce(A) -> V,
    done: impl Fn(R) -> T,
    default: impl FnOnce(V) -> T,
    raise: impl FnOnce(Fault) -> T,
) -> T {
    let otherwise = move |unserved| match unserved {
        Unserved::Missing(arguments) => default(arguments),
        Unserved::Fault(fault) => raise(fault),
    };
    // SAFETY: the caller says so.
    unsafe { callee.call(method, arguments, lift, done, otherwise) }
}
