//! Reading and refusing types.

use proc_macro2::TokenStream;
use quote::quote;

use super::{
    check::check,
    model::{Body, Value},
};
use crate::refusal::Refusals;

fn read(item: TokenStream) -> (Value, Vec<String>) {
    let mut refusals = Refusals::default();
    let value = Value::read(syn::parse2(item).unwrap(), &mut refusals);
    check(&value, &mut refusals);
    (value, refusals.messages())
}

#[track_caller]
fn assert_only(item: TokenStream, expected: &str) {
    let messages = read(item).1;
    assert!(messages.len() == 1 && messages[0].contains(expected), "expected only `{expected}`, got {messages:#?}");
}

#[test]
fn structs_and_enums_of_every_form_are_accepted() {
    for item in [
        quote!(
            struct Unit;
        ),
        quote!(
            struct Empty {}
        ),
        quote!(
            struct Pair(u8, String);
        ),
        quote!(
            struct View<'a, T: Clone, const N: usize>
            where
                T: Copy,
            {
                key: &'a str,
                value: [T; N],
            }
        ),
        quote!(
            enum Colour {
                Red = 1,
                Green,
                Blue = 7,
            }
        ),
        quote!(
            enum Event<'a> {
                Nothing,
                Text(&'a str),
                Moved { x: i32, y: i32 },
            }
        ),
        quote!(
            #[abi(plain)]
            #[repr(C)]
            #[derive(Clone, Copy)]
            struct Point<T> {
                x: T,
                y: T,
            }
        ),
        quote!(
            #[abi(plain)]
            #[repr(C, align(16))]
            struct Wide(u64);
        ),
        quote!(
            #[abi(plain)]
            #[repr(transparent)]
            struct Id(u64);
        ),
    ] {
        let messages = read(item.clone()).1;
        assert!(messages.is_empty(), "{item}: {messages:#?}");
    }
}

#[test]
fn types_whose_value_cannot_be_told_are_refused() {
    assert_only(quote!(union Either { a: u8, b: i8 }), "a union is refused");
    assert_only(
        quote!(
            enum Never {}
        ),
        "an enum without variants is refused",
    );
    assert_only(
        quote!(
            #[repr(packed)]
            struct Tight {
                a: u8,
            }
        ),
        "`#[repr(packed)]` is refused",
    );
    assert_only(
        quote!(
            #[repr(C, packed(2))]
            struct Tight {
                a: u8,
            }
        ),
        "`#[repr(packed)]` is refused",
    );
}

#[test]
fn types_that_contain_themselves_are_refused() {
    assert_only(
        quote!(
            enum Tree {
                Leaf,
                Node(Box<Tree>),
            }
        ),
        "a type that contains itself is refused",
    );
    assert_only(
        quote!(
            struct List {
                next: Option<Box<Self>>,
            }
        ),
        "a type that contains itself is refused",
    );
    assert!(
        read(quote!(
            struct Tree {
                inner: other::Tree,
            }
        ))
        .1
        .is_empty()
    );
}

#[test]
fn fields_that_no_other_image_can_know_are_refused() {
    assert_only(
        quote!(
            struct Raw {
                at: *const u8,
            }
        ),
        "a raw pointer is refused",
    );
    assert_only(
        quote!(
            struct Code(fn());
        ),
        "a function pointer is refused",
    );
    assert_only(
        quote!(
            struct Name {
                name: &'static str,
            }
        ),
        "`'static` is refused",
    );
    assert_only(
        quote!(
            struct Object {
                it: Box<dyn Fn() + Send>,
            }
        ),
        "a callback is refused here",
    );
    assert_only(
        quote!(
            struct Object<'a> {
                it: &'a dyn Journal,
            }
        ),
        "a trait object is refused",
    );
}

#[test]
fn plain_is_refused_where_memory_is_not_the_value() {
    assert_only(
        quote!(
            #[abi(plain)]
            struct Point {
                x: u8,
            }
        ),
        "add `#[repr(C)]`",
    );
    assert_only(
        quote!(
            #[abi(plain)]
            #[repr(C)]
            enum Colour {
                Red,
            }
        ),
        "`#[abi(plain)]` is refused on an enum",
    );
    assert_only(
        quote!(
            #[abi(plain)]
            #[repr(C)]
            struct Empty;
        ),
        "`#[abi(plain)]` is refused without fields",
    );
    assert_only(
        quote!(
            #[abi(plain)]
            #[repr(C)]
            struct View<'a> {
                at: &'a str,
            }
        ),
        "`#[abi(plain)]` is refused on a type that borrows",
    );
    assert_only(
        quote!(
            #[abi(palin)]
            #[repr(C)]
            struct Point {
                x: u8,
            }
        ),
        "there is no key `palin`",
    );
    assert_only(
        quote!(
            #[abi(plain, plain)]
            #[repr(C)]
            struct Point {
                x: u8,
            }
        ),
        "`plain` is given twice",
    );
    assert_only(
        quote!(
            #[abi(plain)]
            #[abi(plain)]
            #[repr(C)]
            struct Point {
                x: u8,
            }
        ),
        "`plain` is given twice",
    );
}

#[test]
fn discriminants_count_on_from_the_last_written_one() {
    let (value, _) = read(quote!(
        #[repr(i8)]
        enum Colour {
            Red,
            Green = -3,
            Blue,
            Black,
        }
    ));
    let Body::Enum(variants) = &value.body else { panic!("an enum") };
    let discriminants: Vec<_> =
        variants.iter().map(|variant| (variant.discriminant.base.is_some(), variant.discriminant.further)).collect();
    assert_eq!(discriminants, [(false, 0), (true, 0), (true, 1), (true, 2)]);
    assert!(value.discriminant_type().segments.last().is_some_and(|last| last.ident == "i8"));
}
