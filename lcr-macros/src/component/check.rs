//! What a component may not be.

use syn::{GenericArgument, PathArguments, Type};

use super::model::Component;
use crate::{refusal::Refusals, types::peel};

/// Refuses everything in the impl and its options that cannot be a component.
pub(crate) fn check(component: &Component, refusals: &mut Refusals) {
    check_options(component, refusals);
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
        refusals
            .refuse(clause, "a where clause is refused: a component is one type that simply meets it; leave it out");
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

fn check_options(component: &Component, refusals: &mut Refusals) {
    let options = &component.options;
    if let Some(name) = options.text("name").filter(|name| !is_component_name(&name.value())) {
        refusals.refuse(
            name,
            "a component's name is 1 to 128 letters, digits, `_`, `-` and `.`, and begins with none of the last two; \
             choose one such as \"kv-hash\"",
        );
    }
    if let Some(version) = options.text("version")
        && let Err(error) = semver::Version::parse(&version.value())
    {
        let message = format!("a component's version is a semantic one, such as \"1.2.3\": {error}");
        refusals.refuse(version, message);
    }
    for number in options.numbers("replaces") {
        if !number.base10_parse::<u32>().is_ok_and(|version| version > 0) {
            refusals.refuse(number, "`replaces` names versions of the interface, from 1 to 4294967295");
        }
    }
}

fn check_implementor(ty: &Type, refusals: &mut Refusals) {
    let Type::Path(path) = peel(ty) else {
        refusals.refuse(ty, "this type is refused: a component is a struct or enum of its crate; define one");
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

/// As `abi::names` of `lcr`, which refuses a package's name, too.
fn is_component_name(name: &str) -> bool {
    let is_right = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    (1..=128).contains(&name.len()) && !name.starts_with(['.', '-']) && name.bytes().all(is_right)
}
