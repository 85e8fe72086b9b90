//! Reading and refusing implementations.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    check::check,
    model::{Component, Function},
};
use crate::{
    options::{Options as _, table::ComponentOptions},
    refusal::Refusals,
};

fn read(arguments: TokenStream, item: TokenStream) -> (Component, Vec<String>) {
    let mut refusals = Refusals::default();
    let options = ComponentOptions::read(arguments, &mut refusals);
    let component = Component::read(options, syn::parse2(item).unwrap());
    check(&component, &mut refusals);
    (component, refusals.messages())
}

fn refused(item: TokenStream) -> Vec<String> {
    read(quote!(), item).1
}

fn refused_options(arguments: TokenStream) -> Vec<String> {
    read(arguments, quote!(impl Store for HashStore {})).1
}

#[track_caller]
fn assert_only(messages: Vec<String>, expected: &str) {
    assert!(messages.len() == 1 && messages[0].contains(expected), "expected only `{expected}`, got {messages:#?}");
}

#[test]
fn concrete_implementations_are_accepted() {
    assert!(refused(quote!(impl Store for HashStore {})).is_empty());
    assert!(refused(quote!(impl ::kv::api::Store for crate::Cache<u64, [u8; 4]> {})).is_empty());
    assert!(refused(quote!(impl Store for Table<&'static str> {})).is_empty());
    assert!(
        refused_options(quote!(
            create = Self::open,
            healthy = check::<u8>,
            state = counts,
            state_version = 2,
            migrate = Self::migrate,
            downgrade = Self::downgrade,
            downgrades_to(1),
            protected,
            unload,
            deps(Journal, other::Clock),
            replaces(1, 2),
            name = "kv-hash",
            version = "1.2.3-rc.1+build",
        ))
        .is_empty()
    );
}

#[test]
fn implementations_that_are_not_one_type_of_one_interface_are_refused() {
    assert_only(refused(quote!(impl HashStore {})), "an inherent impl is refused");
    assert_only(
        refused(quote!(
            impl<T> Store for Cache<T> {}
        )),
        "a generic impl is refused",
    );
    assert_only(
        refused(quote!(
            impl<'a> Store for HashStore {}
        )),
        "a generic impl is refused",
    );
    assert_only(refused(quote!(impl Store for HashStore where u8: Copy {})), "a where clause is refused");
    assert_only(
        refused(quote!(
            unsafe impl Store for HashStore {}
        )),
        "an unsafe impl is refused",
    );
    assert_only(refused(quote!(impl !Store for HashStore {})), "a negative impl is refused");
    assert_only(refused(quote!(impl Store<u8> for HashStore {})), "arguments of the trait are refused");
    assert_only(refused(quote!(impl Store for Borrowed<'_> {})), "a component that borrows is refused");
    assert_only(refused(quote!(impl Store for (u8, u8) {})), "a component is a struct or enum");
}

#[test]
fn options_that_cannot_be_kept_are_refused() {
    assert_only(refused_options(quote!(craete = open)), "there is no key `craete`");
    assert_only(refused_options(quote!(protected, protected)), "`protected` is given twice");
    assert_only(refused_options(quote!(state = true)), "this key is written as `state = field`");
    assert_only(refused_options(quote!(incremental = entries)), "`incremental` needs `state`");
    assert_only(refused_options(quote!(state, incremental = self.entries)), "written as `incremental = field`");
    assert_only(refused_options(quote!(state, incremental = parts::entries)), "`incremental` names a field");
    assert!(refused_options(quote!(state, incremental = entries)).is_empty());
    assert_only(refused_options(quote!(create = || 1)), "this key is written as `create = Self::open`");
    assert_only(refused_options(quote!(create(open))), "this key is written as `create = Self::open`");
    for name in ["", "kv hash", ".kv", "-kv", "../kv", &"x".repeat(129)] {
        assert_only(refused_options(quote!(name = #name)), "a component's name is 1 to 128");
    }
    let longest = "x".repeat(128);
    assert!(refused_options(quote!(name = #longest)).is_empty());
    assert_only(refused_options(quote!(version = "1.2")), "a component's version is a semantic one");
    assert_only(refused_options(quote!(replaces(0))), "`replaces` names versions of the interface");
}

#[test]
fn self_in_a_path_is_the_implementing_type() {
    let (component, _) = read(quote!(create = Self::open, healthy = Self), quote!(impl Store for HashStore {}));
    assert!(matches!(component.create, Some(Function::OfImplementor(rest)) if rest.is_ident("open")));
    assert!(matches!(component.healthy, Some(Function::Elsewhere(path)) if path.is_ident("Self")));
}

#[test]
fn the_implementor_is_named_as_an_author_would_write_it() {
    let (component, _) = read(quote!(), quote!(impl Store for cache::Table<&'static str, [u8; 4]> {}));
    assert_eq!(component.implementor_name(), "cache::Table<&'static str,[u8;4]>");
}

#[test]
fn keys_of_a_kept_state_are_refused_where_none_is_kept() {
    assert!(refused_options(quote!(state = 0, state_version = 1)).is_empty());
    for without in [quote!(state_version = 2), quote!(state, migrate = Self::migrate)] {
        assert_only(refused_options(without), "is refused without `state = field`");
    }
    for without in [quote!(state, downgrade = Self::downgrade), quote!(state, downgrades_to(1))] {
        assert_only(refused_options(without), "is refused without `state = field`");
    }
    assert_only(refused_options(quote!(state = a.b)), "this key is written as `state = field`");
    assert_only(refused_options(quote!(state = counts, state_version = 0)), "a number from 1");
}

#[test]
fn a_way_back_has_a_function_and_older_versions() {
    let given = |keys: TokenStream| refused_options(quote!(state = counts, state_version = 3, #keys));
    assert!(given(quote!(downgrade = Self::downgrade, downgrades_to(1, 2))).is_empty());
    assert_only(given(quote!(downgrade = Self::downgrade)), "`downgrade` needs `downgrades_to`");
    assert_only(given(quote!(downgrades_to(1))), "`downgrades_to` needs `downgrade`");
    assert_only(given(quote!(downgrade = Self::downgrade, downgrades_to(3))), "names older versions of the state");
}
