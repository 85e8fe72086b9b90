//! What cannot be the `main` of an instance.

use syn::{Attribute, ItemFn};

use crate::{
    options::{Field, table::MainOptions},
    refusal::Refusals,
};

/// Refuses everything in the signature that `main` cannot have, and options of a probe that is
/// not there.
pub(crate) fn check(function: &ItemFn, options: &MainOptions, refusals: &mut Refusals) {
    for (key, time) in [("probe_every", &options.probe_every), ("probe_limit", &options.probe_limit)] {
        if let (Field::Given(time), Field::Absent) = (time, &options.probe) {
            refusals.refuse_at(time.span, format!("`{key}` needs a command; add `probe = \"...\"`"));
        }
    }
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
