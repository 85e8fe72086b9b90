//! Reading and refusing traits.

use proc_macro2::TokenStream;
use quote::quote;

use super::{check::check, model::Interface};
use crate::{
    options::{Options as _, table::InterfaceOptions},
    refusal::Refusals,
};

fn read(arguments: TokenStream, item: TokenStream) -> (Interface, Vec<String>) {
    let mut refusals = Refusals::default();
    let options = InterfaceOptions::read(arguments, &mut refusals);
    let interface = Interface::read(options, syn::parse2(item).unwrap(), &mut refusals);
    check(&interface, &mut refusals);
    (interface, refusals.messages())
}

/// The messages for a trait with one method beside a good one.
fn refused(method: TokenStream) -> Vec<String> {
    read(quote!(name = "kv.store", version = 2), quote!(trait Store { fn len(&self) -> u64; #method })).1
}

fn refused_options(arguments: TokenStream) -> Vec<String> {
    read(
        arguments,
        quote!(
            trait Store {
                fn len(&self) -> u64;
            }
        ),
    )
    .1
}

fn refused_trait(item: TokenStream) -> Vec<String> {
    read(quote!(name = "kv.store", version = 2), item).1
}

#[track_caller]
fn assert_only(messages: Vec<String>, expected: &str) {
    assert!(messages.len() == 1 && messages[0].contains(expected), "expected only `{expected}`, got {messages:#?}");
}

macro_rules! each_is_refused {
    ($($method:item => $expected:literal)*) => {
        $(assert_only(refused(quote!($method)), $expected);)*
    };
}

#[test]
fn accepted_methods_give_no_message() {
    let accepted = quote! {
        fn text(&self, key: &str) -> Option<Vec<u8>>;
        fn lifetimes<'a, 'b: 'a>(&'a self, view: View<'b, &'a str>) -> Result<(), Error>;
        fn slices(&self, from: &[Point], into: &mut [Point]);
        fn handles(&self, journal: lcr::Handle<dyn Journal>) -> lcr::Handle<dyn Journal>;
        fn lent(&self, f: &dyn Fn(&str, Option<&str>) -> bool, g: &(dyn for<'x> Fn(&'x str) + Send + Sync));
        fn given(&self, f: Box<dyn Fn(String) + Send>, g: std::boxed::Box<dyn Fn() -> u8 + Send + Sync + 'static>);
        fn nested(&self, value: Vec<(u8, [Option<Duration>; 4])>) -> Box<Tree>;
        fn names(&self, _: u8, r#type: u8);
        #[lcr(pure)]
        fn marked(&self, #[abi(secret)] word: &str) -> bool;
        fn changed(&self, mut value: u8) -> u8 { value += 1; value }
        async fn later<'a>(&'a self, key: &'a str, values: &mut [u8]) -> Option<String>;
        fn watch(&self, from: u64, key: &str) -> impl Stream<Item = u64> + Send;
        fn watch_for<'a>(&'a self, key: &'a str) -> impl futures_core::Stream<Item = Result<u64, Error>> + Send + 'a;
        fn filtered(&self, f: &(dyn Fn(&str) -> bool + Sync), _: u8)
            -> impl Stream<Item = String> + std::marker::Send + '_ { body() }
        async fn lent_for_long(&self, f: &(dyn Fn(&str) + Sync), g: Box<dyn Fn() + Send>, mut value: u8, _: u8) {
            value += 1
        }
        fn twelve(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, l: u8);
    };
    assert_eq!(refused(accepted), [""; 0]);
}

#[test]
fn receivers_other_than_a_shared_reference_are_refused() {
    each_is_refused! {
        fn f(&mut self); => "take `&self` and use interior mutability (Mutex, atomics)"
        fn f(self); => "`self` by value is refused"
        fn f(mut self) {} => "`self` by value is refused"
        fn f(self: Arc<Store>); => "write `&self`"
        fn f(key: u8); => "a function without `&self` is refused"
        fn f(); => "a function without `&self` is refused"
    }
}

#[test]
fn methods_without_one_c_function_are_refused() {
    each_is_refused! {
        fn f<T: Copy>(&self); => "a generic method is refused"
        fn f<const N: usize>(&self); => "a generic method is refused"
        fn f(&self, value: impl Copy); => "`impl Trait` is refused"
        fn f(&self) -> impl Copy; => "return `impl Stream<Item = T> + Send`"
        fn f(&self) -> impl Future<Output = u8> + Send; => "write `async fn`"
        fn f(&self) where u8: Copy; => "a where clause is refused"
        unsafe fn f(&self); => "`unsafe fn` is refused"
        extern "C" fn f(&self); => "leave `extern` out"
        #[lcr(clean)] fn f(&self); => "there is no key `clean`; known: `pure`"
        fn f(&self, #[abi(hidden)] x: u8); => "there is no key `hidden`; known: `secret`"
        #[cfg(test)] fn f(&self); => "conditional compilation is refused"
        fn f(&self, #[cfg(test)] x: u8); => "conditional compilation is refused"
    }
    let variadic = syn::parse_str::<syn::TraitItem>("fn f(&self, ...);").unwrap();
    assert_only(refused(quote!(#variadic)), "variadic arguments are refused");
    assert_only(
        refused(quote!(
            fn thirteen(
                &self,
                a: u8,
                b: u8,
                c: u8,
                d: u8,
                e: u8,
                f: u8,
                g: u8,
                h: u8,
                i: u8,
                j: u8,
                k: u8,
                l: u8,
                m: u8,
            );
        )),
        "more than 12 arguments are refused",
    );
}

#[test]
fn what_may_not_outlive_a_call_is_refused() {
    each_is_refused! {
        fn f(&self) -> &str; => "a reference in a result is refused"
        fn f(&self) -> &'static str; => "a reference in a result is refused"
        fn f(&self) -> Option<&str>; => "a reference in a result is refused"
        fn f(&self) -> Result<u8, (u8, &[u8])>; => "a reference in a result is refused"
        fn f(&self) -> Cow<'_, str>; => "a lifetime in a result is refused"
        fn f(&self) -> Option<View<'static>>; => "a lifetime in a result is refused"
        fn f(&self, key: &'static str); => "`'static` is refused"
        fn f(&self, view: View<'static>); => "`'static` is refused"
        fn f(&self, f: &'static dyn Fn()); => "`'static` is refused"
        fn f<'a>(&self, f: &dyn Fn(&'a str)); => "a named lifetime in a callback is refused"
        fn f(&self, f: &dyn Fn() -> &str); => "a reference in a result is refused"
        async fn f(&self) -> &str; => "a reference in a result is refused"
        async fn f(&self, key: &'static str); => "`'static` is refused"
    }
}

#[test]
fn types_that_no_other_image_can_know_are_refused() {
    each_is_refused! {
        fn f(&self, at: *const u8); => "a raw pointer is refused"
        fn f(&self) -> Option<*mut u8>; => "a raw pointer is refused"
        fn f(&self, f: fn(u8)); => "a function pointer is refused"
        fn f(&self, f: Vec<fn(u8)>); => "a function pointer is refused"
        fn f(&self, other: Self); => "`Self` in a signature is refused"
        fn f(&self) -> Option<Self>; => "`Self` in a signature is refused"
        fn f(&self, value: &mut u64); => "`&mut T` is refused"
        fn f(&self, value: &dyn Journal); => "pass `lcr::Handle<dyn Trait>`"
        fn f(&self, value: types!()); => "name a concrete type"
        fn f(&self, (a, b): (u8, u8)); => "a pattern is refused here"
    }
}

#[test]
fn callbacks_other_than_fn_are_refused() {
    each_is_refused! {
        fn f(&self, f: &dyn FnMut()); => "take `&dyn Fn(..)`"
        fn f(&self, f: &mut dyn FnMut()); => "`&mut dyn FnMut` is refused"
        fn f(&self, f: Box<dyn FnOnce() + Send>); => "take `Box<dyn Fn(..) + Send>`"
        fn f(&self, f: Box<dyn Fn()>); => "add `+ Send`"
        fn f(&self, f: Box<dyn Fn() + Send + Unpin>); => "this bound on a callback is refused"
        fn f<'a>(&self, f: Box<dyn Fn() + Send + 'a>); => "this bound on a callback is refused"
        fn f(&self, f: Option<&dyn Fn()>); => "a callback is refused here"
        fn f(&self) -> Box<dyn Fn() + Send>; => "a callback is refused here"
        fn f(&self, f: &dyn Fn(&dyn Fn())); => "a callback is refused here"
        async fn f(&self, f: &dyn Fn()); => "take `&(dyn Fn(..) + Sync)`"
        async fn f(&self, f: &(dyn Fn() + Send)); => "take `&(dyn Fn(..) + Sync)`"
    }
}

#[test]
fn streams_that_a_handle_cannot_have_are_refused() {
    each_is_refused! {
        fn f(&self) -> impl Stream<Item = u8>; => "add `+ Send`"
        fn f(&self) -> impl Stream + Send; => "a stream without its item is refused"
        fn f(&self) -> impl Stream<u8> + Send; => "a stream without its item is refused"
        fn f(&self) -> impl Stream<Item = u8> + Send + Unpin; => "this bound on a stream is refused"
        fn f(&self) -> impl Stream<Item = u8> + Send + use<>; => "this bound on a stream is refused"
        fn f(&self) -> impl Stream<Item = u8> + Send + 'static; => "a `'static` stream is refused"
        async fn f(&self) -> impl Stream<Item = u8> + Send; => "leave `async` out"
        fn f(&self) -> impl Stream<Item = &str> + Send; => "a reference in a result is refused"
        fn f(&self) -> impl Stream<Item = impl Copy> + Send; => "`impl Trait` is refused"
        fn f(&self) -> Box<dyn Stream<Item = u8> + Send>; => "a boxed stream is refused"
        fn f(&self) -> Pin<Box<dyn Stream<Item = u8> + Send + '_>>; => "a boxed stream is refused"
        fn f(&self) -> BoxStream<'_, u8>; => "a boxed stream is refused"
        fn f(&self) -> Option<impl Stream<Item = u8> + Send>; => "`impl Trait` is refused"
        fn f(&self, f: &dyn Fn(u8)) -> impl Stream<Item = u8> + Send; => "take `&(dyn Fn(..) + Sync)`"
    }
}

#[test]
fn methods_are_linked_by_name_so_two_of_one_name_are_refused() {
    assert_only(
        refused(quote!(
            fn len(&self, of: u8);
        )),
        "two methods are called `len`",
    );
    assert_only(
        refused(quote!(
            fn r#len(&self);
        )),
        "two methods are called `len`",
    );
}

#[test]
fn traits_that_are_not_only_methods_are_refused() {
    let method = quote!(
        fn len(&self) -> u64;
    );
    assert_only(refused_trait(quote!(trait Store<T> { #method })), "a generic trait is refused");
    assert_only(refused_trait(quote!(trait Store where u8: Copy { #method })), "a where clause is refused");
    assert_only(refused_trait(quote!(trait Store { type Item; #method })), "an associated type is refused");
    assert_only(refused_trait(quote!(trait Store { const N: u8; #method })), "an associated constant is refused");
    assert_only(refused_trait(quote!(trait Store { make!{} #method })), "only methods are accepted");
    assert_only(
        refused_trait(quote!(
            trait Store {}
        )),
        "an interface without methods is refused",
    );
    assert_only(refused_trait(quote!(unsafe trait Store { #method })), "an unsafe trait is refused");
    assert_only(refused_trait(quote!(trait Store: Clone { #method })), "a supertrait other than");
    assert_only(refused_trait(quote!(trait Store: ?Sized { #method })), "a supertrait other than");
    let bounds = quote!(Send + std::marker::Sync + ::core::marker::Send + 'static);
    assert!(refused_trait(quote!(trait Store: #bounds { #method })).is_empty());
}

#[test]
fn options_that_say_too_little_or_too_much_are_refused() {
    assert!(
        refused_options(quote!(name = "a_1.b2", version = 4, replaces(1, 3), deps(Journal, ::other::Clock),))
            .is_empty()
    );
    assert_eq!(refused_options(quote!()).len(), 2, "name and version are reported together");
    assert_only(refused_options(quote!(name = "kv.store")), "`version` is missing; add `version = 1`");
    assert_only(refused_options(quote!(version = 1)), "`name` is missing; add `name = \"kv.store\"`");
    assert_only(refused_options(quote!(name = "kv", version = 1, vresion = 1)), "there is no key `vresion`");
    assert_only(refused_options(quote!(name = "kv", version = 1, name = "kv")), "`name` is given twice");
    assert_only(refused_options(quote!(name = "kv", version = "1")), "this key is written as `version = 1`");
    assert_only(refused_options(quote!(name("kv"), version = 1)), "this key is written as `name = \"kv.store\"`");
    assert_only(refused_options(quote!(name = "kv", version = 0)), "`version` is a number from 1 to 4294967295");
    assert_only(
        refused_options(quote!(name = "kv", version = 4294967296)),
        "`version` is a number from 1 to 4294967295",
    );
    assert_only(refused_options(quote!(name = "kv", version = 2, replaces(2))), "from 1 to 1");
    assert_only(refused_options(quote!(name = "kv", version = 2, replaces(0))), "from 1 to 1");
    assert_only(refused_options(quote!(name = "kv", version = 1, replaces(1))), "leave `replaces` out");
    assert_only(refused_options(quote!(name = "kv", version = 2, replaces = 1)), "written as `replaces(1, 2)`");
    for name in ["", "Kv", "kv.", ".kv", "kv..store", "kv-store", "kv store", &"x".repeat(129)] {
        assert_only(refused_options(quote!(name = #name, version = 1)), "an interface's name is 1 to 128");
    }
}

#[test]
fn every_refusal_of_an_item_is_reported_at_once() {
    let (_, messages) = read(
        quote!(nmae = "kv", version = 1, replaces(1)),
        quote!(
            trait Store<T>: Clone {
                fn a(&mut self, at: *const u8) -> &str;
                async fn b(&self, f: &mut dyn FnMut(fn()));
            }
        ),
    );
    assert_eq!(messages.len(), 11, "{messages:#?}");
}

#[test]
fn a_default_body_marks_its_method() {
    let (interface, messages) = read(
        quote!(name = "kv", version = 1),
        quote!(
            trait Store {
                fn a(&self);
                fn b(&self) -> u8 {
                    1
                }
            }
        ),
    );
    assert!(messages.is_empty());
    assert_eq!(interface.methods.iter().map(|method| method.has_default).collect::<Vec<_>>(), [false, true]);
}
