//! What an accepted patch becomes.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt as _;

use super::model::{Function, Patch};
use crate::tokens::{import, local, ours, private};

/// Everything beside the functions.
pub(crate) fn registration(patch: &Patch) -> TokenStream {
    let (lcr, import) = (private(), import(&patch.lcr));
    let (conditions, interface) = (&patch.conditions, &patch.interface);
    let layers = patch.functions.iter().map(layer);
    let crossings = patch.functions.iter().map(|function| {
        let (name, conditions) = (function.name.unraw().to_string(), &function.conditions);
        ours!(#(#conditions)* #lcr::patched_crossing::<__LcrPatched>(#name, __lcr_list);)
    });
    let declaration = declare(patch);
    ours! {
        #(#conditions)*
        const _: () = {
            #import
            type __LcrPatched = #interface;
            #declaration
            const __LCR_LENGTH: usize = #lcr::manifest_len(&__LCR_DECLARATION);
            #[used]
            #[unsafe(link_section = ".lcr.manifest")]
            static __LCR_MANIFEST: [u8; __LCR_LENGTH] = #lcr::manifest_bytes(&__LCR_DECLARATION);
            const __LCR_LAYERS: &'static [#lcr::Thunk] = &[#(#layers),*];
            extern "C" fn __lcr_crossings() -> *const #lcr::Crossing {
                static __LCR_CROSSINGS: #lcr::Table<{ __LCR_LAYERS.len() }> = #lcr::Table::new();
                #lcr::patch_crossings(&__LCR_CROSSINGS, |__lcr_list| { #(#crossings)* })
            }
            static __LCR_EXPORT: #lcr::Export = #lcr::patch_export(&__LCR_MANIFEST, __LCR_LAYERS, __lcr_crossings);
            #lcr::inventory::submit! {
                // SAFETY: the manifest was made of the methods whose functions the export has.
                unsafe { #lcr::Registration::new(&__LCR_EXPORT) }
            }
        };
    }
}

/// The C function of one of the author's. The compiler compares the author's signature with the method's where the
/// interface's builder takes the function, and reports at the function's name.
fn layer(function: &Function) -> TokenStream {
    let lcr = private();
    let Function { name, path, conditions } = function;
    let place = name.span();
    let collected = quote_spanned! {place=>
        <<__LcrPatched as #lcr::Patchable>::Methods as ::core::default::Default>::default().#name(#path)
    };
    ours! {
        #(#conditions)*
        #lcr::Thunk::new({
            unsafe extern "C" fn __lcr_layer(below: *const #lcr::Below, arguments: #lcr::Packed, out: *mut ()) {
                static __LCR_LAYER: #lcr::LibraryLayer = #lcr::LibraryLayer::new();
                let __lcr_collected = || #collected;
                // SAFETY: the host passes what is below a method of this name and signature, and its arguments.
                unsafe { __LCR_LAYER.run::<__LcrPatched>(__lcr_collected, below, arguments, out) }
            }
            __lcr_layer
        } as *const ())
    }
}

fn declare(patch: &Patch) -> TokenStream {
    let lcr = private();
    let item = &patch.item;
    let name = patch.name.as_ref().map_or_else(|| ours!(::core::env!("CARGO_PKG_NAME")), |name| ours!(#name));
    let version =
        patch.version.as_ref().map_or_else(|| ours!(::core::env!("CARGO_PKG_VERSION")), |version| ours!(#version));
    let component = match &patch.component {
        None => ours!(::core::option::Option::None),
        Some(component) => ours!(::core::option::Option::Some(#component)),
    };
    let methods = patch.functions.iter().map(|function| {
        let (name, conditions) = (function.name.unraw().to_string(), &function.conditions);
        ours!(#(#conditions)* #lcr::patched_method::<__LcrPatched>(#name))
    });
    let interface = local("__LcrPatched");
    ours! {
        const __LCR_DECLARATION: #lcr::Declaration = #lcr::Declaration {
            component: #name,
            component_version: #version,
            type_name: #item,
            interface: #lcr::InterfaceInfo {
                name: <#interface as #lcr::Interface>::NAME,
                version: <#interface as #lcr::Interface>::VERSION,
                replaces: &[],
                deps: &[],
                methods: &[#(#methods),*],
            },
            replaces: &[],
            deps: &[],
            flags: #lcr::Flags {
                state: false,
                protected: false,
                unload: false,
                healthy: false,
                panic_abort: ::core::cfg!(panic = "abort"),
                incremental: false,
            },
            state_version: 0,
            kept: ::core::option::Option::None,
            source: ::core::option::Option::None,
            downgrades_to: &[],
            patch: ::core::option::Option::Some(#lcr::PatchInfo { component: #component }),
        };
    }
}
