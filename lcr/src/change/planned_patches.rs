//! Patches in a plan: which component a patch library is for, and which patches fall off with a change below them.
//!
//! A library that holds a patch is a component in every respect but one: it implements nothing. Its provider is found
//! by its own name, is staged, loaded, noted and taken back as any other, and has no instances. What it does instead
//! is in the list of patches from the commit on ([`patch_libraries`](super::patch_libraries)).
//!
//! 1. Which component it is for is settled when the plan is resolved, against what would be present after it: so one
//!    plan may bring a component and its patch.
//!    A library that comes back is for the component that it was on, also where it names none: something else may serve
//!    callers who name none by then.
//! 2. A patch that would not fit is refused, and so is one for a protected component without the override. A plan that
//!    brings back what there was is not: see [`aim`].
//! 3. A change of a component takes no patch with it. A patch that fits the new version stands in it, and one that does
//!    not rests; the plan says so, or is refused if it [asks](super::plan::PlanBuilder::require_patches) for that.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::{
    error::{Error, ErrorKind},
    host::{
        image::manifest::{DependencyManifest, ExportManifest, Manifest},
        objects::patches::{Kind, Patch, misfit},
        service::state::State,
    },
};

use super::{
    dependency_graph::ProjectedGraph,
    member::{Member, PatchPart},
    protection,
    request::{Options, Refusal, Step},
};

/// Refuses to put a patch in the place of a component, or the other way round: callers of the component would have
/// nothing that serves them.
///
/// # Errors
/// `Invalid`.
pub(super) fn refuse_other_kind(present: &ExportManifest, new: &Manifest) -> Result<(), Error> {
    let is_patch = |export: &ExportManifest| export.patch.is_some();
    let new_is = new.exports.first().is_some_and(is_patch);
    if is_patch(present) == new_is {
        return Ok(());
    }
    let (is, other) = if new_is { ("a patch", "a component") } else { ("a component", "a patch") };
    let text = format!(
        "`{}` is {is}, and `{}`, which is present, is {other}; give one of them another name",
        new.component, present.component
    );
    Err(Error::new(ErrorKind::Invalid, text))
}

/// Whether a library holds a patch, and nothing of its name is present: to put it in place is to add it.
pub(super) fn is_new(state: &State, manifest: &Manifest) -> bool {
    let is_patch = manifest.exports.iter().any(|export| export.patch.is_some());
    is_patch && state.component_now(&manifest.component.name).0.is_empty()
}

/// What comes of a patch in a plan.
enum Aimed {
    /// It is for the component of this name, and rests if there is a reason for that.
    At(String, Option<String>),
    /// Its library is there, and changes nothing: nothing says which component it would be for.
    Nowhere(String),
}

/// Settles which component each patch of the plan is for. Returns what is refused.
///
/// A start, the end of a trial and a rollback bring back everything in one plan. There one patch that does not fit any
/// more keeps nothing else from coming back: it rests, as it would if its component had changed below it. What rests is
/// told behind the commit ([`resting`]) and not here, under the state lock.
pub(super) fn aim(
    state: &State,
    steps: &[Step],
    members: &mut [Member],
    graph: &ProjectedGraph<'_>,
    options: &Options,
) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for member in members {
        let Some(manifest) = steps[member.step].manifest() else { continue };
        let exports = member.replaced.iter().map(|replaced| replaced.export).chain(member.added.iter().copied());
        for export in exports.collect::<Vec<_>>() {
            let patch = &manifest.exports[export];
            let stood = stood_for(state, member, export);
            let (export, component, rests) = match aimed(state, patch, stood, graph, options) {
                None => continue,
                Some(Ok(Aimed::At(component, rests))) => (Some(export), component, rests),
                Some(Ok(Aimed::Nowhere(why))) => (None, String::new(), Some(why)),
                Some(Err(error)) => {
                    let error = error.at(steps[member.step].origin().unwrap_or_default());
                    refusals.push(Refusal { step: Some(member.step), error });
                    continue;
                }
            };
            let interface = patch.patch.as_ref().map(|patch| patch.interface.clone()).unwrap_or_default();
            let (name, methods) = (patch.component.to_string(), patch.method_names());
            member.patches.push(PatchPart { export, name, component, interface, methods, rests });
        }
    }
    refusals
}

/// Which patches rest after the plan, and why, in words.
pub(super) fn resting(members: &[Member]) -> Vec<String> {
    let parts = members.iter().flat_map(|member| &member.patches);
    parts.filter_map(|part| Some(format!("patch `{}` rests: {}", part.name, part.rests.as_ref()?))).collect()
}

/// The component that the patch is for whose place an export takes.
fn stood_for<'a>(state: &'a State, member: &Member, export: usize) -> Option<&'a str> {
    let replaced = member.replaced.iter().find(|replaced| replaced.export == export)?;
    let library = state.objects().registry().get(replaced.provider)?.implementation();
    state.objects().patches().patch_of(library).map(|patch| &*patch.component)
}

/// What a patch would stand around, where what it takes the place of is for the component that `stood` names. `None` if
/// the export is not a patch.
fn aimed(
    state: &State,
    patch: &ExportManifest,
    stood: Option<&str>,
    graph: &ProjectedGraph<'_>,
    options: &Options,
) -> Option<Result<Aimed, Error>> {
    let aim = patch.patch.as_ref()?;
    let was_on = options.stood(&patch.component.name, &aim.interface).map(|standing| &*standing.component);
    let brings_back = options.is_reload || options.ends_trial || was_on.is_some();
    let component = aim.component.as_deref().or(was_on).or(stood.filter(|_| brings_back));
    let need = DependencyManifest { interface: aim.interface.clone(), version: patch.interface_version, methods: None };
    // Also where it would only rest: a patch that rests stands as soon as a version comes that it fits.
    let refuses = |component: &str| !options.override_protected && protection::is_protected(state, component);
    let protected = |component: &dyn fmt::Display| {
        let text = format!(
            "patch `{}` changes component `{component}`, which is protected; let the plan override_protected()",
            patch.component
        );
        Error::new(ErrorKind::Protected, text)
    };
    let on = match graph.serving(&need, component) {
        Ok(on) => on,
        Err((kind, found)) => {
            let of = component.map_or(String::new(), |name| format!(" of component `{name}`"));
            let why = format!("is for {} v{}{of}, which {found}", need.interface, need.version);
            return Some(match component {
                Some(component) if brings_back && refuses(component) => Err(protected(&component)),
                _ if !brings_back => Err(Error::new(kind, format!("patch `{}` {why}", patch.component))),
                Some(component) => Ok(Aimed::At(component.to_owned(), Some(format!("it {why}")))),
                None => Ok(Aimed::Nowhere(format!("it {why}"))),
            });
        }
    };
    let component = on.component.name.clone();
    if refuses(&component) {
        return Some(Err(protected(&on.component)));
    }
    if let Some(why) = misfit(patch.methods.iter().map(|method| &method.shape), on) {
        if brings_back {
            return Some(Ok(Aimed::At(component, Some(why))));
        }
        let lacks = patch.method_names().iter().any(|name| on.method(name).is_none());
        let kind = if lacks { ErrorKind::NotFound } else { ErrorKind::Mismatch };
        return Some(Err(Error::new(kind, format!("patch `{}` does not fit: {why}", patch.component))));
    }
    Some(Ok(Aimed::At(component, None)))
}

/// Notes for each member what becomes of the patches that stand in the present component. Returns what is refused.
pub(super) fn note_below(state: &State, steps: &[Step], members: &mut [Member], options: &Options) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let stack = state.objects().patches().stack();
    let changed: Vec<String> =
        members.iter().filter_map(|member| member.before.as_ref().map(|before| before.name.clone())).collect();
    for member in members {
        let Some(before) = &member.before else { continue };
        let manifest = steps[member.step].manifest();
        // What adds an export, and changes no method, has nothing to fall off.
        let stands = |patch: &&Arc<Patch>| {
            patch.component == before.name && !patch.methods.is_empty() && patch.kind == Kind::Patch
        };
        for patch in stack.iter().filter(stands) {
            // A library that the plan takes off or replaces says itself what becomes of it.
            if patch.library.as_ref().is_some_and(|library| changed.contains(&library.component.id.name)) {
                continue;
            }
            let Some(rests) = falls_off(state, patch, member, manifest) else { continue };
            if options.require_patches
                && let Some(why) = &rests
            {
                let text = format!(
                    "patch `{}` would fall off {}: {why}; take the patch off first, or do not require_patches()",
                    patch.name, before
                );
                refusals.push(Refusal::new(Some(member.step), ErrorKind::Mismatch, text));
            }
            member.patches.push(PatchPart {
                export: None,
                name: patch.name.clone(),
                component: before.name.clone(),
                interface: patch.interface.clone(),
                methods: patch.method_names(),
                rests,
            });
        }
    }
    refusals
}

/// Notes for each member which patches and exports there are on what it changes.
pub(super) fn note_standing(state: &State, members: &mut [Member]) {
    // A watch changes nothing that a plan says.
    let stack = state.objects().patches().stack().iter().filter(|patch| patch.kind == Kind::Patch);
    let stack: Vec<&Arc<Patch>> = stack.collect();
    if stack.is_empty() {
        return;
    }
    for member in members {
        let brought = member.patches.iter().filter(|part| part.export.is_some()).map(|part| &part.component);
        let changed: BTreeSet<&String> = member.before.iter().map(|before| &before.name).chain(brought).collect();
        let standing = stack.iter().filter(|patch| changed.contains(&patch.component));
        member.standing = standing.map(|patch| (patch.number, patch.name.clone())).collect();
    }
}

/// Why a patch that stands rests after the member; `None` in it if the patch stands on, and without it if it rests
/// now.
fn falls_off(state: &State, patch: &Patch, member: &Member, manifest: Option<&Manifest>) -> Option<Option<String>> {
    let (present, _) = state.component_now(&patch.component);
    let face = present.iter().find_map(|present| present.face(&patch.interface))?;
    if patch.misfit(face).is_some() {
        return None;
    }
    let Some(manifest) = manifest else { return Some(Some("the component is removed".to_owned())) };
    if member.after.as_ref().is_none_or(|after| after.name != patch.component) {
        return Some(Some(format!("its component is called `{}` then", manifest.component.name)));
    }
    let new = manifest.exports.iter().find(|export| export.interface == patch.interface);
    Some(match new {
        None => Some(format!("component `{}` does not implement {}", manifest.component, patch.interface)),
        Some(new) => patch.misfit(new),
    })
}
