//! Integers, floats, `bool`, `char` and `()`.

use super::{
    super::shape::{Kind, Shape},
    Abi, Plain, Within,
};

macro_rules! scalars {
    ($($ty:ident)*) => {$(
        // SAFETY: the language fixes size and layout; the shape names the type.
        unsafe impl Abi for $ty {
            type Repr = $ty;
            const SHAPE: &'static Shape = &Shape::of::<$ty>(Kind::Scalar, stringify!($ty), &[]);
            const PLAIN: bool = true;
            #[inline(always)]
            fn into_repr(self) -> $ty {
                self
            }
            #[inline(always)]
            unsafe fn from_repr(repr: $ty) -> $ty {
                repr
            }
        }
        // SAFETY: as above.
        unsafe impl Plain for $ty {}
        // SAFETY: it borrows nothing.
        unsafe impl Within<'_> for $ty {}
    )*};
}

scalars! { u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 bool char }

// SAFETY: nothing crosses but a byte without meaning.
unsafe impl Abi for () {
    type Repr = u8;
    const SHAPE: &'static Shape = &Shape::of::<u8>(Kind::Unit, "", &[]);
    #[inline(always)]
    fn into_repr(self) -> u8 {
        0
    }
    #[inline(always)]
    unsafe fn from_repr(_: u8) {}
}

// SAFETY: it borrows nothing.
unsafe impl Within<'_> for () {}
