//! How generated code speaks of a type: with which lifetimes, and where the compiler
//! reports what it has to say of it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{
    BoundLifetimes, GenericArgument, GenericParam, Lifetime, PathArguments, Type, TypeReference, spanned::Spanned as _,
    visit_mut::VisitMut,
};

use crate::{ours, private, types::peel};

/// `ty` with every lifetime, written or elided, replaced by `'static`: the way to name
/// its representation where no lifetime is in scope.
pub(crate) fn with_static_lifetimes(ty: &Type) -> Type {
    struct Erase;
    impl VisitMut for Erase {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
        fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
            reference.lifetime = Some(Lifetime::new("'static", reference.and_token.span));
            self.visit_type_mut(&mut reference.elem);
        }
    }
    let mut ty = ty.clone();
    Erase.visit_type_mut(&mut ty);
    ty
}

/// `ty` with every written lifetime replaced by `'_`, which the compiler infers in a body.
pub(crate) fn with_inferred_lifetimes(ty: &Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }
    let mut ty = ty.clone();
    Infer.visit_type_mut(&mut ty);
    ty
}

/// `<ty as Abi>::item`. It stands where the author wrote the type, so that the compiler
/// says there that the type is not a value.
pub(crate) fn of_value(ty: &Type, item: &str) -> TokenStream {
    let (lcr, item) = (private(), Ident::new(item, end_of(ty)));
    quote_spanned!(ty.span()=> <#ty as #lcr::Abi>::#item)
}

/// Lowers `value`, which is a `ty`. The function is passed, not called: of an argument the
/// compiler would say again that its type is not a value.
pub(crate) fn lower(ty: &Type, value: impl ToTokens) -> TokenStream {
    let (lcr, into_repr) = (private(), of_value(ty, "into_repr"));
    blame(ours!(#lcr::lower(#into_repr, #value)), Some(ty))
}

/// Lifts `repr`, which is that of a `ty`, where its type alone says how long it may live:
/// what a caller takes back of its own arguments, and the fields of a value.
pub(crate) fn lift(ty: &Type, repr: impl ToTokens) -> TokenStream {
    let (lcr, from_repr) = (private(), of_value(ty, "from_repr"));
    blame(ours!(#lcr::lift(#from_repr, #repr)), Some(ty))
}

/// A local variable that stands for the memory of another image that a received value of
/// the type `ty` may borrow. It is spelt where the author wrote the type, so that the compiler
/// says there that a type wants it to live longer, and names it by its `name`.
pub(crate) struct Memory<'a> {
    ty: &'a Type,
    name: Ident,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(name: &str, ty: &'a Type) -> Memory<'a> {
        Memory { ty, name: Ident::new(name, ty.span()) }
    }

    /// The variable.
    pub(crate) fn declare(&self) -> TokenStream {
        let (lcr, name) = (private(), &self.name);
        quote_spanned!(self.ty.span()=> let #name = #lcr::Memory;)
    }

    /// Receives `repr` out of the memory as a `ty`, or as `spelt` where lifetimes are inferred.
    pub(crate) fn receive(&self, spelt: &Type, repr: impl ToTokens) -> TokenStream {
        let (lcr, from_repr, name) = (private(), of_value(spelt, "from_repr"), &self.name);
        let memory = quote_spanned!(self.ty.span()=> &#name);
        blame(ours!(#lcr::receive(#memory, #from_repr, #repr).value()), Some(spelt))
    }
}

/// Makes the compiler report at `ty` what it has to say of `tokens`, if there is a `ty`:
/// what it says twice in one place it prints once.
pub(crate) fn blame(tokens: TokenStream, ty: Option<&Type>) -> TokenStream {
    let Some(ty) = ty else { return tokens };
    let mut tokens: Vec<_> = tokens.into_iter().collect();
    if let Some(last) = tokens.last_mut() {
        last.set_span(end_of(ty));
    }
    if let Some(first) = tokens.first_mut() {
        first.set_span(ty.span());
    }
    tokens.into_iter().collect()
}

/// The first of `types` of which only the compiler can tell whether it is a value.
pub(crate) fn doubtful<'a>(types: impl IntoIterator<Item = &'a Type>) -> Option<&'a Type> {
    types.into_iter().find(|ty| !is_known(ty))
}

/// Whether `ty` is certainly a value, as far as its spelling tells.
pub(crate) fn is_known(ty: &Type) -> bool {
    match peel(ty) {
        Type::Reference(reference) => match peel(&reference.elem) {
            Type::Slice(slice) => is_primitive(&slice.elem),
            Type::Path(path) => path.path.is_ident("str"),
            _ => false,
        },
        Type::Tuple(tuple) => tuple.elems.iter().all(is_known),
        Type::Array(array) => is_known(&array.elem),
        Type::Path(path) => {
            let [last] = &path.path.segments.iter().collect::<Vec<_>>()[..] else { return false };
            let is_container = ["Vec", "Option", "Result", "Box"].iter().any(|container| last.ident == container);
            match &last.arguments {
                PathArguments::AngleBracketed(list) => {
                    let is_known = |argument: &_| matches!(argument, GenericArgument::Type(ty) if is_known(ty));
                    is_container && list.args.iter().all(is_known)
                }
                _ => is_primitive(ty) || last.ident == "String",
            }
        }
        _ => false,
    }
}

/// Whether a lifetime is written, or elided in a reference, in `ty`.
pub(crate) fn mentions_lifetime(ty: &Type) -> bool {
    struct Find(bool);
    impl VisitMut for Find {
        fn visit_lifetime_mut(&mut self, _: &mut Lifetime) {
            self.0 = true;
        }
        fn visit_type_reference_mut(&mut self, _: &mut TypeReference) {
            self.0 = true;
        }
    }
    let mut find = Find(false);
    find.visit_type_mut(&mut ty.clone());
    find.0
}

/// The span of a type's last token: `Span::join` would need an unstable compiler.
fn end_of(ty: &Type) -> Span {
    ty.to_token_stream().into_iter().last().map_or_else(Span::mixed_site, |last| match last {
        TokenTree::Group(group) => group.span_close(),
        other => other.span(),
    })
}

/// `ty` with the lifetimes that a `for<'a>` binds replaced by elided ones, which mean the
/// same in a callback's arguments.
pub(crate) fn with_elided_lifetimes(ty: &Type, bound: Option<&BoundLifetimes>) -> Type {
    struct Elide<'a>(&'a BoundLifetimes);
    impl VisitMut for Elide<'_> {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            let is_bound = |parameter: &GenericParam| matches!(parameter, GenericParam::Lifetime(bound) if bound.lifetime.ident == lifetime.ident);
            if self.0.lifetimes.iter().any(is_bound) {
                *lifetime = Lifetime::new("'_", lifetime.span());
            }
        }
    }
    let mut ty = ty.clone();
    if let Some(bound) = bound {
        Elide(bound).visit_type_mut(&mut ty);
    }
    ty
}

/// Whether `ty` is a type of the language without a lifetime.
pub(crate) fn is_primitive(ty: &Type) -> bool {
    let names = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize", "f32", "f64", "bool",
        "char",
    ];
    match peel(ty) {
        Type::Path(path) => names.iter().any(|name| path.path.is_ident(name)),
        Type::Tuple(tuple) => tuple.elems.iter().all(is_primitive),
        Type::Array(array) => is_primitive(&array.elem),
        _ => false,
    }
}
