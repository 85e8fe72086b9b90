//! What an interface may not be.

use syn::{
    GenericArgument, GenericParam, Pat, PatType, Path, PathArguments, ReceiverKind, Safety, TraitItem, TypeImplTrait,
    TypeParamBound,
};

use super::{
    MOST_ARGUMENTS,
    model::{Callback, Interface, Method, Passing, Returns, name_of, stream_segment},
};
use crate::{
    refusal::Refusals,
    types::{Place, check_lifetime, check_type, is_callable},
};

/// Refuses everything in the trait and its options that cannot be an interface.
pub(crate) fn check(interface: &Interface, refusals: &mut Refusals) {
    check_replaces(interface, refusals);
    check_trait(interface, refusals);
    for (number, method) in interface.methods.iter().enumerate() {
        let name = method.name();
        if interface.methods[..number].iter().any(|earlier| earlier.name() == name) {
            let message = format!("two methods are called `{name}`: methods are linked by name; rename one of them");
            refusals.refuse(method.ident(), message);
        }
        check_method(method, refusals);
    }
}

fn check_replaces(interface: &Interface, refusals: &mut Refusals) {
    let Some(version) = interface.version else { return };
    for older in &interface.replaces {
        if !(1..version.into()).contains(&older.value) {
            let message = match version {
                1 => "no version is older than 1; leave `replaces` out".to_owned(),
                _ => format!("`replaces` names older versions, from 1 to {}", version - 1),
            };
            refusals.refuse_at(older.span, message);
        }
    }
}

fn check_trait(interface: &Interface, refusals: &mut Refusals) {
    let item = &interface.item;
    if let Some(unsafety) = &item.unsafety {
        refusals
            .refuse(unsafety, "an unsafe trait is refused: a loaded component can promise nothing; leave `unsafe` out");
    }
    if let Some(auto) = &item.modifiers.auto_token {
        refusals.refuse(auto, "an auto trait is refused: it has no methods to call; leave `auto` out");
    }
    if !item.generics.params.is_empty() {
        refusals.refuse(
            &item.generics,
            "a generic trait is refused: an interface has one table of functions; use concrete types in its methods",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        refusals.refuse(clause, "a where clause is refused: an interface is the same for everyone; leave it out");
    }
    for bound in &item.supertraits {
        if !is_implied(bound) {
            refusals.refuse(
                bound,
                "a supertrait other than `Send`, `Sync` and `'static` is refused: its methods would not be linked; \
                 repeat them here, or make it an interface of its own and name it in `deps(..)`",
            );
        }
    }
    for inner in &item.items {
        match inner {
            TraitItem::Fn(_) => {}
            TraitItem::Type(inner) => refusals.refuse(
                inner,
                "an associated type is refused: the caller cannot know what a loaded component chose; \
                 name a concrete type in the methods",
            ),
            TraitItem::Const(inner) => refusals.refuse(
                inner,
                "an associated constant is refused: the caller's value could differ from a loaded component's; \
                 make it a method",
            ),
            other => refusals.refuse(other, "only methods are accepted in an interface; write them out"),
        }
    }
    if item.items.is_empty() {
        refusals.refuse(
            &item.ident,
            "an interface without methods is refused: a handle on it could call nothing; add a method",
        );
    }
}

fn check_method(method: &Method, refusals: &mut Refusals) {
    let signature = method.signature();
    check_qualifiers(method, refusals);
    check_receiver(method, refusals);
    for parameter in method.generics().params.iter().filter(|it| !matches!(it, GenericParam::Lifetime(_))) {
        refusals.refuse(
            parameter,
            "a generic method is refused: it has no single C function; \
             name a concrete type, or take `lcr::Serde<T>` or bytes",
        );
    }
    if let Some(clause) = &method.generics().where_clause {
        refusals.refuse(clause, "a where clause is refused: every implementation offers every method; leave it out");
    }
    if let Some(variadic) = &signature.variadic {
        refusals
            .refuse(variadic, "variadic arguments are refused: their types are unknown; take a `Vec<T>` or a slice");
    }
    if let Some(argument) = method.arguments.get(MOST_ARGUMENTS) {
        let message = format!(
            "more than {MOST_ARGUMENTS} arguments are refused; group some of them in a struct with `#[derive(lcr::Abi)]`"
        );
        refusals.refuse(&argument.pattern, message);
    }
    for argument in &method.arguments {
        check_pattern(&argument.pattern, refusals);
        match &argument.passing {
            Passing::Value => check_type(&argument.ty, Place::Argument, refusals),
            Passing::Borrowed(callback) => {
                check_callback(callback, false, refusals);
                if method.is_polled() {
                    check_shared(callback, method, refusals);
                }
            }
            Passing::Boxed(callback) => check_callback(callback, true, refusals),
        }
    }
    if let Returns::Stream(stream) = &method.returns {
        check_stream(stream, method, refusals);
    }
    check_type(&method.result, Place::Result, refusals);
}

/// Refuses a stream that a caller could not poll on any thread, or that would promise what a handle's cannot.
fn check_stream(stream: &TypeImplTrait, method: &Method, refusals: &mut Refusals) {
    if let Some(asyncness) = &method.signature().asyncness {
        refusals.refuse(
            asyncness,
            "`async fn` with a stream is refused: a caller would wait twice; leave `async` out, since the call begins when \
             the stream is polled first",
        );
    }
    for bound in &stream.bounds {
        if let Some(segment) = stream_segment(bound) {
            let is_item_alone = match &segment.arguments {
                PathArguments::AngleBracketed(list) => {
                    list.args.len() == 1
                        && matches!(&list.args[0], GenericArgument::AssocType(item) if item.ident == "Item")
                }
                _ => false,
            };
            if !is_item_alone {
                refusals.refuse(bound, "a stream without its item is refused; write `impl Stream<Item = T> + Send`");
            }
            continue;
        }
        match bound {
            TypeParamBound::Lifetime(lifetime) => {
                if lifetime.ident == "static" {
                    refusals.refuse(
                        lifetime,
                        "a `'static` stream is refused: it borrows the handle and the arguments until it is dropped; \
                         leave the lifetime out",
                    );
                }
            }
            _ if names(bound, "Send") => {}
            _ => refusals.refuse(
                bound,
                "this bound on a stream is refused: the stream of a handle is `Send`, and borrows the handle and all \
                 arguments; write `impl Stream<Item = T> + Send`",
            ),
        }
    }
    if !stream.bounds.iter().any(|bound| names(bound, "Send")) {
        refusals.refuse(stream, "this stream is refused: each poll may run on another thread; add `+ Send`");
    }
}

fn check_qualifiers(method: &Method, refusals: &mut Refusals) {
    let signature = method.signature();
    if let Safety::Unsafe(unsafety) = &signature.safety {
        refusals.refuse(
            unsafety,
            "`unsafe fn` is refused: a caller cannot know what a later component demands; \
             make the method safe and check its arguments in it",
        );
    }
    if let Some(abi) = &signature.abi {
        refusals.refuse(abi, "an ABI is refused: every method gets a C function of its own; leave `extern` out");
    }
    for attribute in method.attributes() {
        check_condition(attribute, refusals);
    }
}

fn check_receiver(method: &Method, refusals: &mut Refusals) {
    let by_value = "`self` by value is refused: an instance is shared and stays in its slot; take `&self`";
    match method.receiver() {
        None => refusals.refuse(
            method.signature(),
            "a function without `&self` is refused: there is no instance to call it on; \
             take `&self`, or move it out of the interface",
        ),
        Some(receiver) => match &receiver.kind {
            ReceiverKind::Reference(_, _, None) => {}
            ReceiverKind::Reference(_, _, Some(_)) => refusals.refuse(
                receiver,
                "`&mut self` is refused: an instance is shared between threads; \
                 take `&self` and use interior mutability (Mutex, atomics)",
            ),
            ReceiverKind::Value => refusals.refuse(receiver, by_value),
            _ => refusals.refuse(receiver, "this receiver is refused: a handle lends its instance; write `&self`"),
        },
    }
}

fn check_pattern(argument: &PatType, refusals: &mut Refusals) {
    if name_of(&argument.pat).is_none() && !matches!(*argument.pat, Pat::Wild(_)) {
        refusals
            .refuse(&argument.pat, "a pattern is refused here: an argument needs a name; take it apart in the body");
    }
    for attribute in &argument.attrs {
        check_condition(attribute, refusals);
    }
}

fn check_condition(attribute: &syn::Attribute, refusals: &mut Refusals) {
    if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
        refusals.refuse(
            attribute,
            "conditional compilation is refused inside an interface: both sides must see the same methods; \
             put it on the trait, or make two interfaces",
        );
    }
}

fn check_callback(callback: &Callback, boxed: bool, refusals: &mut Refusals) {
    let flavour = &callback.flavour;
    if callback.mutable || flavour != "Fn" {
        let way_out = if boxed { "Box<dyn Fn(..) + Send>" } else { "&dyn Fn(..)" };
        let message = format!(
            "`{}dyn {flavour}` is refused: a callback may be called from any thread and more than once; \
             take `{way_out}` and keep what it changes in a Mutex, an atomic or a Cell",
            if callback.mutable { "&mut " } else { "" },
        );
        refusals.refuse(&callback.object, message);
    }
    if let Some(lifetime) = &callback.lifetime {
        check_lifetime(lifetime, Place::Argument, refusals);
    }
    for bound in callback.object.bounds.iter().filter(|bound| !is_callable(bound) && !is_implied(bound)) {
        refusals.refuse(bound, "this bound on a callback is refused: only `Send` and `Sync` can be kept; leave it out");
    }
    if boxed && !callback.object.bounds.iter().any(|bound| names(bound, "Send")) {
        refusals.refuse(
            &callback.object,
            "this boxed callback is refused: the instance that keeps it is shared between threads; add `+ Send`",
        );
    }
    if callback.arguments.len() > MOST_ARGUMENTS {
        let message = format!("more than {MOST_ARGUMENTS} arguments are refused; group some of them in a struct");
        refusals.refuse(&callback.object, message);
    }
    for ty in &callback.arguments {
        check_type(ty, Place::CallbackArgument, refusals);
    }
    check_type(&callback.result, Place::Result, refusals);
}

/// Refuses a function that is lent to a call which may go on on another thread, and lacks the bound for that.
fn check_shared(callback: &Callback, method: &Method, refusals: &mut Refusals) {
    if !callback.object.bounds.iter().any(|bound| names(bound, "Sync")) {
        let place = match method.returns {
            Returns::Stream(_) => "a method that returns a stream",
            Returns::Value | Returns::Future => "an `async fn`",
        };
        let message = format!(
            "this callback is refused in {place}: each poll may run on another thread; \
             take `&(dyn Fn(..) + Sync)`, or `Box<dyn Fn(..) + Send>`"
        );
        refusals.refuse(&callback.object, message);
    }
}

/// Whether every interface has this bound anyway.
fn is_implied(bound: &TypeParamBound) -> bool {
    match bound {
        TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
        _ => names(bound, "Send") || names(bound, "Sync"),
    }
}

/// Whether a bound is the marker trait `name`, bare or under `core` or `std`.
pub(super) fn names(bound: &TypeParamBound, name: &str) -> bool {
    let TypeParamBound::Trait(bound) = bound else { return false };
    if bound.maybe.is_some() || bound.lifetimes.is_some() {
        return false;
    }
    let Path { segments, .. } = &bound.path;
    let plain = segments.iter().all(|segment| matches!(segment.arguments, PathArguments::None));
    let spelt: Vec<_> = segments.iter().map(|segment| segment.ident.to_string()).collect();
    let spelt: Vec<_> = spelt.iter().map(String::as_str).collect();
    plain && matches!(spelt[..], [last] | ["core" | "std", "marker", last] if last == name)
}
