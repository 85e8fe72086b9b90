//! The functions that take closures for another interface's methods are not an interface's own without `unsafe`: their
//! layers would be called with the arguments of other signatures.

#![forbid(unsafe_code)]

#[lcr::interface(name = "forged.texts", version = 1, patches)]
pub trait Texts {
    fn get(&self, key: String) -> String;
}

#[lcr::interface(name = "forged.numbers", version = 1)]
pub trait Numbers {
    fn get(&self, key: u64) -> u64;
}

impl lcr::Patchable for dyn Numbers {
    type Methods = <dyn Texts as lcr::Patchable>::Methods;
    type BeforeCall = <dyn Texts as lcr::Patchable>::BeforeCall;
    type AfterCall = <dyn Texts as lcr::Patchable>::AfterCall;
    type Clauses = <dyn Texts as lcr::Patchable>::Clauses;
    type Withdrawn = <dyn Texts as lcr::Patchable>::Withdrawn;
}

/// Neither is what may be an argument of an export: its shape is compared in the place of its type's.
pub struct Forged;

impl lcr::Parameter for Forged {
    type Given<'a> = u64;
    type Repr = u64;
    const SHAPE: &'static lcr::__private::v0_1_0::Shape = <String as lcr::Abi>::SHAPE;
}

fn main() {}
