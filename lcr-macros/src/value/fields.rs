//! The fields of a struct or variant, each as its representation in a shadow.

use proc_macro2::{Ident, TokenStream};
use syn::Member;

use super::model::Field;
use crate::{
    local, ours, private,
    types::{self, of_value},
};

/// Declares a `#[repr(C)]` struct with a type parameter for each field.
pub(super) fn declare(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let slots = slots(fields);
    let parameters: Vec<_> = slots.iter().map(|slot| local(&slot.to_string().to_uppercase())).collect();
    ours! {
        #[doc(hidden)]
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct #shadow<#(#parameters),*> { #(#slots: #parameters),* }
    }
}

/// The shadow's type for these very fields.
pub(super) fn shadow(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let reprs = fields.iter().map(|field| of_value(&field.ty, "Repr"));
    ours!(#shadow<#(#reprs),*>)
}

/// The fields' names in the source.
pub(super) fn members(fields: &[Field]) -> Vec<&Member> {
    fields.iter().map(|field| &field.member).collect()
}

/// The fields' names in the shadow.
pub(super) fn slots(fields: &[Field]) -> Vec<&Ident> {
    fields.iter().map(|field| &field.slot).collect()
}

/// Each field, out of the variable of its slot's name.
pub(super) fn lower(fields: &[Field]) -> Vec<TokenStream> {
    fields.iter().map(|field| types::lower(&field.ty, &field.slot)).collect()
}

/// Each field, out of its slot in the variable `from`.
pub(super) fn lift(fields: &[Field], from: &TokenStream) -> Vec<TokenStream> {
    let lift = |field: &Field| {
        let slot = &field.slot;
        types::lift(&field.ty, ours!(#from.#slot))
    };
    fields.iter().map(lift).collect()
}

/// The parts of a shape: each field, at the place that `at` gives to `offset_of!`.
pub(super) fn describe(fields: &[Field], at: impl Fn(&Ident) -> TokenStream) -> Vec<TokenStream> {
    let lcr = private();
    let describe = |field: &Field| {
        let (name, at, shape) = (field.name(), at(&field.slot), of_value(&field.ty, "SHAPE"));
        ours! {
            #lcr::Part { name: #name, at: ::core::mem::offset_of!(#at) as i64, shape: #shape }
        }
    };
    fields.iter().map(describe).collect()
}
