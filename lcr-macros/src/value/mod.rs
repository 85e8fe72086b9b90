//! `#[derive(lcr::Abi)]`: a struct or enum becomes a value that may cross.
//!
//! It crosses as a `#[repr(C)]` shadow that holds every field as its representation and
//! mentions no lifetime of the original. A struct without fields crosses as `()` does, an
//! enum without fields as its tag.

mod check;
mod expand;
pub(crate) mod fields;
pub(crate) mod model;
mod plain;
#[cfg(test)]
mod tests;
pub(crate) mod variants;

use proc_macro2::TokenStream;

use crate::refusal::Refusals;

/// The expansion of the derive on `item`.
pub(crate) fn derive_abi(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<syn::DeriveInput>(item) {
        Ok(item) => item,
        Err(error) => return error.to_compile_error(),
    };
    let mut refusals = Refusals::default();
    let value = model::Value::read(item, &mut refusals);
    check::check(&value, &mut refusals);
    if !refusals.is_empty() {
        expand::stub(&value, &refusals)
    } else if value.is_plain {
        plain::expand(&value)
    } else {
        expand::expand(&value)
    }
}
