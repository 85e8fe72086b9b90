//! `#[sam::main]`: the body of `main` becomes an instance.
//!
//! The author's function is emitted inside another of the same name and return type, which begins
//! supervision and then calls the inner function. Other attributes stay with the inner
//! function: `#[tokio::main]` makes its threads in the instance, after the fork.

mod check;
mod expand;
#[cfg(test)]
mod tests;
pub(crate) mod values;

use proc_macro2::TokenStream;
use quote::quote;

use crate::{
    options::{Options as _, table::MainOptions},
    refusal::Refusals,
};

/// The expansion of the attribute on `item`.
pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut refusals = Refusals::default();
    let options = MainOptions::read(arguments, &mut refusals);
    let function = match syn::parse2::<syn::ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let message = format!("`#[sam::main]` belongs on a function: {error}");
            let message = syn::Error::new(error.span(), message).to_compile_error();
            return quote!(#item #message);
        }
    };
    check::check(&function, &options, &mut refusals);
    if refusals.is_empty() { expand::supervised(&function, options) } else { quote!(#function #refusals) }
}
