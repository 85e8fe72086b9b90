//! What a type in a signature or field may be made of, as far as its spelling tells.
//!
//! The compiler decides whether it is an `Abi` type. [`check_type`] refuses what would otherwise
//! pass, or what the compiler would refuse with a message that does not help: references that
//! outlive their call, pointers without an owner, `Self`, and trait objects.

use syn::{GenericArgument, Ident, Lifetime, Path, PathArguments, Type, TypeReference};

use crate::refusal::Refusals;

/// Where a type stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An argument of a method.
    Argument,
    /// The result of a method or callback.
    Result,
    /// An argument of a callback.
    CallbackArgument,
    /// A field of a struct or variant.
    Field,
}

/// Refuses everything in `ty` that cannot cross at `place`.
pub(crate) fn check_type(ty: &Type, place: Place, refusals: &mut Refusals) {
    match peel(ty) {
        Type::Array(array) => check_type(&array.elem, place, refusals),
        Type::Slice(slice) => check_type(&slice.elem, place, refusals),
        Type::Tuple(tuple) => tuple.elems.iter().for_each(|elem| check_type(elem, place, refusals)),
        Type::Reference(reference) => check_reference(reference, place, refusals),
        Type::Path(path) => {
            if let Some(qself) = &path.qself {
                check_type(&qself.ty, place, refusals);
            }
            check_path(&path.path, place, refusals);
        }
        Type::Ptr(_) => refusals.refuse(
            ty,
            "a raw pointer is refused: it says neither who owns nor who frees; pass a value, a slice or `lcr::Bytes`",
        ),
        Type::FnPtr(_) => refusals.refuse(
            ty,
            "a function pointer is refused: its image may be unmapped while the pointer is held; \
             take `&dyn Fn(..)` or `Box<dyn Fn(..) + Send>`",
        ),
        Type::ImplTrait(object)
            if place == Place::Result && object.bounds.iter().any(|bound| is_trait(bound, "Future")) =>
        {
            refusals.refuse(ty, "`impl Future` is refused: an `async fn` is the same; write `async fn`");
        }
        Type::ImplTrait(_) if place == Place::Result => refusals.refuse(
            ty,
            "`impl Trait` is refused: a method has one C function; name a concrete type. \
             A method may be an `async fn`, or return `impl Stream<Item = T> + Send`",
        ),
        Type::ImplTrait(_) => refusals.refuse(
            ty,
            "`impl Trait` is refused: a method has one C function; name a concrete type, \
             or for a callback take `&dyn Fn(..)` or `Box<dyn Fn(..) + Send>`",
        ),
        Type::TraitObject(object) if object.bounds.iter().any(is_callable) => refusals.refuse(
            ty,
            "a callback is refused here: it must be an argument of its own, \
             `&dyn Fn(..)` or `Box<dyn Fn(..) + Send>`",
        ),
        Type::TraitObject(object) if object.bounds.iter().any(|bound| is_trait(bound, "Stream")) => {
            refusals.refuse(ty, BOXED_STREAM);
        }
        Type::TraitObject(_) => refusals.refuse(
            ty,
            "a trait object is refused: its vtable is known to one compiler only; \
             put `#[lcr::interface]` on the trait and pass `lcr::Handle<dyn Trait>`",
        ),
        _ => refusals.refuse(ty, "this type is refused: what crosses must be spelt out; name a concrete type"),
    }
}

const BOXED_STREAM: &str = "a boxed stream is refused: its vtable is known to one compiler only; \
                             return `impl Stream<Item = T> + Send`";

fn check_reference(reference: &TypeReference, place: Place, refusals: &mut Refusals) {
    if place == Place::Result {
        refusals.refuse(
            reference,
            "a reference in a result is refused: what it points into may be replaced or unloaded while it is held; \
             return an owned value, such as `String`, `Vec<T>` or `lcr::Bytes`",
        );
        return;
    }
    if let Some(lifetime) = &reference.lifetime {
        check_lifetime(lifetime, place, refusals);
    }
    match peel(&reference.elem) {
        Type::Slice(_) | Type::TraitObject(_) => {}
        _ if reference.mutability.is_some() => refusals.refuse(
            reference,
            "`&mut T` is refused: only `&mut [T]` has a layout that both sides share; \
             return the new value, or take `&mut [T]`",
        ),
        _ => {}
    }
    check_type(&reference.elem, place, refusals);
}

fn check_path(path: &Path, place: Place, refusals: &mut Refusals) {
    if path.segments[0].ident == "Self" {
        refusals.refuse(
            path,
            match place {
                Place::Field => {
                    "a type that contains itself is refused: its shape would have no end; \
                     wrap the inner value as `lcr::Serde<..>`, or keep a list of nodes that name each other by index"
                }
                _ => "`Self` in a signature is refused: the caller and the component have different types for it; name a concrete type",
            },
        );
    }
    for segment in &path.segments {
        if place == Place::Result && (segment.ident == "BoxStream" || segment.ident == "LocalBoxStream") {
            refusals.refuse(path, BOXED_STREAM);
            return;
        }
        match &segment.arguments {
            PathArguments::None => {}
            PathArguments::Parenthesized(_) => {
                refusals.refuse(segment, "a bare `Fn(..)` is refused; take `&dyn Fn(..)` or `Box<dyn Fn(..) + Send>`");
            }
            PathArguments::AngleBracketed(list) => {
                for argument in &list.args {
                    match argument {
                        GenericArgument::Lifetime(lifetime) => check_lifetime(lifetime, place, refusals),
                        // Whether `Handle<dyn Journal>` is a value, the bound `Abi` decides.
                        GenericArgument::Type(Type::TraitObject(object))
                            if !object.bounds.iter().any(is_callable) && !is_pointer(&segment.ident) => {}
                        GenericArgument::Type(ty) => check_type(ty, place, refusals),
                        _ => {}
                    }
                }
            }
        }
    }
}

/// Refuses a lifetime that lasts longer than what crosses at `place`.
pub(crate) fn check_lifetime(lifetime: &Lifetime, place: Place, refusals: &mut Refusals) {
    let message = match place {
        Place::Result => {
            "a lifetime in a result is refused: what it borrows from may be replaced or unloaded while it is held; \
             return an owned value"
        }
        _ if lifetime.ident == "static" => {
            "`'static` is refused: the memory of another image need not stay; \
             leave the lifetime out, or pass an owned value"
        }
        Place::CallbackArgument if lifetime.ident != "_" => {
            "a named lifetime in a callback is refused: its arguments are lent for the length of its call; \
             leave the lifetime out"
        }
        _ => return,
    };
    refusals.refuse(lifetime, message);
}

/// Whether a type of this name owns a trait object with its compiler's vtable.
fn is_pointer(name: &Ident) -> bool {
    ["Box", "Arc", "Rc"].iter().any(|pointer| name == pointer)
}

/// Whether a bound of a trait object is `Fn(..)`, `FnMut(..)` or `FnOnce(..)`.
pub(crate) fn is_callable(bound: &syn::TypeParamBound) -> bool {
    let syn::TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|last| matches!(last.arguments, PathArguments::Parenthesized(_)))
}

/// Whether a bound is the trait `name`, under any path.
fn is_trait(bound: &syn::TypeParamBound, name: &str) -> bool {
    let syn::TypeParamBound::Trait(bound) = bound else { return false };
    bound.path.segments.last().is_some_and(|last| last.ident == name)
}

/// The type within parentheses and invisible groups.
pub(crate) fn peel(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Paren(paren) => &paren.elem,
            Type::Group(group) => &group.elem,
            _ => return ty,
        }
    }
}

/// Whether `ty` mentions the type `name` in a way that makes `name` contain itself.
pub(crate) fn mentions<'a>(ty: &'a Type, name: &Ident) -> Option<&'a Path> {
    match peel(ty) {
        Type::Array(array) => mentions(&array.elem, name),
        Type::Slice(slice) => mentions(&slice.elem, name),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(|elem| mentions(elem, name)),
        Type::Reference(reference) => mentions(&reference.elem, name),
        Type::Path(path) if path.qself.is_none() => {
            let mut segments = path.path.segments.iter();
            if path.path.segments.len() == 1 && path.path.segments[0].ident == *name {
                return Some(&path.path);
            }
            segments.find_map(|segment| match &segment.arguments {
                PathArguments::AngleBracketed(list) => list.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(ty) => mentions(ty, name),
                    _ => None,
                }),
                _ => None,
            })
        }
        _ => None,
    }
}

/// The first of `types` of which only the compiler can tell whether it is a value.
pub(crate) fn first_unverified<'a>(types: impl IntoIterator<Item = &'a Type>) -> Option<&'a Type> {
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
