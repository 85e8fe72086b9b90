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
    for repr in [quote!(u128), quote!(i128)] {
        let item = quote!(
            #[repr(C, #repr)]
            enum Wide {
                A = 1 << 64,
            }
        );
        assert_only(item, "discriminants of 128 bits is refused");
    }
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
fn what_may_be_a_macro_behind_or_within_the_description_is_refused() {
    assert_only(
        quote!(
            #[derive(Clone)]
            struct Point(u8);
        ),
        "move `lcr::Layout` into the last one",
    );
    for ty in [
        quote!(number!()),
        quote!(Vec<a::b![]>),
        quote!([u8; 1 + len! {}]),
        quote!(
            [u8; {
                #[a]
                const A: usize = 1;
                A
            }]
        ),
    ] {
        assert_only(quote!(struct Point(u8, #ty);), "a macro in the type of a field is refused");
    }
    assert_only(
        quote!(
            enum Number {
                One = 1,
                Two,
                Three = three!(),
            }
        ),
        "a macro in a discriminant is refused",
    );
    let numbers = quote!([u8; if A != (1) { !(2) } else { -!3 & !B }]);
    assert!(refused(quote!(struct Point(#numbers);)).is_empty());
}

#[test]
fn a_mark_stands_for_the_type_wherever_it_names_itself() {
    let list = expansion(quote!(
        struct List {
            next: Option<Box<Self>>,
            other: other::List,
            of_trait: <List as Trait>::Item,
            array: [u8; <Self as Trait>::N],
        }
    ));
    assert!(list.contains("< Option < Box < __LcrAgain > > as __lcr :: Layout > :: MEMORY"), "{list}");
    for same in ["< other :: List as", "< < List as Trait > :: Item as", "< [u8 ; < Self as Trait > :: N] as"] {
        assert!(list.contains(same), "{list}");
    }
    let tree = expansion(quote!(
        enum Tree<T> {
            Node(Vec<(T, Tree<T>)>),
        }
    ));
    assert!(tree.contains("Vec < (T , __LcrAgain < T >) >") && tree.contains("type Itself = Tree < T >"), "{tree}");
    assert!(tree.contains("T : __lcr :: Layout < Itself = T >"), "{tree}");
    let flat = expansion(quote!(
        struct Flat(u8);
    ));
    assert!(!flat.contains("__LcrAgain"), "{flat}");
}

#[test]
fn the_compiler_proves_each_field_and_variant_and_its_type() {
    let pair = expansion(quote!(
        struct Pair {
            a: u8,
            b: Vec<u16>,
        }
    ));
    assert!(pair.contains("let Self { a : _ , b : _ } = it"), "{pair}");
    assert!(
        pair.contains("let _ : * const < Vec < u16 > as __lcr :: Layout > :: Itself = & raw const it . b ;"),
        "{pair}"
    );
    let either = expansion(quote!(
        enum Either {
            Left(u8),
            Right,
        }
    ));
    assert!(either.contains("Self :: Left { 0 : f0 } =>") && either.contains("Self :: Right { } =>"), "{either}");
}

#[test]
fn a_repr_is_in_the_name_of_a_type_with_its_arguments() {
    let wide = expansion(quote!(
        #[repr(u8, align(16))]
        enum Wide {
            One,
        }
    ));
    assert!(
        wide.contains("\"Wide repr(u8, align(16))\"") || wide.contains("\"Wide repr (u8 , align (16))\""),
        "{wide}"
    );
    let tight = expansion(quote!(
        #[repr(C)]
        #[repr(packed)]
        struct Tight(u8);
    ));
    assert!(tight.contains("\"Tight repr (C) repr (packed)\""), "{tight}");
}

#[test]
fn a_type_that_a_macro_may_change_behind_the_derive_is_not_fixed() {
    let is_fixed = |item: TokenStream| {
        let text = expansion(item);
        assert!(text.contains("] , __LCR_IS_FIXED)") != text.contains("] , false)"), "{text}");
        !text.contains("] , false)")
    };
    assert!(is_fixed(quote!(
        /// A struct.
        #[serde(default)]
        #[allow(dead_code)]
        #[repr(C)]
        struct Known(u8);
    )));
    for attribute in [quote!(adds_repr), quote!(serde::other), quote!(core::prelude::v1::derive(Clone)), quote!(inline)]
    {
        assert!(!is_fixed(quote!(#[#attribute] struct Changed(u8);)), "{attribute}");
        assert!(!is_fixed(quote!(#[#attribute] enum Changed { One })), "{attribute}");
    }
}
