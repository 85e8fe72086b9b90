//! A type that contains itself: in the description of its fields a mark stands for it, which gives the description an
//! end.
//!
//! The mark is a type beside the generated impl, which nothing else can name. Spelling finds the places where it is to
//! stand. The compiler proves the rest: of the types that are described, `Layout::Itself` puts the type back in the
//! place of its mark, through the types of std, and each has to be the type of the author's field. A place that is not
//! found leaves a constant that depends on itself, which the compiler refuses. It also refuses a mark in a type of an
//! author's (`Item<Node>` in a `Node`), because sizes and offsets would be those of `Item<mark>`: its parameters have to
//! be `Itself`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Generics, Type, parse_quote, spanned::Spanned as _, visit_mut::VisitMut};

use crate::{
    tokens::{local, ours, private},
    value::model::Value,
};

/// Puts the mark in the place of the type itself.
pub(super) struct Itself<'a> {
    value: &'a Value,
    is_used: bool,
}

impl Itself<'_> {
    pub(super) fn new(value: &Value) -> Itself<'_> {
        Itself { value, is_used: false }
    }

    /// The type as it is described.
    pub(super) fn marked(&mut self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        self.visit_type_mut(&mut ty);
        ty
    }

    /// Declares the mark, if there is one.
    pub(super) fn declare(&self, generics: &Generics, name: &str) -> Option<TokenStream> {
        let (lcr, ident) = (private(), &self.value.ident);
        let (parameters, arguments, clause) = generics.split_for_impl();
        let (again, mark) = (again(Span::mixed_site()), format!("^{name}"));
        self.is_used.then(|| {
            ours! {
                struct #again #parameters(::core::marker::PhantomData<fn() -> #ident #arguments>) #clause;
                // SAFETY: no value of it is ever made. The description around it is that of the type it stands for.
                unsafe impl #parameters #lcr::Layout for #again #arguments #clause {
                    type Itself = #ident #arguments;
                    const MEMORY: #lcr::InMemory = #lcr::InMemory::again(#mark);
                }
            }
        })
    }
}

fn again(span: Span) -> Ident {
    let mut again = local("__LcrAgain");
    again.set_span(again.span().located_at(span));
    again
}

impl VisitMut for Itself<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let Type::Path(path) = ty else { return syn::visit_mut::visit_type_mut(self, ty) };
        if path.qself.is_some() {
            // What a trait says of the type is not what it says of the mark.
            return;
        }
        let segments = &path.path.segments;
        let is_alone = path.path.leading_colon.is_none() && segments.len() == 1;
        if !is_alone || !(segments[0].ident == "Self" || segments[0].ident == self.value.ident) {
            return syn::visit_mut::visit_type_mut(self, ty);
        }
        self.is_used = true;
        let (span, (_, arguments, _)) = (ty.span(), self.value.generics.split_for_impl());
        let (again, arguments) = (again(span), arguments.into_token_stream());
        let mark = quote_spanned!(span=> #again #arguments);
        *ty = parse_quote!(#mark);
    }

    /// The length of an array is a number, with or without marks.
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
}
