//! What an accepted component becomes.

use proc_macro2::{Literal, Span, TokenStream};
use quote::quote_spanned;
use syn::{Member, Path, parse_quote, spanned::Spanned as _};

use super::{
    model::{Component, Function},
    source::{self, SourceRecord},
};
use crate::{
    lifetimes::with_static_lifetimes,
    options::StateKey,
    refusal::Refusals,
    tokens::{conditions, import, local, ours, private, respan},
};

/// Everything beside the impl.
pub(crate) fn registration(component: &Component, source: Option<&SourceRecord>) -> TokenStream {
    let (lcr, import) = (private(), import(&component.lcr));
    let (implementor, ambient) = (component.implementor(), ambient(component));
    let (thunks, crossings) = (of_interface(component, "THUNKS"), of_interface(component, "CROSSINGS"));
    let conditions = conditions(&component.item.attrs);
    let declaration = declare(component, source);
    let text = source.map(|source| &source.section);
    let create = match &component.create {
        None => ours!(<#implementor as #lcr::DefaultCreate<#ambient>>::CREATE),
        Some(create) => {
            let create = path(create, component);
            ours! {{
                unsafe extern "C" fn __lcr_create(context: *const #lcr::RawContext) -> #lcr::Created {
                    // SAFETY: the host passes a context that lives for the call.
                    unsafe { #lcr::create_with::<#implementor, #ambient, _>(context, #create) }
                }
                __lcr_create
            }}
        }
    };
    let healthy = component.healthy.as_ref().map(|healthy| {
        let healthy = path(healthy, component);
        ours! {
            .with_healthy({
                unsafe extern "C" fn __lcr_healthy(instance: usize) -> #lcr::Verdict {
                    // SAFETY: the host passes a live instance that this export constructed.
                    unsafe { #lcr::healthy_with::<#implementor, #ambient, _>(instance, #healthy) }
                }
                __lcr_healthy
            })
        }
    });
    let shared = (!component.is_separate).then(|| match &component.create {
        None => ours!(.shared_by_default::<#implementor, #ambient>()),
        Some(create) => {
            let create = path(create, component);
            ours!(.shared_by::<#implementor, #ambient, _, _>(&#create))
        }
    });
    let state = component.state.as_ref().map(|state| match state {
        StateKey::Implemented => ours!(.with_state::<#implementor, #ambient>()),
        StateKey::Kept(_) => {
            let downgrade = component.downgrade.as_ref().map(|_| ours!(.with_downgrade(__LCR_KEEPING.downgrade)));
            ours!(.with_kept_state(&__LCR_STATE) #downgrade)
        }
    });
    let available = component.tokio.map(|_| ours!(const _: () = #lcr::require_available::<#ambient>();));
    let keeping = keeping(component);
    let (place, incremental) =
        component.incremental.as_ref().map(|field| incremental(field, component, &ambient)).unzip();
    ours! {
        #(#conditions)*
        const _: () = {
            #import
            #available
            #keeping
            #declaration
            #text
            #place
            const __LCR_LENGTH: usize = #lcr::manifest_len(&__LCR_DECLARATION);
            #[used]
            #[unsafe(link_section = ".lcr.manifest")]
            static __LCR_MANIFEST: [u8; __LCR_LENGTH] = #lcr::manifest_bytes(&__LCR_DECLARATION);
            static __LCR_EXPORT: #lcr::Export = #lcr::Export::new::<#implementor, #ambient>(
                &__LCR_MANIFEST,
                #thunks,
                #create,
            ).with_crossings(#crossings) #shared #healthy #state #incremental;
            #lcr::inventory::submit! {
                // SAFETY: the manifest was made of the interface and the type, and so were the functions.
                unsafe { #lcr::Registration::new(&__LCR_EXPORT) }
            }
        };
    }
}

/// The impl alone: no other code refers to a registration. A type that borrows becomes one that
/// does not, so that the messages in `refusals` are the only ones.
pub(crate) fn stub(component: &Component, refusals: &Refusals) -> TokenStream {
    let mut item = component.item.clone();
    *item.self_ty = with_static_lifetimes(&item.self_ty);
    ours!(#refusals #item)
}

/// The state that a field keeps: its type is known to the compiler alone, so that closures lead to it.
fn keeping(component: &Component) -> Option<TokenStream> {
    let Some(StateKey::Kept(field)) = &component.state else { return None };
    let (lcr, implementor, ambient) = (private(), component.implementor(), ambient(component));
    let migrate = match &component.migrate {
        None => ours!(#lcr::migrate_nothing),
        Some(migrate) => path(&migrate.value, component),
    };
    let state = respan_member(ours!(#lcr::Keeps::state), field);
    let kept = respan_member(ours!(#lcr::Kept::of), field);
    let access = ours!(|this: &#implementor| #state(&this.#field));
    let keeping = ours! {
        #lcr::KeptBy::<#implementor, #ambient>::keeping(
            #access,
            |this: &#implementor| {
                #[allow(unused_imports)]
                use #lcr::{Undescribed as _, Unwritten as _};
                let kept = #kept(&this.#field);
                (kept.by_pointer(), kept.by_copy())
            },
            #migrate,
        )
    };
    let keeping = match &component.downgrade {
        None => keeping,
        Some(downgrade) => {
            let downgrade = path(&downgrade.value, component);
            ours!(#lcr::KeptBy::<#implementor, #ambient>::downgrading(#keeping, #access, #downgrade))
        }
    };
    Some(ours! {
        const __LCR_KEEPING: #lcr::Keeping = #keeping;
        static __LCR_STATE: #lcr::StateTable = __LCR_KEEPING.table;
    })
}

/// Makes the compiler report at the field what it has to say of its type.
fn respan_member(tokens: TokenStream, field: &Member) -> TokenStream {
    let span = field.span().resolved_at(Span::mixed_site());
    tokens
        .into_iter()
        .map(|mut token| {
            token.set_span(span);
            token
        })
        .collect()
}

fn declare(component: &Component, source: Option<&SourceRecord>) -> TokenStream {
    let lcr = private();
    let interface = of_interface(component, "INTERFACE");
    let type_name = component.implementor_name();
    let name = component.name.as_ref().map_or_else(|| ours!(::core::env!("CARGO_PKG_NAME")), |name| ours!(#name));
    let version =
        component.version.as_ref().map_or_else(|| ours!(::core::env!("CARGO_PKG_VERSION")), |version| ours!(#version));
    let replaces = component.replaces.iter().map(|version| Literal::u64_unsuffixed(version.value));
    let deps = &component.deps;
    let (state, protected, unload) = (component.state.is_some(), component.is_protected, component.can_unload);
    let healthy = component.healthy.is_some();
    let (state_version, kept) = match &component.state {
        None => (ours!(0), ours!(::core::option::Option::None)),
        Some(StateKey::Implemented) => (state_version(component), ours!(::core::option::Option::None)),
        Some(StateKey::Kept(_)) => {
            (state_version(component), ours!(::core::option::Option::Some(__LCR_KEEPING.declared)))
        }
    };
    let incremental = component.incremental.is_some();
    let source = source::declared(source);
    let downgrades_to = match &component.state {
        Some(StateKey::Implemented) => {
            let implementor = component.implementor();
            ours!(<#implementor as #lcr::Stateful>::DOWNGRADES_TO)
        }
        _ => {
            let versions = component.downgrades_to.iter().map(|version| Literal::u64_unsuffixed(version.value));
            ours!(&[#(#versions),*])
        }
    };
    ours! {
        const __LCR_DECLARATION: #lcr::Declaration = #lcr::Declaration {
            component: #name,
            component_version: #version,
            type_name: #type_name,
            interface: #interface,
            replaces: &[#(#replaces),*],
            deps: &[#(#lcr::Need::of::<dyn #deps>()),*],
            flags: #lcr::Flags {
                state: #state,
                protected: #protected,
                unload: #unload,
                healthy: #healthy,
                panic_abort: ::core::cfg!(panic = "abort"),
                incremental: #incremental,
            },
            state_version: #state_version,
            kept: #kept,
            source: #source,
            downgrades_to: #downgrades_to,
            patch: ::core::option::Option::None,
        };
    }
}

fn state_version(component: &Component) -> TokenStream {
    if let Some(StateKey::Kept(_)) = component.state {
        let version = component.state_version.as_ref().map_or(1, |version| version.value);
        let version = Literal::u32_unsuffixed(version);
        return ours!(#version);
    }
    let (lcr, implementor) = (private(), component.implementor());
    ours!(<#implementor as #lcr::Stateful>::STATE_VERSION)
}

/// Says where the incremental state is, and adds looks at it to the export.
fn incremental(field: &Path, component: &Component, ambient: &TokenStream) -> (TokenStream, TokenStream) {
    let (lcr, implementor, version) = (private(), component.implementor(), state_version(component));
    let place = ours! {
        struct __LcrIncremental;
        impl #lcr::IncrementalState for __LcrIncremental {
            type Component = #implementor;
            const VERSION: u32 = #version;
            fn of(component: &#implementor) -> &impl #lcr::LockIncremental {
                &component.#field
            }
        }
    };
    (place, ours!(.with_incremental::<__LcrIncremental, #ambient>()))
}

/// `<dyn Interface as ServedBy<..>>::item`, which stands where the author named the trait.
fn of_interface(component: &Component, item: &str) -> TokenStream {
    let (lcr, interface, implementor, item) = (private(), component.interface(), component.implementor(), local(item));
    let place = component.interface().map(|path| parse_quote!(#path));
    let ambient = ambient(component);
    respan(ours!(<dyn #interface as #lcr::ServedBy<#implementor, #ambient>>::#item), place.as_ref())
}

/// The type of what the component's code runs inside, which also says what becomes of async calls under way.
fn ambient(component: &Component) -> TokenStream {
    let lcr = private();
    let ambient = match component.tokio {
        None => ours!(#lcr::Bare),
        Some(span) => quote_spanned!(span=> #lcr::Tokio),
    };
    if component.cancels_calls { ours!(#lcr::Cancelling<#ambient>) } else { ambient }
}

fn path(function: &Function, component: &Component) -> TokenStream {
    match function {
        Function::OfImplementor(rest) => {
            let implementor = component.implementor();
            ours!(<#implementor>::#rest)
        }
        Function::Elsewhere(path) => ours!(#path),
    }
}
