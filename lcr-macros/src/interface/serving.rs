//! The component's side of a call: one C function for each method.
//!
//! Each takes the instance and the arguments' representations, lifts them, calls the
//! method within the panic barrier and lowers the result.

use proc_macro2::{Ident, Span, TokenStream};

use super::model::{Argument, Callback, Interface, Method, Passing};
use crate::{conditions, import, local, ours, private, types::without_lifetimes};

/// The function of the trait's name that gives the C functions of an implementation.
pub(super) fn table(interface: &Interface) -> TokenStream {
    let (lcr, import) = (private(), import());
    let item = &interface.item;
    let (name, visibility) = (&item.ident, &item.vis);
    let conditions = conditions(&item.attrs);
    let table = unspanned(name);
    let functions = interface.methods.iter().map(|method| function(method, name));
    let names = interface.methods.iter().map(|method| unspanned(method.ident()));
    ours! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(deprecated, improper_ctypes_definitions)]
        #visibility const fn #table<__LcrT: #name>() -> &'static [::lcr::__private::Thunk] {
            #import
            struct __LcrTable<__LcrT>(::core::marker::PhantomData<__LcrT>);
            impl<__LcrT: #name> __LcrTable<__LcrT> {
                const __LCR_THUNKS: &'static [#lcr::Thunk] =
                    &[#(#lcr::Thunk::new(Self::#names as *const ())),*];
                #(#functions)*
            }
            __LcrTable::<__LcrT>::__LCR_THUNKS
        }
    }
}

fn function(method: &Method, trait_name: &Ident) -> TokenStream {
    let lcr = private();
    let name = unspanned(method.ident());
    let result = without_lifetimes(&method.result);
    let parameters: Vec<_> = (0..method.arguments.len()).map(|place| local(&format!("a{place}"))).collect();
    let crossing = method.arguments.iter().map(Argument::crossing);
    let callbacks = method.arguments.iter().zip(&parameters).filter_map(|(argument, parameter)| {
        let (callback, crossing) = match &argument.passing {
            Passing::Value => return None,
            Passing::Lent(callback) | Passing::Given(callback) => (callback, argument.crossing()),
        };
        let closure = closure(callback, &ours!(#lcr::lift::<#crossing>(#parameter)));
        Some(ours!(let #parameter = #closure;))
    });
    let values = method.arguments.iter().zip(&parameters).map(|(argument, parameter)| match argument.passing {
        Passing::Value => {
            let ty = without_lifetimes(&argument.ty);
            ours!(#lcr::lift::<#ty>(#parameter))
        }
        Passing::Lent(_) => ours!(&#parameter),
        Passing::Given(_) => ours!(#lcr::Box::new(#parameter)),
    });
    ours! {
        unsafe extern "C" fn #name(
            this: *const (), #(#parameters: #lcr::Repr<#crossing>),*
        ) -> #lcr::Outcome<#lcr::Repr<#result>> {
            // SAFETY: the host passes an instance of this type and arguments of this signature.
            unsafe {
                #lcr::serve(this, |this: &__LcrT| {
                    #(#callbacks)*
                    <__LcrT as #trait_name>::#name(this, #(#values),*)
                })
            }
        }
    }
}

/// A closure of the callback's own signature that calls the received `callback`.
pub(super) fn closure(callback: &Callback, received: &TokenStream) -> TokenStream {
    let names: Vec<_> = (0..callback.arguments.len()).map(|place| local(&format!("p{place}"))).collect();
    let types = &callback.arguments;
    let result = &callback.result;
    ours! {{
        let callback = #received;
        move |#(#names: #types),*| -> #result { unsafe { callback.call((#(#names,)*)) } }
    }}
}

/// A name of the author's where it is ours, so that lints on the author's names do not apply.
pub(super) fn unspanned(name: &Ident) -> Ident {
    let mut name = name.clone();
    name.set_span(Span::mixed_site());
    name
}
