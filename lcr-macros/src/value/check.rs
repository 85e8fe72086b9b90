//! What a type that crosses may not be.

use super::model::{Body, Value};
use crate::{
    refusal::Refusals,
    types::{Place, check_type, mentions},
};

/// Refuses everything in the type that cannot cross.
pub(crate) fn check(value: &Value, refusals: &mut Refusals) {
    match &value.body {
        Body::Struct(_) => {}
        Body::Enum(variants) => {
            if variants.is_empty() {
                refusals.refuse(
                    &value.ident,
                    "an enum without variants is refused: it has no value to send; use `()` or add a variant",
                );
            }
        }
        Body::Union(keyword) => {
            refusals.refuse(keyword, "a union is refused: its bytes do not say which field is there; make it an enum")
        }
    }
    if value.has_repr("packed") {
        refusals.refuse(
            &value.ident,
            "`#[repr(packed)]` is refused: its fields may not be aligned; leave it out, \
             or declare the bytes as an array",
        );
    }
    if value.is_plain {
        check_plain(value, refusals);
    }
    for field in value.fields() {
        check_type(&field.ty, Place::Field, refusals);
        if let Some(inner) = mentions(&field.ty, &value.ident) {
            refusals.refuse(
                inner,
                "a type that contains itself is refused: its shape would have no end; \
                 wrap the inner value as `lcr::Serde<..>`, or keep a list of nodes that name each other by index",
            );
        }
    }
}

fn check_plain(value: &Value, refusals: &mut Refusals) {
    if !matches!(value.body, Body::Struct(_)) {
        refusals.refuse(
            &value.ident,
            "`#[abi(plain)]` is refused on an enum: memory from another image could hold no variant; \
             leave it out, or make it a struct with an integer",
        );
    } else if value.fields().is_empty() {
        refusals.refuse(&value.ident, "`#[abi(plain)]` is refused without fields: there is no memory; leave it out");
    } else if !value.has_repr("C") && !value.has_repr("transparent") {
        refusals.refuse(
            &value.ident,
            "`#[abi(plain)]` is refused without `#[repr(C)]`: \
             each compiler may order the fields differently; add `#[repr(C)]`",
        );
    }
    if let Some(lifetime) = value.generics.lifetimes().next() {
        refusals.refuse(
            lifetime,
            "`#[abi(plain)]` is refused on a type that borrows: a reference is not plain data; leave it out",
        );
    }
}
