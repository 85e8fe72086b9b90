//! What an accepted type becomes, and the stub of a refused one.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Generics, Lifetime, TypeParamBound, WherePredicate, parse_quote, spanned::Spanned as _};

use super::{
    fields,
    model::{Body, Field, Value},
    variants,
};
use crate::{
    lifetimes::mentions_lifetime,
    refusal::Refusals,
    tokens::{self, import, local, ours, private},
};

/// The parts of an impl that differ between structs and kinds of enums.
pub(super) struct ImplParts {
    /// Types beside the impl.
    pub(super) shadow: TokenStream,
    /// The representation's type.
    pub(super) repr: TokenStream,
    pub(super) shape: TokenStream,
    /// The body of `into_repr`.
    pub(super) lower: TokenStream,
    /// The body of `from_repr`.
    pub(super) lift: TokenStream,
}

/// The shadow and the impl of `Abi`.
pub(crate) fn expand(value: &Value) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let ImplParts { shadow, repr, shape, lower, lift } = match &value.body {
        Body::Struct(fields) if fields.is_empty() => unit_parts(value),
        Body::Struct(fields) => struct_parts(value, fields),
        Body::Enum(variants) if value.fields().is_empty() => variants::tags_only(value, variants),
        Body::Enum(variants) => variants::tagged(value, variants),
        // Refused before.
        Body::Union(_) => return TokenStream::new(),
    };
    let ident = &value.ident;
    let mut generics = with_bounds(value, &[parse_quote!(#lcr::Abi)]);
    generics.make_where_clause().predicates.extend(fields::assumptions(value.fields()));
    let within = within(value, &generics);
    let (parameters, arguments, clause) = generics.split_for_impl();
    ours! {
        #[allow(deprecated, private_bounds, trivial_bounds)]
        const _: () = {
            #import
            #shadow
            // SAFETY: the shadow is `#[repr(C)]`, holds every field as its representation,
            // and the shape describes it.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Abi for #ident #arguments #clause {
                type Repr = #repr;
                const SHAPE: &'static #lcr::Shape = &#shape;
                #[inline]
                fn into_repr(self) -> #lcr::Repr<Self> { #lower }
                #[inline]
                unsafe fn from_repr(repr: #lcr::Repr<Self>) -> Self { #lift }
            }
            #[automatically_derived]
            impl #parameters #lcr::MustNotImplementDrop for #ident #arguments #clause {}
            #within
        };
    }
}

/// The impl of `Within`: every lifetime of the type, and everything that its parameters borrow,
/// lies within the call. Beside it, the proof that its fields borrow nothing else. Only the compiler
/// knows what an alias stands for, so the proof makes it look at each field's type, however
/// the author spelt that.
fn within(value: &Value, generics: &Generics) -> TokenStream {
    let lcr = private();
    let ident = &value.ident;
    let call = Lifetime::new("'the_call", Span::mixed_site());
    let (_, arguments, _) = generics.split_for_impl();
    let mut generics = generics.clone();
    let lifetimes: Vec<_> = generics.lifetimes().map(|parameter| parameter.lifetime.clone()).collect();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#lcr::Within<#call>));
    }
    let fields = value.fields();
    let predicates = &mut generics.make_where_clause().predicates;
    predicates.extend(lifetimes.iter().map(|lifetime| -> WherePredicate { parse_quote!(#call: #lifetime) }));
    // Only the parameters decide about the open fields. A bound on a type with a lifetime would
    // stand in the way of other impls.
    let (open, known): (Vec<&Field>, Vec<&Field>) =
        fields.into_iter().partition(|field| field.is_generic && !mentions_lifetime(&field.ty));
    predicates.extend(fields::bounds(open, &ours!(#lcr::Within<#call>)));
    let proofs = known.into_iter().map(|field| {
        let ty = &field.ty;
        match field.is_generic {
            true => quote_spanned!(ty.span()=> #lcr::require_within::<#call, #ty>();),
            // The compiler reports elsewhere that a type is not a value.
            false => quote_spanned! {ty.span()=>
                let _: fn(#lcr::Received<#call, #ty>) -> #ty = |field| field.value();
            },
        }
    });
    generics.params.insert(0, parse_quote!(#call));
    let (parameters, _, clause) = generics.split_for_impl();
    ours! {
        // SAFETY: it borrows what its fields borrow.
        #[automatically_derived]
        unsafe impl #parameters #lcr::Within<#call> for #ident #arguments #clause {}
        #[allow(
            dead_code,
            clippy::extra_unused_lifetimes,
            clippy::extra_unused_type_parameters,
            clippy::multiple_bound_locations,
            clippy::type_complexity
        )]
        fn __lcr_fields_are_within #parameters() #clause {
            use #lcr::Unproven as _;
            #(#proofs)*
        }
    }
}

/// An impl that other code may refer to, so that the messages in `refusals` are the only ones.
pub(crate) fn stub(value: &Value, refusals: &Refusals) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let ident = &value.ident;
    let (parameters, arguments, clause) = value.generics.split_for_impl();
    ours! {
        #refusals
        const _: () = {
            #import
            #[automatically_derived]
            unsafe impl #parameters #lcr::Abi for #ident #arguments #clause {
                type Repr = u8;
                const SHAPE: &'static #lcr::Shape = <() as #lcr::Abi>::SHAPE;
                fn into_repr(self) -> u8 { loop {} }
                unsafe fn from_repr(_: u8) -> Self { loop {} }
            }
        };
    }
}

/// The type's generics, with `bounds` on each type parameter.
pub(super) fn with_bounds(value: &Value, bounds: &[TypeParamBound]) -> Generics {
    let mut generics = value.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.extend(bounds.iter().cloned());
    }
    generics
}

/// The type's shape, of its representation's size and alignment.
pub(super) fn shape(value: &Value, kind: &str, parts: &[TokenStream]) -> TokenStream {
    let lcr = private();
    let (name, kind) = (value.name(), local(kind));
    ours!(#lcr::Shape::of::<#lcr::Repr<Self>>(#lcr::Kind::#kind, #name, &[#(#parts),*]))
}

fn unit_parts(value: &Value) -> ImplParts {
    let lcr = private();
    ImplParts {
        shadow: TokenStream::new(),
        repr: ours!(#lcr::Repr<()>),
        shape: shape(value, "Struct", &[]),
        lower: tokens::lower(&parse_quote!(()), ours!(())),
        lift: ours! {
            let _ = repr;
            Self {}
        },
    }
}

fn struct_parts(value: &Value, fields: &[Field]) -> ImplParts {
    let lcr = private();
    let shadow = local(&format!("__{}Repr", value.name()));
    let (members, slots) = (fields::members(fields), fields::slots(fields));
    let (lowered, lifted) = (fields::lower(fields), fields::lift(fields, &ours!(repr)));
    let parts = fields::describe(fields, |slot| ours!(#lcr::Repr<Self>, #slot));
    ImplParts {
        shadow: fields::declare(&shadow, fields),
        repr: fields::shadow(&shadow, fields),
        shape: shape(value, "Struct", &parts),
        lower: ours! {
            let Self { #(#members: #slots),* } = self;
            #shadow { #(#slots: #lowered),* }
        },
        lift: ours!(unsafe { Self { #(#members: #lifted),* } }),
    }
}
