//! The functions by which closures of the interface's own types become layers of its methods.
//!
//! A closure stands in a method's place, so its arguments are received as a component receives them; and it calls what
//! is below as a caller does.
//!
//! Closures of three other kinds, which see the arguments, see the result or answer some calls, become closures of the
//! first kind. They get by reference what the call uses up: whatever is neither spelt as a reference nor a number,
//! `bool` or `char`, or an array or tuple of these. An alias of a number is lent, too.
//!
//! An interface has them if its author asks for them (`patches`): they take the compiler some milliseconds for each
//! method, and what it says of a type that cannot cross it would say once more at the closure.

use proc_macro2::{Ident, Literal, TokenStream};
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
    types::{is_primitive, peel},
};

/// What collect the closures, and their places as the interface's.
pub(super) fn collector(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let methods = || interface.methods.iter().filter(|method| !method.is_polled());
    let functions = methods().map(|method| function(method, interface));
    let others = ["__LcrBeforeCall", "__LcrAfterCall", "__LcrClauses", "__LcrWithdrawn"].map(local);
    let [before, after, clauses, withdrawn] = &others;
    let of_before = methods().map(|method| before_call(method, before));
    let of_after = methods().map(|method| after_call(method, after));
    let of_clauses = methods().map(|method| clause(method, clauses));
    let of_withdrawn = methods().map(|method| withdrawal(method, withdrawn));
    ours! {
        use #lcr::{PassAsErr as _, PassAsPanic as _};
        #[derive(::core::default::Default)]
        pub struct __LcrMethods(#lcr::Layers);
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl __LcrMethods { #(#functions)* }
        impl #lcr::Collects for __LcrMethods {
            fn into_layers(self) -> #lcr::Layers { self.0 }
        }
        #(
            #[derive(::core::default::Default)]
            pub struct #others(__LcrMethods);
            impl #lcr::Collects for #others {
                fn into_layers(self) -> #lcr::Layers { self.0.0 }
            }
        )*
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl #before { #(#of_before)* }
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl #after { #(#of_after)* }
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl #clauses { #(#of_clauses)* }
        #[allow(private_interfaces, private_bounds, clippy::type_complexity)]
        impl #withdrawn { #(#of_withdrawn)* }
        // SAFETY: the functions are those of the methods, and nothing else adds a layer.
        unsafe impl #lcr::Patchable for dyn #name + '_ {
            type Methods = __LcrMethods;
            type BeforeCall = #before;
            type AfterCall = #after;
            type Clauses = #clauses;
            type Withdrawn = #withdrawn;
        }
    }
}

/// The arguments of a closure that looks at a call: the variables of the one that stands around the method, the types
/// in which they are shown, and how they are shown.
struct Shown {
    variables: Vec<Ident>,
    types: Vec<TokenStream>,
    values: Vec<TokenStream>,
    /// Whether the call leaves the argument to be shown again.
    stay: Vec<bool>,
    /// How they are passed on.
    passed: Vec<TokenStream>,
}

impl Shown {
    fn of(method: &Method) -> Shown {
        let variables: Vec<_> = (0..method.arguments.len()).map(|place| local(&format!("a{place}"))).collect();
        let mut shown =
            Shown { variables, types: Vec::new(), values: Vec::new(), stay: Vec::new(), passed: Vec::new() };
        for (argument, variable) in method.arguments.iter().zip(&shown.variables) {
            let ty = spelt(argument, method);
            let (value, passed, ty, stays) = match peel(&argument.ty) {
                Type::Reference(reference) if reference.mutability.is_some() => {
                    (ours!(&mut *#variable), ours!(&mut *#variable), ours!(#ty), true)
                }
                Type::Reference(_) => (ours!(#variable), ours!(#variable), ours!(#ty), true),
                ty_of if is_primitive(ty_of) => (ours!(#variable), ours!(#variable), ours!(#ty), true),
                _ => (ours!(&#variable), ours!(#variable), ours!(&#ty), false),
            };
            shown.types.push(ty);
            shown.values.push(value);
            shown.stay.push(stays);
            shown.passed.push(passed);
        }
        shown
    }

    /// Without what the call uses up.
    fn after_call(mut self) -> Shown {
        let stay = std::mem::take(&mut self.stay);
        let mut kept = stay.iter();
        self.types.retain(|_| kept.next() == Some(&true));
        let mut kept = stay.iter();
        self.values.retain(|_| kept.next() == Some(&true));
        self
    }
}

/// A function that takes a closure which sees the arguments before the call.
fn before_call(method: &Method, collector: &Ident) -> TokenStream {
    let lcr = private();
    let (name, Shown { variables, types, values, passed, .. }) = (unspanned(method.ident()), Shown::of(method));
    quote_spanned! {method.place()=>
        pub fn #name<__LcrF, __LcrP>(self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(#(#types),*) -> __LcrP + ::core::marker::Send + ::core::marker::Sync + 'static,
            __LcrP: #lcr::Permit,
        {
            #collector(self.0.#name(move |next, #(#variables),*| {
                #lcr::permit(function(#(#values),*));
                next(#(#passed),*)
            }))
        }
    }
}

/// A function that takes a closure which sees the result, with the arguments that the call leaves.
fn after_call(method: &Method, collector: &Ident) -> TokenStream {
    let (name, result) = (unspanned(method.ident()), &method.result);
    let Shown { variables, types, values, passed, .. } = Shown::of(method).after_call();
    quote_spanned! {method.place()=>
        pub fn #name<__LcrF>(self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(&mut #result, #(#types),*)
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static,
        {
            #collector(self.0.#name(move |next, #(#variables),*| {
                let mut result = next(#(#passed),*);
                function(&mut result, #(#values),*);
                result
            }))
        }
    }
}

/// A function that takes a closure which answers some calls.
fn clause(method: &Method, collector: &Ident) -> TokenStream {
    let (name, result) = (unspanned(method.ident()), &method.result);
    let Shown { variables, types, values, passed, .. } = Shown::of(method);
    quote_spanned! {method.place()=>
        pub fn #name<__LcrF>(self, function: __LcrF) -> Self
        where
            __LcrF: ::core::ops::Fn(#(#types),*) -> ::core::option::Option<#result>
                + ::core::marker::Send
                + ::core::marker::Sync
                + 'static,
        {
            #collector(self.0.#name(move |next, #(#variables),*| match function(#(#values),*) {
                ::core::option::Option::Some(result) => result,
                ::core::option::Option::None => next(#(#passed),*),
            }))
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
                            match below.call::<_, #result_repr>((#(#lowered,)*)) {
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

/// A function that withdraws the method.
fn withdrawal(method: &Method, collector: &Ident) -> TokenStream {
    let lcr = private();
    let (name, place) = (unspanned(method.ident()), method.place());
    let arguments = method.arguments.iter().map(|_| quote_spanned!(place=> _));
    quote_spanned! {place=>
        pub fn #name(self) -> Self {
            #collector(self.0.#name(|_, #(#arguments),*| #lcr::withdrawn()))
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
