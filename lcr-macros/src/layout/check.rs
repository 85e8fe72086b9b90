//! What a type that is described may not be.

use crate::{
    refusal::Refusals,
    value::model::{Body, Value},
};

/// Refuses everything in the type that cannot be described.
pub(crate) fn check(value: &Value, refusals: &mut Refusals) {
    match &value.body {
        Body::Struct(_) => {}
        Body::Enum(variants) => {
            if variants.is_empty() {
                refusals.refuse(
                    &value.ident,
                    "an enum without variants is refused: it has no value to move; leave the derive out",
                );
            }
        }
        Body::Union(keyword) => refusals.refuse(
            keyword,
            "a union is refused: nothing says which of its fields is there; make it an enum, or implement \
             `lcr::Layout` by hand",
        ),
    }
    if let Some(lifetime) = value.generics.lifetimes().next() {
        refusals.refuse(
            lifetime,
            "a type that borrows is refused: what it borrows does not move with it; let it own what it needs",
        );
    }
    if let Some(shadowing) = value.generics.type_params().find(|parameter| parameter.ident == value.ident) {
        refusals.refuse(&shadowing.ident, "a parameter with the name of its type is refused; give it another name");
    }
}
