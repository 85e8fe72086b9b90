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

fn main() {}
