//! What an accepted type becomes, and the stub of a refused one.

use proc_macro2::{Ident, Literal, TokenStream};
use syn::{Generics, TypeParamBound, ext::IdentExt as _, parse_quote};

use super::model::{Body, Discriminant, Field, Value, Variant};
use crate::{import, local, ours, private, refusal::Refusals};

/// The shadow and the impl of `Abi`.
pub(crate) fn expand(value: &Value) -> TokenStream {
    let (lcr, import) = (private(), import());
    let Crossing { shadow, repr, shape, lower, lift } = match &value.body {
        Body::Struct(fields) => cross_struct(value, fields),
        Body::Enum(variants) if variants.iter().all(|variant| variant.fields.is_empty()) => cross_tags(value, variants),
        Body::Enum(variants) => cross_enum(value, variants),
        Body::Union(_) => return TokenStream::new(),
    };
    let ident = &value.ident;
    let generics = with_bounds(value, &[parse_quote!(#lcr::Abi)]);
    let (parameters, arguments, clause) = generics.split_for_impl();
    ours! {
        #[allow(deprecated)]
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
        };
    }
}

/// An impl that other code may refer to, so that the messages in `refusals` are the only ones.
pub(crate) fn stub(value: &Value, refusals: &Refusals) -> TokenStream {
    let (lcr, import) = (private(), import());
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

/// The parts of an impl that differ by what crosses.
struct Crossing {
    /// Types beside the impl.
    shadow: TokenStream,
    repr: TokenStream,
    shape: TokenStream,
    lower: TokenStream,
    lift: TokenStream,
}

fn cross_struct(value: &Value, fields: &[Field]) -> Crossing {
    let lcr = private();
    let name = value.name();
    let shadow = local(&format!("__{name}Repr"));
    let (members, slots): (Vec<_>, Vec<_>) = fields.iter().map(|field| (&field.member, &field.slot)).unzip();
    if fields.is_empty() {
        return Crossing {
            shadow: TokenStream::new(),
            repr: ours!(#lcr::Repr<()>),
            shape: ours!(#lcr::Shape::of::<#lcr::Repr<Self>>(#lcr::Kind::Struct, #name, &[])),
            lower: ours!(#lcr::lower(())),
            lift: ours!({
                let _ = repr;
                Self {}
            }),
        };
    }
    let repr = shadow_of(&shadow, fields);
    let parts = describe(fields, |slot| ours!(#lcr::Repr<Self>, #slot));
    Crossing {
        shadow: declare(&shadow, fields),
        shape: ours!(#lcr::Shape::of::<#lcr::Repr<Self>>(#lcr::Kind::Struct, #name, &[#(#parts),*])),
        lower: ours! {
            let Self { #(#members: #slots),* } = self;
            #shadow { #(#slots: #lcr::lower(#slots)),* }
        },
        lift: ours!(unsafe { Self { #(#members: #lcr::lift(repr.#slots)),* } }),
        repr,
    }
}

fn cross_tags(value: &Value, variants: &[Variant]) -> Crossing {
    let lcr = private();
    let name = value.name();
    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let tags: Vec<_> = (0..variants.len()).map(Literal::usize_unsuffixed).collect();
    let parts = variants.iter().map(|variant| describe_variant(value, variant, None));
    Crossing {
        shadow: TokenStream::new(),
        repr: ours!(u32),
        shape: ours!(#lcr::Shape::of::<#lcr::Repr<Self>>(#lcr::Kind::Enum, #name, &[#(#parts),*])),
        lower: ours!(match self { #(Self::#idents { .. } => #tags),* }),
        lift: ours! {
            match repr {
                #(#tags => Self::#idents {},)*
                tag => #lcr::bad_tag(#name, tag),
            }
        },
    }
}

fn cross_enum(value: &Value, variants: &[Variant]) -> Crossing {
    let lcr = private();
    let name = value.name();
    let union = local(&format!("__{name}Payload"));
    let shadow_name = |tag: usize| local(&format!("__{name}Repr{tag}"));
    let slot_name = |tag: usize| local(&format!("v{tag}"));
    let mut shadows = Vec::new();
    let (mut slots, mut payloads) = (Vec::new(), Vec::new());
    let (mut parts, mut lower, mut lift) = (Vec::new(), Vec::new(), Vec::new());
    for (tag, variant) in variants.iter().enumerate() {
        let (ident, number) = (&variant.ident, Literal::usize_unsuffixed(tag));
        if variant.fields.is_empty() {
            parts.push(describe_variant(value, variant, None));
            lower.push(ours!(Self::#ident { .. } => #lcr::Tagged::bare(#number)));
            lift.push(ours!(#number => Self::#ident {}));
            continue;
        }
        let (shadow, slot) = (shadow_name(tag), slot_name(tag));
        let payload = shadow_of(&shadow, &variant.fields);
        let (members, fields): (Vec<_>, Vec<_>) =
            variant.fields.iter().map(|field| (&field.member, &field.slot)).unzip();
        shadows.push(declare(&shadow, &variant.fields));
        parts.push(describe_variant(value, variant, Some((&slot, &payload))));
        lower.push(ours! {
            Self::#ident { #(#members: #fields),* } => #lcr::Tagged::with(
                #number,
                #union { #slot: #shadow { #(#fields: #lcr::lower(#fields)),* } },
            )
        });
        lift.push(ours! {
            #number => unsafe {
                let fields = repr.payload.assume_init().#slot;
                Self::#ident { #(#members: #lcr::lift(fields.#fields)),* }
            }
        });
        slots.push(slot);
        payloads.push(payload);
    }
    let parameters: Vec<_> = slots.iter().map(|slot| local(&format!("{slot}").to_uppercase())).collect();
    let repr = ours!(#lcr::Tagged<#union<#(#payloads),*>>);
    Crossing {
        shadow: ours! {
            #(#shadows)*
            #[doc(hidden)]
            #[repr(C)]
            #[derive(::core::clone::Clone, ::core::marker::Copy)]
            pub union #union<#(#parameters: ::core::marker::Copy),*> { #(#slots: #parameters),* }
        },
        shape: ours!(#lcr::Shape::of::<#lcr::Repr<Self>>(#lcr::Kind::Enum, #name, &[#(#parts),*])),
        lower: ours!(match self { #(#lower,)* }),
        lift: ours! {
            match repr.tag {
                #(#lift,)*
                tag => #lcr::bad_tag(#name, tag),
            }
        },
        repr,
    }
}

/// A `#[repr(C)]` struct with a type parameter for each field.
fn declare(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let slots: Vec<_> = fields.iter().map(|field| &field.slot).collect();
    let parameters: Vec<_> = slots.iter().map(|slot| local(&slot.to_string().to_uppercase())).collect();
    ours! {
        #[doc(hidden)]
        #[repr(C)]
        #[derive(::core::clone::Clone, ::core::marker::Copy)]
        pub struct #shadow<#(#parameters),*> { #(#slots: #parameters),* }
    }
}

/// The shadow of these very fields.
fn shadow_of(shadow: &Ident, fields: &[Field]) -> TokenStream {
    let lcr = private();
    let types = fields.iter().map(|field| &field.ty);
    ours!(#shadow<#(#lcr::Repr<#types>),*>)
}

/// The parts of a shape: each field, at the place that `at` gives to `offset_of!`.
fn describe(fields: &[Field], at: impl Fn(&Ident) -> TokenStream) -> Vec<TokenStream> {
    let lcr = private();
    let describe = |field: &Field| {
        let (name, at, ty) = (field.name(), at(&field.slot), &field.ty);
        ours! {
            #lcr::Part {
                name: #name,
                at: ::core::mem::offset_of!(#at) as i64,
                shape: <#ty as #lcr::Abi>::SHAPE,
            }
        }
    };
    fields.iter().map(describe).collect()
}

fn describe_variant(value: &Value, variant: &Variant, payload: Option<(&Ident, &TokenStream)>) -> TokenStream {
    let lcr = private();
    let name = variant.ident.unraw().to_string();
    let at = discriminant(value, &variant.discriminant);
    let (payload, parts) = match payload {
        None => (ours!(()), Vec::new()),
        Some((place, payload)) => {
            (payload.clone(), describe(&variant.fields, |slot| ours!(#lcr::Payload<Self>, #place.#slot)))
        }
    };
    ours! {
        #lcr::Part {
            name: #name,
            at: #at,
            shape: &#lcr::Shape::of::<#payload>(#lcr::Kind::Variant, #name, &[#(#parts),*]),
        }
    }
}

fn discriminant(value: &Value, discriminant: &Discriminant) -> TokenStream {
    let further = Literal::usize_unsuffixed(discriminant.further);
    let Some(base) = &discriminant.base else { return ours!(#further) };
    let ty = value.discriminant_type();
    let further = (discriminant.further > 0).then(|| ours!(+ #further));
    ours! {{
        const __LCR_BASE: #ty = #base;
        __LCR_BASE as i64 #further
    }}
}
