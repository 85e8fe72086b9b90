//! What an accepted interface becomes, and the stub of a refused one.

use proc_macro2::{Ident, Literal, TokenStream};
use syn::{FnArg, ItemTrait, Pat, Token, TraitItem, Type, ext::IdentExt as _, parse_quote};

use super::{
    asyncness::{desugar, returns_impl},
    calling,
    check::names,
    mocking,
    model::{Argument, Callback, Interface, Method, Passing, Returns},
    patching, serving,
};
use crate::{
    lifetimes::with_inferred_lifetimes,
    refusal::Refusals,
    tokens::{conditions, import, of_value, ours, private},
    types::is_primitive,
};

/// The trait and everything that makes it an interface.
pub(crate) fn expand(interface: &Interface) -> TokenStream {
    let (lcr, import) = (private(), import(&interface.lcr));
    let item = with_supertraits(&interface.item);
    let conditions = conditions(&interface.item.attrs);
    let results = interface.methods.iter().map(|method| &method.result).filter(|result| !is_primitive(result));
    let description = describe(interface);
    let table = serving::table(interface);
    let defaults = calling::defaults(interface);
    let calls = calling::calls(interface);
    let handles = ["Handle", "Pinned"].map(|callee| calling::handle(interface, callee));
    let collector = interface.has_patches.then(|| patching::collector(interface));
    let mock = interface.has_mocks.then(|| mocking::mock(interface));
    ours! {
        #item
        #(#conditions)*
        #[allow(deprecated, improper_ctypes_definitions)]
        const _: () = {
            #import
            use #lcr::{RaiseAsErr as _, RaiseAsPanic as _, Unbounded as _, Unproven as _};
            // A lifetime that hides in a result (`Ref` for `Ref<'_>`) is an error here.
            type _ResultsOwnTheirData = (#(#results,)*);
            #description
            #table
            #defaults
            #calls
            #(#handles)*
            #collector
            #mock
        };
    }
}

/// The trait, and what other code may refer to, so that the messages in `refusals` are
/// the only ones.
pub(crate) fn stub(interface: &Interface, refusals: &Refusals) -> TokenStream {
    let (lcr, import) = (private(), import(&interface.lcr));
    let mut item = with_supertraits(&interface.item);
    let only_methods = item.items.iter().all(|inner| matches!(inner, TraitItem::Fn(_)));
    if !only_methods || !item.generics.params.is_empty() || item.modifiers.auto_token.is_some() {
        return ours! { #item #refusals };
    }
    simplify(&mut item);
    let name = &item.ident;
    let unsafety = &item.unsafety;
    let conditions = conditions(&item.attrs);
    let bodies = item.items.iter().filter_map(|inner| match inner {
        TraitItem::Fn(method) => Some(&method.sig),
        _ => None,
    });
    let bodies: Vec<_> = bodies.map(|signature| ours!(#signature { loop {} })).collect();
    // No body can be made up for a result `impl Trait`.
    let can_be_called = interface.methods.iter().all(|method| !returns_impl(method.signature()));
    let handles = can_be_called.then(|| {
        ours! {
            #unsafety impl #name for #lcr::Handle<dyn #name + '_> { #(#bodies)* }
            #unsafety impl #name for #lcr::Pinned<dyn #name + '_> { #(#bodies)* }
        }
    });
    ours! {
        #refusals
        #[allow(async_fn_in_trait)]
        #item
        #(#conditions)*
        #[allow(unused_variables, refining_impl_trait)]
        const _: () = {
            #import
            unsafe impl #lcr::Interface for dyn #name + '_ {
                const NAME: &'static str = "refused";
                const VERSION: u32 = 1;
                const REPLACES: &'static [u32] = &[];
                const DEPS: &'static [#lcr::Need] = &[];
                const METHODS: &'static [#lcr::Method] = &[];
                const ENCODED: &'static [u8] = &[];
            }
            unsafe impl<__LcrT: #name + 'static, __LcrA: #lcr::Ambient> #lcr::ServedBy<__LcrT, __LcrA>
                for dyn #name + '_
            {
                const THUNKS: &'static [#lcr::Thunk] = &[];
            }
            #handles
        };
    }
}

/// Leaves out of a refused trait what the compiler would complain of a second time.
fn simplify(item: &mut ItemTrait) {
    let mut seen: Vec<Ident> = Vec::new();
    item.items.retain_mut(|inner| {
        let TraitItem::Fn(method) = inner else { return false };
        if seen.contains(&method.sig.ident) {
            return false;
        }
        seen.push(method.sig.ident.clone());
        method.sig.variadic = None;
        for input in &mut method.sig.inputs {
            if let FnArg::Typed(argument) = input
                && method.default.is_none()
                && !matches!(*argument.pat, Pat::Ident(_))
            {
                argument.pat = parse_quote!(_);
            }
        }
        // Keeps `dyn Trait` possible whatever the method looks like.
        method.sig.generics.make_where_clause().predicates.push(parse_quote!(Self: ::core::marker::Sized));
        true
    });
}

/// The trait as written, with the bounds that every interface has, and with each `async fn` as the compiler
/// understands it where it has to be `Send`.
fn with_supertraits(item: &ItemTrait) -> ItemTrait {
    let mut item = item.clone();
    for inner in &mut item.items {
        if let TraitItem::Fn(method) = inner {
            desugar(method);
        }
    }
    item.colon_token.get_or_insert_with(<Token![:]>::default);
    for (marker, path) in [("Send", parse_quote!(::core::marker::Send)), ("Sync", parse_quote!(::core::marker::Sync))] {
        if !item.supertraits.iter().any(|bound| names(bound, marker)) {
            item.supertraits.push(path);
        }
    }
    item
}

/// The description of the interface, which both sides compare before the first call.
fn describe(interface: &Interface) -> TokenStream {
    let lcr = private();
    let trait_name = &interface.item.ident;
    let (name, version) = (&interface.name, Literal::u32_unsuffixed(interface.version.unwrap_or(1)));
    let replaces = interface.replaces.iter().map(|older| Literal::u64_unsuffixed(older.value));
    let deps = &interface.deps;
    let methods = interface.methods.iter().map(describe_method);
    let crossings = interface.methods.iter().map(serving::crossing);
    let count = Literal::usize_unsuffixed(interface.methods.len());
    ours! {
        const __LCR_METHODS: &'static [#lcr::Method] = &[#(#methods),*];
        // SAFETY: the table and the handles come from the same methods in the same order.
        unsafe impl #lcr::Interface for dyn #trait_name + '_ {
            const NAME: &'static str = #name;
            const VERSION: u32 = #version;
            const REPLACES: &'static [u32] = &[#(#replaces),*];
            const DEPS: &'static [#lcr::Need] = &[#(#lcr::Need::of::<dyn #deps>()),*];
            const METHODS: &'static [#lcr::Method] = __LCR_METHODS;
            const ENCODED: &'static [u8] =
                &#lcr::interface_bytes::<{ #lcr::interface_len(#name, #version, __LCR_METHODS) }>(
                    #name,
                    #version,
                    __LCR_METHODS,
                );

            // Inlined, so that an image has the thunks only if it needs them.
            #[inline]
            fn crossings() -> &'static [#lcr::Crossing] {
                static __LCR_CROSSINGS: #lcr::Table<#count> = #lcr::Table::new();
                __LCR_CROSSINGS.get(|__lcr_list| { #(#crossings)* })
            }
        }
    }
}

fn describe_method(method: &Method) -> TokenStream {
    let lcr = private();
    let (name, has_default) = (method.name(), method.has_default);
    let arguments = method.arguments.iter().map(|argument| {
        let shape = argument.shape();
        let secrecy = argument.is_secret.then(|| ours!(.secret()));
        ours!(#lcr::Part::of(#shape) #secrecy)
    });
    let names = method.arguments.iter().map(|argument| argument.name.unraw().to_string());
    let names = (!method.arguments.is_empty()).then(|| ours!(.with_arguments(&[#(#names),*])));
    let purity = method.is_pure.then(|| ours!(.pure()));
    let result = shape_of(&method.result);
    let result = match method.returns {
        Returns::Value => result,
        Returns::Future => ours!(&#lcr::Shape::future(&[#lcr::Part::of(#result)])),
        Returns::Stream(_) => ours!(&#lcr::Shape::stream(&[#lcr::Part::of(#result)])),
    };
    let shape = ours!(&#lcr::Shape::method(#name, &[#(#arguments,)* #lcr::Part::result(#result)]));
    ours!(#lcr::Method::new(#has_default, #shape) #names #purity)
}

fn shape_of(ty: &Type) -> TokenStream {
    of_value(&with_inferred_lifetimes(ty), "SHAPE")
}

impl Argument {
    fn shape(&self) -> TokenStream {
        match &self.passing {
            Passing::Value => shape_of(&self.ty),
            Passing::Borrowed(callback) => callback.shape(&ours!(BorrowedCallback), &ours!(Callback)),
            Passing::Boxed(callback) => callback.shape(&ours!(BoxedCallback), &ours!(BoxedCallback)),
        }
    }
}

impl Callback {
    fn shape(&self, way: &TokenStream, kind: &TokenStream) -> TokenStream {
        let lcr = private();
        let arguments = self.arguments.iter().map(shape_of);
        let result = shape_of(&self.result);
        let object = &self.object;
        ours! {
            &#lcr::Shape::of::<#lcr::Repr<#lcr::#way>>(
                #lcr::Kind::#kind,
                #lcr::bounds(#lcr::Bounds::<#object>::SEND, #lcr::Bounds::<#object>::SYNC),
                &[#(#lcr::Part::of(#arguments),)* #lcr::Part::result(#result)],
            )
        }
    }
}
