//! What a component may not be.

use syn::{GenericArgument, PathArguments, Type};

use super::model::Component;
use crate::{options::StateKey, refusal::Refusals, types::peel};

/// Refuses everything in the impl and its options that cannot be a component.
pub(crate) fn check(component: &Component, refusals: &mut Refusals) {
    check_replaces(component, refusals);
    check_incremental(component, refusals);
    check_state(component, refusals);
    check_downgrade(component, refusals);
    let item = &component.item;
    if let Some(unsafety) = &item.unsafety {
        refusals.refuse(unsafety, "an unsafe impl is refused: no interface is an unsafe trait; leave `unsafe` out");
    }
    if let Some(bang) = &item.modifiers.polarity {
        refusals.refuse(bang, "a negative impl is refused: it implements nothing; leave `!` out");
    }
    if !item.generics.params.is_empty() {
        refusals.refuse(
            &item.generics,
            "a generic impl is refused: a component is one type, known when it is compiled; \
             write the impl for a concrete type, such as `Cache<u64>`",
        );
    }
    if let Some(clause) = &item.generics.where_clause {
        refusals.refuse(
            clause,
            "a where clause is refused: a component is one concrete type, which meets the clause or does not; \
             leave it out",
        );
    }
    match component.interface() {
        None => refusals.refuse(
            component.implementor(),
            "an inherent impl is refused: a component serves an interface; write `impl Interface for Type`",
        ),
        Some(path) => {
            for segment in &path.segments {
                if !matches!(segment.arguments, PathArguments::None) {
                    refusals.refuse(
                        &segment.arguments,
                        "arguments of the trait are refused: an interface is not generic; name it alone",
                    );
                }
            }
        }
    }
    check_implementor(component.implementor(), refusals);
}

fn check_replaces(component: &Component, refusals: &mut Refusals) {
    for version in &component.replaces {
        if !(1..=u32::MAX.into()).contains(&version.value) {
            refusals.refuse_at(version.span, "`replaces` names versions of the interface, from 1 to 4294967295");
        }
    }
}

fn check_incremental(component: &Component, refusals: &mut Refusals) {
    let Some(field) = &component.incremental else { return };
    if field.get_ident().is_none() {
        refusals.refuse(field, "`incremental` names a field of the component, such as `incremental = entries`");
    }
    if component.state.is_none() {
        refusals.refuse(
            field,
            "`incremental` needs `state`: where the successor cannot take changes, the state moves as a whole; \
             add `state`",
        );
    }
}

/// Keys that belong to a kept state, where none is kept.
fn check_state(component: &Component, refusals: &mut Refusals) {
    if matches!(component.state, Some(StateKey::Kept(_))) {
        return;
    }
    let version = component.state_version.as_ref().map(|version| version.span);
    let migrate = component.migrate.as_ref().map(|migrate| migrate.span);
    let downgrade = component.downgrade.as_ref().map(|downgrade| downgrade.span);
    let downgrades_to = component.downgrades_to.first().map(|version| version.span);
    let keys =
        [("state_version", version), ("migrate", migrate), ("downgrade", downgrade), ("downgrades_to", downgrades_to)];
    for (key, span) in keys {
        let Some(span) = span else { continue };
        let message = format!(
            "`{key}` is refused without `state = field`: name the field that keeps the state, \
             or say it by `lcr::Stateful`"
        );
        refusals.refuse_at(span, message);
    }
}

/// A way back of a kept state has a function and the versions that it writes, which are older ones.
fn check_downgrade(component: &Component, refusals: &mut Refusals) {
    if !matches!(component.state, Some(StateKey::Kept(_))) {
        return;
    }
    let own = component.state_version.as_ref().map_or(1, |version| version.value);
    match (&component.downgrade, component.downgrades_to.first()) {
        (Some(downgrade), None) => refusals.refuse_at(
            downgrade.span,
            "`downgrade` needs `downgrades_to`: list the versions of the state that it writes, such as \
             `downgrades_to(1)`",
        ),
        (None, Some(version)) => refusals.refuse_at(
            version.span,
            "`downgrades_to` needs `downgrade`: name the function that writes these versions, such as \
             `downgrade = Self::downgrade`",
        ),
        _ => {}
    }
    for version in component.downgrades_to.iter().filter(|version| version.value >= own.into()) {
        refusals.refuse_at(
            version.span,
            format!("`downgrades_to` names older versions of the state, which has `state_version = {own}`"),
        );
    }
}

fn check_implementor(ty: &Type, refusals: &mut Refusals) {
    let Type::Path(path) = peel(ty) else {
        refusals.refuse(
            ty,
            "this type is refused: a component is a struct or enum of its crate; \
             define a type and implement the interface for it",
        );
        return;
    };
    for segment in &path.path.segments {
        let PathArguments::AngleBracketed(list) = &segment.arguments else { continue };
        for argument in &list.args {
            match argument {
                GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => refusals.refuse(
                    lifetime,
                    "a component that borrows is refused: it outlives every scope; let it own what it needs",
                ),
                _ => {}
            }
        }
    }
}
