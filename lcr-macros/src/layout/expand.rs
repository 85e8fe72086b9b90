//! What an accepted type becomes, and the stub of a refused one.

use proc_macro2::TokenStream;
use syn::{Generics, parse_quote};

use super::{attributes::is_inert, itself::Itself};
use crate::{
    refusal::Refusals,
    tokens::{import, local, of_layout, ours, private},
    value::{
        fields,
        model::{Body, Field, Value, Variant},
        variants::discriminant,
    },
};

/// How many fields the probe has: in their order by chance in one of 12! layouts.
const PROBES: usize = 12;

/// The impl of `Layout`, and what stands beside it.
pub(crate) fn expand(value: &Value) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let mut itself = Itself::new(value);
    let (kind, parts, proof) = match &value.body {
        Body::Struct(fields) => (local("Struct"), describe(fields, &mut itself, true), prove(fields, &mut itself)),
        Body::Enum(variants) => {
            let parts = variants.iter().map(|variant| describe_variant(value, variant, &mut itself)).collect();
            (local("Enum"), parts, prove_variants(variants, &mut itself))
        }
        // Refused before.
        Body::Union(_) => return TokenStream::new(),
    };
    let fields: Vec<_> =
        value.fields().into_iter().map(|field| of_layout(&itself.marked(&field.ty), "MEMORY")).collect();
    let ident = &value.ident;
    let generics = with_bounds(value);
    let (parameters, arguments, clause) = generics.split_for_impl();
    let name = name(value);
    let mark = itself.declare(&generics, &name);
    let (probe, is_fixed) = match value.attributes.iter().all(is_inert) {
        true => (probe(), ours!(__LCR_IS_FIXED)),
        false => (TokenStream::new(), ours!(false)),
    };
    ours! {
        #[allow(deprecated, private_bounds, unreachable_code, unreachable_patterns)]
        const _: () = {
            #import
            #probe
            #mark
            // SAFETY: the compiler says where each field is and how large everything is, and proves that every field is
            // described, by its type.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Layout for #ident #arguments #clause {
                type Itself = Self;
                const MEMORY: #lcr::InMemory = {
                    let _ = |it: &Self| { #proof };
                    #lcr::InMemory::of::<Self>(#lcr::Kind::#kind, #name, &[#(#parts),*], &[#(&#fields),*], #is_fixed)
                };
            }
        };
    }
}

/// An impl that other code may refer to, so that the messages in `refusals` are the only ones.
pub(crate) fn stub(value: &Value, refusals: &Refusals) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let ident = &value.ident;
    let generics = with_bounds(value);
    let (parameters, arguments, clause) = generics.split_for_impl();
    let is_static = value.generics.lifetimes().next().is_none();
    let stub = is_static.then(|| {
        ours! {
            const _: () = {
                #import
                #[automatically_derived]
                unsafe impl #parameters #lcr::Layout for #ident #arguments #clause {
                    type Itself = Self;
                    const MEMORY: #lcr::InMemory = #lcr::InMemory::opaque::<()>("");
                }
            };
        }
    });
    ours!(#refusals #stub)
}

/// The name by which the description calls the type. Not all that `#[repr(..)]` does is seen in offsets.
fn name(value: &Value) -> String {
    let repr = value.repr_text();
    if repr.is_empty() { value.name() } else { format!("{} {repr}", value.name()) }
}

fn with_bounds(value: &Value) -> Generics {
    let lcr = private();
    let mut generics = value.generics.clone();
    for parameter in generics.type_params_mut() {
        let ident = parameter.ident.clone();
        parameter.bounds.push(parse_quote!(#lcr::Layout<Itself = #ident>));
    }
    generics
}

fn describe(fields: &[Field], itself: &mut Itself<'_>, has_offsets: bool) -> Vec<TokenStream> {
    let lcr = private();
    let describe = |field: &Field| {
        let (name, member, memory) = (field.name(), &field.member, of_layout(&itself.marked(&field.ty), "MEMORY"));
        let at = if has_offsets { ours!(::core::mem::offset_of!(Self, #member) as i64) } else { ours!(0) };
        ours!(#lcr::Part::new(#name, #at, #memory.shape()))
    };
    fields.iter().map(describe).collect()
}

fn describe_variant(value: &Value, variant: &Variant, itself: &mut Itself<'_>) -> TokenStream {
    let lcr = private();
    let name = syn::ext::IdentExt::unraw(&variant.ident).to_string();
    let (at, parts) = (discriminant(value, &variant.discriminant), describe(&variant.fields, itself, false));
    ours!(#lcr::Part::new(#name, #at, &#lcr::Shape::of::<()>(#lcr::Kind::Variant, #name, &[#(#parts),*])))
}

/// Proves, of a struct `it`, that these are its fields and that each has the type that is described.
fn prove(fields: &[Field], itself: &mut Itself<'_>) -> TokenStream {
    let members = fields.iter().map(|field| &field.member);
    let proofs = fields.iter().map(|field| {
        let member = &field.member;
        prove_type(field, itself, &ours!(&raw const it.#member))
    });
    ours!(let Self { #(#members: _),* } = it; #(#proofs)*)
}

/// Proves the same of the variants of an enum `it`.
fn prove_variants(variants: &[Variant], itself: &mut Itself<'_>) -> TokenStream {
    let arms = variants.iter().map(|variant| {
        let ident = &variant.ident;
        let (members, slots) = (fields::members(&variant.fields), fields::slots(&variant.fields));
        let proofs = variant.fields.iter().zip(&slots).map(|(field, slot)| prove_type(field, itself, &ours!(#slot)));
        ours!(Self::#ident { #(#members: #slots),* } => { #(#proofs)* })
    });
    ours!(match it { #(#arms)* })
}

/// `Itself` has a size, so the pointer is not coerced to one of another type.
fn prove_type(field: &Field, itself: &mut Itself<'_>, pointer: &TokenStream) -> TokenStream {
    let described = of_layout(&itself.marked(&field.ty), "Itself");
    ours!(let _: *const #described = #pointer;)
}

/// A struct whose fields the compiler leaves in their order, unless it is told to lay out types at random.
fn probe() -> TokenStream {
    let fields: Vec<_> = (0..PROBES).map(|number| local(&format!("f{number}"))).collect();
    let places = 0..PROBES;
    ours! {
        #[allow(dead_code)]
        struct __LcrProbe { #(#fields: u8),* }
        const __LCR_IS_FIXED: bool = true #(&& ::core::mem::offset_of!(__LcrProbe, #fields) == #places)*;
    }
}
