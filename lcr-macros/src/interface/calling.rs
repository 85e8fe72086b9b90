//! The caller's side of a call: the trait, implemented for handles.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, format_ident};
use syn::ext::IdentExt as _;

use super::{
    expand::bounds,
    model::{Callback, Interface, Method, Passing},
    serving::{closure, unspanned},
};
use crate::{local, ours, private, types::without_lifetimes};

/// The trait, implemented for `callee<dyn Trait>`.
pub(super) fn handle(interface: &Interface, callee: &str) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let callee = format_ident!("{callee}");
    let bounds = bounds(interface);
    let methods = interface.methods.iter().map(|method| {
        let body = call(method, name);
        let signature = signature(method, &unspanned(method.ident()));
        ours!(#[inline] #signature { #body })
    });
    ours! {
        #[automatically_derived]
        impl #name for #lcr::#callee<dyn #name> #bounds { #(#methods)* }
    }
}

/// Copies of the default bodies, which serve handles on components without the method.
pub(super) fn defaults(interface: &Interface) -> Option<TokenStream> {
    let name = &interface.item.ident;
    let mut copies = interface
        .methods
        .iter()
        .filter_map(|method| {
            let mut copy = method.item.clone();
            copy.default.as_ref()?;
            copy.sig.ident = default_name(method);
            copy.attrs.retain(|attribute| {
                !["doc", "must_use", "deprecated", "inline"].iter().any(|name| attribute.path().is_ident(name))
            });
            Some(copy)
        })
        .peekable();
    copies.peek()?;
    Some(ours! {
        trait __LcrDefaults: #name { #(#copies)* }
        impl<__LcrT: #name + ?Sized> __LcrDefaults for __LcrT {}
    })
}

fn default_name(method: &Method) -> Ident {
    local(&format!("__lcr_default_{}", method.name()))
}

/// The method's signature with a plain name for each argument.
fn signature(method: &Method, name: &Ident) -> TokenStream {
    let generics = method.generics();
    let receiver = method.receiver();
    let arguments = method.arguments.iter().map(|argument| {
        let (name, ty) = (&argument.name, &argument.ty);
        ours!(#name: #ty)
    });
    let output = &method.signature().output;
    ours!(fn #name #generics (#receiver, #(#arguments),*) #output)
}

fn call(method: &Method, trait_name: &Ident) -> TokenStream {
    let lcr = private();
    let number = Literal::usize_unsuffixed(method.number);
    // The author's own token: a `self` of ours would be another variable.
    let this = method.receiver().map(|receiver| receiver.self_token.to_token_stream());
    let result = method.result_name();
    let callbacks = method.arguments.iter().filter_map(|argument| {
        let name = &argument.name;
        let (lowered, keyword) = match &argument.passing {
            Passing::Value => return None,
            Passing::Lent(callback) => (unpack(callback, name), None),
            Passing::Given(callback) => (unpack(callback, name), Some(ours!(move))),
        };
        let callback = callback_name(name);
        Some(ours!(let #callback = #keyword #lowered;))
    });
    let values = method.arguments.iter().map(|argument| {
        let name = &argument.name;
        let callback = callback_name(name);
        match &argument.passing {
            Passing::Value => ours!(#name),
            Passing::Lent(_) => ours!(#lcr::Lent::new(&#callback)),
            Passing::Given(_) => ours!(#lcr::Given::new(#callback)),
        }
    });
    let raise = ours!((&&#lcr::Tag::<#result>::new()).raise(fault));
    let request = ours!(#lcr::request(#this, #number, (#(#values,)*)));
    let answer = if method.has_default {
        let default = call_default(method, &this);
        let returned = method.arguments.iter().enumerate().map(|(place, argument)| match argument.passing {
            // The caller's own function serves the default body without a detour.
            Passing::Lent(_) => ours!(_),
            _ => returned_name(place).into_token_stream(),
        });
        ours! {
            match unsafe { #request } {
                #lcr::Answer::Done(value) => value,
                #lcr::Answer::Missing((#(#returned,)*)) => #default,
                #lcr::Answer::Fault(fault) => #raise,
            }
        }
    } else {
        ours! {
            match unsafe { #request }.required::<dyn #trait_name>(#number) {
                ::core::result::Result::Ok(value) => value,
                ::core::result::Result::Err(fault) => #raise,
            }
        }
    };
    ours!(#(#callbacks)* #answer)
}

fn call_default(method: &Method, this: &Option<TokenStream>) -> TokenStream {
    let lcr = private();
    let name = default_name(method);
    let values = method.arguments.iter().enumerate().map(|(place, argument)| {
        let returned = returned_name(place).into_token_stream();
        match &argument.passing {
            Passing::Value => returned,
            Passing::Lent(_) => argument.name.to_token_stream(),
            Passing::Given(callback) => {
                let closure = closure(callback, &returned);
                ours!(#lcr::Box::new(#closure))
            }
        }
    });
    ours!(__LcrDefaults::#name(#this, #(#values),*))
}

/// An argument that came back because the component lacks the method.
fn returned_name(place: usize) -> Ident {
    local(&format!("a{place}"))
}

/// A closure that takes the callback's arguments as one tuple.
fn unpack(callback: &Callback, function: &Ident) -> TokenStream {
    let names: Vec<_> = (0..callback.arguments.len()).map(|place| local(&format!("p{place}"))).collect();
    let types = callback.arguments.iter().map(without_lifetimes);
    ours!(|(#(#names,)*): (#(#types,)*)| #function(#(#names),*))
}

fn callback_name(argument: &Ident) -> Ident {
    local(&format!("{}_callback", argument.unraw()))
}
