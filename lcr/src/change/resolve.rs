//! Resolving a plan's steps against what is present: who is replaced by whom, what is
//! refused. Reads manifests only.

use std::{collections::HashSet, fmt};

use crate::{
    error::{Error, ErrorKind},
    host::{
        link::{ViewId, link},
        manifest::{DependencyManifest, ExportManifest, Manifest},
        registry::ProviderId,
        shared::State,
        stage::show,
    },
};

use super::plan::{Options, Request, Step};

/// What the steps come to.
#[derive(Default)]
pub(super) struct Resolution {
    pub(super) members: Vec<Member>,
    pub(super) refusals: Vec<Error>,
}

/// One component's part of a plan.
pub(super) struct Member {
    /// The step that it comes from.
    pub(super) step: usize,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) seats: Vec<SeatChange>,
    /// Exports of the new component that take a new seat.
    pub(super) added: Vec<usize>,
    pub(super) removed: Vec<ProviderId>,
    source: String,
}

/// A seat that gets a new implementation.
pub(super) struct SeatChange {
    pub(super) provider: ProviderId,
    /// The export's number in the new component's manifest.
    pub(super) export: usize,
    /// Whether state is handed over.
    pub(super) stateful: bool,
    interface: String,
    instances: usize,
    states: (u32, u32),
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "replace {before} by {after}")?,
            (None, Some(after)) => write!(f, "add {after}")?,
            (Some(before), None) => write!(f, "remove {before}")?,
            (None, None) => write!(f, "nothing")?,
        }
        f.write_str(&self.source)
    }
}

impl fmt::Display for SeatChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SeatChange { interface, instances, states: (old, new), .. } = self;
        write!(f, "{interface}: {instances} instances, ")?;
        match self.stateful {
            true if old == new => write!(f, "state v{old} handed over"),
            true => write!(f, "state v{old} migrated to v{new}"),
            false => write!(f, "constructed anew"),
        }
    }
}

/// Resolves the steps; what cannot be done is among the refusals.
pub(super) fn resolve(state: &State, steps: &[Step], options: &Options) -> Resolution {
    let mut resolution = Resolution::default();
    let mut touched = HashSet::new();
    for (index, step) in steps.iter().enumerate() {
        let member = match (&step.request, &step.staged) {
            (Request::Remove(name), _) => remove(state, index, name),
            (Request::Add(_), Some(staged)) => add(state, index, &staged.manifest),
            (Request::Replace(target, _), Some(staged)) => {
                replace(state, index, target.as_deref(), &staged.manifest, options)
            }
            (_, None) => continue,
        };
        let member = member.and_then(|mut member| {
            let names = [&member.before, &member.after];
            let base = |name: &String| name.split(' ').next().unwrap_or_default().to_owned();
            let bases: HashSet<String> = names.into_iter().flatten().map(base).collect();
            if let Some(double) = bases.iter().find(|name| touched.contains(*name)) {
                return Err(invalid(format!("component `{double}` is in the plan twice; one step each")));
            }
            touched.extend(bases);
            if let Some(staged) = &step.staged {
                member.source = format!(" ({}, {} KiB)", staged.short_hash(), staged.len / 1024);
            }
            refuse_protected(state, &member, options)?;
            Ok(member)
        });
        match member {
            Ok(member) => resolution.members.push(member),
            Err(error) => {
                let file = step.staged.as_ref().map(|staged| show(&staged.source));
                resolution.refusals.push(match file {
                    Some(file) => error.at(file),
                    None => error,
                });
            }
        }
    }
    if resolution.refusals.is_empty() && steps.iter().all(|step| step.refusal.is_none()) {
        let after = After::new(state, steps, &resolution.members);
        resolution.refusals.extend(after.refuse_unmet(state));
        resolution.refusals.extend(after.refuse_cycles());
        after.order(&mut resolution.members);
    }
    resolution
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::Invalid, text)
}

fn full_name(manifest: &Manifest) -> String {
    format!("{} {}", manifest.component, manifest.version)
}

fn named(manifest: &ExportManifest) -> String {
    format!("`{} {}`", manifest.component, manifest.component_version)
}

fn present_name(state: &State, provider: ProviderId) -> String {
    state.registry.providers[provider].implementation.component.to_string()
}

fn instances_of(state: &State, provider: ProviderId) -> usize {
    state.instances.iter().filter(|(_, instance)| instance.provider == provider).count()
}

fn providers_of(state: &State, component: &str) -> Vec<ProviderId> {
    let providers = state.registry.components.get(component).map_or(&[][..], Vec::as_slice);
    providers.iter().copied().filter(|&id| state.registry.providers[id].pending.is_none()).collect()
}

fn remove(state: &State, step: usize, name: &str) -> Result<Member, Error> {
    let removed = providers_of(state, name);
    let Some(&first) = removed.first() else {
        return Err(Error::new(ErrorKind::NotFound, format!("component `{name}` is not present; nothing to remove")));
    };
    let instances: usize = removed.iter().map(|&provider| instances_of(state, provider)).sum();
    if instances > 0 {
        return Err(invalid(format!("component `{name}` has {instances} instances in use; drop their handles first, or replace it")));
    }
    let before = Some(present_name(state, first));
    Ok(Member { step, before, after: None, seats: Vec::new(), added: Vec::new(), removed, source: String::new() })
}

fn add(state: &State, step: usize, manifest: &Manifest) -> Result<Member, Error> {
    if let Some(&present) = providers_of(state, &manifest.component).first() {
        return Err(invalid(format!("component `{}` is present already; replace it instead", present_name(state, present))));
    }
    refuse_doubles(manifest)?;
    Ok(Member {
        step,
        before: None,
        after: Some(full_name(manifest)),
        seats: Vec::new(),
        added: (0..manifest.exports.len()).collect(),
        removed: Vec::new(),
        source: String::new(),
    })
}

fn refuse_doubles(manifest: &Manifest) -> Result<(), Error> {
    let mut seen = HashSet::new();
    match manifest.exports.iter().find(|export| !seen.insert(&export.interface)) {
        None => Ok(()),
        Some(double) => Err(invalid(format!(
            "component `{}` implements {} twice (by `{}`); one implementation an interface",
            manifest.component, double.interface, double.type_name
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
        return Err(Error::new(ErrorKind::NotFound, format!("component `{target}` is not present; nothing to replace")));
    };
    if target != manifest.component && !providers_of(state, &manifest.component).is_empty() {
        return Err(invalid(format!(
            "component `{}` is present beside `{target}`; remove one of them, or replace it by its own name",
            manifest.component
        )));
    }
    let mut member = Member {
        step,
        before: Some(present_name(state, first)),
        after: Some(full_name(manifest)),
        seats: Vec::new(),
        added: Vec::new(),
        removed: Vec::new(),
        source: String::new(),
    };
    for provider in present {
        let old = &state.registry.providers[provider].implementation.manifest;
        let instances = instances_of(state, provider);
        let export = manifest.exports.iter().position(|export| export.interface == old.interface);
        match export {
            Some(export) => {
                let new = &manifest.exports[export];
                refuse_unlinkable(state, provider, new)?;
                let stateful = hands_over(old, new, instances, options)?;
                let states = (old.state_version, new.state_version);
                let interface = format!("{} v{}", new.interface, new.interface_version);
                member.seats.push(SeatChange { provider, export, stateful, interface, instances, states });
            }
            None if instances == 0 => member.removed.push(provider),
            None => {
                return Err(Error::new(
                    ErrorKind::Mismatch,
                    format!(
                        "component `{}` does not implement {}, of which {instances} instances of `{target}` are in use; implement it, or drop their handles",
                        manifest.component, old.interface
                    ),
                ));
            }
        }
    }
    let seated: HashSet<usize> = member.seats.iter().map(|seat| seat.export).collect();
    member.added = (0..manifest.exports.len()).filter(|export| !seated.contains(export)).collect();
    Ok(member)
}

fn find_target(state: &State, manifest: &Manifest) -> Result<String, Error> {
    if !providers_of(state, &manifest.component).is_empty() {
        return Ok(manifest.component.clone());
    }
    let mut names: Vec<&str> = manifest
        .exports
        .iter()
        .flat_map(|export| state.registry.of_interface(&export.interface))
        .map(|&id| &state.registry.providers[id])
        .filter(|provider| provider.pending.is_none())
        .map(|provider| provider.implementation.component.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    match names[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(Error::new(
            ErrorKind::NotFound,
            format!("nothing present has the name or the interfaces of component `{}`; add it instead", manifest.component),
        )),
        _ => Err(Error::new(
            ErrorKind::Ambiguous,
            format!("component `{}` could replace {}; name the one you mean", manifest.component, names.join(", ")),
        )),
    }
}

/// Every view through which handles on the seat's instances exist must link.
fn refuse_unlinkable(state: &State, provider: ProviderId, new: &ExportManifest) -> Result<(), Error> {
    let views: HashSet<ViewId> = state
        .instances
        .iter()
        .filter(|(_, instance)| instance.provider == provider)
        .flat_map(|(_, instance)| &instance.slots)
        .filter_map(|&slot| state.slots.get(slot))
        .map(|slot| slot.view)
        .collect();
    views.into_iter().try_for_each(|view| link(state.views.get(view), new).map(drop))
}

fn hands_over(old: &ExportManifest, new: &ExportManifest, instances: usize, options: &Options) -> Result<bool, Error> {
    let discard = options.discard_state.contains(&old.component);
    match (old.state && !discard, new.state) {
        (true, true) => Ok(true),
        (false, _) => Ok(false),
        (true, false) if instances == 0 => Ok(false),
        (true, false) => Err(Error::new(
            ErrorKind::State,
            format!(
                "component `{}` takes no state, and that of `{}` would be lost; declare #[lcr::component(state)], or let the plan discard it",
                new.component, old.component
            ),
        )),
    }
}

fn refuse_protected(state: &State, member: &Member, options: &Options) -> Result<(), Error> {
    let touched = member.seats.iter().map(|seat| seat.provider).chain(member.removed.iter().copied());
    for provider in touched {
        let implementation = &state.registry.providers[provider].implementation;
        if implementation.manifest.protected && !options.override_protected {
            return Err(Error::new(
                ErrorKind::Protected,
                format!("component `{}` is protected; commit the plan with its override", implementation.component),
            ));
        }
    }
    Ok(())
}

/// The implementations that will be present, for questions about dependencies.
struct After<'a> {
    exports: Vec<Present<'a>>,
}

struct Present<'a> {
    manifest: &'a ExportManifest,
    /// The member that brings it.
    member: Option<usize>,
}

impl<'a> After<'a> {
    fn new(state: &'a State, steps: &'a [Step], members: &[Member]) -> After<'a> {
        let mut exports = Vec::new();
        let mut gone = HashSet::new();
        for (index, member) in members.iter().enumerate() {
            gone.extend(member.removed.iter().copied());
            let Some(staged) = &steps[member.step].staged else { continue };
            for seat in &member.seats {
                gone.insert(seat.provider);
                exports.push(Present { manifest: &staged.manifest.exports[seat.export], member: Some(index) });
            }
            for &export in &member.added {
                exports.push(Present { manifest: &staged.manifest.exports[export], member: Some(index) });
            }
        }
        for (id, provider) in &state.registry.providers {
            if provider.pending.is_none() && !gone.contains(&id) {
                exports.push(Present { manifest: &provider.implementation.manifest, member: None });
            }
        }
        After { exports }
    }

    /// The implementations that would serve a version of an interface.
    fn providers(&self, interface: &str, version: u32) -> impl Iterator<Item = usize> {
        let serves = move |manifest: &ExportManifest| {
            manifest.interface == interface
                && (manifest.interface_version == version || manifest.replaces.contains(&version))
        };
        (0..self.exports.len()).filter(move |&index| serves(self.exports[index].manifest))
    }

    /// Needs that nothing or more than one component would meet: those of members, and
    /// those of others that exactly one meets now.
    fn refuse_unmet(&self, state: &State) -> Vec<Error> {
        let is_met = |need: &DependencyManifest| {
            let providers = state.registry.of_interface(&need.interface);
            let serves = |id: &&ProviderId| state.registry.providers[**id].implementation.serves(need.version);
            providers.iter().filter(serves).count() == 1
        };
        let mut refusals = Vec::new();
        for present in &self.exports {
            for need in &present.manifest.deps {
                if present.member.is_none() && !is_met(need) {
                    continue;
                }
                let names = self.providers(&need.interface, need.version).map(|index| named(self.exports[index].manifest));
                let mut names: Vec<String> = names.collect();
                names.sort_unstable();
                let (kind, found) = match &names[..] {
                    [_] => continue,
                    [] => (ErrorKind::Dependency, "nothing would provide; add a component that does to the plan".to_owned()),
                    _ => (ErrorKind::Ambiguous, format!("{} would provide; leave all but one out", names.join(" and "))),
                };
                let text = format!("component {} needs {} v{}, which {found}", named(present.manifest), need.interface, need.version);
                refusals.push(Error::new(kind, text));
            }
        }
        refusals
    }

    fn refuse_cycles(&self) -> Option<Error> {
        let mut done = HashSet::new();
        (0..self.exports.len()).find_map(|start| self.walk(start, &mut Vec::new(), &mut done))
    }

    fn walk(&self, at: usize, path: &mut Vec<usize>, done: &mut HashSet<usize>) -> Option<Error> {
        if let Some(start) = path.iter().position(|&other| other == at) {
            // A cycle that is there already is not this plan's.
            if path[start..].iter().all(|&index| self.exports[index].member.is_none()) {
                return None;
            }
            let names: Vec<&str> = path[start..]
                .iter()
                .chain([&at])
                .map(|&index| self.exports[index].manifest.component.as_str())
                .collect();
            return Some(Error::new(
                ErrorKind::Dependency,
                format!("components would depend on each other in a cycle: {}; break it at one of them", names.join(" -> ")),
            ));
        }
        if !done.insert(at) {
            return None;
        }
        path.push(at);
        let refusal = self.next(at).into_iter().find_map(|next| self.walk(next, path, done));
        path.pop();
        refusal
    }

    fn next(&self, at: usize) -> Vec<usize> {
        let deps = &self.exports[at].manifest.deps;
        deps.iter().flat_map(|need| self.providers(&need.interface, need.version)).collect()
    }

    /// Sorts members so that each comes behind those that it depends on.
    fn order(&self, members: &mut Vec<Member>) {
        let mut order = Vec::new();
        let mut done = HashSet::new();
        for at in 0..self.exports.len() {
            self.visit(at, &mut done, &mut order);
        }
        let rank = |member: usize| order.iter().position(|&other| other == member).unwrap_or(usize::MAX);
        let mut ranked: Vec<(usize, Member)> = members.drain(..).enumerate().map(|(i, member)| (rank(i), member)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        members.extend(ranked.into_iter().map(|(_, member)| member));
    }

    fn visit(&self, at: usize, done: &mut HashSet<usize>, order: &mut Vec<usize>) {
        if !done.insert(at) {
            return;
        }
        for next in self.next(at) {
            self.visit(next, done, order);
        }
        if let Some(member) = self.exports[at].member
            && !order.contains(&member)
        {
            order.push(member);
        }
    }
}
