//! `#[lcr::component]`: an implementation registers itself and describes itself.
//!
//! The impl is emitted as written. Beside it stand a declaration, its record in the manifest
//! section, an export with the C functions, and a registration. All of them are static, so
//! that no code of the component runs before the host has read its manifest.

mod check;
mod expand;
mod model;
mod source;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    options::{Options as _, table::ComponentOptions},
    refusal::Refusals,
};

/// The expansion of the attribute on `item`.
pub(crate) fn component(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut refusals = Refusals::default();
    let options = ComponentOptions::read(arguments, &mut refusals);
    let written = match syn::parse2::<syn::ItemImpl>(item.clone()) {
        Ok(written) => written,
        Err(error) => return crate::not_applicable(item, "component", "an `impl` of an interface", error),
    };
    let component = model::Component::read(options, written);
    check::check(&component, &mut refusals);
    let source = if refusals.is_empty() { source::SourceRecord::of(&component, &mut refusals) } else { None };
    if refusals.is_empty() {
        let registration = expand::registration(&component, source.as_ref());
        quote!(#item #registration)
    } else {
        expand::stub(&component, &refusals)
    }
}
