//! Enums: a tag, and a union of the variants' shadows if any variant has fields.

use proc_macro2::{Ident, Literal, TokenStream};
use syn::ext::IdentExt as _;

use super::{
    expand::{ImplParts, shape},
    fields,
    model::{Discriminant, Value, Variant},
};
use crate::tokens::{local, ours, private};

/// An enum without fields: its tag, the variant's place in the source.
pub(super) fn tags_only(value: &Value, variants: &[Variant]) -> ImplParts {
    let lcr = private();
    let name = value.name();
    let idents: Vec<_> = variants.iter().map(|variant| &variant.ident).collect();
    let tags: Vec<_> = (0..variants.len()).map(Literal::usize_unsuffixed).collect();
    let parts: Vec<_> = variants.iter().map(|variant| describe(value, variant, &ours!(()), &[])).collect();
    ImplParts {
        shadow: TokenStream::new(),
        repr: ours!(u32),
        shape: shape(value, "Enum", &parts),
        lower: ours!(match self { #(Self::#idents { .. } => #tags),* }),
        lift: ours! {
            match repr {
                #(#tags => Self::#idents {},)*
                tag => #lcr::bad_tag(#name, tag),
            }
        },
    }
}

/// An enum of which some variant has fields.
pub(super) fn tagged(value: &Value, variants: &[Variant]) -> ImplParts {
    let lcr = private();
    let name = value.name();
    let union = local(&format!("__{name}Payload"));
    let arms: Vec<_> =
        variants.iter().enumerate().map(|(tag, variant)| Arm::new(value, tag, variant, &union)).collect();
    let loaded: Vec<_> = arms.iter().filter_map(|arm| arm.load.as_ref()).collect();
    let shadows = loaded.iter().map(|load| &load.declaration);
    let slots: Vec<_> = loaded.iter().map(|load| &load.slot).collect();
    let shadow_types = loaded.iter().map(|load| &load.shadow);
    let parameters: Vec<_> = slots.iter().map(|slot| local(&slot.to_string().to_uppercase())).collect();
    let parts: Vec<_> = arms.iter().map(|arm| arm.part.clone()).collect();
    let lower = arms.iter().map(|arm| &arm.lower);
    let lift = arms.iter().map(|arm| &arm.lift);
    ImplParts {
        shadow: ours! {
            #(#shadows)*
            #[doc(hidden)]
            #[repr(C)]
            #[derive(::core::clone::Clone, ::core::marker::Copy)]
            pub union #union<#(#parameters: ::core::marker::Copy),*> { #(#slots: #parameters),* }
        },
        repr: ours!(#lcr::Tagged<#union<#(#shadow_types),*>>),
        shape: shape(value, "Enum", &parts),
        lower: ours!(match self { #(#lower,)* }),
        lift: ours! {
            match repr.tag {
                #(#lift,)*
                tag => #lcr::bad_tag(#name, tag),
            }
        },
    }
}

/// What one variant contributes.
struct Arm {
    part: TokenStream,
    /// Its arm in `into_repr`.
    lower: TokenStream,
    /// Its arm in `from_repr`.
    lift: TokenStream,
    /// `None` for a variant without fields.
    load: Option<Load>,
}

/// A variant's fields in the union.
struct Load {
    slot: Ident,
    shadow: TokenStream,
    declaration: TokenStream,
}

impl Arm {
    fn new(value: &Value, tag: usize, variant: &Variant, union: &Ident) -> Arm {
        let lcr = private();
        let (ident, number) = (&variant.ident, Literal::usize_unsuffixed(tag));
        if variant.fields.is_empty() {
            return Arm {
                part: describe(value, variant, &ours!(()), &[]),
                lower: ours!(Self::#ident { .. } => #lcr::Tagged::bare(#number)),
                lift: ours!(#number => Self::#ident {}),
                load: None,
            };
        }
        let name = local(&format!("__{}Repr{tag}", value.name()));
        let slot = local(&format!("v{tag}"));
        let shadow = fields::shadow(&name, &variant.fields);
        let parts = fields::describe(&variant.fields, |field| ours!(#lcr::Payload<Self>, #slot.#field));
        let (members, slots) = (fields::members(&variant.fields), fields::slots(&variant.fields));
        let (lowered, lifted) = (fields::lower(&variant.fields), fields::lift(&variant.fields, &ours!(fields)));
        Arm {
            part: describe(value, variant, &shadow, &parts),
            lower: ours! {
                Self::#ident { #(#members: #slots),* } => #lcr::Tagged::with(
                    #number,
                    #union { #slot: #name { #(#slots: #lowered),* } },
                )
            },
            lift: ours! {
                #number => unsafe {
                    let fields = repr.payload.assume_init().#slot;
                    Self::#ident { #(#members: #lifted),* }
                }
            },
            load: Some(Load { slot, shadow, declaration: fields::declare(&name, &variant.fields) }),
        }
    }
}

fn describe(value: &Value, variant: &Variant, shadow: &TokenStream, parts: &[TokenStream]) -> TokenStream {
    let lcr = private();
    let name = variant.ident.unraw().to_string();
    let at = discriminant(value, &variant.discriminant);
    let shape = ours!(&#lcr::Shape::of::<#shadow>(#lcr::Kind::Variant, #name, &[#(#parts),*]));
    ours!(#lcr::Part::new(#name, #at, #shape))
}

/// The number of a variant, as an expression: its 64 bits, whatever its sign. Descriptions in memory refuse types of
/// more.
pub(crate) fn discriminant(value: &Value, discriminant: &Discriminant) -> TokenStream {
    let further = Literal::usize_unsuffixed(discriminant.further);
    let Some(base) = &discriminant.base else { return ours!(#further) };
    let ty = value.discriminant_type();
    // The sum is one of the type's, as the compiler counts; a `u64` above `i64::MAX` would have no room for more.
    let number = if discriminant.further > 0 { ours!((__LCR_BASE + #further)) } else { ours!(__LCR_BASE) };
    ours! {{
        const __LCR_BASE: #ty = #base;
        #number as i64
    }}
}
