//! The function that supervises, and in it the one that it supervises.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::ItemFn;

use super::model::{Setting, Signal, Value};
use crate::tokens::conditions;

/// `main`, supervised.
pub(crate) fn supervised(function: &ItemFn, settings: &[Setting]) -> TokenStream {
    let conditions = conditions(&function.attrs);
    let (visibility, name, output) = (&function.vis, &function.sig.ident, &function.sig.output);
    let settings = settings.iter().map(setting);
    quote! {
        #(#conditions)*
        #visibility fn #name() #output {
            ::sam::__private::enter(::sam::Builder::new() #(#settings)*);
            #function
            #name()
        }
    }
}

fn setting(setting: &Setting) -> TokenStream {
    let method = Ident::new(setting.method, Span::call_site());
    let value = match &setting.value {
        Value::Duration(time) => duration(*time),
        Value::Range(first, longest) => {
            let (first, longest) = (duration(*first), duration(*longest));
            quote!(#first, #longest)
        }
        Value::Rate(count, window) => {
            let window = duration(*window);
            quote!(#count, #window)
        }
        Value::Word(of, variant) => {
            let (of, variant) = (Ident::new(of, Span::call_site()), Ident::new(variant, Span::call_site()));
            quote!(::sam::options::#of::#variant)
        }
        Value::Signal(Signal::Number(number)) => quote!(#number),
        Value::Signal(Signal::Named(name)) => {
            let name = Ident::new(name, Span::call_site());
            quote!(::sam::__private::signals::#name)
        }
        Value::Codes(codes) => quote!(&[#(#codes),*]),
        Value::Text(text) => quote!(#text),
        Value::Switch(value) => quote!(#value),
        Value::Number(number) => quote!(#number),
    };
    quote!(.#method(#value))
}

fn duration(duration: Duration) -> TokenStream {
    let (seconds, nanoseconds) = (duration.as_secs(), duration.subsec_nanos());
    quote!(::core::time::Duration::new(#seconds, #nanoseconds))
}
