//! `#[sam::main]`: the body of `main` becomes an instance.
//!
//! The function is emitted inside one of the same name and return type, which begins
//! supervision and then calls it. What else stands on it goes inside: an attribute such as
//! `#[tokio::main]` makes its threads in the instance, behind the fork.

mod check;
mod expand;
mod model;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::quote;

use crate::{
    keys::{Attribute, Options},
    refusal::Refusals,
};

/// The expansion of the attribute on `item`.
pub(crate) fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut refusals = Refusals::default();
    let options = Options::parse(Attribute::Main, Span::call_site(), arguments, &mut refusals);
    let function = match syn::parse2::<syn::ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let message = format!("`#[sam::main]` belongs on a function: {error}");
            let message = syn::Error::new(error.span(), message).to_compile_error();
            return quote!(#item #message);
        }
    };
    check::check(&function, &mut refusals);
    let settings = model::read(&options, &mut refusals);
    if refusals.is_empty() { expand::supervised(&function, &settings) } else { quote!(#function #refusals) }
}
