//! `async fn` in a trait, as a function that returns a future.
//!
//! The future must be `Send`, which `async fn` cannot say of itself. So
//!
//! ```text
//! async fn get(&self, key: &str) -> u64;
//! ```
//!
//! becomes
//!
//! ```text
//! fn get(&self, key: &str) -> impl Future<Output = u64> + Send where Self: Sized;
//! ```
//!
//! which an implementation may still write as `async fn`. The future borrows whatever the arguments do, since
//! `impl Trait` in a trait captures all lifetimes. `Self: Sized` keeps `dyn Store` a type, which names the
//! interface; the method cannot be called on it.
//!
//! A method that returns `impl Stream<Item = T> + Send` stays as it is, but for `Self: Sized`.
//!
//! The tokens of the author that remain keep their places; what is new stands at the word `async`.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{
    Block, FnArg, Pat, PatIdent, ReturnType, Signature, Token, TraitItemFn, Type, parse_quote, parse_quote_spanned,
};

use super::model::name_of;
use crate::{tokens::local, types::peel};

/// Rewrites an `async fn` and its default body, and leaves a method that returns `impl Trait` out of `dyn Trait`.
/// Another method stays as it is.
pub(super) fn desugar(method: &mut TraitItemFn) {
    let Some(asyncness) = method.sig.asyncness.take() else {
        if returns_impl(&method.sig) {
            require_sized(&mut method.sig, Span::mixed_site());
        }
        return;
    };
    let span = asyncness.span;
    let moved: Vec<_> = match &method.default {
        Some(_) => method.sig.inputs.iter_mut().enumerate().filter_map(move_in).collect(),
        None => Vec::new(),
    };
    let output = future_of(&crate::interface::model::result_of(&method.sig.output), span);
    method.sig.output = parse_quote_spanned!(span=> -> #output);
    require_sized(&mut method.sig, span.resolved_at(Span::mixed_site()));
    if let Some(body) = method.default.take() {
        method.default = Some(future_body(&moved, &body, span));
    }
}

/// Adds `where Self: Sized`.
fn require_sized(signature: &mut Signature, span: Span) {
    let sized = parse_quote_spanned!(span=> Self: ::core::marker::Sized);
    signature.generics.make_where_clause().predicates.push(sized);
}

/// Whether a method returns `impl Trait`, as written.
pub(super) fn returns_impl(signature: &Signature) -> bool {
    matches!(&signature.output, ReturnType::Type(_, ty) if matches!(peel(ty), Type::ImplTrait(_)))
}

/// `impl Future<Output = ty> + Send`.
pub(super) fn future_of(ty: &Type, span: Span) -> TokenStream {
    let span = span.resolved_at(Span::mixed_site());
    quote_spanned!(span=> impl ::core::future::Future<Output = #ty> + ::core::marker::Send)
}

/// Gives an argument a plain name in the signature. Returns the statement that moves it into the future
/// under the author's own pattern: an `async fn` owns all its arguments until it ends.
fn move_in((place, input): (usize, &mut FnArg)) -> Option<TokenStream> {
    let FnArg::Typed(argument) = input else { return None };
    let pattern = (*argument.pat).clone();
    let name = name_of(&pattern).unwrap_or_else(|| local(&format!("argument{place}")));
    let plain = PatIdent { attrs: Vec::new(), by_ref: None, mutability: None, ident: name.clone(), subpat: None };
    *argument.pat = Pat::Ident(plain);
    let pattern: Pat = match pattern {
        Pat::Wild(_) => {
            let name = local(&format!("_{name}"));
            parse_quote!(#name)
        }
        pattern => pattern,
    };
    Some(quote_spanned!(Span::mixed_site()=> let #pattern = #name;))
}

/// The body of a function that returns the future of the author's body.
fn future_body(moved: &[TokenStream], body: &Block, span: Span) -> Block {
    let statements = &body.stmts;
    let asyncness = Token![async](span);
    let mut block: Block = parse_quote!({ #asyncness move { #(#moved)* #(#statements)* } });
    block.brace_token = body.brace_token;
    block
}

/// The signature of an `async fn` without the word, as a function that returns its future.
pub(super) fn output_of(signature: &Signature, result: &Type) -> TokenStream {
    match &signature.asyncness {
        Some(asyncness) => {
            let future = future_of(result, asyncness.span);
            quote_spanned!(asyncness.span=> -> #future)
        }
        None => {
            let output = &signature.output;
            quote_spanned!(Span::mixed_site()=> #output)
        }
    }
}
