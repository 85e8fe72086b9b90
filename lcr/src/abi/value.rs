//! The trait of values that may cross an image border, and the scalars.

use super::shape::{Kind, Shape};

/// A value that may be an argument or a result of an interface's method.
///
/// It crosses as its [`Abi::Repr`], a `#[repr(C)]` type without lifetimes, so that the
/// two sides need not agree on the layout of Rust types. Use `#[derive(lcr::Abi)]`.
///
/// # Safety
/// `from_repr(into_repr(v))` must give a value equal to `v` in *any* image whose
/// [`Abi::SHAPE`] for the type encodes to the same bytes; memory that `Repr` owns must
/// carry the function that frees it. If [`Abi::PLAIN`] is true, [`Plain`] must be
/// implemented too. Generated code receives only what is [`Within`] the length of a call.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross an image border",
    label = "not an `lcr::Abi` type",
    note = "put `#[derive(lcr::Abi)]` on your own structs and enums and pass them by value; wrap any serde type as `lcr::Serde<T>`",
    note = "a reference crosses as `&str`, or as `&[T]` or `&mut [T]` of plain data: pass `T` for `&T`, `Vec<T>` for another `&[T]` (`Vec<&str>` for `&[String]`), and `&Path` for `&PathBuf`",
    note = "integers, floats, bool, char, &str, &Path, &OsStr, String, &[T], Vec<T>, arrays, Option, Result, Box, tuples, Duration, lcr::Bytes, lcr::Handle and callbacks are supported"
)]
pub unsafe trait Abi: Sized {
    /// How the value crosses.
    type Repr: Copy + 'static;
    /// The structure that both sides must share.
    const SHAPE: &'static Shape;
    /// Whether the type is [`Plain`].
    const PLAIN: bool = false;

    /// Turns the value into its representation, which owns what the value owned.
    fn into_repr(self) -> Self::Repr;

    /// Takes the value out of a representation.
    ///
    /// # Safety
    /// `repr` comes from [`Abi::into_repr`] of a type of the same shape, is used only
    /// once, and what it borrows is alive for as long as the result.
    unsafe fn from_repr(repr: Self::Repr) -> Self;
}

/// A value every borrow of which lies within `'a`: it may be taken out of memory that lives
/// for `'a` only.
///
/// The shape of a type does not show its lifetimes, and an alias hides how a type is spelt.
/// So generated code takes a value out of another image's memory only as a type that is
/// within the lifetime of a local variable, and the compiler refuses every type that holds
/// a reference to live longer: `&'static str` is not within `'a`, `&'a str` and `String` are.
///
/// # Safety
/// For each reference of lifetime `'x` in `Self`, the implementation must require `'a: 'x`.
pub unsafe trait Within<'a>: Abi {}

/// A value whose layout in memory *is* its representation: `&[T]`, `&mut [T]` of it
/// cross without a copy, and `Vec<T>` without a pass over its elements.
///
/// # Safety
/// The layout must be fixed by the language or by `#[repr(C)]`, be the same for every
/// compiler, and [`Abi::SHAPE`] must describe it.
#[diagnostic::on_unimplemented(
    message = "slices of `{Self}` cannot cross an image border without a copy",
    label = "not plain data",
    note = "take a `Vec<T>`, or make the element a `#[repr(C)]` struct with `#[derive(Clone, Copy, lcr::Abi)] #[abi(plain)]`"
)]
pub unsafe trait Plain: Abi<Repr = Self> + Copy {}

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
