//! What would be present after a commit: are everybody's dependencies met, once and
//! without cycles, and in which order do members and seats come?

use std::collections::{HashMap, HashSet};

use crate::{
    error::ErrorKind,
    host::{
        link::link_need,
        manifest::{DependencyManifest, ExportManifest},
        registry::ProviderId,
        shared::State,
    },
};

use super::{
    member::{Member, named},
    plan::Step,
    resolve::Refusal,
};

/// A needed interface, with its version.
fn versioned(need: &DependencyManifest) -> String {
    format!("{} v{}", need.interface, need.version)
}

/// The implementations that would be present.
pub(super) struct After<'a> {
    exports: Vec<Present<'a>>,
    /// Their numbers, by interface.
    interfaces: HashMap<&'a str, Vec<usize>>,
}

struct Present<'a> {
    manifest: &'a ExportManifest,
    /// The member that brings it, and the step that this comes from.
    member: Option<usize>,
    step: Option<usize>,
    /// The seat among the member's that it takes; `None` if it is a new one.
    seat: Option<usize>,
}

impl<'a> After<'a> {
    /// What would be present if `members`, which come from `steps`, were committed.
    pub(super) fn new(state: &'a State, steps: &'a [Step], members: &[Member]) -> After<'a> {
        let mut exports = Vec::new();
        let mut gone = HashSet::new();
        for (index, member) in members.iter().enumerate() {
            gone.extend(member.removed.iter().copied());
            let Some(staged) = &steps[member.step].staged else { continue };
            for (number, seat) in member.seats.iter().enumerate() {
                gone.insert(seat.provider);
                exports.push(Present {
                    manifest: &staged.manifest.exports[seat.export],
                    member: Some(index),
                    step: Some(member.step),
                    seat: Some(number),
                });
            }
            for &export in &member.added {
                exports.push(Present {
                    manifest: &staged.manifest.exports[export],
                    member: Some(index),
                    step: Some(member.step),
                    seat: None,
                });
            }
        }
        for (id, provider) in &state.registry.providers {
            if provider.pending.is_none() && !gone.contains(&id) {
                exports.push(Present {
                    manifest: &provider.implementation.manifest,
                    member: None,
                    step: None,
                    seat: None,
                });
            }
        }
        let mut interfaces: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, present) in exports.iter().enumerate() {
            interfaces.entry(&present.manifest.interface).or_default().push(index);
        }
        After { exports, interfaces }
    }

    /// The implementations that would meet a need.
    fn providers(&self, need: &DependencyManifest) -> impl Iterator<Item = usize> {
        let candidates = self.interfaces.get(&*need.interface).map_or(&[][..], Vec::as_slice);
        let version = need.version;
        candidates.iter().copied().filter(move |&index| {
            let manifest = self.exports[index].manifest;
            manifest.interface_version == version || manifest.replaces.contains(&version)
        })
    }

    /// Needs that nothing or more than one component would meet, or one of other signatures:
    /// those of members, and those of others that exactly one meets now.
    pub(super) fn refuse_unmet(&self, state: &State) -> Vec<Refusal> {
        let is_met = |need: &DependencyManifest| {
            let serves = |id: &&ProviderId| {
                let provider = &state.registry.providers[**id];
                provider.pending.is_none() && provider.implementation.serves(need.version)
            };
            state.registry.of_interface(&need.interface).iter().filter(serves).count() == 1
        };
        let mut refusals = Vec::new();
        for present in &self.exports {
            for need in &present.manifest.deps {
                if present.member.is_none() && !is_met(need) {
                    continue;
                }
                let providers: Vec<&Present<'_>> = self.providers(need).map(|index| &self.exports[index]).collect();
                let mut names: Vec<String> = providers.iter().map(|provider| named(provider.manifest)).collect();
                names.sort_unstable();
                let (kind, found) = match &names[..] {
                    [_] => {
                        let [provider] = &providers[..] else { continue };
                        // What neither of the two changes is not this plan's.
                        let is_own = present.member.or(provider.member).is_some();
                        if is_own && let Err(error) = link_need(need, provider.manifest) {
                            let who = format!("component {} needs {}", named(present.manifest), versioned(need));
                            refusals.push(Refusal { step: present.step.or(provider.step), error: error.at(who) });
                        }
                        continue;
                    }
                    [] => (ErrorKind::Dependency, self.nothing_for(need)),
                    _ => {
                        (ErrorKind::Ambiguous, format!("{} would provide; leave all but one out", names.join(" and ")))
                    }
                };
                let text = format!("component {} needs {}, which {found}", named(present.manifest), versioned(need));
                let step = present.step.or(providers.iter().find_map(|provider| provider.step));
                refusals.push(Refusal::new(step, kind, text));
            }
        }
        refusals
    }

    /// What is said of a need that nothing would meet.
    fn nothing_for(&self, need: &DependencyManifest) -> String {
        let others = self.interfaces.get(&*need.interface).map_or(&[][..], Vec::as_slice);
        let other = |&index: &usize| {
            let manifest = self.exports[index].manifest;
            format!("{} v{}", named(manifest), manifest.interface_version)
        };
        let mut others: Vec<String> = others.iter().map(other).collect();
        others.sort_unstable();
        match &others[..] {
            [] => "nothing would provide; add a component that does to the plan".to_owned(),
            _ => format!(
                "nothing would provide, only {}; replace one of the two in the same plan by a version that fits the other",
                others.join(" and ")
            ),
        }
    }

    /// A cycle that a member would close.
    pub(super) fn refuse_cycles(&self) -> Option<Refusal> {
        let mut done = HashSet::new();
        (0..self.exports.len()).find_map(|start| self.walk(start, &mut Vec::new(), &mut done))
    }

    fn walk(&self, at: usize, path: &mut Vec<usize>, done: &mut HashSet<usize>) -> Option<Refusal> {
        if let Some(start) = path.iter().position(|&other| other == at) {
            // A cycle that is there already is not this plan's.
            let step = path[start..].iter().find_map(|&index| self.exports[index].step)?;
            let names: Vec<&str> = path[start..]
                .iter()
                .chain([&at])
                .map(|&index| self.exports[index].manifest.component.as_str())
                .collect();
            return Some(Refusal::new(
                Some(step),
                ErrorKind::Dependency,
                format!(
                    "components would depend on each other in a cycle: {}; break it at one of them",
                    names.join(" -> ")
                ),
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
        deps.iter().flat_map(|need| self.providers(need)).collect()
    }

    /// Sorts members so that each comes behind those that it depends on, as far as it can:
    /// two may need each other by different exports. Seats are ranked so that each comes
    /// behind all that it depends on.
    pub(super) fn order(&self, members: &mut Vec<Member>) {
        let mut order = Vec::new();
        let mut done = HashSet::new();
        for at in 0..self.exports.len() {
            self.visit(at, &mut done, &mut order);
        }
        let mut first = vec![usize::MAX; members.len()];
        for (rank, &at) in order.iter().enumerate() {
            let Some(member) = self.exports[at].member else { continue };
            first[member] = first[member].min(rank);
            if let Some(seat) = self.exports[at].seat {
                members[member].seats[seat].rank = rank;
            }
        }
        let mut ranked: Vec<(usize, Member)> = first.into_iter().zip(members.drain(..)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        members.extend(ranked.into_iter().map(|(_, member)| member));
    }

    /// Appends an export behind everything that it depends on.
    fn visit(&self, at: usize, done: &mut HashSet<usize>, order: &mut Vec<usize>) {
        if !done.insert(at) {
            return;
        }
        for next in self.next(at) {
            self.visit(next, done, order);
        }
        order.push(at);
    }
}
