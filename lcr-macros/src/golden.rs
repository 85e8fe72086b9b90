//! Goldens of the expansion: each `golden/*.rs` beside its `*.expanded.txt`: a printer breaks the
//! lines of that text, and not an author.
//!
//! `LCR_BLESS=1 cargo test -p lcr-macros golden` writes the expansions anew.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Attribute, File, Item, Meta};

#[test]
fn golden_expansions_are_as_recorded() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut sources: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    sources.sort();
    assert!(!sources.is_empty());
    for source in sources {
        let expanded = prettyplease::unparse(&expand(syn::parse_file(&fs::read_to_string(&source).unwrap()).unwrap()));
        let recorded = source.with_extension("expanded.txt");
        if env::var_os("LCR_BLESS").is_some() {
            fs::write(&recorded, &expanded).unwrap();
        }
        let found = fs::read_to_string(&recorded).unwrap_or_default();
        assert!(
            found == expanded,
            "{} differs from the expansion; run with LCR_BLESS=1 and look at the difference:\n{expanded}",
            recorded.display()
        );
    }
}

fn expand(file: File) -> File {
    let expanded = file.items.into_iter().map(expand_item);
    let tokens = quote!(#(#expanded)*);
    syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error} in the expansion {tokens}"))
}

/// The item as the compiler would leave it.
fn expand_item(mut item: Item) -> TokenStream {
    match &mut item {
        Item::Trait(inner) => match take(&mut inner.attrs, "interface") {
            Some(arguments) => crate::interface::interface(arguments, item.into_token_stream()),
            None => item.into_token_stream(),
        },
        Item::Impl(inner) => match take(&mut inner.attrs, "component") {
            Some(arguments) => crate::component::component(arguments, item.into_token_stream()),
            None => item.into_token_stream(),
        },
        Item::Fn(inner) => match take(&mut inner.attrs, "main") {
            Some(arguments) => crate::sam_main::main(arguments, item.into_token_stream()),
            None => item.into_token_stream(),
        },
        Item::Mod(inner) => match take(&mut inner.attrs, "patch") {
            Some(arguments) => crate::patch::patch(arguments, item.into_token_stream()),
            None => item.into_token_stream(),
        },
        Item::Struct(_) | Item::Enum(_) => {
            let (Item::Struct(syn::ItemStruct { attrs, .. }) | Item::Enum(syn::ItemEnum { attrs, .. })) = &mut item
            else {
                unreachable!()
            };
            let is_described = attrs.iter().any(|attribute| attribute.to_token_stream().to_string().contains("Layout"));
            // The compiler takes the derive away before it calls it, and its helper at the end.
            attrs.retain(|attribute| !attribute.path().is_ident("derive"));
            let without_helper = |attribute: &Attribute| !attribute.path().is_ident("abi");
            let kept = attrs.iter().filter(|attribute| without_helper(attribute)).cloned().collect();
            let tokens = item.to_token_stream();
            let derived = match is_described {
                true => crate::layout::derive_layout(tokens),
                false => crate::value::derive_abi(tokens),
            };
            let (Item::Struct(syn::ItemStruct { attrs, .. }) | Item::Enum(syn::ItemEnum { attrs, .. })) = &mut item
            else {
                unreachable!()
            };
            *attrs = kept;
            quote!(#item #derived)
        }
        _ => item.into_token_stream(),
    }
}

/// Takes `#[lcr::name(..)]` away and returns its arguments.
fn take(attributes: &mut Vec<Attribute>, name: &str) -> Option<TokenStream> {
    let is_ours = |attribute: &Attribute| attribute.path().segments.last().is_some_and(|last| last.ident == name);
    let place = attributes.iter().position(is_ours)?;
    match attributes.remove(place).meta {
        Meta::List(list) => Some(list.tokens),
        _ => Some(TokenStream::new()),
    }
}
