//! The caller's side of a call.

use super::arguments::Arguments;
use crate::component::{
    call::{Callee, Unserved},
    fault::Fault,
};

/// Calls method `method` of `callee`. `done` lifts the result; if there is none, `raise` tells
/// the author of the fault. `lift` takes arguments back that the component did not get.
///
/// The result has a continuation of its own, so that the call, where it is inlined, goes
/// straight on with it.
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
    let otherwise = |unserved: Unserved<V>| raise(unserved.into_fault::<C::Interface>(method));
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
    let otherwise = |unserved| match unserved {
        Unserved::Missing(arguments) => default(arguments),
        Unserved::Fault(fault) => raise(fault),
    };
    // SAFETY: the caller says so.
    unsafe { callee.call(method, arguments, lift, done, otherwise) }
}
