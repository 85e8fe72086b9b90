//! The caller's side of a call: the trait, implemented for handles and pins.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{ToTokens as _, format_ident, quote_spanned};
use syn::{TypeParamBound, ext::IdentExt as _, parse_quote};

use super::{
    asyncness::{desugar, output_of},
    model::{Argument, Callback, Interface, Method, Passing, Returns},
    serving::{closure, unspanned},
};
use crate::{
    lifetimes::with_inferred_lifetimes,
    tokens::{self, Memory, local, ours, private},
};

/// The trait's methods as calls through a handle or a pin, written once for both.
///
/// The lifetime is that of the trait object: handles implement the trait for each lifetime that the
/// trait allows.
pub(super) fn calls(interface: &Interface) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let methods = interface.methods.iter().map(|method| {
        let body = match method.returns {
            Returns::Value => call(method),
            Returns::Future => call_async(method),
            Returns::Stream(_) => call_stream(method),
        };
        let signature = signature(method, &call_name(method));
        ours!(#[inline(always)] #signature #body)
    });
    let outlives: Vec<_> =
        interface.item.supertraits.iter().filter(|bound| matches!(bound, TypeParamBound::Lifetime(_))).collect();
    let lifetime = if outlives.is_empty() { ours!('__lcr) } else { ours!('__lcr: #(#outlives)+*) };
    let is_polled = interface.methods.iter().any(Method::is_polled);
    let callee = if is_polled { ours!(AsyncCallee) } else { ours!(Callee) };
    ours! {
        trait __LcrCalls<#lifetime>: #name + #lcr::#callee<Interface = dyn #name + '__lcr> { #(#methods)* }
        impl<#lifetime, __LcrT: #name + #lcr::#callee<Interface = dyn #name + '__lcr>> __LcrCalls<'__lcr> for __LcrT {}
    }
}

/// The trait, implemented for `callee<dyn Trait>` by [`calls`].
pub(super) fn handle(interface: &Interface, callee: &str) -> TokenStream {
    let lcr = private();
    let name = &interface.item.ident;
    let callee = format_ident!("{callee}");
    let methods = interface.methods.iter().map(|method| {
        let signature = signature(method, &unspanned(method.ident()));
        let (call, this) = (call_name(method), this(method));
        let arguments = method.arguments.iter().map(|argument| &argument.name);
        ours!(#[inline] #signature { __LcrCalls::#call(#this, #(#arguments),*) })
    });
    ours! {
        #[automatically_derived]
        impl #name for #lcr::#callee<dyn #name + '_> { #(#methods)* }
    }
}

fn call_name(method: &Method) -> Ident {
    local(&format!("__lcr_call_{}", method.name()))
}

/// The author's own token: a `self` of ours would be another variable.
pub(super) fn this(method: &Method) -> Option<TokenStream> {
    method.receiver().map(|receiver| receiver.self_token.to_token_stream())
}

/// Copies of the default bodies, which serve handles on components without the method.
pub(super) fn defaults(interface: &Interface) -> Option<TokenStream> {
    let name = &interface.item.ident;
    let copies: Vec<_> = interface.methods.iter().filter(|method| method.has_default).map(copy_default).collect();
    (!copies.is_empty()).then(|| {
        ours! {
            trait __LcrDefaults: #name { #(#copies)* }
            impl<__LcrT: #name + ?Sized> __LcrDefaults for __LcrT {}
        }
    })
}

fn copy_default(method: &Method) -> TokenStream {
    let mut copy = method.item.clone();
    copy.sig.ident = default_name(method);
    desugar(&mut copy);
    copy.attrs.retain(|attribute| {
        !["doc", "must_use", "deprecated", "inline"].iter().any(|name| attribute.path().is_ident(name))
    });
    copy.into_token_stream()
}

fn default_name(method: &Method) -> Ident {
    local(&format!("__lcr_default_{}", method.name()))
}

/// The method's signature with a plain name for each argument.
pub(super) fn signature(method: &Method, name: &Ident) -> TokenStream {
    let generics = method.generics();
    let receiver = method.receiver();
    let arguments = method.arguments.iter().map(|argument| {
        let (name, ty) = (&argument.name, &argument.ty);
        ours!(#name: #ty)
    });
    let output = output_of(method.signature(), &method.result);
    ours!(fn #name #generics (#receiver, #(#arguments),*) #output)
}

fn call(method: &Method) -> TokenStream {
    let lcr = private();
    let number = Literal::usize_unsuffixed(method.number);
    let this = this(method);
    let result = &method.result;
    let callbacks = method.arguments.iter().filter_map(unpack);
    let lowered = method.arguments.iter().map(lower);
    let reprs: Vec<_> = (0..method.arguments.len()).map(|place| local(&format!("a{place}"))).collect();
    let lifted = method.arguments.iter().zip(&reprs).map(|(argument, repr)| lift(argument, repr));
    let place = method.place();
    let raise = quote_spanned!(place=> (&&#lcr::Tag::<#result>::new()).raise_lcr_fault(fault));
    let memory = Memory::new("memory_of_the_component", &method.result);
    let value = memory.receive(&method.result, local("value"));
    let memory = memory.declare();
    let (request, default) = if method.has_default {
        let default = call_default(method, &this, &reprs);
        (quote_spanned!(place=> request_or_default), Some(quote_spanned!(place=> |(#(#reprs,)*)| #default,)))
    } else {
        (quote_spanned!(place=> request), None)
    };
    let answer = quote_spanned! {place=>
        unsafe {
            #lcr::#request(
                #this,
                #number,
                (#(#lowered,)*),
                |(#(#reprs,)*)| (#(#lifted,)*),
                |value| {
                    #memory
                    #value
                },
                #default
                |fault| #raise,
            )
        }
    };
    quote_spanned!(place=> { #(#callbacks)* #answer })
}

/// The body of an async call: a future that owns the arguments, and lowers them when it is polled first. There is an
/// `async` block around it only where a closure must live as long as the call, or a default body may serve it.
fn call_async(method: &Method) -> TokenStream {
    let lcr = private();
    let number = Literal::usize_unsuffixed(method.number);
    let this = this(method);
    let result = &method.result;
    // A lent function is wrapped in a closure that lives as long as the future, and that is what is lent.
    let wrapped = method.arguments.iter().filter(|argument| matches!(argument.passing, Passing::Borrowed(_)));
    let wrapped: Vec<_> = wrapped.filter_map(unpack).collect();
    let values = method.arguments.iter().map(|argument| match &argument.passing {
        Passing::Borrowed(_) => {
            let callback = callback_name(&argument.name);
            ours!(&#callback)
        }
        Passing::Value | Passing::Boxed(_) => argument.name.to_token_stream(),
    });
    let boxed = method.arguments.iter().filter(|argument| matches!(argument.passing, Passing::Boxed(_)));
    let boxed: Vec<_> = boxed.filter_map(unpack).collect();
    let patterns = method.arguments.iter().map(|argument| match &argument.passing {
        Passing::Borrowed(_) => callback_name(&argument.name).to_token_stream(),
        Passing::Value | Passing::Boxed(_) => argument.name.to_token_stream(),
    });
    let lowered = method.arguments.iter().map(|argument| match &argument.passing {
        Passing::Borrowed(_) => {
            let callback = callback_name(&argument.name);
            tokens::lower(&parse_quote!(#lcr::BorrowedCallback), ours!(#lcr::BorrowedCallback::new(#callback)))
        }
        Passing::Value | Passing::Boxed(_) => lower(argument),
    });
    let place = method.place();
    let lowered = quote_spanned!(place=> (#(#lowered,)*));
    let lowered = if boxed.is_empty() { lowered } else { quote_spanned!(place=> { #(#boxed)* #lowered }) };
    let raise = quote_spanned!(place=> (&&#lcr::Tag::<#result>::new()).raise_lcr_fault(fault));
    let memory = Memory::new("memory_of_the_component", &method.result);
    let value = memory.receive(&method.result, local("value"));
    let memory = memory.declare();
    let (done, otherwise) = if method.has_default {
        (
            quote_spanned!(place=> ::core::result::Result::Ok(#value)),
            quote_spanned!(place=> |_, unserved| ::core::result::Result::Err(unserved)),
        )
    } else {
        let otherwise = quote_spanned! {place=>
            |callee, unserved| {
                let fault = #lcr::fault_of(callee, #number, unserved);
                #raise
            }
        };
        (value, otherwise)
    };
    let request = quote_spanned! {place=>
        unsafe {
            #lcr::request_async(
                #this,
                #number,
                (#(#values,)*),
                |(#(#patterns,)*)| #lowered,
                |value| {
                    #memory
                    #done
                },
                #otherwise,
            )
        }
    };
    if method.has_default {
        let default = default_name(method);
        let passed = method.arguments.iter().map(|argument| &argument.name);
        let given = method.arguments.iter().map(|argument| match &argument.passing {
            Passing::Borrowed(_) => ours!(_),
            Passing::Value | Passing::Boxed(_) => argument.name.to_token_stream(),
        });
        return quote_spanned! {place=>
            {
                async move {
                    #(#wrapped)*
                    match #request.await {
                        ::core::result::Result::Ok(value) => value,
                        ::core::result::Result::Err(#lcr::Unserved::Missing((#(#given,)*))) => {
                            __LcrDefaults::#default(#this, #(#passed),*).await
                        }
                        ::core::result::Result::Err(#lcr::Unserved::Fault(fault)) => #raise,
                    }
                }
            }
        };
    }
    if wrapped.is_empty() {
        return quote_spanned!(place=> { #request });
    }
    quote_spanned! {place=>
        {
            async move {
                #(#wrapped)*
                #request.await
            }
        }
    }
}

/// The body of a call of a method that returns a stream, which owns the arguments, and lowers them when it is polled
/// first.
fn call_stream(method: &Method) -> TokenStream {
    let lcr = private();
    let number = Literal::usize_unsuffixed(method.number);
    let this = this(method);
    let result = &method.result;
    // A lent function is wrapped in a closure, which the stream keeps at one address; that is what is lent.
    let wrapped = method.arguments.iter().filter_map(|argument| {
        let Passing::Borrowed(callback) = &argument.passing else { return None };
        let (closure, variable) = (tupled(callback, &argument.name), callback_name(&argument.name));
        Some(ours!(let #variable = #lcr::streams::Arc::new(move #closure);))
    });
    let wrapped: Vec<_> = wrapped.collect();
    let names: Vec<_> = method.arguments.iter().map(|argument| &argument.name).collect();
    let patterns = method.arguments.iter().map(|argument| match &argument.passing {
        Passing::Borrowed(_) => ours!(_),
        Passing::Value | Passing::Boxed(_) => argument.name.to_token_stream(),
    });
    let boxed = method.arguments.iter().filter(|argument| matches!(argument.passing, Passing::Boxed(_)));
    let boxed: Vec<_> = boxed.filter_map(unpack).collect();
    let lowered = method.arguments.iter().map(|argument| match &argument.passing {
        Passing::Borrowed(_) => {
            let callback = callback_name(&argument.name);
            tokens::lower(&parse_quote!(#lcr::BorrowedCallback), ours!(#lcr::BorrowedCallback::new(&*#callback)))
        }
        Passing::Value | Passing::Boxed(_) => lower(argument),
    });
    let place = method.place();
    let lowered = quote_spanned!(place=> (#(#lowered,)*));
    let lowered = if boxed.is_empty() { lowered } else { quote_spanned!(place=> { #(#boxed)* #lowered }) };
    let raise = quote_spanned!(place=> (&&#lcr::Tag::<#result>::new()).raise_lcr_fault(fault));
    let given = method.value();
    let memory = Memory::new("memory_of_the_component", &given);
    let value = memory.receive(&given, local("value"));
    let memory = memory.declare();
    let (request, default) = if method.has_default {
        let default = default_name(method);
        let default = quote_spanned!(place=> move |(#(#names,)*)| __LcrDefaults::#default(#this, #(#names),*),);
        (quote_spanned!(place=> request_stream_or_default), Some(default))
    } else {
        (quote_spanned!(place=> request_stream), None)
    };
    quote_spanned! {place=>
        {
            #(#wrapped)*
            unsafe {
                #lcr::streams::#request(
                    #this,
                    #number,
                    (#(#names,)*),
                    move |(#(#patterns,)*)| #lowered,
                    |value| {
                        #memory
                        #value
                    },
                    |fault| #raise,
                    #default
                )
            }
        }
    }
}

pub(super) fn lower(argument: &Argument) -> TokenStream {
    let lcr = private();
    let name = &argument.name;
    let callback = callback_name(name);
    match &argument.passing {
        Passing::Value => tokens::lower(&argument.ty, name),
        Passing::Borrowed(_) => {
            tokens::lower(&parse_quote!(#lcr::BorrowedCallback), ours!(#lcr::BorrowedCallback::new(&#callback)))
        }
        Passing::Boxed(_) => {
            tokens::lower(&parse_quote!(#lcr::BoxedCallback), ours!(#lcr::BoxedCallback::new(#callback)))
        }
    }
}

/// Takes back an argument that the component did not get: for a default body, or to drop it.
fn lift(argument: &Argument, repr: &Ident) -> TokenStream {
    let lcr = private();
    match &argument.passing {
        Passing::Value => tokens::lift(&argument.ty, repr),
        Passing::Borrowed(_) => tokens::lift(&parse_quote!(#lcr::BorrowedCallback), repr),
        Passing::Boxed(_) => tokens::lift(&parse_quote!(#lcr::BoxedCallback), repr),
    }
}

fn call_default(method: &Method, this: &Option<TokenStream>, values: &[Ident]) -> TokenStream {
    let lcr = private();
    let name = default_name(method);
    let values = method.arguments.iter().zip(values).map(|(argument, value)| match &argument.passing {
        Passing::Value => value.to_token_stream(),
        // The caller's own function serves the default body without a detour.
        Passing::Borrowed(_) => argument.name.to_token_stream(),
        Passing::Boxed(callback) => {
            let closure = closure(callback, &ours!(#lcr::BoxedCallback), &value.to_token_stream());
            ours!(#lcr::Box::new(#closure))
        }
    });
    ours!(__LcrDefaults::#name(#this, #(#values),*))
}

/// For a callback, a variable with a closure that takes its lowered arguments as one tuple,
/// and lowers its result.
pub(super) fn unpack(argument: &Argument) -> Option<TokenStream> {
    let name = &argument.name;
    let variable = callback_name(name);
    match &argument.passing {
        Passing::Value => None,
        Passing::Borrowed(callback) => {
            let closure = tupled(callback, name);
            Some(ours!(let #variable = #closure;))
        }
        Passing::Boxed(callback) => {
            let closure = tupled(callback, name);
            Some(ours!(let #variable = move #closure;))
        }
    }
}

fn tupled(callback: &Callback, function: &Ident) -> TokenStream {
    let names: Vec<_> = (0..callback.arguments.len()).map(|place| local(&format!("p{place}"))).collect();
    let lent = |place: usize| format!("argument_{}_lent_to_{}", place + 1, function.unraw());
    let memories: Vec<_> =
        callback.arguments.iter().enumerate().map(|(place, ty)| Memory::new(&lent(place), ty)).collect();
    let values = callback.arguments.iter().zip(&names).zip(&memories);
    let values = values.map(|((ty, name), memory)| memory.receive(&with_inferred_lifetimes(ty), name));
    let memories = memories.iter().map(Memory::declare);
    let result = tokens::lower(&callback.result, ours!(#function(#(#values),*)));
    // SAFETY: the component that calls back lowered these arguments for this call.
    ours!(|(#(#names,)*)| unsafe {
        #(#memories)*
        #result
    })
}

fn callback_name(argument: &Ident) -> Ident {
    local(&format!("{}_callback", argument.unraw()))
}
