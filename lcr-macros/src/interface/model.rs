//! What `#[lcr::interface]` knows of a trait, in our own words.
//!
//! Reading refuses only the absence of an option that an interface cannot do without. Whatever
//! else the author wrote has a place here, and [`check`](super::check) judges it afterwards.

use proc_macro2::{Ident, Span};
use syn::{
    Attribute, FnArg, GenericArgument, Generics, ItemTrait, Lifetime, Pat, PatType, Path, PathArguments, PathSegment,
    Receiver, ReturnType, Signature, TraitItem, TraitItemFn, Type, TypeImplTrait, TypeParamBound, TypeReference,
    TypeTraitObject, ext::IdentExt as _, parse_quote, parse_quote_spanned, spanned::Spanned as _,
};

use crate::{
    lifetimes::with_elided_lifetimes,
    options::{
        Options as _, Spanned,
        table::{InterfaceOptions, MethodOptions, ValueOptions},
    },
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
    /// Whether it has functions that make patches of closures.
    pub(crate) has_patches: bool,
    /// Whether there are mocks of it.
    pub(crate) has_mocks: bool,
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
    /// The type of the result: of a future its output, and of a stream its item.
    pub(crate) result: Type,
    pub(crate) has_default: bool,
    pub(crate) returns: Returns,
    /// `#[lcr(pure)]`: a call changes nothing.
    pub(crate) is_pure: bool,
}

/// What a call of a method gives.
pub(crate) enum Returns {
    /// The result.
    Value,
    /// A future of the result, of an `async fn`.
    Future,
    /// A stream of results, as written.
    Stream(TypeImplTrait),
}

/// An argument behind the receiver.
pub(crate) struct Argument {
    /// As written, or a name of ours for `_`.
    pub(crate) name: Ident,
    /// As written.
    pub(crate) pattern: PatType,
    pub(crate) ty: Type,
    pub(crate) passing: Passing,
    /// `#[abi(secret)]`: its value must not be shown.
    pub(crate) is_secret: bool,
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
    pub(crate) fn read(options: InterfaceOptions, mut item: ItemTrait, refusals: &mut Refusals) -> Interface {
        let methods = item
            .items
            .iter()
            .filter_map(|item| match item {
                TraitItem::Fn(method) => Some(method),
                _ => None,
            })
            .enumerate()
            .map(|(number, method)| Method::read(number, method, refusals))
            .collect();
        item.items.iter_mut().for_each(|inner| {
            if let TraitItem::Fn(method) = inner {
                take_notes(method);
            }
        });
        let name = options.name.required::<InterfaceOptions>("name", refusals);
        let version = options.version.required::<InterfaceOptions>("version", refusals);
        Interface {
            lcr: crate_path(options.lcr.given(), "lcr"),
            name: name.map_or_else(String::new, |name| name.value.0),
            version: version.map(|version| version.value),
            replaces: options.replaces.given().unwrap_or_default(),
            deps: options.deps.given().unwrap_or_default(),
            has_patches: options.patches.is_given(),
            has_mocks: options.mocks.is_given(),
            item,
            methods,
        }
    }
}

impl Method {
    fn read(number: usize, item: &TraitItemFn, refusals: &mut Refusals) -> Method {
        let is_pure = MethodOptions::read_helpers("lcr", &item.attrs, refusals).pure.is_given();
        let arguments = item.sig.inputs.iter().enumerate().filter_map(|(place, input)| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(argument) => Some(Argument {
                name: name_of(&argument.pat).unwrap_or_else(|| local(&format!("argument{place}"))),
                pattern: argument.clone(),
                ty: (*argument.ty).clone(),
                passing: Passing::read(&argument.ty),
                is_secret: ValueOptions::read_helpers("abi", &argument.attrs, refusals).secret.is_given(),
            }),
        });
        let arguments = arguments.collect();
        let mut item = item.clone();
        take_notes(&mut item);
        let result = result_of(&item.sig.output);
        let (result, returns) = match stream_of(&result) {
            Some((stream, item)) => {
                (item.cloned().unwrap_or_else(|| parse_quote!(())), Returns::Stream(stream.clone()))
            }
            None if item.sig.asyncness.is_some() => (result, Returns::Future),
            None => (result, Returns::Value),
        };
        Method { number, arguments, result, has_default: item.default.is_some(), returns, is_pure, item }
    }

    /// Whether its calls go on between polls.
    pub(crate) fn is_polled(&self) -> bool {
        !matches!(self.returns, Returns::Value)
    }

    /// The type of what crosses when a call, or a poll of it, has something to give.
    pub(crate) fn value(&self) -> Type {
        let result = &self.result;
        match self.returns {
            Returns::Value | Returns::Future => result.clone(),
            // The end is `None`.
            Returns::Stream(_) => parse_quote_spanned!(result.span()=> ::core::option::Option<#result>),
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

/// Takes away the attributes that the compiler does not know: they are read already.
fn take_notes(method: &mut TraitItemFn) {
    method.attrs.retain(|attribute| !attribute.path().is_ident("lcr"));
    for input in &mut method.sig.inputs {
        if let FnArg::Typed(argument) = input {
            argument.attrs.retain(|attribute| !attribute.path().is_ident("abi"));
        }
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
        let TypeParamBound::Trait(bound) = bound else { return None };
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
        GenericArgument::Type(ty) => match peel(ty) {
            Type::TraitObject(object) => Some(object),
            _ => None,
        },
        _ => None,
    }
}

/// The `impl Stream<Item = T>` that `result` is, and its `T` if it is given.
fn stream_of(result: &Type) -> Option<(&TypeImplTrait, Option<&Type>)> {
    let Type::ImplTrait(stream) = peel(result) else { return None };
    let last = stream.bounds.iter().find_map(stream_segment)?;
    let item = match &last.arguments {
        PathArguments::AngleBracketed(list) => list.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(item) if item.ident == "Item" => Some(&item.ty),
            _ => None,
        }),
        _ => None,
    };
    Some((stream, item))
}

/// The segment `Stream<..>` of a bound that is the trait of this name.
pub(super) fn stream_segment(bound: &TypeParamBound) -> Option<&PathSegment> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    bound.path.segments.last().filter(|last| last.ident == "Stream")
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
