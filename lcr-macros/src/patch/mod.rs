//! `#[lcr::patch]`: functions stand around methods of components that others wrote.
//!
//! The functions are emitted as written. Beside them stand, as beside a component, a declaration, its record in the
//! manifest section, an export and a registration; in the place of methods the export has a C function for each
//! function of the author's. What the compiler says of a signature, it says of the very closure builder that the
//! interface has for typed patches, with the function in the closure's place: nothing here knows the interface.

mod expand;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    options::{Options as _, table::PatchOptions},
    refusal::Refusals,
};

/// The expansion of the attribute on `item`.
pub(crate) fn patch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut refusals = Refusals::default();
    let options = PatchOptions::read(arguments, &mut refusals);
    let written = match syn::parse2::<syn::Item>(item.clone()) {
        Ok(written @ (syn::Item::Fn(_) | syn::Item::Mod(_))) => written,
        Ok(other) => {
            let error = syn::Error::new_spanned(&other, "expected `fn` or `mod`");
            return crate::not_applicable(item, "patch", model::PLACE, error);
        }
        Err(error) => return crate::not_applicable(item, "patch", model::PLACE, error),
    };
    match model::Patch::read(options, &written, &mut refusals) {
        Some(patch) if refusals.is_empty() => {
            let registration = expand::registration(&patch);
            quote!(#item #registration)
        }
        _ => quote!(#refusals #item),
    }
}
