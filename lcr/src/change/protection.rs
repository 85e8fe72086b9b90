//! Protected components: `#[lcr::component(protected)]`. No plan changes one unless the plan carries the override.
//!
//! A component is changed if a plan replaces or removes it, whatever puts another one in its place (a file, an object
//! of the program, a rollback); if it is configured; if its patches or exports change, whichever way they come or go:
//! with a library, by a rollback, by a closure or by a number; if a closure may change values at its points; and if a
//! binding takes its callers to another component. What the plan puts there may be protected or not: what is present
//! counts. [`Runtime::configure`] makes no plan, and carries no override. None of this needs a history.
//!
//! Whoever has put a patch on by an override takes it off without one: the guard of a patch ends what was allowed.
//!
//! [`Runtime::configure`]: crate::Runtime::configure

use std::collections::BTreeSet;

use crate::{
    error::{Error, ErrorKind},
    host::{
        objects::{component::Implementation, provider::Provider},
        service::state::State,
    },
};

use super::{
    member::Member,
    request::{Options, Refusal},
};

/// Refuses a member that changes a protected component, if the plan has no override.
///
/// # Errors
/// `Protected`.
pub(super) fn refuse_member(state: &State, member: &Member, options: &Options) -> Result<(), Error> {
    if options.override_protected {
        return Ok(());
    }
    let mut touched = member.providers().map(|provider| state.objects().registry().implementation(provider));
    if let Some(implementation) = touched.find(|implementation| implementation.manifest.protected) {
        let text = format!("component `{}` is protected; let the plan override_protected()", implementation.component);
        return Err(Error::new(ErrorKind::Protected, text));
    }
    let mut patched = stood_on(state, member).filter(|(_, component)| is_protected(state, component));
    match patched.next() {
        None => Ok(()),
        Some((patch, component)) => {
            let text = format!(
                "patch `{patch}` stands on component `{component}`, which is protected; let the plan \
                 override_protected()"
            );
            Err(Error::new(ErrorKind::Protected, text))
        }
    }
}

/// Refuses a change of a component that is protected, without an override. `instead` is what the caller has to do.
///
/// # Errors
/// `Protected`.
pub(super) fn refuse_change(state: &State, component: &str, overrides: bool, instead: &str) -> Result<(), Error> {
    if overrides || !is_protected(state, component) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Protected, format!("component `{component}` is protected; {instead}")))
}

/// Notes which members change protected components by the patches that they bring or take off.
pub(super) fn note_patches(state: &State, members: &mut [Member]) {
    members.iter_mut().for_each(|member| {
        let is_any = below_patches(state, member).next().is_some();
        member.protected |= is_any;
    });
}

/// The protected components on which a member brings patches of libraries, or takes them off.
fn below_patches<'a>(state: &'a State, member: &'a Member) -> impl Iterator<Item = &'a str> {
    let brought = member.patches.iter().filter(|part| part.export.is_some()).map(|part| &*part.component);
    let gone = stood_on(state, member).map(|(_, component)| component);
    brought.chain(gone).filter(|component| is_protected(state, component))
}

/// The patches of libraries that a member takes off or replaces, with the components that they are on.
fn stood_on<'a>(state: &'a State, member: &'a Member) -> impl Iterator<Item = (&'a str, &'a str)> {
    let libraries = member.providers().filter_map(|provider| state.objects().registry().get(provider));
    libraries.filter_map(|library| {
        let patch = state.objects().patches().patch_of(library.implementation())?;
        Some((&*patch.name, &*patch.component))
    })
}

/// Refuses configurations and bindings that change a protected component, if the plan has no override.
pub(super) fn refuse_settings(state: &State, options: &Options) -> Vec<Refusal> {
    if options.override_protected {
        return Vec::new();
    }
    let configured = configured(state, options).into_iter().map(|component| {
        format!("the plan configures component `{component}`, which is protected; let the plan override_protected()")
    });
    let bound = bound(state, options).into_iter().map(|(interface, component)| {
        format!(
            "the plan binds {interface} to another component than `{component}`, which is protected; let the plan \
             override_protected()"
        )
    });
    let patched = patched(state, options).into_iter().map(|component| {
        format!(
            "the plan changes patches of component `{component}`, which is protected; let the plan override_protected()"
        )
    });
    configured.chain(bound).chain(patched).map(|text| Refusal::new(None, ErrorKind::Protected, text)).collect()
}

/// The protected components that a plan changes, by name.
pub(super) fn overridden(state: &State, members: &[Member], options: &Options) -> Vec<String> {
    let registry = state.objects().registry();
    let changed = members.iter().flat_map(Member::providers).filter_map(|provider| registry.get(provider));
    let changed = changed.map(Provider::implementation).filter(|implementation| implementation.manifest.protected);
    let mut names: BTreeSet<String> = changed.map(|implementation| implementation.component.id.name.clone()).collect();
    names.extend(members.iter().flat_map(|member| below_patches(state, member)).map(str::to_owned));
    names.extend(configured(state, options));
    names.extend(patched(state, options));
    names.extend(bound(state, options).into_iter().map(|(_, component)| component));
    names.into_iter().collect()
}

/// The protected components that a plan configures.
fn configured(state: &State, options: &Options) -> Vec<String> {
    let names = options.configurations_after().map(|(component, _)| component);
    names.filter(|component| is_protected(state, component)).cloned().collect()
}

/// The protected components whose patches a plan changes.
fn patched(state: &State, options: &Options) -> BTreeSet<String> {
    let Some(patches) = &options.patches else { return BTreeSet::new() };
    let differing = state.objects().patches().differing(patches).into_iter();
    let names = differing.map(|(patch, _)| patch.component.clone());
    names.filter(|component| is_protected(state, component)).collect()
}

/// Whether the present component of that name is protected.
pub(super) fn is_protected(state: &State, component: &str) -> bool {
    let (present, _) = state.component_now(component);
    present.iter().any(|implementation| implementation.manifest.protected)
}

/// The interfaces whose callers a plan takes away from a protected component, with that component's name.
fn bound(state: &State, options: &Options) -> Vec<(String, String)> {
    let after = options.bindings_after().into_iter();
    let taken = after.filter_map(|(interface, to)| {
        let loses = losing(state, &interface, to.as_deref())?.component.id.name.clone();
        Some((interface, loses))
    });
    taken.collect()
}

/// The protected component that serves callers of an interface that name no component, and would not after a binding to
/// `to`. Without a binding that is the only implementation, or any of several: whichever of them served the callers
/// before the others were added, the binding would settle it for good.
fn losing<'a>(state: &'a State, interface: &str, to: Option<&str>) -> Option<&'a Implementation> {
    let registry = state.objects().registry();
    let bound = registry.bindings().get(interface);
    if bound.map(String::as_str) == to {
        return None;
    }
    let present = registry.of_interface(interface).iter().filter_map(|&provider| registry.get(provider));
    let mut present = present.filter(|provider| provider.is_committed()).map(|provider| &**provider.implementation());
    present.find(|implementation| {
        let name = &implementation.component.id.name;
        let serves = bound.is_none_or(|bound| bound == name);
        serves && implementation.manifest.protected && to != Some(name)
    })
}
