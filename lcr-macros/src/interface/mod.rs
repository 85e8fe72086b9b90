//! `#[lcr::interface]`: a trait becomes a named, versioned contract.
//!
//! The trait is emitted as written, with `Send + Sync` added, and with each `async fn` as a function that
//! returns a future which is `Send` (`asyncness`). Beside it, in one anonymous constant:
//!
//! - the description of the interface (`expand`);
//! - the C functions of every implementation (`serving`), which `#[lcr::component]` finds
//!   through a trait of `dyn Trait`;
//! - the functions that make layers of patches of closures (`patching`);
//! - what mocks of the interface are made of (`mocking`);
//! - implementations for `Handle<dyn Trait>` and `Pinned<dyn Trait>` (`calling`).

mod asyncness;
mod calling;
mod check;
mod expand;
mod mocking;
mod model;
mod patching;
mod serving;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::{
    options::{Options as _, table::InterfaceOptions},
    refusal::Refusals,
};

/// The most arguments that a method or callback may have: `lcr::__private` implements
/// its traits for tuples up to this length.
const MOST_ARGUMENTS: usize = 12;

/// The expansion of the attribute on `item`.
pub(crate) fn interface(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut refusals = Refusals::default();
    let options = InterfaceOptions::read(arguments, &mut refusals);
    let item = match syn::parse2::<syn::ItemTrait>(item.clone()) {
        Ok(item) => item,
        Err(error) => return crate::not_applicable(item, "interface", "a trait", error),
    };
    let interface = model::Interface::read(options, item, &mut refusals);
    check::check(&interface, &mut refusals);
    if refusals.is_empty() { expand::expand(&interface) } else { expand::stub(&interface, &refusals) }
}
