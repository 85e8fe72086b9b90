//! The macros of `lcr` and `sam`, which re-export them; depend on those instead.
//!
//! Each macro is parse -> model -> check -> expand. Reading a model is total, checking
//! collects every refusal with its span, and expanding what passed cannot fail. What was
//! refused is still emitted in a form that other code can refer to, so that one mistake
//! gives one message.
//!
//! Invariants
//! 1. Generated code names only `::lcr::__private` and `::core`; that of `sam::main`, `::sam`.
//! 2. Generated items are inside `const _`, hidden from docs, or have a reserved prefix:
//!    nothing of the author's can be shadowed.
//! 3. Only `keys` knows which keys an attribute takes.

mod component;
#[cfg(test)]
mod golden;
mod interface;
mod keys;
mod lifetimes;
mod refusal;
mod supervised;
mod tokens;
mod types;
mod value;

use proc_macro2::TokenStream;
use quote::quote;

/// What an attribute on the wrong kind of item expands to.
fn not_applicable(item: TokenStream, attribute: &str, place: &str, error: syn::Error) -> TokenStream {
    let message = format!("`#[lcr::{attribute}]` belongs on {place}: {error}");
    let message = syn::Error::new(error.span(), message).to_compile_error();
    quote!(#item #message)
}

#[doc = include_str!("../docs/interface.md")]
#[proc_macro_attribute]
pub fn interface(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    interface::interface(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/component.md")]
#[proc_macro_attribute]
pub fn component(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    component::component(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/abi.md")]
#[proc_macro_derive(Abi, attributes(abi))]
pub fn derive_abi(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    value::derive_abi(item.into()).into()
}

#[doc = include_str!("../docs/main.md")]
#[proc_macro_attribute]
pub fn sam_main(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    supervised::main(arguments.into(), item.into()).into()
}
