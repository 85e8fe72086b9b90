//! What `#[lcr::interface]` knows of a trait, in our own words.
//!
//! Reading refuses only the absence of an option that an interface cannot do without. Whatever
//! else the author wrote has a place here, and [`check`](super::check) judges it afterwards.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, FnArg, Generics, ItemTrait, Lifetime, Pat, PatType, Path, PathArguments, Receiver, ReturnType,
    Signature, TraitItem, TraitItemFn, Type, TypeReference, TypeTraitObject, ext::IdentExt as _, parse_quote,
};

use crate::{
    lifetimes::with_elided_lifetimes,
    options::{Spanned, table::InterfaceOptions},
    refusal::Refusals,
    tokens::{crate_path, local},
    types::{first_unverified, is_callable, peel},
};

/// A trait that is to be an interface.
pub(crate) struct Interface {
    /// The crate whose door generated code names.
    pub(crate) lcr: Path,
    /// The name by which hosts and components find each other; empty if it was refused.
    pub(crate) name: String,
    /// `None` if it was refused.
    pub(crate) version: Option<u32>,
    /// Older versions whose handles this one serves.
    pub(crate) replaces: Vec<Spanned<u64>>,
    /// Interfaces that every implementation needs.
    pub(crate) deps: Vec<Path>,
    /// The trait as written.
    pub(crate) item: ItemTrait,
    pub(crate) methods: Vec<Method>,
}

/// A method.
pub(crate) struct Method {
    /// Its place in the table.
    pub(crate) number: usize,
    /// As written.
    pub(crate) item: TraitItemFn,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) result: Type,
    pub(crate) has_default: bool,
    /// Whether it is an `async fn`.
    pub(crate) is_async: bool,
}

/// An argument behind the receiver.
pub(crate) struct Argument {
    /// As written, or a name of ours for `_`.
    pub(crate) name: Ident,
    /// As written.
    pub(crate) pattern: PatType,
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
}

/// How an argument crosses.
pub(crate) enum Passing {
    /// As an `Abi` value.
    Value,
    /// `&dyn Fn(..)`, for the length of the call.
    Borrowed(Callback),
    /// `Box<dyn Fn(..) + Send>`.
    Boxed(Callback),
}

/// The signature of a callback.
pub(crate) struct Callback {
    /// The trait object as written.
    pub(crate) object: TypeTraitObject,
    /// `Fn`, `FnMut` or `FnOnce`.
    pub(crate) flavour: Ident,
    /// Of the reference to it, if there is one.
    pub(crate) mutable: bool,
    /// Likewise.
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) arguments: Vec<Type>,
    pub(crate) result: Type,
}

impl Interface {
    pub(crate) fn read(options: InterfaceOptions, item: ItemTrait, refusals: &mut Refusals) -> Interface {
        let methods = item
            .items
            .iter()
            .filter_map(|item| match item {
                TraitItem::Fn(method) => Some(method),
                _ => None,
            })
            .enumerate()
            .map(|(number, method)| Method::read(number, method))
            .collect();
        let name = options.name.required::<InterfaceOptions>("name", refusals);
        let version = options.version.required::<InterfaceOptions>("version", refusals);
        Interface {
            lcr: crate_path(options.lcr.given(), "lcr"),
            name: name.map_or_else(String::new, |name| name.value.0),
            version: version.map(|version| version.value),
            replaces: options.replaces.given().unwrap_or_default(),
            deps: options.deps.given().unwrap_or_default(),
            item,
            methods,
        }
    }
}

impl Method {
    fn read(number: usize, item: &TraitItemFn) -> Method {
        let arguments = item.sig.inputs.iter().enumerate().filter_map(|(place, input)| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(Argument {
                name: name_of(&argument.pat).unwrap_or_else(|| local(&format!("argument{place}"))),
                pattern: argument.clone(),
                ty: (*argument.ty).clone(),
                passing: Passing::read(&argument.ty),
            }),
        });
        Method {
            number,
            arguments: arguments.collect(),
            result: result_of(&item.sig.output),
            has_default: item.default.is_some(),
            is_async: item.sig.asyncness.is_some(),
            item: item.clone(),
        }
    }

    pub(crate) fn ident(&self) -> &Ident {
        &self.item.sig.ident
    }

    /// The first type of the signature of which only the compiler can tell whether it is a value.
    pub(crate) fn first_unverified(&self) -> Option<&Type> {
        let values = self.arguments.iter().filter(|argument| matches!(argument.passing, Passing::Value));
        first_unverified(values.map(|argument| &argument.ty).chain([&self.result]))
    }

    /// Where the compiler reports what is wrong with the method's generated code.
    pub(crate) fn place(&self) -> Span {
        self.ident().span().resolved_at(Span::mixed_site())
    }

    /// The name by which it is linked.
    pub(crate) fn name(&self) -> String {
        self.ident().unraw().to_string()
    }

    pub(crate) fn signature(&self) -> &Signature {
        &self.item.sig
    }

    pub(crate) fn generics(&self) -> &Generics {
        &self.item.sig.generics
    }

    pub(crate) fn receiver(&self) -> Option<&Receiver> {
        self.item.sig.receiver()
    }

    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.item.attrs
    }
}

impl Passing {
    fn read(ty: &Type) -> Passing {
        match peel(ty) {
            Type::Reference(reference) => match peel(&reference.elem) {
                Type::TraitObject(object) => match Callback::read(object, Some(reference)) {
                    Some(callback) => Passing::Borrowed(callback),
                    None => Passing::Value,
                },
                _ => Passing::Value,
            },
            Type::Path(path) if path.qself.is_none() => {
                match boxed_object(&path.path).and_then(|object| Callback::read(object, None)) {
                    Some(callback) => Passing::Boxed(callback),
                    None => Passing::Value,
                }
            }
            _ => Passing::Value,
        }
    }
}

impl Callback {
    fn read(object: &TypeTraitObject, lent: Option<&TypeReference>) -> Option<Callback> {
        let bound = object.bounds.iter().find(|bound| is_callable(bound))?;
        let syn::TypeParamBound::Trait(bound) = bound else { return None };
        let segment = bound.path.segments.last()?;
        let PathArguments::Parenthesized(signature) = &segment.arguments else { return None };
        Some(Callback {
            object: object.clone(),
            flavour: segment.ident.clone(),
            mutable: lent.is_some_and(|reference| reference.mutability.is_some()),
            lifetime: lent.and_then(|reference| reference.lifetime.clone()),
            arguments: signature
                .inputs
                .iter()
                .map(|input| with_elided_lifetimes(&input.ty, bound.lifetimes.as_ref()))
                .collect(),
            result: result_of(&signature.output),
        })
    }
}

/// The trait object in `Box<dyn Trait>`.
fn boxed_object(path: &Path) -> Option<&TypeTraitObject> {
    let last = path.segments.last().filter(|last| last.ident == "Box")?;
    let PathArguments::AngleBracketed(list) = &last.arguments else { return None };
    match list.args.first()? {
        syn::GenericArgument::Type(ty) => match peel(ty) {
            Type::TraitObject(object) => Some(object),
            _ => None,
        },
        _ => None,
    }
}

/// The name in a pattern that is `name` or `mut name`.
pub(crate) fn name_of(pattern: &Pat) -> Option<Ident> {
    match pattern {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => Some(name.ident.clone()),
        _ => None,
    }
}

/// The result type, which may be left out.
pub(super) fn result_of(output: &ReturnType) -> Type {
    match output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, ty) => (**ty).clone(),
    }
}
