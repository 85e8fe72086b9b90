//! The macros of `lcr` and `sam`, which re-export them; depend on those instead.
//!
//! Each macro is parse -> model -> check -> expand:
//!
//! - *parse*: `options` reads the attribute's arguments into a struct of typed fields, and `syn`
//!   reads the item;
//! - *model*: both in our own words. Reading a model refuses an option that is missing; it has
//!   a place for whatever else the author wrote;
//! - *check* refuses what cannot be expanded. All three collect each refusal with its span before
//!   the macro gives up;
//! - *expand* cannot fail. A refused item is still emitted, as a stub that other code can refer to,
//!   so that one mistake gives one message.
//!
//! Invariants
//! 1. Generated code names only `::core` and the door of `lcr`, which is `::lcr::__private` unless
//!    the author says `crate = path`; the code of `sam::main` names `::sam` in the same way.
//! 2. Generated items are inside `const _`, hidden from docs, or have a reserved prefix:
//!    they shadow nothing of the author's.
//! 3. Only `options::table` knows which keys an attribute takes.
//! 4. More than a few lines of logic are a generic function of `lcr` (`component/generated`).

mod component;
#[cfg(test)]
mod golden;
mod interface;
mod layout;
mod lifetimes;
mod options;
mod patch;
mod refusal;
mod sam_main;
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

#[doc = include_str!("../docs/patch.md")]
#[proc_macro_attribute]
pub fn patch(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    patch::patch(arguments.into(), item.into()).into()
}

#[doc = include_str!("../docs/abi.md")]
#[proc_macro_derive(Abi, attributes(abi))]
pub fn derive_abi(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    value::derive_abi(item.into()).into()
}

#[doc = include_str!("../docs/layout.md")]
// `serde` is a helper here so that no macro of that name can change the type behind the derive: `layout/expand.rs`.
#[proc_macro_derive(Layout, attributes(layout, abi, serde))]
pub fn derive_layout(item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    layout::derive_layout(item.into()).into()
}

#[doc = include_str!("../docs/main.md")]
#[proc_macro_attribute]
pub fn sam_main(arguments: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    sam_main::main(arguments.into(), item.into()).into()
}
