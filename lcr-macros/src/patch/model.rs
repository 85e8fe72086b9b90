//! What `#[lcr::patch]` knows of a patch, in our own words.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{Attribute, GenericParam, Item, ItemFn, Path, Safety, Type, Visibility};

use crate::{
    options::table::PatchOptions,
    refusal::Refusals,
    tokens::{conditions, crate_path},
};

/// What the attribute belongs on.
pub(crate) const PLACE: &str = "a function that is called as the method is, or on a `mod` of such functions";

/// Functions that stand around methods of one interface.
pub(crate) struct Patch {
    /// The crate whose door generated code names.
    pub(crate) lcr: Path,
    /// The interface: `dyn Trait`.
    pub(crate) interface: Type,
    /// The name, if it is not the package's.
    pub(crate) name: Option<String>,
    /// The version, if it is not the package's.
    pub(crate) version: Option<String>,
    /// The component that it is for, if it is for one only.
    pub(crate) component: Option<String>,
    pub(crate) functions: Vec<Function>,
    /// The item's `#[cfg(..)]` attributes.
    pub(crate) conditions: Vec<Attribute>,
    /// The item's name, in tables.
    pub(crate) item: String,
}

/// A function that stands around the method of its name.
pub(crate) struct Function {
    /// The method's name.
    pub(crate) name: Ident,
    /// Where the function is.
    pub(crate) path: TokenStream,
    /// Its `#[cfg(..)]` attributes.
    pub(crate) conditions: Vec<Attribute>,
}

impl Patch {
    pub(crate) fn read(options: PatchOptions, item: &Item, refusals: &mut Refusals) -> Option<Patch> {
        let interface = options.interface.required::<PatchOptions>("interface", refusals);
        let (functions, attributes, name) = match item {
            Item::Fn(function) => {
                let name = &function.sig.ident;
                let own = self::function(function, name.to_token_stream(), false, refusals);
                (vec![own], &function.attrs, name)
            }
            Item::Mod(module) => (of_module(module, refusals), &module.attrs, &module.ident),
            _ => return None,
        };
        Some(Patch {
            lcr: crate_path(options.lcr.given(), "lcr"),
            interface: interface?,
            name: options.name.given().map(|name| name.value.0),
            version: options.version.given().map(|version| version.value.0),
            component: options.component.given().map(|name| name.value.0),
            functions,
            conditions: conditions(attributes).into_iter().cloned().collect(),
            item: name.to_string(),
        })
    }
}

/// The public functions of a module. The others are the author's own.
fn of_module(module: &syn::ItemMod, refusals: &mut Refusals) -> Vec<Function> {
    let Some((_, items)) = &module.content else {
        refusals.refuse(module, "a module in a file of its own is refused: write its functions here, in braces");
        return Vec::new();
    };
    let name = &module.ident;
    let functions = items.iter().filter_map(|item| match item {
        Item::Fn(function) if !matches!(function.vis, Visibility::Inherited) => Some(function),
        _ => None,
    });
    let functions: Vec<Function> = functions
        .map(|function| {
            let own = &function.sig.ident;
            self::function(function, quote!(#name::#own), true, refusals)
        })
        .collect();
    if functions.is_empty() {
        refusals.refuse(
            name,
            "a module without a `pub fn` patches nothing: write one of a method's name, which takes what was there \
             before and the method's arguments, such as `pub fn len(next: &dyn Fn() -> u64) -> u64`",
        );
    }
    functions
}

fn function(function: &ItemFn, path: TokenStream, is_inside: bool, refusals: &mut Refusals) -> Function {
    let signature = &function.sig;
    let generic = signature.generics.params.iter().find(|param| !matches!(param, GenericParam::Lifetime(_)));
    if let Some(generic) = generic {
        refusals.refuse(generic, "a generic function is refused: a patch is of a method, whose types are known");
    }
    if let Some(asyncness) = &signature.asyncness {
        refusals.refuse(
            asyncness,
            "an async function is refused: a method that is polled cannot be patched, because a patch would stand \
             around each poll; patch what the method calls",
        );
    }
    if let Safety::Unsafe(unsafety) = &signature.safety {
        refusals.refuse(unsafety, "an unsafe function is refused: no method is unsafe; leave `unsafe` out");
    }
    // Of a function that is patched alone, the item's conditions are the patch's.
    let conditions = if is_inside { conditions(&function.attrs).into_iter().cloned().collect() } else { Vec::new() };
    Function { name: signature.ident.clone(), path, conditions }
}
