//! The fields of a struct or variant, each as its representation in a shadow.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens as _;
use syn::{Member, WherePredicate, parse_quote};

use super::model::Field;
use crate::{
    lifetimes::{mentions_lifetime, with_static_lifetimes},
    tokens::{self, local, of_value, ours, private, respan},
    types::is_known,
};

/// Declares a `#[repr(C)]` struct of the fields' representations.
///
/// A field that mentions a parameter of the type is a parameter of the shadow, so that
/// the shadow needs neither bounds nor lifetimes. Any other is spelt out inside: as an
/// argument of the shadow, which is public, its type would have to be public too.
pub(super) fn declare(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let slots = slots(fields);
    let parameters: Vec<_> = fields.iter().filter(|field| field.is_generic).map(parameter).collect();
    let types = fields.iter().map(|field| match field.is_generic {
        true => parameter(field),
        false => of_value(&with_static_lifetimes(&field.ty), "Repr"),
    });
    let bounds = where_clause(assumptions(fields));
    // Not derived: for a field that is not a value, the derives would say so again.
    ours! {
        #[doc(hidden)]
        #[repr(C)]
        pub struct #shadow<#(#parameters),*> #bounds { #(#slots: #types),* }
        #[automatically_derived]
        impl<#(#parameters: ::core::marker::Copy),*> ::core::clone::Clone for #shadow<#(#parameters),*> #bounds {
            fn clone(&self) -> Self { *self }
        }
        #[automatically_derived]
        impl<#(#parameters: ::core::marker::Copy),*> ::core::marker::Copy for #shadow<#(#parameters),*> #bounds {}
    }
}

/// Bounds which say that the fields' types are values, for types without a parameter. Under such a
/// bound the compiler takes it for granted, so that it refuses a type at the bound alone.
pub(super) fn assumptions<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Vec<WherePredicate> {
    let lcr = private();
    let is_certain = |field: &&Field| field.is_generic || is_known(&field.ty) || mentions_lifetime(&field.ty);
    // By a name that no author has in scope: where `Abi` is imported, the lint `unused_qualifications` takes the bound,
    // which stands where the author wrote the type, for a path that the author wrote too long.
    bounds(fields.into_iter().filter(|field| !is_certain(field)), &ours!(#lcr::IsAbi))
}

/// `bound` on each field's type.
pub(super) fn bounds<'a>(fields: impl IntoIterator<Item = &'a Field>, bound: &TokenStream) -> Vec<WherePredicate> {
    let require = |field: &Field| {
        let ty = &field.ty;
        let bound = respan(bound.clone(), Some(ty));
        parse_quote!(#ty: #bound)
    };
    fields.into_iter().map(require).collect()
}

fn where_clause(predicates: Vec<WherePredicate>) -> Option<TokenStream> {
    (!predicates.is_empty()).then(|| ours!(where #(#predicates),*))
}

/// The shadow's type for these very fields.
pub(super) fn shadow(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let reprs = fields.iter().filter(|field| field.is_generic).map(|field| of_value(&field.ty, "Repr"));
    ours!(#shadow<#(#reprs),*>)
}

fn parameter(field: &Field) -> TokenStream {
    local(&field.slot.to_string().to_uppercase()).into_token_stream()
}

/// The fields' names in the source.
pub(crate) fn members(fields: &[Field]) -> Vec<&Member> {
    fields.iter().map(|field| &field.member).collect()
}

/// The fields' names in the shadow.
pub(crate) fn slots(fields: &[Field]) -> Vec<&Ident> {
    fields.iter().map(|field| &field.slot).collect()
}

/// Each field, out of the variable of its slot's name.
pub(super) fn lower(fields: &[Field]) -> Vec<TokenStream> {
    fields.iter().map(|field| tokens::lower(&field.ty, &field.slot)).collect()
}

/// Each field, out of its slot in the variable `from`.
pub(super) fn lift(fields: &[Field], from: &TokenStream) -> Vec<TokenStream> {
    let lift = |field: &Field| {
        let slot = &field.slot;
        tokens::lift(&field.ty, ours!(#from.#slot))
    };
    fields.iter().map(lift).collect()
}

/// The parts of a shape: each field, at the place that `at` gives to `offset_of!`.
pub(super) fn describe(fields: &[Field], at: impl Fn(&Ident) -> TokenStream) -> Vec<TokenStream> {
    let lcr = private();
    let describe = |field: &Field| {
        let (name, at, shape) = (field.name(), at(&field.slot), of_value(&field.ty, "SHAPE"));
        let secrecy = field.secrecy();
        ours!(#lcr::Part::new(#name, ::core::mem::offset_of!(#at) as i64, #shape) #secrecy)
    };
    fields.iter().map(describe).collect()
}
