//! Reading and refusing types.

use proc_macro2::TokenStream;
use quote::quote;

use super::{check::check, expand::expand, read};
use crate::refusal::Refusals;

fn refused(item: TokenStream) -> Vec<String> {
    let mut refusals = Refusals::default();
    let value = read(syn::parse2(item).unwrap(), &mut refusals);
    check(&value, &mut refusals);
    refusals.messages()
}

fn expansion(item: TokenStream) -> String {
    let mut refusals = Refusals::default();
    let value = read(syn::parse2(item).unwrap(), &mut refusals);
    assert!(refusals.is_empty());
    expand(&value).to_string()
}

#[track_caller]
fn assert_only(item: TokenStream, expected: &str) {
    let messages = refused(item);
    assert!(messages.len() == 1 && messages[0].contains(expected), "expected only `{expected}`, got {messages:#?}");
}

#[test]
fn structs_and_enums_that_own_what_they_hold_are_accepted() {
    for item in [
        quote!(
            struct Unit;
        ),
        quote!(
            struct Pair<T>(u8, Vec<T>);
        ),
        quote!(
            #[layout(crate = other::lcr)]
            #[repr(C, packed(2))]
            struct Tight {
                at: u32,
            }
        ),
        quote!(
            enum Tree<T> {
                Leaf(T),
                Node(Vec<Tree<T>>),
            }
        ),
    ] {
        assert!(refused(item.clone()).is_empty(), "{item}");
    }
}

#[test]
fn types_that_cannot_be_described_are_refused() {
    assert_only(quote!(union Either { a: u8, b: i8 }), "a union is refused");
    assert_only(
        quote!(
            enum Never {}
        ),
        "an enum without variants is refused",
    );
    assert_only(
        quote!(
            struct View<'a> {
                text: &'a str,
            }
        ),
        "a type that borrows is refused",
    );
    assert_only(
        quote!(
            struct Node<Node>(Node);
        ),
        "a parameter with the name of its type is refused",
    );
    assert_only(
        quote!(
            #[layout(plain)]
            struct Point(u8);
        ),
        "there is no key `plain`",
    );
}

#[test]
fn a_type_stands_for_itself_wherever_it_names_itself() {
    let list = expansion(quote!(
        struct List {
            next: Option<Box<Self>>,
            other: other::List,
        }
    ));
    assert!(list.contains("__lcr :: Again < Self >") && list.contains("< other :: List as"), "{list}");
    let tree = expansion(quote!(
        enum Tree<T> {
            Node(Vec<(T, Tree<T>)>),
        }
    ));
    assert!(tree.contains("__lcr :: Again < Tree < T >") && tree.contains(": fn (Tree < T >) -> Tree < T >"), "{tree}");
    assert!(
        !expansion(quote!(
            struct Flat(u8);
        ))
        .contains("Again")
    );
}
