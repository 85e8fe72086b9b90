//! Values that cross in the form of another value.
//!
//! A type of std or of another crate has no layout that two compilers share. So it says in safe code which value it
//! becomes, and the only unsafe code is here, once: what crosses is that other value, whose representation and
//! ownership hold. The shape is that of a struct of the type's name, with that value in it.
//!
//! [`Form::from_form`] gets what another image sent. It checks what the form does not, and [`refuse`]s the rest.

use crate::abi::{
    shape::{Kind, Part, Shape},
    value::Abi,
};

/// A type that crosses as a [`Form::Form`].
pub trait Form: Sized {
    /// What it crosses as.
    type Form: Abi;
    /// The name in shapes and messages, with the crate in front, which no derived type can have.
    const NAME: &'static str;
    /// The value as its form.
    fn into_form(self) -> Self::Form;
    /// The value of a form.
    ///
    /// # Panics
    /// If there is no such value.
    fn from_form(form: Self::Form) -> Self;
}

/// Implements `Abi` for types that implement [`Form`].
macro_rules! cross_by_form {
    ($({$($parameter:ident),*} $ty:ty;)*) => {$(
        // SAFETY: what crosses is its form, which is a value.
        unsafe impl<$($parameter: $crate::abi::value::Abi),*> $crate::abi::value::Abi for $ty {
            type Repr = <<$ty as $crate::component::value::form::Form>::Form as $crate::abi::value::Abi>::Repr;
            const SHAPE: &'static $crate::abi::shape::Shape = $crate::component::value::form::shape::<$ty>();
            #[inline]
            fn into_repr(self) -> Self::Repr {
                $crate::abi::value::Abi::into_repr($crate::component::value::form::Form::into_form(self))
            }
            #[inline]
            unsafe fn from_repr(repr: Self::Repr) -> Self {
                // SAFETY: the caller keeps the contract of `from_repr`.
                let form = unsafe { $crate::abi::value::Abi::from_repr(repr) };
                $crate::component::value::form::Form::from_form(form)
            }
        }

        // SAFETY: it borrows what its parameters borrow.
        unsafe impl<'a, $($parameter: $crate::abi::value::Within<'a>),*> $crate::abi::value::Within<'a> for $ty {}
    )*};
}
pub(super) use cross_by_form;

/// The shape of a type that crosses by its form.
pub(super) const fn shape<T: Form>() -> &'static Shape {
    struct Of<T>(T);
    impl<T: Form> Of<T> {
        const SHAPE: Shape = Shape::of::<<T::Form as Abi>::Repr>(
            Kind::Struct,
            T::NAME,
            &[Part::new("value", 0, <T::Form as Abi>::SHAPE)],
        );
    }
    &Of::<T>::SHAPE
}

/// Ends the receiving of a value that its type does not have.
///
/// # Panics
/// Always: shapes were compared, so the sender broke the contract of its own shape.
#[cold]
#[inline(never)]
pub(super) fn refuse(name: &str, found: impl std::fmt::Display) -> ! {
    panic!("a `{name}` was received with {found}; its sender is broken")
}
