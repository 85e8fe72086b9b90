//! Resolving a plan's steps against what is present: which component replaces which, and what is
//! refused. It reads manifests only.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    iter,
};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind},
    host::{ids::ProviderId, image::manifest::Manifest, objects::provider::Provider, service::state::State},
};

use super::{
    breaking,
    dependency_graph::ProjectedGraph,
    downgraded::no_way,
    member::{Member, ReplacedProvider, StateBack, StateChange, named},
    planned_patches, protection,
    request::{Options, Refusal, Request, Step},
    sharing::{refuse_used, share_gates},
    snapshot::note_snapshots,
    state_way::{declaring_state, state_change},
};

/// How many bytes the reason of a plan may have.
const LONGEST_REASON: usize = 4_096;

/// What the steps of a plan come to.
#[derive(Default)]
pub(super) struct Resolution {
    pub(super) members: Vec<Member>,
    pub(super) refusals: Vec<Refusal>,
}

impl Resolution {
    /// The members, for the question whether the plan is stale; `None` if the plan would be refused: nobody has decided
    /// on that.
    pub(super) fn seen(&self) -> Option<&[Member]> {
        self.refusals.is_empty().then_some(&*self.members)
    }
}

/// Resolves the steps. The result has a refusal for each thing that cannot be done.
pub(super) fn resolve(state: &State, steps: &[Step], options: &Options) -> Resolution {
    let mut resolution = Resolution::default();
    let mut touched = HashSet::new();
    if steps.is_empty() && !options.sets_anything() && options.made_for.is_none() {
        let text = "the plan is empty; add, replace, remove, bind or configure a component";
        resolution.refusals.push(Refusal::new(None, ErrorKind::Invalid, text));
    }
    if options.reason.as_ref().is_some_and(|reason| reason.len() > LONGEST_REASON) {
        let text = format!("the reason of the plan has more than {LONGEST_REASON} bytes; say it in fewer words");
        resolution.refusals.push(Refusal::new(None, ErrorKind::Invalid, text));
    }
    for (index, step) in steps.iter().enumerate() {
        let member = match (&step.request, step.manifest()) {
            (Request::Remove(name), _) => remove(state, index, name),
            (Request::Add(_), Some(manifest)) => add(state, index, manifest),
            (Request::Replace(None, _), Some(manifest)) if planned_patches::is_new(state, manifest) => {
                add(state, index, manifest)
            }
            (Request::Replace(target, _), Some(manifest)) => {
                replace(state, index, target.as_deref(), manifest, options)
            }
            (Request::Return(None, _) | Request::Reload(None, _), Some(manifest)) => add(state, index, manifest),
            (Request::Return(Some(target), _) | Request::Reload(Some(target), _), Some(manifest)) => {
                replace(state, index, Some(target), manifest, options)
            }
            (Request::Provide(target, _), Some(manifest)) => {
                let name = target.as_ref().unwrap_or(&manifest.component.name);
                if target.is_none() && providers_of(state, name).is_empty() {
                    add(state, index, manifest)
                } else {
                    replace(state, index, Some(name), manifest, options)
                }
            }
            (_, None) | (Request::Refused(_), _) => continue,
        };
        let member = member.and_then(|mut member| {
            let names = [&member.before, &member.after];
            let bases: HashSet<String> = names.into_iter().flatten().map(|id| id.name.clone()).collect();
            if let Some(double) = bases.iter().find(|name| touched.contains(*name)) {
                return Err(invalid(format!("component `{double}` is in the plan twice; one step each")));
            }
            touched.extend(bases);
            if let Some(staged) = &step.staged {
                member.source = format!(" ({}, {} KiB)", staged.hash.short(), staged.len / 1024);
                if !staged.beside.is_empty() {
                    let names: Vec<&str> =
                        staged.beside.iter().flat_map(|beside| &beside.names).map(String::as_str).collect();
                    member.source.insert_str(member.source.len() - 1, &format!(", with {}", names.join(", ")));
                }
                member.notes.extend(staged.fits.note());
            }
            match step.request {
                Request::Provide(..) => member.source = " (an object of the program)".to_owned(),
                Request::Return(..) => {
                    member.source = " (kept in memory)".to_owned();
                    member.is_kept = true;
                }
                _ => {}
            }
            protection::refuse_member(state, &member, options)?;
            Ok(member)
        });
        match member {
            Ok(member) => resolution.members.push(member),
            Err(error) => {
                let error = match step.origin() {
                    Some(origin) => error.at(origin),
                    None => error,
                };
                resolution.refusals.push(Refusal { step: Some(index), error });
            }
        }
    }
    refuse_configurations(state, &mut resolution, options);
    resolution.refusals.extend(protection::refuse_settings(state, options));
    if resolution.refusals.is_empty() && steps.iter().all(|step| step.refusal.is_none()) {
        // The component's own step may be the refused one, so this looks only where no step is refused.
        refuse_discards(&mut resolution, options);
        let snapshots = note_snapshots(state, steps, &mut resolution.members, options);
        resolution.refusals.extend(snapshots);
        breaking::mark(state, steps, &mut resolution.members);
        share_gates(state, &mut resolution.members);
        let after = ProjectedGraph::new(state, steps, &resolution.members, options);
        resolution.refusals.extend(after.refuse_bindings(&options.bindings));
        resolution.refusals.extend(after.refuse_unmet(state));
        resolution.refusals.extend(planned_patches::aim(state, steps, &mut resolution.members, &after, options));
        resolution.refusals.extend(planned_patches::note_below(state, steps, &mut resolution.members, options));
        planned_patches::note_standing(state, &mut resolution.members);
        protection::note_patches(state, &mut resolution.members);
        let is_met = resolution.refusals.is_empty();
        resolution.refusals.extend(breaking::refuse_handles(state, steps, &resolution.members, is_met));
        resolution.refusals.extend(after.refuse_cycles());
        after.note_dependents(&mut resolution.members);
        after.order(&mut resolution.members);
    }
    resolution
}

/// Notes which members the plan configures. Refuses to configure a component that would not be present:
/// none of its code could read the configuration before the commit.
fn refuse_configurations(state: &State, resolution: &mut Resolution, options: &Options) {
    for (component, config) in options.configurations_after() {
        let is_named = |member: &&mut Member| member.after.as_ref().is_some_and(|after| after.name == *component);
        let stays = stays(state, &resolution.members, component);
        match resolution.members.iter_mut().find(is_named) {
            Some(member) if config.is_some() => member.notes.push("configured by the plan".to_owned()),
            Some(member) => member.notes.push("its configuration is taken back".to_owned()),
            // The component's own step may be the refused one.
            None if !resolution.refusals.is_empty() => {}
            None if stays => {}
            None => {
                let text = format!(
                    "the plan configures component `{component}`, which would not be present; add it in the same plan"
                );
                resolution.refusals.push(Refusal::new(None, ErrorKind::Invalid, text));
            }
        }
    }
}

/// Refuses to discard the state of a component that no member replaces or removes: the name may be a mistake,
/// and the state that was meant would be handed over.
fn refuse_discards(resolution: &mut Resolution, options: &Options) {
    let goes = |name: &str| {
        let mut before = resolution.members.iter().filter_map(|member| member.before.as_ref());
        before.any(|before| before.name == name)
    };
    let names: BTreeSet<&String> = options.discard_state.iter().filter(|name| !goes(name)).collect();
    let refusals = names.into_iter().map(|name| {
        let text = format!(
            "the plan discards the state of component `{name}`, which it neither replaces nor removes; name the \
             component whose state may be lost by its present name"
        );
        Refusal::new(None, ErrorKind::Invalid, text)
    });
    resolution.refusals.extend(refusals.collect::<Vec<_>>());
}

/// Whether a component is present and no member changes or removes it.
fn stays(state: &State, members: &[Member], component: &str) -> bool {
    let touched: HashSet<ProviderId> = members.iter().flat_map(Member::providers).collect();
    providers_of(state, component).iter().any(|provider| !touched.contains(provider))
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

pub(super) fn present_id(state: &State, provider: ProviderId) -> ComponentId {
    state.objects().registry().implementation(provider).component.id.clone()
}

fn instances_of(state: &State, provider: ProviderId) -> usize {
    state.objects().registry().instances_of(provider)
}

pub(super) fn providers_of(state: &State, component: &str) -> Vec<ProviderId> {
    let registry = state.objects().registry();
    let is_committed = |id| registry.get(id).is_some_and(Provider::is_committed);
    registry.of_component(component).iter().copied().filter(|&id| is_committed(id)).collect()
}

fn remove(state: &State, step: usize, name: &str) -> Result<Member, Error> {
    let removed = providers_of(state, name);
    let Some(&first) = removed.first() else {
        return Err(Error::new(ErrorKind::NotFound, format!("component `{name}` is not present; nothing to remove")));
    };
    let mut member = Member { step, before: Some(present_id(state, first)), ..Member::default() };
    for provider in removed {
        refuse_used(state, provider, iter::empty())?;
        let implementation = state.objects().registry().implementation(provider);
        member.lose(provider, &implementation.manifest);
        member.note_present(implementation);
    }
    Ok(member)
}

fn add(state: &State, step: usize, manifest: &Manifest) -> Result<Member, Error> {
    if let Some(&present) = providers_of(state, &manifest.component.name).first() {
        return Err(invalid(format!(
            "component `{}` is present already; replace it instead",
            present_id(state, present)
        )));
    }
    refuse_doubles(manifest)?;
    let mut member = Member { step, after: Some(manifest.component.clone()), ..Member::default() };
    (0..manifest.exports.len()).for_each(|export| member.gain(export));
    member.note_abort(manifest);
    Ok(member)
}

fn refuse_doubles(manifest: &Manifest) -> Result<(), Error> {
    let mut seen = HashSet::new();
    match manifest.exports.iter().find(|export| !seen.insert(&export.interface)) {
        None => Ok(()),
        Some(double) => Err(invalid(format!(
            "component `{}` implements {} twice (by `{}`); one implementation an interface",
            manifest.component.name, double.interface, double.type_name
        ))),
    }
}

fn replace(
    state: &State,
    step: usize,
    target: Option<&str>,
    manifest: &Manifest,
    options: &Options,
) -> Result<Member, Error> {
    refuse_doubles(manifest)?;
    let target = match target {
        Some(name) => name.to_owned(),
        None => find_target(state, manifest)?,
    };
    let present = providers_of(state, &target);
    let Some(&first) = present.first() else {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("component `{target}` is not present; nothing to replace"),
        ));
    };
    if target != manifest.component.name && !providers_of(state, &manifest.component.name).is_empty() {
        return Err(invalid(format!(
            "component `{}` is present beside `{target}`; remove one of them, or replace it by its own name",
            manifest.component.name
        )));
    }
    planned_patches::refuse_other_kind(&state.objects().registry().implementation(first).manifest, manifest)?;
    let (before, after) = (Some(present_id(state, first)), Some(manifest.component.clone()));
    let mut member = Member { step, before, after, ..Member::default() };
    let exports = manifest.exports.iter().enumerate();
    let exports: HashMap<&str, usize> = exports.map(|(at, export)| (&*export.interface, at)).collect();
    let goes_on = |&provider: &ProviderId| {
        exports.contains_key(&*state.objects().registry().implementation(provider).manifest.interface)
    };
    let kept: Vec<ProviderId> = present.iter().copied().filter(goes_on).collect();
    let mut lost = Vec::new();
    for provider in present {
        let implementation = state.objects().registry().implementation(provider);
        let old = &implementation.manifest;
        let Some(&export) = exports.get(&*old.interface) else {
            refuse_used(state, provider, kept.iter().copied())?;
            member.lose(provider, old);
            lost.push(implementation);
            continue;
        };
        let new = &manifest.exports[export];
        let instances = instances_of(state, provider);
        let shares = state.objects().registry().sharing_objects(provider).len() > 1;
        let declaring = declaring_state(manifest, new, shares);
        let (state, why_copied) = state_change(old, declaring, instances, options)?;
        let back = StateBack::of(declaring, old, options);
        if !matches!(state, StateChange::Discarded(_) | StateChange::Absent) {
            member.notes.extend(no_way(old, declaring));
        }
        if new.panic_abort && !old.panic_abort && !options.allow_panic_abort {
            return Err(invalid(format!(
                "component {} is compiled with panic = \"abort\" and would take the place of {}, which unwinds: a \
                 panic in it ends the process; compile it with panic = \"unwind\", or let the plan allow_panic_abort()",
                named(new),
                named(old),
            )));
        }
        let (interface, protected) = (new.interface.clone(), old.protected);
        let versions = (old.interface_version, new.interface_version);
        member.note_present(implementation);
        member.replaced.push(ReplacedProvider {
            provider,
            export,
            instances,
            state,
            back,
            why_copied,
            interface,
            versions,
            protected,
            rank: 0,
            breaks_interface: false,
            shares_gate: false,
        });
    }
    lost.into_iter().for_each(|implementation| member.note_present(implementation));
    let taken: HashSet<usize> = member.replaced.iter().map(|replaced| replaced.export).collect();
    (0..manifest.exports.len()).filter(|export| !taken.contains(export)).for_each(|export| member.gain(export));
    member.note_abort(manifest);
    Ok(member)
}

pub(super) fn find_target(state: &State, manifest: &Manifest) -> Result<String, Error> {
    if !providers_of(state, &manifest.component.name).is_empty() {
        return Ok(manifest.component.name.clone());
    }
    let mut names: Vec<&str> = manifest
        .exports
        .iter()
        .flat_map(|export| state.objects().registry().of_interface(&export.interface))
        .filter_map(|&id| state.objects().registry().get(id))
        .filter(|provider| provider.is_committed())
        .map(|provider| provider.implementation().component.id.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "nothing present has the name or the interfaces of component `{}`; add it instead",
                manifest.component.name
            ),
        )),
        _ => Err(Error::new(
            ErrorKind::Ambiguous,
            format!(
                "component `{}` could replace {}; name the one you mean",
                manifest.component.name,
                names.join(", ")
            ),
        )),
    }
}
