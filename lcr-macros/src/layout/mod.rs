//! `#[derive(lcr::Layout)]`: a struct or enum is described as it lies in memory.
//!
//! The compiler says where fields are and how large everything is; the macro only lists names. Offsets in the variants
//! of an enum are not to be had in stable Rust, nor which bytes of a field an `Option` around the type uses. So beside
//! each type stands a probe, which shows whether the crate is compiled with a flag that lays out types at random.
//!
//! The compiler also proves that what the macro lists is what the type has: each field, and each by its type. So names
//! need not be trusted to mean the same in the generated code as in the author's.

mod attributes;
mod check;
mod expand;
mod itself;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::{
    options::{Options as _, table::LayoutOptions},
    refusal::Refusals,
    tokens::crate_path,
    value::model::Value,
};

/// The expansion of the derive on `item`.
pub(crate) fn derive_layout(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<syn::DeriveInput>(item) {
        Ok(item) => item,
        Err(error) => return error.to_compile_error(),
    };
    let mut refusals = Refusals::default();
    let value = read(item, &mut refusals);
    check::check(&value, &mut refusals);
    if refusals.is_empty() { expand::expand(&value) } else { expand::stub(&value, &refusals) }
}

fn read(item: syn::DeriveInput, refusals: &mut Refusals) -> Value {
    let mut options = LayoutOptions::default();
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("layout")) {
        match attribute.meta.require_list() {
            Ok(list) => options.add(list.tokens.clone(), refusals),
            Err(error) => refusals.absorb(error),
        }
    }
    let lcr = crate_path(options.lcr.given(), "lcr");
    // What `#[abi(..)]` says is judged where `Abi` is derived.
    Value { lcr, ..Value::read(item, &mut Refusals::default()) }
}
