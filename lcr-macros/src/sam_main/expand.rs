//! The function that supervises, and in it the one that it supervises.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::{Attribute, ItemFn, Path};

use super::values::{Backoff, Budget, Codes, Interval, Signal, Time, Word};
use crate::{
    options::{Field, Spanned, table::MainOptions},
    tokens::{conditions, crate_path, door},
};

/// `main`, supervised.
pub(crate) fn supervised(function: &ItemFn, options: MainOptions) -> TokenStream {
    let conditions = conditions(&function.attrs);
    // The compiler reads documentation, and what it is told of it, at the function that others see.
    let is_for_readers = |attribute: &&Attribute| ["doc", "allow"].iter().any(|name| attribute.path().is_ident(name));
    let for_readers = function.attrs.iter().filter(is_for_readers);
    let (visibility, name, output) = (&function.vis, &function.sig.ident, &function.sig.output);
    let (sam, calls) = calls(options);
    let door = door(&sam);
    quote! {
        #(#conditions)*
        #(#for_readers)*
        #visibility fn #name() #output {
            #door::enter(#sam::Builder::new() #(#calls)*);
            #function
            #name()
        }
    }
}

/// The path of `sam`, and a call of the builder's method of the same name for each option.
fn calls(options: MainOptions) -> (Path, Vec<TokenStream>) {
    macro_rules! calls {
        ($($field:ident)*) => {{
            // Without `..`: an option of the table that is missing here does not compile.
            let MainOptions { sam, $($field),* } = options;
            let sam = crate_path(sam.given(), "sam");
            let calls = [$(call(stringify!($field), $field, &sam)),*];
            (sam, calls.into_iter().flatten().collect())
        }};
    }
    calls! {
        interval grace start_limit stop_limit healthy_after
        policy checks respawn strays cgroup pass_signals kill_mode
        ready_at_start log huge_pages standby outlive
        clean_exits fatal_exits events status
        warn_signal stop_signal reopen_signal backoff budget
        probe probe_every probe_limit probe_failures
    }
}

fn call<T: Argument>(method: &str, field: Field<T>, sam: &Path) -> Option<TokenStream> {
    let method = Ident::new(method, Span::call_site());
    let argument = field.given()?.argument(sam);
    Some(quote!(.#method(#argument)))
}

/// A value as the builder takes it.
trait Argument {
    fn argument(&self, sam: &Path) -> TokenStream;
}

impl<T: Argument> Argument for Spanned<T> {
    fn argument(&self, sam: &Path) -> TokenStream {
        self.value.argument(sam)
    }
}

impl<T: Word> Argument for T {
    fn argument(&self, sam: &Path) -> TokenStream {
        let (of, variant) = (Ident::new(T::ENUM, Span::call_site()), Ident::new(self.variant(), Span::call_site()));
        quote!(#sam::options::#of::#variant)
    }
}

impl Argument for Time {
    fn argument(&self, _: &Path) -> TokenStream {
        let (seconds, nanoseconds) = (self.0.as_secs(), self.0.subsec_nanos());
        quote!(::core::time::Duration::new(#seconds, #nanoseconds))
    }
}

impl Argument for Interval {
    fn argument(&self, sam: &Path) -> TokenStream {
        if self.0.0.is_zero() { quote!(::core::option::Option::None) } else { self.0.argument(sam) }
    }
}

impl Argument for Backoff {
    fn argument(&self, sam: &Path) -> TokenStream {
        let (first, longest) = (self.first.argument(sam), self.longest.argument(sam));
        quote!(#first, #longest)
    }
}

impl Argument for Budget {
    fn argument(&self, sam: &Path) -> TokenStream {
        let (restarts, window) = (self.restarts, self.window.argument(sam));
        quote!(#restarts, #window)
    }
}

impl Argument for Signal {
    fn argument(&self, sam: &Path) -> TokenStream {
        match self {
            Signal::Number(number) => quote!(#number),
            Signal::Named(name) => {
                let (door, name) = (door(sam), Ident::new(name, Span::call_site()));
                quote!(#door::signals::#name)
            }
        }
    }
}

impl Argument for Codes {
    fn argument(&self, _: &Path) -> TokenStream {
        let codes = &self.0;
        quote!(&[#(#codes),*])
    }
}

impl Argument for String {
    fn argument(&self, _: &Path) -> TokenStream {
        quote!(#self)
    }
}

impl Argument for bool {
    fn argument(&self, _: &Path) -> TokenStream {
        quote!(#self)
    }
}

impl Argument for u32 {
    fn argument(&self, _: &Path) -> TokenStream {
        quote!(#self)
    }
}
