//! What an accepted type becomes, and the stub of a refused one.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote_spanned};
use syn::{Generics, Type, parse_quote, spanned::Spanned as _, visit_mut::VisitMut};

use crate::{
    refusal::Refusals,
    tokens::{import, local, ours, private},
    value::{
        model::{Body, Field, Value, Variant},
        variants::discriminant,
    },
};

/// How many fields the probe beside an enum has: in their order by chance in one of 12! layouts.
const PROBES: usize = 12;

/// The impl of `Layout`, and what stands beside it.
pub(crate) fn expand(value: &Value) -> TokenStream {
    let (lcr, import) = (private(), import(&value.lcr));
    let mut own = Again::new(value);
    let (kind, parts) = match &value.body {
        Body::Struct(fields) => (local("Struct"), describe(fields, &mut own, true)),
        Body::Enum(variants) => {
            let parts = variants.iter().map(|variant| describe_variant(value, variant, &mut own));
            (local("Enum"), parts.collect())
        }
        // Refused before.
        Body::Union(_) => return TokenStream::new(),
    };
    let fields: Vec<_> = value.fields().into_iter().map(|field| memory_of(&own.stand_in(&field.ty))).collect();
    let ident = &value.ident;
    let generics = with_bounds(value);
    let (parameters, arguments, clause) = generics.split_for_impl();
    let name = name(value);
    let mark = format!("^{name}");
    let (probe, is_fixed) = match &value.body {
        Body::Enum(_) => (probe(), ours!(__LCR_IS_FIXED)),
        _ => (TokenStream::new(), ours!(true)),
    };
    let recursive = own.is_used.then(|| {
        let proofs = own
            .proofs
            .iter()
            .map(|written| quote_spanned!(written.span()=> let _: fn(#written) -> #ident #arguments = |it| it;));
        ours! {
            // SAFETY: it is the name in the description.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Recursive for #ident #arguments #clause {
                const MARK: &'static str = #mark;
            }
            #[allow(dead_code, clippy::type_complexity)]
            fn __lcr_stands_for_itself #parameters() #clause { #(#proofs)* }
        }
    });
    ours! {
        #[allow(deprecated, private_bounds)]
        const _: () = {
            #import
            #probe
            // SAFETY: the compiler says where each field is and how large everything is, and every field is described.
            #[automatically_derived]
            unsafe impl #parameters #lcr::Layout for #ident #arguments #clause {
                const MEMORY: #lcr::InMemory =
                    #lcr::InMemory::of::<Self>(#lcr::Kind::#kind, #name, &[#(#parts),*], &[#(&#fields),*], #is_fixed);
            }
            #recursive
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
                    const MEMORY: #lcr::InMemory = #lcr::InMemory::opaque::<()>("");
                }
            };
        }
    });
    ours!(#refusals #stub)
}

/// The name by which the description calls the type. What `#[repr(..)]` does to an enum is not seen in offsets.
fn name(value: &Value) -> String {
    let mut name = value.name();
    if matches!(value.body, Body::Enum(_)) && !value.repr.is_empty() {
        let repr: Vec<_> = value.repr.iter().map(|path| path.to_token_stream().to_string()).collect();
        name = format!("{name} repr({})", repr.join(", "));
    }
    name
}

fn with_bounds(value: &Value) -> Generics {
    let lcr = private();
    let mut generics = value.generics.clone();
    for parameter in generics.type_params_mut() {
        parameter.bounds.push(parse_quote!(#lcr::Layout));
    }
    generics
}

fn memory_of(ty: &Type) -> TokenStream {
    let lcr = private();
    quote_spanned!(ty.span()=> <#ty as #lcr::Layout>::MEMORY)
}

fn describe(fields: &[Field], own: &mut Again<'_>, has_offsets: bool) -> Vec<TokenStream> {
    let lcr = private();
    let describe = |field: &Field| {
        let (name, member, memory) = (field.name(), &field.member, memory_of(&own.stand_in(&field.ty)));
        let at = if has_offsets { ours!(::core::mem::offset_of!(Self, #member) as i64) } else { ours!(0) };
        ours!(#lcr::Part { name: #name, at: #at, shape: #memory.shape() })
    };
    fields.iter().map(describe).collect()
}

fn describe_variant(value: &Value, variant: &Variant, own: &mut Again<'_>) -> TokenStream {
    let lcr = private();
    let name = syn::ext::IdentExt::unraw(&variant.ident).to_string();
    let (at, parts) = (discriminant(value, &variant.discriminant), describe(&variant.fields, own, false));
    ours! {
        #lcr::Part { name: #name, at: #at, shape: &#lcr::Shape::of::<()>(#lcr::Kind::Variant, #name, &[#(#parts),*]) }
    }
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

/// Puts `Again<Type>` for the type itself in the types of its fields, so that its description has an end.
///
/// Spelling finds the places. The compiler proves of each that the author's path is the type; a place that is not
/// found leaves a constant that depends on itself, which the compiler refuses.
struct Again<'a> {
    value: &'a Value,
    is_used: bool,
    /// The paths that have to be the type.
    proofs: Vec<Type>,
}

impl Again<'_> {
    fn new(value: &Value) -> Again<'_> {
        Again { value, is_used: false, proofs: Vec::new() }
    }

    fn stand_in(&mut self, ty: &Type) -> Type {
        let mut ty = ty.clone();
        self.visit_type_mut(&mut ty);
        ty
    }
}

impl VisitMut for Again<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        let Type::Path(path) = ty else { return syn::visit_mut::visit_type_mut(self, ty) };
        let segments = &path.path.segments;
        let is_alone = path.qself.is_none() && path.path.leading_colon.is_none() && segments.len() == 1;
        if !is_alone || !(segments[0].ident == "Self" || segments[0].ident == self.value.ident) {
            return syn::visit_mut::visit_type_mut(self, ty);
        }
        if segments[0].ident != "Self" {
            let text = ty.to_token_stream().to_string();
            if self.proofs.iter().all(|proof| proof.to_token_stream().to_string() != text) {
                self.proofs.push(ty.clone());
            }
        }
        self.is_used = true;
        let lcr = private();
        let written = ty.clone();
        let span: Span = written.span();
        let again = quote_spanned!(span=> #lcr::Again<#written>);
        *ty = parse_quote!(#again);
    }
}
