//! Reading and refusing patches.

use proc_macro2::TokenStream;
use quote::quote;

use super::model::Patch;
use crate::{
    options::{Options as _, table::PatchOptions},
    refusal::Refusals,
};

fn refused(arguments: TokenStream, item: TokenStream) -> Vec<String> {
    let mut refusals = Refusals::default();
    let options = PatchOptions::read(arguments, &mut refusals);
    Patch::read(options, &syn::parse2(item).unwrap(), &mut refusals);
    refusals.messages()
}

#[track_caller]
fn assert_only(messages: Vec<String>, expected: &str) {
    assert!(messages.len() == 1 && messages[0].contains(expected), "expected only `{expected}`, got {messages:#?}");
}

fn one() -> TokenStream {
    quote!(
        fn len(next: &dyn Fn() -> u64) -> u64 {
            next() + 1
        }
    )
}

#[test]
fn a_function_and_a_module_of_public_functions_are_accepted_with_every_option() {
    assert!(refused(quote!(interface = dyn Store), one()).is_empty());
    let options = quote!(
        interface = dyn kv::Store,
        name = "no-secrets",
        version = "1.2.3",
        component = "kv-hash",
        crate = other::lcr
    );
    let module = quote!(
        mod fixes {
            pub fn len(next: &dyn Fn() -> u64) -> u64 {
                next() + more()
            }
            fn more() -> u64 {
                1
            }
        }
    );
    assert!(refused(options, module).is_empty());
}

#[test]
fn what_stands_around_no_method_is_refused() {
    assert_only(refused(quote!(), one()), "`interface` is missing; add `interface = dyn Store`");
    let only = quote!(interface = dyn Store);
    assert_only(
        refused(
            only.clone(),
            quote!(
                mod empty {
                    fn own() {}
                }
            ),
        ),
        "without a `pub fn` patches nothing",
    );
    assert_only(
        refused(
            only.clone(),
            quote!(
                fn get<T>(next: T) {}
            ),
        ),
        "a generic function is refused",
    );
    assert_only(
        refused(
            only.clone(),
            quote!(
                async fn get(next: u8) {}
            ),
        ),
        "an async function is refused",
    );
    assert_only(
        refused(
            only.clone(),
            quote!(
                unsafe fn get(next: u8) {}
            ),
        ),
        "an unsafe function is refused",
    );
    assert_only(
        refused(
            only,
            quote!(
                mod elsewhere;
            ),
        ),
        "a module in a file of its own is refused",
    );
    let named = quote!(interface = dyn Store, name = "two words");
    assert_only(refused(named, one()), "a component's name is 1 to 128 letters");
}
