//! The functions by which closures of the interface's own types become layers of its methods.
//!
//! A closure stands in a method's place, so its arguments are received as a component receives them; and it calls what
//! is below as a caller does.
//!
//! An interface has them if its author asks for them (`patches`): they take the compiler some milliseconds for each
//! method, and what it says of a type that cannot cross it would say once more at the closure.

use proc_macro2::{Literal, TokenStream};
use quote::quote_spanned;
use syn::{BoundLifetimes, GenericParam, Type, parse_quote};

use super::{
    calling::{lower, unpack},
    model::{Argument, Interface, Method},
    serving::{Received, repr, unspanned},
};
use crate::{
    lifetimes::{with_elided_lifetimes, with_inferred_lifetimes},
    tokens::{self, Memory, local, of_value, ours, private},
};

/// What collects the closures, and its place as the interface's.
pub(super) fn collector(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let functions =
        interface.methods.iter().filter(|method| !method.is_polled()).map(|method| function(method, interface));
    ours! {
        use #lcr::{PassAsErr as _, PassAsPanic as _};
        #[derive(::core::default::Default)]
        pub struct __LcrMethods(#lcr::Layers);
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl __LcrMethods { #(#functions)* }
        impl #lcr::Collects for __LcrMethods {
            fn into_layers(self) -> #lcr::Layers { self.0 }
        }
        // SAFETY: the functions are those of the methods, and nothing else adds a layer.
        unsafe impl #lcr::Patchable for dyn #name + '_ {
            type Methods = __LcrMethods;
        }
    }
}

fn function(method: &Method, interface: &Interface) -> TokenStream {
    let lcr = private();
    let (name, trait_name) = (unspanned(method.ident()), &interface.item.ident);
    let (number, result) = (Literal::usize_unsuffixed(method.number), &method.result);
    let types: Vec<Type> = method.arguments.iter().map(|argument| spelt(argument, method)).collect();
    let names: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let parameters: Vec<_> = (0..method.arguments.len()).map(|place| local(&format!("a{place}"))).collect();
    let reprs: Vec<_> = method.arguments.iter().map(repr).collect();
    let result_repr = of_value(&with_inferred_lifetimes(result), "Repr");
    // What the closure passes on.
    let unpacked = method.arguments.iter().filter_map(unpack);
    let lowered = method.arguments.iter().map(lower);
    let memory = Memory::new("memory_of_the_component", result);
    let value = memory.receive(result, local("value"));
    let memory = memory.declare();
    // What the closure receives.
    let Received { memories, callbacks, values } = Received::of(method, &parameters);
    let place = method.place();
    let answer = tokens::lower(result, ours!(function(&next, #(#values),*)));
    quote_spanned! {place=>
        pub fn #name<__LcrF>(mut self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(&dyn ::core::ops::Fn(#(#types),*) -> #result, #(#types),*) -> #result
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static,
        {
            // SAFETY: the number is the method's, and so are the types.
            unsafe {
                #lcr::around::<(#(#reprs,)*), #result_repr, _>(
                    &mut self.0,
                    #number,
                    move |below: &#lcr::Next<'_>, (#(#parameters,)*): (#(#reprs,)*)| {
                        let next = |#(#names: #types),*| -> #result {
                            #(#unpacked)*
                            match below.call::<_, #result_repr>(|| (#(#lowered,)*)) {
                                ::core::result::Result::Ok(value) => {
                                    #memory
                                    #value
                                }
                                ::core::result::Result::Err(fault) => {
                                    (&&#lcr::Tag::<#result>::new()).pass_lcr_fault::<dyn #trait_name>(fault, #number)
                                }
                            }
                        };
                        #(#memories)*
                        #(#callbacks)*
                        #answer
                    },
                )
            }
            self
        }
    }
}

/// The argument's type where no lifetime of the method is in scope.
fn spelt(argument: &Argument, method: &Method) -> Type {
    let lifetimes = method.generics().params.iter().filter(|parameter| matches!(parameter, GenericParam::Lifetime(_)));
    let mut lifetimes: Vec<GenericParam> = lifetimes.cloned().collect();
    lifetimes.iter_mut().for_each(|parameter| {
        if let GenericParam::Lifetime(parameter) = parameter {
            parameter.bounds.clear();
            parameter.colon_token = None;
        }
    });
    let bound: Option<BoundLifetimes> = (!lifetimes.is_empty()).then(|| parse_quote!(for<#(#lifetimes),*>));
    with_elided_lifetimes(&argument.ty, bound.as_ref())
}
