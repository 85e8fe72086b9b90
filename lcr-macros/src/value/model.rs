//! What `#[derive(Abi)]` knows of a type, in our own words.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{
    Attribute, Data, DeriveInput, Expr, Generics, Member, Path, Token, Type, ext::IdentExt as _, parse_quote,
    punctuated::Punctuated,
};

use crate::{
    options::{
        Options as _,
        table::{AbiOptions, ValueOptions},
    },
    refusal::Refusals,
    tokens::{crate_path, local, ours},
};

/// A type that is to cross.
pub(crate) struct Value {
    /// The crate whose door generated code names.
    pub(crate) lcr: Path,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) body: Body,
    /// `#[abi(plain)]`: its memory is its representation.
    pub(crate) is_plain: bool,
    /// The `#[repr(..)]` attributes.
    pub(crate) repr: Vec<Attribute>,
    /// The paths of all attributes that stand on the type while it is read.
    pub(crate) attributes: Vec<Path>,
}

pub(crate) enum Body {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
    /// Holds the keyword.
    Union(Token![union]),
}

/// A field of a struct or variant.
pub(crate) struct Field {
    /// As in the source: a name or a number.
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// Whether it mentions a type or const parameter.
    pub(crate) is_generic: bool,
    /// Its name in the shadow and its variable.
    pub(crate) slot: Ident,
    /// `#[abi(secret)]`: its value must not be shown.
    pub(crate) is_secret: bool,
}

/// A variant; its tag is its place in the list.
pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) fields: Vec<Field>,
    pub(crate) discriminant: Discriminant,
}

/// A variant's discriminant: an expression, if one was written at it or at an earlier
/// variant, and the number of variants since.
#[derive(Clone)]
pub(crate) struct Discriminant {
    pub(crate) base: Option<Expr>,
    pub(crate) further: usize,
}

impl Value {
    pub(crate) fn read(item: DeriveInput, refusals: &mut Refusals) -> Value {
        let options = AbiOptions::read_helpers("abi", &item.attrs, refusals);
        let body = match item.data {
            Data::Struct(body) => Body::Struct(read_fields(&body.fields, &item.generics, refusals)),
            Data::Enum(body) => Body::Enum(read_variants(&body.variants, &item.generics, refusals)),
            Data::Union(body) => Body::Union(body.union_token),
        };
        Value {
            ident: item.ident,
            generics: item.generics,
            body,
            is_plain: options.plain.is_given(),
            lcr: crate_path(options.lcr.given(), "lcr"),
            attributes: item.attrs.iter().map(|attribute| attribute.path().clone()).collect(),
            repr: item.attrs.into_iter().filter(|attribute| attribute.path().is_ident("repr")).collect(),
        }
    }

    /// The name by which shapes call it.
    pub(crate) fn name(&self) -> String {
        self.ident.unraw().to_string()
    }

    /// Whether a `#[repr(..)]` contains the word `name`.
    pub(crate) fn has_repr(&self, name: &str) -> bool {
        self.repr.iter().any(|attribute| mentions_any(attribute.meta.to_token_stream(), &[&local(name)]))
    }

    /// The `#[repr(..)]` attributes, as in the source.
    pub(crate) fn repr_text(&self) -> String {
        let texts: Vec<_> = self.repr.iter().map(|attribute| attribute.meta.to_token_stream().to_string()).collect();
        texts.join(" ")
    }

    /// The type of the discriminants.
    pub(crate) fn discriminant_type(&self) -> Path {
        let integers = ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
        let integer = local(integers.into_iter().find(|integer| self.has_repr(integer)).unwrap_or("isize"));
        parse_quote!(::core::primitive::#integer)
    }

    /// Every field, of a struct or of all variants.
    pub(crate) fn fields(&self) -> Vec<&Field> {
        match &self.body {
            Body::Struct(fields) => fields.iter().collect(),
            Body::Enum(variants) => variants.iter().flat_map(|variant| &variant.fields).collect(),
            Body::Union(_) => Vec::new(),
        }
    }
}

impl Field {
    /// `.secret()` behind the part that describes it, if it is.
    pub(crate) fn secrecy(&self) -> Option<TokenStream> {
        self.is_secret.then(|| ours!(.secret()))
    }

    /// The name by which shapes call it.
    pub(crate) fn name(&self) -> String {
        match &self.member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(number) => number.index.to_string(),
        }
    }
}

fn read_fields(fields: &syn::Fields, generics: &Generics, refusals: &mut Refusals) -> Vec<Field> {
    let parameters: Vec<_> = generics
        .type_params()
        .map(|parameter| &parameter.ident)
        .chain(generics.const_params().map(|parameter| &parameter.ident))
        .collect();
    let mut read = |(place, (member, field)): (usize, (Member, &syn::Field))| Field {
        member,
        ty: field.ty.clone(),
        is_generic: mentions_any(field.ty.to_token_stream(), &parameters),
        slot: local(&format!("f{place}")),
        is_secret: ValueOptions::read_helpers("abi", &field.attrs, refusals).secret.is_given(),
    };
    fields.members().zip(fields).enumerate().map(&mut read).collect()
}

fn mentions_any(tokens: TokenStream, names: &[&Ident]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.contains(&&ident),
        TokenTree::Group(group) => mentions_any(group.stream(), names),
        _ => false,
    })
}

fn read_variants(
    variants: &Punctuated<syn::Variant, Token![,]>,
    generics: &Generics,
    refusals: &mut Refusals,
) -> Vec<Variant> {
    let mut next = Discriminant { base: None, further: 0 };
    variants
        .iter()
        .map(|variant| {
            if let Some((_, written)) = &variant.discriminant {
                next = Discriminant { base: Some(written.clone()), further: 0 };
            }
            let discriminant = next.clone();
            next.further += 1;
            let fields = read_fields(&variant.fields, generics, refusals);
            Variant { ident: variant.ident.clone(), fields, discriminant }
        })
        .collect()
}
