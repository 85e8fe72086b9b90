//! Types of functions by which a program gives and asks for exports: `fn(u32) -> u32`.
//!
//! A method has its signature from an interface. An export that a closure adds while the program runs has none, so the
//! types stand in a function's type, and become the same [`Shape`] that a method has. Whoever asks for an export names
//! its type again; the shapes are compared, and the call passes the representations of the values, as a method's does.
//!
//! An argument that is lent is written as [`Lent<str>`](Lent) or `Lent<[T]>`: a function's type with `&str` in it
//! stands for one of each lifetime, and a trait that lists arguments one by one is not implemented for that. A type
//! that borrows for longer than the call is no argument and no result ([`Within`]).

use std::{fmt, marker::PhantomData};

use super::generated::{
    arguments::Arguments,
    crossings::{self, Crosses},
    lists::each_beginning,
};
use crate::abi::{
    crossing::Crossing,
    shape::{Part, Shape},
    value::{Abi, Plain, Within},
};

/// What may be an argument of an export: every value, and [`Lent`].
///
/// # Safety
/// [`Parameter::SHAPE`] is that of [`Parameter::Given`], for each lifetime, and nothing that it gives lives longer than
/// that lifetime.
pub unsafe trait Parameter: 'static {
    /// What callers give and the closure gets.
    type Given<'a>: Abi<Repr = Self::Repr>;
    /// The form in which it crosses.
    type Repr: Copy + 'static;
    /// Its structure.
    const SHAPE: &'static Shape;
}

// SAFETY: the shape is that of the type, which borrows nothing.
unsafe impl<T: Abi + for<'a> Within<'a> + 'static> Parameter for T {
    type Given<'a> = T;
    type Repr = T::Repr;
    const SHAPE: &'static Shape = T::SHAPE;
}

/// An argument that is lent for the call, in the type of an export: `fn(Lent<str>) -> u32` takes a `&str`, and
/// `fn(Lent<[u8]>) -> u32` a `&[u8]`.
pub struct Lent<T: ?Sized>(PhantomData<fn(&T)>);

impl<T: ?Sized> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lent")
    }
}

// SAFETY: the shape is that of a text that is lent, for whatever time.
unsafe impl Parameter for Lent<str> {
    type Given<'a> = &'a str;
    type Repr = <&'static str as Abi>::Repr;
    const SHAPE: &'static Shape = <&'static str as Abi>::SHAPE;
}

// SAFETY: as for a text.
unsafe impl<T: Plain + 'static> Parameter for Lent<[T]> {
    type Given<'a> = &'a [T];
    type Repr = <&'static [T] as Abi>::Repr;
    const SHAPE: &'static Shape = <&'static [T] as Abi>::SHAPE;
}

/// The type of an export: `fn(A, B) -> R`.
///
/// # Safety
/// [`Signature::PARTS`] describe the arguments of the representations [`Signature::Reprs`], and then the result.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the type of an export",
    label = "not an `fn(A, B) -> R` of values that cross an image border",
    note = "an argument that is lent is written as `lcr::Lent<str>` or `lcr::Lent<[T]>`"
)]
pub unsafe trait Signature: 'static {
    /// The representations of the arguments.
    type Reprs: Arguments + 'static;
    /// The result.
    type Result: Abi + for<'a> Within<'a> + 'static;
    /// The arguments, then the result.
    const PARTS: &'static [Part];
    /// The thunks.
    const CROSSING: &'static Crossing;

    /// Drops arguments that the callee did not get.
    ///
    /// # Safety
    /// The representations are those of values that nothing else uses.
    unsafe fn discard(reprs: Self::Reprs);
}

/// A closure of the type `S`.
pub trait Implements<S: Signature>: Send + Sync + 'static {
    /// Calls it.
    ///
    /// # Safety
    /// The representations are those of arguments that nothing else uses, and what they borrow lives for the call.
    unsafe fn call(&self, reprs: S::Reprs) -> S::Result;
}

macro_rules! signatures {
    ($($ty:ident $value:ident),*) => {
        // SAFETY: the parts are those of the types, in their order.
        unsafe impl<$($ty: Parameter,)* Output> Signature for fn($($ty),*) -> Output
        where
            Output: Abi + for<'a> Within<'a> + 'static,
        {
            type Reprs = ($($ty::Repr,)*);
            type Result = Output;
            const PARTS: &'static [Part] = &[$(Part::of($ty::SHAPE),)* Part::result(Output::SHAPE)];
            const CROSSING: &'static Crossing =
                <crossings::Signature<($($ty::Repr,)*), Output::Repr> as Crosses>::CROSSING;

            unsafe fn discard(reprs: Self::Reprs) {
                let ($($value,)*) = reprs;
                $(
                    // SAFETY: the caller says so.
                    drop(unsafe { <$ty::Given<'_> as Abi>::from_repr($value) });
                )*
            }
        }

        impl<Function, $($ty: Parameter,)* Output> Implements<fn($($ty),*) -> Output> for Function
        where
            Function: for<'a> Fn($($ty::Given<'a>),*) -> Output + Send + Sync + 'static,
            Output: Abi + for<'a> Within<'a> + 'static,
        {
            unsafe fn call(&self, reprs: ($($ty::Repr,)*)) -> Output {
                let ($($value,)*) = reprs;
                self($(
                    // SAFETY: the caller says so.
                    unsafe { <$ty::Given<'_> as Abi>::from_repr($value) }
                ),*)
            }
        }
    };
}

each_beginning! { signatures: A a, B b, C c, D d, E e, G g }
