//! What a type that is described may not be.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;

use crate::{
    refusal::Refusals,
    value::model::{Body, Value},
};

/// Refuses everything in the type that cannot be described.
pub(crate) fn check(value: &Value, refusals: &mut Refusals) {
    match &value.body {
        Body::Struct(_) => {}
        Body::Enum(variants) => {
            if variants.is_empty() {
                refusals.refuse(
                    &value.ident,
                    "an enum without variants is refused: it has no value to move; leave the derive out",
                );
            }
            if value.has_repr("u128") || value.has_repr("i128") {
                refusals.refuse(
                    &value.ident,
                    "an enum with discriminants of 128 bits is refused: a description has room for 64; give it another \
                     repr",
                );
            }
        }
        Body::Union(keyword) => refusals.refuse(
            keyword,
            "a union is refused: nothing says which of its fields is there; make it an enum, or implement \
             `lcr::Layout` by hand",
        ),
    }
    if value.attributes.iter().any(|attribute| attribute.is_ident("derive")) {
        refusals.refuse(
            &value.ident,
            "a `#[derive(..)]` below the one with `lcr::Layout` is refused: it may be another macro of that name, which \
             changes the type behind the description; move `lcr::Layout` into the last one",
        );
    }
    for field in value.fields().into_iter().filter(|field| has_macro(field.ty.to_token_stream())) {
        refusals.refuse(
            &field.ty,
            "a macro in the type of a field is refused: it is expanded once for the type and once for the description; \
             give what it makes a name by `type` or `const`",
        );
    }
    if let Body::Enum(variants) = &value.body {
        let written = variants.iter().filter(|variant| variant.discriminant.further == 0);
        for base in written.filter_map(|variant| variant.discriminant.base.as_ref()) {
            if has_macro(base.to_token_stream()) {
                refusals.refuse(
                    base,
                    "a macro in a discriminant is refused: it is expanded once for the type and once for the \
                     description; give what it makes a name by `const`",
                );
            }
        }
    }
    if let Some(lifetime) = value.generics.lifetimes().next() {
        refusals.refuse(
            lifetime,
            "a type that borrows is refused: what it borrows does not move with it; let it own what it needs",
        );
    }
    if let Some(shadowing) = value.generics.type_params().find(|parameter| parameter.ident == value.ident) {
        refusals.refuse(&shadowing.ident, "a parameter with the name of its type is refused; give it another name");
    }
}

/// Whether a macro may be called in the tokens of a type or expression, by `path!` or as an attribute.
fn has_macro(tokens: TokenStream) -> bool {
    let tokens: Vec<_> = tokens.into_iter().collect();
    let is = |token: &TokenTree, sign: char| matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign);
    let calls = |three: &[TokenTree]| {
        is(&three[1], '!') && !is(&three[2], '=') && matches!(three[0], TokenTree::Ident(_) | TokenTree::Group(_))
    };
    tokens.windows(3).any(calls)
        || tokens.iter().any(|token| match token {
            TokenTree::Group(group) => has_macro(group.stream()),
            token => is(token, '#'),
        })
}
