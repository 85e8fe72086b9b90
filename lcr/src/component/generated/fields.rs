//! What the derive of `Abi` asks the compiler about a type and its fields.

use crate::abi::value::{Plain, Within};

/// Implemented for every type that derives `Abi`, so that the compiler refuses a type that is
/// `Drop`: its destructor would run where the value is taken apart to cross, and again where it
/// arrives.
pub trait MustNotImplementDrop {}

#[allow(drop_bounds, reason = "of exactly these")]
impl<T: ?Sized + Drop> MustNotImplementDrop for T {}

/// A type that may be a field of a plain struct: every [`Plain`] type.
///
/// # Safety
/// As for [`Plain`]: generated code takes every field of this kind for plain data.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of plain data",
    label = "its layout is not the same for every compiler",
    note = "leave `#[abi(plain)]` out, or use numbers, `bool`, `char`, arrays of them and other plain structs"
)]
pub unsafe trait PlainField {}

#[diagnostic::do_not_recommend]
// SAFETY: the bound.
unsafe impl<T: Plain> PlainField for T {}

/// Accepts types every borrow of which lies within `'a`.
pub const fn require_within<'a, T: Within<'a>>() {}

/// Accepts fields of plain data only.
pub const fn require_plain_field<T: PlainField>() {}
