//! What cannot be the `main` of an instance.

use syn::{Attribute, ItemFn};

use crate::refusal::Refusals;

/// Refuses everything in the signature that `main` cannot have.
pub(crate) fn check(function: &ItemFn, refusals: &mut Refusals) {
    let signature = &function.sig;
    if !signature.inputs.is_empty() {
        refusals.refuse(&signature.inputs, "arguments are refused: `main` has none; read std::env::args()");
    }
    if !signature.generics.params.is_empty() {
        refusals.refuse(&signature.generics, "type parameters are refused: `main` has none; leave them out");
    }
    if let Some(asyncness) = &signature.asyncness
        && !function.attrs.iter().any(makes_runtime)
    {
        refusals.refuse(
            asyncness,
            "an async function needs a runtime: write `#[tokio::main]` above or below `#[sam::main]`",
        );
    }
}

/// `#[tokio::main]` and those of other runtimes.
fn makes_runtime(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "main")
}
