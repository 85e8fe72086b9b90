//! `new --from`: an interface made of a trait that exists, and a component whose methods are to be written.
//!
//! The interface gets the trait, and of the file's other items those that the trait names: structs, enums, type aliases
//! and constants, with what these name in turn, and the `impl` blocks of these types. Structs and enums get
//! `#[derive(lcr::Abi)]` where they lack it. Whether the result is an interface, the compiler decides: its messages say
//! what to do.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{FnArg, Item, ItemTrait, ReturnType, TraitItem, TraitItemFn, Type, UseTree, parse_quote};

use crate::exit::{Failure, Status};

use super::Parts;

/// What was made of a trait.
pub(super) struct Found {
    pub(super) parts: Parts,
    /// What the author has to see to.
    pub(super) notes: Vec<String>,
}

/// Reads `FILE` or `FILE:TRAIT`.
pub(super) fn read(from: &str, name: &str) -> Result<Found, Failure> {
    let (path, wanted) = match from.rsplit_once(':') {
        Some((path, wanted)) if !wanted.contains('/') => (PathBuf::from(path), Some(wanted)),
        _ => (PathBuf::from(from), None),
    };
    let text = fs::read_to_string(&path).map_err(|error| {
        Failure::new(Status::NotFound, "not-found", format!("{} cannot be read: {error}", path.display()))
    })?;
    let file = syn::parse_file(&text).map_err(|error| {
        let text = format!("{} is no Rust source: {error}", path.display());
        Failure::new(Status::Format, "invalid", text)
    })?;
    let found = find(&file.items, wanted, &path)?;
    make(&file.items, found, name)
}

/// The trait of that name, or the only one that is public.
fn find<'a>(items: &'a [Item], wanted: Option<&str>, path: &Path) -> Result<&'a ItemTrait, Failure> {
    let traits = || {
        items.iter().filter_map(|item| match item {
            Item::Trait(item) => Some(item),
            _ => None,
        })
    };
    let names = |traits: &[&ItemTrait]| traits.iter().map(|item| item.ident.to_string()).collect::<Vec<_>>().join(", ");
    let refused = |text: String| Failure::new(Status::NotFound, "not-found", format!("{}: {text}", path.display()));
    if let Some(wanted) = wanted {
        let found = traits().find(|item| item.ident == wanted);
        return found.ok_or_else(|| {
            refused(format!("there is no trait {wanted}; it has: {}", names(&traits().collect::<Vec<_>>())))
        });
    }
    let public: Vec<&ItemTrait> = traits().filter(|item| matches!(item.vis, syn::Visibility::Public(_))).collect();
    match public[..] {
        [only] => Ok(only),
        [] => Err(refused("there is no public trait; name one as FILE:TRAIT".to_owned())),
        _ => Err(Failure::usage(format!(
            "{}: there are several traits ({}); name one as FILE:TRAIT",
            path.display(),
            names(&public)
        ))),
    }
}

fn make(items: &[Item], found: &ItemTrait, name: &str) -> Result<Found, Failure> {
    refuse_generics(found)?;
    let needed = needed(items, found);
    let mut notes = Vec::new();
    let mut trait_item = found.clone();
    trait_item.vis = parse_quote!(pub);
    trait_item.attrs.retain(|attribute| !attribute.path().is_ident("allow"));
    let is_interface = |attribute: &syn::Attribute| {
        attribute.path().segments.last().is_some_and(|segment| segment.ident == "interface")
    };
    if !trait_item.attrs.iter().any(is_interface) {
        let interface = format!("{}.{}", name.replace('-', "_"), snake(&found.ident.to_string()));
        trait_item.attrs.push(parse_quote!(#[lcr::interface(name = #interface, version = 1)]));
    }
    let mut kept = Vec::new();
    let mut uses = Vec::new();
    for item in items {
        match item {
            Item::Use(item) if names_any(&item.tree, &needed) => {
                if starts_locally(&item.tree) {
                    let text = item.to_token_stream();
                    notes.push(format!("left out, as it is of the trait's own crate: `{text}`"));
                } else {
                    uses.push(item.clone());
                    kept.push(Item::Use(item.clone()));
                }
            }
            Item::Struct(item) if needed.contains(&item.ident.to_string()) => {
                let mut item = item.clone();
                derive_abi(&mut item.attrs);
                item.vis = parse_quote!(pub);
                kept.push(Item::Struct(item));
            }
            Item::Enum(item) if needed.contains(&item.ident.to_string()) => {
                let mut item = item.clone();
                derive_abi(&mut item.attrs);
                item.vis = parse_quote!(pub);
                kept.push(Item::Enum(item));
            }
            Item::Impl(item) if of_type(&item.self_ty).is_some_and(|of| needed.contains(&of)) => {
                kept.push(Item::Impl(item.clone()));
            }
            Item::Type(_) | Item::Const(_) if name_of(item).is_some_and(|name| needed.contains(&name)) => {
                kept.push(item.clone());
            }
            _ => {}
        }
    }
    kept.push(Item::Trait(trait_item));
    let interface = print("//! What the program and every version of the component know of each other.\n", kept);
    let component = component(found, &uses)?;
    let parts = Parts {
        interface,
        component,
        trait_name: found.ident.to_string(),
        handle: "service",
        used: "println!(\"{}\", lcr::Handle::generation(&service).unwrap_or_default());",
        before: "    let before = lcr::Handle::generation(&service);",
        after: "    assert!(lcr::Handle::generation(&service) > before); // the same handle, the next instance",
    };
    Ok(Found { parts, notes })
}

fn refuse_generics(found: &ItemTrait) -> Result<(), Failure> {
    let name = &found.ident;
    let refused = |why: String| Err(Failure::new(Status::Format, "invalid", format!("trait {name}: {why}")));
    if !found.generics.params.is_empty() {
        return refused("an interface has no generic parameters; write one for the types that you use".to_owned());
    }
    for item in &found.items {
        match item {
            TraitItem::Fn(method) if !matches!(method.sig.inputs.first(), Some(FnArg::Receiver(_))) => {
                return refused(format!("`{}` takes no `&self`; leave it out", method.sig.ident));
            }
            TraitItem::Fn(method) if method.sig.generics.type_params().next().is_some() => {
                return refused(format!("`{}` is generic; write a method for each type", method.sig.ident));
            }
            TraitItem::Fn(_) => {}
            _ => return refused("an interface has methods only, no types and constants of its own".to_owned()),
        }
    }
    Ok(())
}

/// The identifiers that the trait names, and those that the items so named name in turn.
fn needed(items: &[Item], found: &ItemTrait) -> HashSet<String> {
    let mut needed = HashSet::new();
    let mut open: Vec<String> = identifiers(found.to_token_stream()).into_iter().collect();
    while let Some(name) = open.pop() {
        if !needed.insert(name.clone()) {
            continue;
        }
        let named = items.iter().filter(|item| match item {
            Item::Impl(item) => of_type(&item.self_ty).as_ref() == Some(&name),
            item => name_of(item).as_ref() == Some(&name),
        });
        open.extend(named.flat_map(|item| identifiers(item.to_token_stream())));
    }
    needed
}

fn name_of(item: &Item) -> Option<String> {
    match item {
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        Item::Type(item) => Some(item.ident.to_string()),
        Item::Const(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn of_type(of: &Type) -> Option<String> {
    match of {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    }
}

fn identifiers(tokens: TokenStream) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<TokenTree> = tokens.into_iter().collect();
    while let Some(token) = open.pop() {
        match token {
            TokenTree::Ident(name) => drop(found.insert(name.to_string())),
            TokenTree::Group(group) => open.extend(group.stream()),
            _ => {}
        }
    }
    found
}

/// Whether a `use` brings one of these names, or all that there is.
fn names_any(tree: &UseTree, needed: &HashSet<String>) -> bool {
    match tree {
        UseTree::Path(path) => names_any(&path.tree, needed),
        UseTree::Name(name) => needed.contains(&name.ident.to_string()),
        UseTree::Rename(rename) => needed.contains(&rename.rename.to_string()),
        UseTree::Glob(_) => true,
        UseTree::Group(group) => group.items.iter().any(|tree| names_any(tree, needed)),
    }
}

/// Whether a `use` is of the crate that the trait is taken from.
fn starts_locally(tree: &UseTree) -> bool {
    match tree {
        UseTree::Path(path) => ["crate", "super", "self"].iter().any(|name| path.ident == name),
        _ => false,
    }
}

fn derive_abi(attributes: &mut Vec<syn::Attribute>) {
    let has = attributes.iter().any(|attribute| {
        attribute.path().is_ident("derive") && identifiers(attribute.to_token_stream()).contains("Abi")
    });
    if !has {
        attributes.push(parse_quote!(#[derive(lcr::Abi)]));
    }
}

/// The component: its methods are to be written.
fn component(found: &ItemTrait, uses: &[syn::ItemUse]) -> Result<String, Failure> {
    let trait_name = &found.ident;
    let mut methods = Vec::new();
    for item in &found.items {
        let TraitItem::Fn(TraitItemFn { sig, default: None, .. }) = item else { continue };
        if let ReturnType::Type(_, of) = &sig.output
            && matches!(**of, Type::ImplTrait(_))
        {
            let text =
                format!("trait {trait_name}: `{}` returns `impl Trait`, for which no body can stand in", sig.ident);
            return Err(Failure::new(Status::Format, "invalid", text));
        }
        let text = format!("write `{}`", sig.ident);
        methods.push(quote!(#sig { todo!(#text) }));
    }
    let implementation: Item = parse_quote! {
        #[lcr::component]
        impl #trait_name for Component { #(#methods)* }
    };
    let structure: Item = parse_quote! {
        #[derive(Default)]
        pub struct Component;
    };
    let mut all: Vec<Item> = uses.iter().cloned().map(Item::Use).collect();
    all.extend([structure, implementation]);
    let head = "//! The component. Its methods are to be written.\n\n\
                #![allow(unused_imports, unused_variables, reason = \"methods are to be written\")]\n\n\
                use {{crate}}_interface::*;\n";
    Ok(print(head, all))
}

/// The items as source, an empty line before each but `use`.
fn print(head: &str, items: Vec<Item>) -> String {
    let mut text = head.to_owned();
    let mut after_use = false;
    for item in items {
        let is_use = matches!(item, Item::Use(_));
        if !(is_use && after_use) {
            text.push('\n');
        }
        after_use = is_use;
        text += &prettyplease::unparse(&syn::File {
            shebang: None,
            frontmatter: None,
            attrs: Vec::new(),
            items: vec![item],
        });
    }
    text
}

/// `FooBar` as `foo_bar`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "
        use std::collections::BTreeMap;
        use std::fs::File;
        use crate::other::Unit;
        /// A key.
        pub struct Key { id: u64, unit: Unit }
        pub enum Refused { No(Why) }
        #[derive(Debug, lcr::Abi)]
        enum Why { Because }
        struct Unused(File);
        impl From<lcr::Fault> for Refused { fn from(_: lcr::Fault) -> Self { todo!() } }
        /// Keeps.
        pub trait Store {
            fn get(&self, key: Key) -> Result<BTreeMap<String, u8>, Refused>;
            fn len(&self) -> u64 { 0 }
        }
    ";

    fn made() -> Found {
        let file = syn::parse_file(SOURCE).unwrap();
        make(&file.items, find(&file.items, None, Path::new("a.rs")).unwrap_or_else(|_| panic!()), "my-shop")
            .unwrap_or_else(|_| panic!())
    }

    #[test]
    fn the_interface_has_what_the_trait_names_and_no_more() {
        let found = made();
        let text = &found.parts.interface;
        for part in [
            "use std::collections::BTreeMap;",
            "#[derive(lcr::Abi)]\npub struct Key",
            "#[derive(Debug, lcr::Abi)]\npub enum Why",
            "impl From<lcr::Fault> for Refused",
            "/// Keeps.\n#[lcr::interface(name = \"my_shop.store\", version = 1)]\npub trait Store",
        ] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert!(!text.contains("Unused") && !text.contains("File") && !text.contains("crate::other"), "{text}");
        assert_eq!(found.notes.len(), 1, "{:?}", found.notes);
    }

    #[test]
    fn the_component_has_the_methods_without_a_default_body() {
        let text = made().parts.component;
        assert!(text.contains("fn get(&self, key: Key)") && !text.contains("fn len"), "{text}");
    }

    #[test]
    fn what_cannot_be_an_interface_is_refused_by_name() {
        for (source, part) in [
            ("pub trait T<A> { fn a(&self); }", "generic parameters"),
            ("pub trait T { fn a(); }", "`a` takes no `&self`"),
            ("pub trait T { fn a<B>(&self, b: B); }", "`a` is generic"),
            ("pub trait T { type A; }", "methods only"),
        ] {
            let file = syn::parse_file(source).unwrap();
            let Item::Trait(found) = &file.items[0] else { panic!() };
            let Err(failure) = make(&file.items, found, "a") else { panic!("{source}") };
            assert!(format!("{failure:?}").contains(part), "{failure:?}");
        }
    }
}
