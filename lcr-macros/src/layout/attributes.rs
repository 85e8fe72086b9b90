//! What attributes on a type may do to it behind the derive.
//!
//! The compiler expands an attribute macro below `#[derive(..)]` after the derive, and what the macro answers takes the
//! place of the type: it may have another `#[repr(..)]` or other discriminants, which nothing in stable Rust shows. So
//! only types are laid out as their description says that have no attribute but those of [`INERT`].

use syn::Path;

/// Attributes of which no macro is ever run below the derive.
///
/// The compiler refuses a macro in scope that has the name of an attribute of its own ("ambiguous because of a name
/// conflict with a builtin attribute"), however it came into scope. `abi`, `layout` and `serde` are helpers of this
/// derive, which the compiler takes before any macro. `cfg` and `cfg_attr` are gone when the derive is called. `derive`
/// is not here: it is a macro of std's prelude, in whose place another one may be imported.
const INERT: &[&str] = &[
    "abi",
    "allow",
    "automatically_derived",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "forbid",
    "layout",
    "must_use",
    "non_exhaustive",
    "repr",
    "serde",
    "warn",
];

/// Whether the attribute leaves the type as the derive sees it.
pub(super) fn is_inert(attribute: &Path) -> bool {
    attribute.get_ident().is_some_and(|ident| INERT.iter().any(|inert| ident == inert))
}
