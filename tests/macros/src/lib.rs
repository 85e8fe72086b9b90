//! Macros as an author may write them without `unsafe`, and against which `derive(lcr::Layout)` has to stand.

use std::sync::atomic::{AtomicBool, Ordering};

use proc_macro::TokenStream;

/// Has `bool` in the place of each `u8` in the item.
#[proc_macro_attribute]
pub fn change_fields(_: TokenStream, item: TokenStream) -> TokenStream {
    parse(&item.to_string().replace("u8", "bool"))
}

/// Adds a field to a struct with names.
#[proc_macro_attribute]
pub fn add_field(_: TokenStream, item: TokenStream) -> TokenStream {
    parse(&item.to_string().replacen('{', "{ added: bool,", 1))
}

/// Adds `#[repr(C)]` to the item.
#[proc_macro_attribute]
pub fn add_repr(_: TokenStream, item: TokenStream) -> TokenStream {
    let mut changed = parse("#[repr(C)]");
    changed.extend(item);
    changed
}

/// A type: `u8` and `bool` in turn.
#[proc_macro]
pub fn in_turn(_: TokenStream) -> TokenStream {
    static TURN: AtomicBool = AtomicBool::new(false);
    parse(if TURN.fetch_not(Ordering::Relaxed) { "bool" } else { "u8" })
}

fn parse(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}
