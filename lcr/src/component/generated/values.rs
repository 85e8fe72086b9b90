//! How generated code lowers, lifts and receives values.

use std::marker::PhantomData;

use crate::abi::value::{Abi, Within};

/// The representation of a `T`.
pub type Repr<T> = <T as Abi>::Repr;

/// Lowers a value by `<T as Abi>::into_repr`. The function is an argument so that the compiler
/// says once, at the name of the type, that a `T` is not a value.
#[inline(always)]
pub fn lower<T, R>(into_repr: fn(T) -> R, value: T) -> R {
    into_repr(value)
}

/// Lifts a value by `<T as Abi>::from_repr`, which is an argument for the same reason.
///
/// # Safety
/// As for [`Abi::from_repr`].
#[inline(always)]
pub unsafe fn lift<T, R>(from_repr: unsafe fn(R) -> T, repr: R) -> T {
    // SAFETY: the caller keeps the contract of `from_repr`.
    unsafe { from_repr(repr) }
}

/// A local variable that stands for memory of another image, for as long as that image lends
/// the memory: the length of one call. A [received](receive) value borrows from it.
pub struct Memory;

/// A value that was received, and may borrow memory that is lent for `'a`.
pub struct Received<'a, T> {
    value: T,
    memory: PhantomData<fn(&'a Memory) -> &'a Memory>,
}

/// Lifts a value out of memory that is lent for as long as `memory` lives. `from_repr` is
/// an argument as in [`lift`].
///
/// # Safety
/// As for [`Abi::from_repr`], but what `repr` borrows need only live as long as `memory`.
#[inline(always)]
pub unsafe fn receive<T, R>(_memory: &Memory, from_repr: unsafe fn(R) -> T, repr: R) -> Received<'_, T> {
    // SAFETY: the value leaves `Received` only as a type that is within its lifetime.
    let value = unsafe { from_repr(repr) };
    Received { value, memory: PhantomData }
}

impl<'a, T: Within<'a>> Received<'a, T> {
    /// The value, of a type whose references all end with the memory.
    #[inline(always)]
    pub fn value(self) -> T {
        self.value
    }
}

/// Stands in for [`Received::value`] where `T` is not a value, so that the compiler says that
/// once, at the name of the type. Of an `Abi` type that is not [`Within`] this trait says so.
pub trait Unproven<T> {
    /// Does not compile.
    fn value(self) -> T;
}

impl<T> Unproven<T> for Received<'_, T> {
    fn value(self) -> T {
        const { panic!("lcr: a type implements `Abi` by hand, but not `Within`: derive `lcr::Abi`") }
    }
}
