//! The component's side of a call: one C function for each method.
//!
//! Each takes the instance and the arguments' representations, lifts them, calls the
//! method within the panic barrier and lowers the result.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{ext::IdentExt as _, parse_quote};

use super::model::{Argument, Callback, Interface, Method, Passing, Returns};
use crate::{
    lifetimes::with_inferred_lifetimes,
    tokens::{self, Memory, local, of_value, ours, private, respan},
};

/// The C functions of an implementation, and the trait by which `#[lcr::component]` finds them.
pub(super) fn table(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let functions = interface.methods.iter().map(|method| function(method, name));
    let names = interface.methods.iter().map(|method| {
        let name = unspanned(method.ident());
        respan(ours!(__LcrTable::<__LcrT, __LcrA>::#name), method.first_unverified())
    });
    ours! {
        struct __LcrTable<__LcrT, __LcrA>(::core::marker::PhantomData<(__LcrT, __LcrA)>);
        impl<__LcrT: #name, __LcrA: #lcr::Ambient> __LcrTable<__LcrT, __LcrA> { #(#functions)* }
        // SAFETY: the functions are those of the methods, in their order.
        unsafe impl<__LcrT: #name + 'static, __LcrA: #lcr::Ambient> #lcr::ServedBy<__LcrT, __LcrA> for dyn #name + '_ {
            const THUNKS: &'static [#lcr::Thunk] =
                &[#(#lcr::Thunk::new(#names as *const ())),*];
        }
    }
}

/// Adds the thunks of the method's C function to the list of the interface.
pub(super) fn crossing(method: &Method) -> TokenStream {
    let lcr = private();
    if method.is_polled() {
        return start(method);
    }
    let reprs = method.arguments.iter().map(repr);
    let result = of_value(&with_inferred_lifetimes(&method.result), "Repr");
    let crossing = respan(ours!(#lcr::crossing::<(#(#reprs,)*), #result>), method.first_unverified());
    ours!(#crossing(__lcr_list);)
}

fn start(method: &Method) -> TokenStream {
    let lcr = private();
    let reprs = method.arguments.iter().map(repr);
    let value = of_value(&method.value(), "Repr");
    let call = ours!(*mut #lcr::RawCall<#value>);
    let start = respan(ours!(#lcr::start::<(#(#reprs,)* #call,), u8>), method.first_unverified());
    ours!(#start(__lcr_list);)
}

/// How a method's arguments are received out of their representations, which lie in variables.
pub(super) struct Received {
    /// The memory of the arguments that are values.
    pub(super) memories: Vec<TokenStream>,
    /// The closures that stand for the caller's.
    pub(super) callbacks: Vec<TokenStream>,
    /// The arguments.
    pub(super) values: Vec<TokenStream>,
}

impl Received {
    pub(super) fn of(method: &Method, parameters: &[Ident]) -> Received {
        let lcr = private();
        let (mut memories, mut callbacks, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (argument, parameter) in method.arguments.iter().zip(parameters) {
            let (callback, way) = match &argument.passing {
                Passing::Value => {
                    let memory = memory_of(argument);
                    values.push(memory.receive(&with_inferred_lifetimes(&argument.ty), parameter));
                    memories.push(memory.declare());
                    continue;
                }
                Passing::Borrowed(callback) => {
                    values.push(ours!(&#parameter));
                    (callback, ours!(#lcr::BorrowedCallback))
                }
                Passing::Boxed(callback) => {
                    values.push(ours!(#lcr::Box::new(#parameter)));
                    (callback, ours!(#lcr::BoxedCallback))
                }
            };
            let closure = closure(callback, &way, &tokens::lift(&parse_quote!(#way), parameter));
            callbacks.push(ours!(let #parameter = #closure;));
        }
        Received { memories, callbacks, values }
    }
}

fn function(method: &Method, trait_name: &Ident) -> TokenStream {
    let lcr = private();
    let name = unspanned(method.ident());
    let value = method.value();
    let result = of_value(&value, "Repr");
    let outcome = respan(ours!(#lcr::Outcome<#result>), Some(&value));
    let parameters: Vec<_> = (0..method.arguments.len()).map(|place| local(&format!("a{place}"))).collect();
    let reprs = method.arguments.iter().map(repr);
    let Received { memories, callbacks, values } = Received::of(method, &parameters);
    let place = method.place();
    let call = quote_spanned!(place=> <__LcrT as #trait_name>::#name(this, #(#values),*));
    if method.is_polled() {
        let lowered = tokens::lower(&value, local("value"));
        // What the future borrows lies in it, but for the instance and what the caller lends.
        let serve = match method.returns {
            Returns::Stream(_) => quote_spanned! {place=>
                #lcr::streams::serve_stream::<__LcrT, __LcrA, _, _>(this, call, |this, items| async move {
                    #(#memories)*
                    #(#callbacks)*
                    let end = #lcr::streams::drain(items, #call, |value| #lowered).await;
                    end
                })
            },
            // The author's future borrows closures, so it lies in one block with them.
            _ if method.arguments.iter().any(|argument| matches!(argument.passing, Passing::Borrowed(_))) => {
                quote_spanned! {place=>
                    #lcr::serve_async::<__LcrT, __LcrA, _, _, _>(this, call, |this| async move {
                        #(#memories)*
                        #(#callbacks)*
                        #call.await
                    }, |value| #lowered)
                }
            }
            // The memories are no longer there when the future runs; they stand for lifetimes, and nothing points
            // to them.
            _ => quote_spanned! {place=>
                #(#memories)*
                #lcr::serve_async::<__LcrT, __LcrA, _, _, _>(this, call, |this| {
                    #(#callbacks)*
                    #call
                }, |value| #lowered)
            },
        };
        return quote_spanned! {place=>
            unsafe extern "C" fn #name(
                this: *const (), #(#parameters: #reprs,)* call: *mut #lcr::RawCall<#result>
            ) -> #lcr::Polled {
                // SAFETY: the host passes an instance of this type, arguments of this signature, and a call.
                unsafe { #serve }
            }
        };
    }
    let call = tokens::lower(&method.result, call);
    quote_spanned! {place=>
        unsafe extern "C" fn #name(
            this: *const (), #(#parameters: #reprs),*
        ) -> #outcome {
            // SAFETY: the host passes an instance of this type and arguments of this signature.
            unsafe {
                #lcr::serve::<_, __LcrA, _>(this, |this: &__LcrT| {
                    #(#memories)*
                    #(#callbacks)*
                    #call
                })
            }
        }
    }
}

/// What an argument may borrow, for the length of the call.
pub(super) fn memory_of(argument: &Argument) -> Memory<'_> {
    Memory::new(&format!("memory_lent_for_{}", argument.name.unraw()), &argument.ty)
}

/// How an argument crosses.
pub(super) fn repr(argument: &Argument) -> TokenStream {
    let lcr = private();
    match argument.passing {
        Passing::Value => of_value(&with_inferred_lifetimes(&argument.ty), "Repr"),
        Passing::Borrowed(_) => ours!(#lcr::Repr<#lcr::BorrowedCallback>),
        Passing::Boxed(_) => ours!(#lcr::Repr<#lcr::BoxedCallback>),
    }
}

/// A closure of the callback's own signature that calls the received `callback`, of the type
/// `way`. It names the function by its path: a trait of the author's could have a method of that
/// name, and the compiler would find that first.
pub(super) fn closure(callback: &Callback, way: &TokenStream, received: &TokenStream) -> TokenStream {
    let names: Vec<_> = (0..callback.arguments.len()).map(|place| local(&format!("p{place}"))).collect();
    let types = &callback.arguments;
    let result = &callback.result;
    let lowered = types.iter().zip(&names).map(|(ty, name)| tokens::lower(&with_inferred_lifetimes(ty), name));
    let memory = Memory::new("memory_of_the_callback", result);
    let value = memory.receive(result, ours!(#way::call(&callback, (#(#lowered,)*))));
    let memory = memory.declare();
    ours! {{
        let callback = #received;
        move |#(#names: #types),*| -> #result {
            unsafe {
                #memory
                #value
            }
        }
    }}
}

/// A name of the author's where it is ours, so that lints on the author's names do not apply.
pub(super) fn unspanned(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(Span::mixed_site());
    name
}
