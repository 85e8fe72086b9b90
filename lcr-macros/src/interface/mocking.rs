//! Mocks of the interface: a type for each method's signature, and the trait, implemented for the mock's object.
//!
//! An interface has them if its author asks for them (`mocks`), and if `lcr` has the feature `mock`: the code stands in
//! a macro of `lcr` that passes it on or leaves it out. What it says of arguments are two types, one for predicates and
//! one for answers, each for any lifetime: so a lifetime that hides (`Ref` for `Ref<'_>`) is an error in it.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, format_ident};
use syn::{Lifetime, Type, Visibility, parse_quote};

use super::{
    calling::{signature, this},
    model::{Argument, Interface, Method, Passing, Returns},
    serving::unspanned,
};
use crate::{
    lifetimes::with_lifetime,
    tokens::{local, ours, private},
    types::{is_primitive, peel},
};

/// Everything that makes mocks of an interface.
pub(super) fn mock(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let signatures = interface.methods.iter().map(|method| signature_type(method, &interface.item.vis));
    let beginnings = interface.methods.iter().map(beginning);
    let methods = interface.methods.iter().map(method);
    let live = interface.has_patches.then(|| live(interface));
    ours! {
        #lcr::mocks! {
            #(#signatures)*
            pub struct __LcrExpect<'__lcr>(#lcr::mocking::Expect<'__lcr>);
            #[allow(private_interfaces)]
            impl<'__lcr> __LcrExpect<'__lcr> { #(#beginnings)* }
            impl #lcr::mocking::Mockable for dyn #name + '_ {
                type Expect<'__lcr> = __LcrExpect<'__lcr>;
                fn expect(script: #lcr::mocking::Expect<'_>) -> __LcrExpect<'_> { __LcrExpect(script) }
            }
            #[automatically_derived]
            impl #name for #lcr::mocking::Object<dyn #name + '_> { #(#methods)* }
            #live
        }
    }
}

/// The layers by which a mock stands around the methods of a running component.
fn live(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let layers = interface.methods.iter().filter(|method| !method.is_polled()).map(|method| {
        let (name, called) = (unspanned(method.ident()), called(method, &ours!(LiveScript), &ours!(&script)));
        let arguments: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
        ours! {
            let script = ::core::clone::Clone::clone(&all);
            let layers = layers.#name(move |next, #(#arguments),*| match #called {
                ::core::option::Option::Some(chosen) => chosen.answer(|then| then(#(#arguments),*)),
                ::core::option::Option::None => next(#(#arguments),*),
            });
        }
    });
    ours! {
        impl #lcr::mocking::MockedLive for dyn #name + '_ {
            fn layers(all: #lcr::mocking::LiveScript) -> __LcrMethods {
                let layers = <__LcrMethods as ::core::default::Default>::default();
                #(#layers)*
                ::core::mem::drop(all);
                layers
            }
        }
    }
}

/// The method as a type. Whoever sees the trait sees it, as the functions of expectations name it.
fn signature_type(method: &Method, visibility: &Visibility) -> TokenStream {
    let lcr = private();
    let (this, name, result) = (type_name(method), method.name(), &method.result);
    let takes = format_ident!("Takes{}", method.arguments.len());
    let lifetime = lifetime();
    let result = match method.returns {
        Returns::Value | Returns::Future => ours!(#result),
        Returns::Stream(_) => ours!(#lcr::mocking::Vec<#result>),
    };
    let arguments = method.arguments.iter().enumerate().map(|(place, argument)| {
        let (seen, given) = (format_ident!("S{place}"), format_ident!("G{place}"));
        let given_type = with_lifetime(&argument.ty, &lifetime);
        let seen_type = seen_type(&argument.ty, &given_type, &lifetime);
        ours! {
            type #seen<#lifetime> = #seen_type;
            type #given<#lifetime> = #given_type;
        }
    });
    ours! {
        #visibility struct #this;
        impl #lcr::mocking::Mocked for #this {
            const NAME: &'static str = #name;
            type Result = #result;
        }
        impl #lcr::mocking::#takes for #this { #(#arguments)* }
    }
}

/// How a predicate gets an argument: as it is if it can be copied for sure, else by reference.
fn seen_type(written: &Type, given: &Type, lifetime: &Lifetime) -> Type {
    match peel(given) {
        Type::Reference(reference) if reference.mutability.is_none() => given.clone(),
        Type::Reference(reference) => {
            let behind = &reference.elem;
            parse_quote!(&#lifetime #behind)
        }
        _ if is_scalar(written) => given.clone(),
        _ => parse_quote!(&#lifetime #given),
    }
}

fn is_scalar(ty: &Type) -> bool {
    is_primitive(ty) && matches!(peel(ty), Type::Path(_))
}

/// The argument's value in that form.
fn seen(argument: &Argument) -> TokenStream {
    let name = &argument.name;
    match peel(&argument.ty) {
        Type::Reference(reference) if reference.mutability.is_none() => ours!(#name),
        Type::Reference(_) => ours!(&*#name),
        ty if is_scalar(ty) => ours!(#name),
        _ => ours!(&#name),
    }
}

/// The function that begins an expectation of calls of the method.
fn beginning(method: &Method) -> TokenStream {
    let lcr = private();
    let (name, this) = (unspanned(method.ident()), type_name(method));
    let count = Literal::usize_unsuffixed(method.arguments.len());
    ours! {
        #[track_caller]
        pub fn #name(self) -> #lcr::mocking::Expecting<'__lcr, #this, #lcr::mocking::Takes<#count>> { self.0.method() }
    }
}

/// The method of the object.
fn method(method: &Method) -> TokenStream {
    let lcr = private();
    let this = this(method).into_token_stream();
    let signature = signature(method, &unspanned(method.ident()));
    let given = method.arguments.iter().map(|argument| &argument.name);
    let called = called(method, &ours!(Object), &this);
    let answer = ours!(#called.answer(|then| then(#(#given),*)));
    match method.returns {
        Returns::Value => ours!(#signature { #answer }),
        Returns::Future => ours!(#signature { async move { #answer } }),
        Returns::Stream(_) => ours!(#signature { #lcr::mocking::Items::new(#answer) }),
    }
}

/// The question to `asked`, which is of the type `way`, for the expectation that a call meets.
fn called(method: &Method, way: &TokenStream, asked: &TokenStream) -> TokenStream {
    let lcr = private();
    let (ty, count) = (type_name(method), Literal::usize_unsuffixed(method.arguments.len()));
    let seen = method.arguments.iter().map(seen);
    let shown = method.arguments.iter().map(shown);
    ours! {
        #lcr::mocking::#way::called::<#ty, #lcr::mocking::Takes<#count>>(
            #asked,
            |when| when(#(#seen),*),
            || {
                use #lcr::mocking::{ShowAsDebug as _, ShowAsType as _};
                #lcr::mocking::Vec::from([#(#shown),*])
            },
        )
    }
}

/// An argument as text.
fn shown(argument: &Argument) -> TokenStream {
    let lcr = private();
    let name = &argument.name;
    if argument.is_secret {
        return ours!(#lcr::mocking::String::from("<secret>"));
    }
    match argument.passing {
        Passing::Value => ours!((&&#lcr::mocking::Show(&#name)).shown()),
        Passing::Borrowed(_) | Passing::Boxed(_) => ours!(#lcr::mocking::String::from("<function>")),
    }
}

fn type_name(method: &Method) -> Ident {
    local(&format!("__LcrMethod{}", method.number))
}

fn lifetime() -> Lifetime {
    Lifetime::new("'__lcr", proc_macro2::Span::mixed_site())
}
