//! Values that may cross an image border: the trait [`Abi`], and the types that have it here.
//!
//! To add a type, implement [`Abi`] and [`Within`] for it in the file of its kind (and [`Plain`],
//! if its memory is its representation):
//!
//! | file | types |
//! |---|---|
//! | `scalars` | integers, floats, `bool`, `char`, `()` |
//! | [`sequences`] | `&str`, `&[T]`, `&mut [T]`, `Vec<T>`, `String`, `Box<T>` |
//! | [`composite`] | `Option`, `Result`, arrays, tuples, `Duration` |
//! | [`enums`] | enums with fields, as `#[derive(Abi)]` sends them |
//! | [`bytes`] | `lcr::Bytes`; [`counted`] has what others hold of an image |
//! | [`shared`] | `lcr::Shared<T>`, `Arc<T>` |
//! | [`callback`] | `&dyn Fn(..)`, `Box<dyn Fn(..) + Send>` |
//! | `component/value` | what needs std, another crate or the derive: paths, times, addresses, errors, maps, sets, `Cow`, `lcr::Serde<T>` |
//! | `component/handle` | `lcr::Handle` |
//!
//! A type that can say which other value it is crosses in that form: `component/value/form`. The page `values` of the
//! guide has a row for each type. A representation of a new form also needs a [`Kind`](super::shape::Kind), which the
//! host compares (`host/image/shape`) and which manifests encode, so it raises [`ABI_VERSION`](super::ABI_VERSION).
//! `#[derive(Abi)]` and the attributes generate code for authors' types in `lcr-macros/src/value`.

pub mod bytes;
pub mod callback;
pub mod composite;
pub mod counted;
pub mod enums;
mod scalars;
pub mod sequences;
pub mod shared;

use super::shape::Shape;

/// A value that may be an argument or a result of an interface's method.
///
/// The value crosses as its [`Abi::Repr`], a `#[repr(C)]` type without lifetimes, so the two sides
/// need not agree on the layout of Rust types. [`#[derive(lcr::Abi)]`](derive@crate::Abi)
/// implements this trait for structs and enums.
///
/// # Safety
/// `from_repr(into_repr(v))` must give a value equal to `v` in *any* image whose
/// [`Abi::SHAPE`] for the type encodes to the same bytes; memory that `Repr` owns must
/// carry the function that frees it. If [`Abi::PLAIN`] is true, the type must implement [`Plain`],
/// too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot cross an image border",
    label = "not an `lcr::Abi` type",
    note = "put `#[derive(lcr::Abi)]` on your own structs and enums and pass them by value; wrap any serde type as `lcr::Serde<T>`",
    note = "a reference crosses as `&str`, or as `&[T]` or `&mut [T]` of plain data: pass `T` for `&T`, `Vec<T>` for another `&[T]` (`Vec<&str>` for `&[String]`), and `&Path` for `&PathBuf`",
    note = "integers, floats, bool, char, &str, &Path, &OsStr, String, &[T], Vec<T>, arrays, Option, Result, Box, tuples, Duration, lcr::Bytes, lcr::Handle, callbacks and many types of std are supported: see the page `values` of the guide"
)]
pub unsafe trait Abi: Sized {
    /// The form in which the value crosses.
    type Repr: Copy + 'static;
    /// The structure of the representation, which must be equal on both sides.
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

/// A value whose borrows all lie within `'a`: generated code may take it out of memory that lives
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

/// Plain data: a value whose memory *is* its representation. `&[T]` and `&mut [T]` of plain data
/// cross without a copy, and `Vec<T>` without a pass over its elements.
///
/// `#[derive(lcr::Abi)]` with `#[abi(plain)]` implements this trait for a `#[repr(C)]` struct.
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
