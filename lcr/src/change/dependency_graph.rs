//! The implementations that would be present after a commit. The graph refuses needs that no component
//! or several would meet, and cycles, and it orders members and providers by dependency.
//!
//! It reads manifests only. The work is linear in their size, and nothing recurses.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    error::ErrorKind,
    host::{
        image::{
            link::link_need,
            manifest::{DependencyManifest, ExportManifest},
        },
        objects::{
            order::{NESTED, depth_first, depths, too_deep},
            provider::Visibility,
            registry::few,
        },
        service::state::State,
    },
};

use super::{
    member::{Member, named},
    request::{Options, Refusal, Step},
};

/// A needed interface, with its version.
fn versioned(need: &DependencyManifest) -> String {
    format!("{} v{}", need.interface, need.version)
}

/// The implementations that would be present.
pub(super) struct ProjectedGraph<'a> {
    exports: Vec<Present<'a>>,
    /// The numbers of the exports of each interface.
    interfaces: HashMap<&'a str, Vec<usize>>,
    /// The numbers of the exports of each interface that serve each version.
    versions: HashMap<&'a str, HashMap<u32, Vec<usize>>>,
    /// For each export, the exports that would meet its needs.
    needs: Vec<Vec<usize>>,
    /// The component that each interface is bound to.
    bindings: HashMap<String, String>,
    /// All exports, each after those that it needs; or the ring that a member would close.
    order: Result<Vec<usize>, Vec<usize>>,
}

/// One implementation that would be present.
struct Present<'a> {
    manifest: &'a ExportManifest,
    /// The member that brings it; `None` if it is present now and stays.
    member: Option<usize>,
    /// The step that the member comes from.
    step: Option<usize>,
    /// Which of the member's replaced providers gets it; `None` if it becomes a provider of its own.
    replaced: Option<usize>,
}

impl<'a> ProjectedGraph<'a> {
    /// The graph after a commit of `members`, which come from `steps`.
    pub(super) fn new(
        state: &'a State,
        steps: &'a [Step],
        members: &[Member],
        options: &Options,
    ) -> ProjectedGraph<'a> {
        let mut exports = Vec::new();
        let mut gone = HashSet::new();
        for (index, member) in members.iter().enumerate() {
            gone.extend(member.removed.iter().copied());
            let Some(manifest) = steps[member.step].manifest() else { continue };
            for (number, replaced) in member.replaced.iter().enumerate() {
                gone.insert(replaced.provider);
                exports.push(Present {
                    manifest: &manifest.exports[replaced.export],
                    member: Some(index),
                    step: Some(member.step),
                    replaced: Some(number),
                });
            }
            for &export in &member.added {
                exports.push(Present {
                    manifest: &manifest.exports[export],
                    member: Some(index),
                    step: Some(member.step),
                    replaced: None,
                });
            }
        }
        for (id, provider) in state.objects().registry().committed() {
            if !gone.contains(&id) {
                exports.push(Present {
                    manifest: &provider.implementation().manifest,
                    member: None,
                    step: None,
                    replaced: None,
                });
            }
        }
        let mut interfaces: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut versions: HashMap<&str, HashMap<u32, Vec<usize>>> = HashMap::new();
        for (index, present) in exports.iter().enumerate() {
            let manifest = present.manifest;
            interfaces.entry(&manifest.interface).or_default().push(index);
            for version in [manifest.interface_version].iter().chain(&manifest.replaces) {
                let serving = versions.entry(&manifest.interface).or_default().entry(*version).or_default();
                // A version may be named twice.
                if serving.last() != Some(&index) {
                    serving.push(index);
                }
            }
        }
        let bindings = state.objects().registry().bindings().iter();
        let bindings = bindings.filter(|(interface, _)| !options.unbound.contains(*interface)).chain(&options.bindings);
        let bindings = bindings.map(|(interface, component)| (interface.clone(), component.clone())).collect();
        let mut after =
            ProjectedGraph { bindings, exports, interfaces, versions, needs: Vec::new(), order: Ok(Vec::new()) };
        let needs = after
            .exports
            .iter()
            .map(|present| present.manifest.deps.iter().filter_map(|need| after.chosen(need)).collect());
        after.needs = needs.collect();
        // A ring among components that are present now is not this plan's.
        let is_own = |ring: &[usize]| ring.iter().any(|&at| after.exports[at].step.is_some());
        let all = 0..after.exports.len();
        after.order = depth_first(all, |at| after.needs[at].clone(), |ring| is_own(ring).then(|| ring.to_vec()));
        after
    }

    /// The implementations that would meet a need.
    fn providers(&self, need: &DependencyManifest) -> &[usize] {
        self.versions
            .get(&*need.interface)
            .and_then(|versions| versions.get(&need.version))
            .map_or(&[][..], Vec::as_slice)
    }

    /// The implementation that would meet a need: the only one, or the bound one of several.
    fn chosen(&self, need: &DependencyManifest) -> Option<usize> {
        match self.providers(need) {
            [sole] => Some(*sole),
            [] => None,
            several => {
                let bound = self.bindings.get(&need.interface)?;
                several.iter().copied().find(|&at| self.exports[at].manifest.component.name == *bound)
            }
        }
    }

    /// Notes for each member which components would need it.
    pub(super) fn note_dependents(&self, members: &mut [Member]) {
        for (present, needs) in self.exports.iter().zip(&self.needs) {
            let own = &present.manifest.component;
            for member in needs.iter().filter_map(|&need| self.exports[need].member) {
                let dependents = &mut members[member].dependents;
                if present.member != Some(member) && !dependents.contains(own) {
                    dependents.push(own.clone());
                }
            }
        }
        members.iter_mut().for_each(|member| member.dependents.sort_unstable());
    }

    /// Refuses bindings to components that would not be present or do not implement the interface.
    pub(super) fn refuse_bindings(&self, bindings: &BTreeMap<String, String>) -> Vec<Refusal> {
        let of = |interface: &str| self.interfaces.get(interface).map_or(&[][..], Vec::as_slice);
        let is_unmet = |(interface, component): &(&String, &String)| {
            !of(interface).iter().any(|&at| self.exports[at].manifest.component.name == **component)
        };
        let refuse = |(interface, component): (&String, &String)| {
            let text = format!(
                "{interface} cannot be bound to component `{component}`, which would not be present, or does not \
                 implement it; add it to the plan, or bind another one"
            );
            Refusal::new(None, ErrorKind::NotFound, text)
        };
        bindings.iter().filter(is_unmet).map(refuse).collect()
    }

    /// Refuses needs that no component would meet, or several, or one with other signatures. Looks at
    /// the needs of members, and at those needs of other components that are met now.
    pub(super) fn refuse_unmet(&self, state: &State) -> Vec<Refusal> {
        let is_met = |need: &DependencyManifest| {
            state.objects().registry().choose(&need.interface, need.version, None, Visibility::Committed).is_ok()
        };
        let mut refusals = Vec::new();
        for present in &self.exports {
            for need in &present.manifest.deps {
                if present.member.is_none() && !is_met(need) {
                    continue;
                }
                let providers = self.providers(need);
                let (kind, found) = match (providers, self.chosen(need)) {
                    (_, Some(provider)) => {
                        let provider = &self.exports[provider];
                        // If the plan changes neither of the two, the mismatch is not this plan's.
                        let is_own = present.member.or(provider.member).is_some();
                        if is_own && let Err(error) = link_need(need, provider.manifest) {
                            let who = format!("component {} needs {}", named(present.manifest), versioned(need));
                            refusals.push(Refusal { step: present.step.or(provider.step), error: error.at(who) });
                        }
                        continue;
                    }
                    ([], None) => (ErrorKind::Dependency, self.nothing_for(need)),
                    (_, None) => {
                        let names = self.names(providers, named);
                        (
                            ErrorKind::Ambiguous,
                            format!(
                                "{names} would provide; leave all but one out, or name the one you mean: \
                                 plan.bind::<dyn ..>(\"component\")"
                            ),
                        )
                    }
                };
                let text = format!("component {} needs {}, which {found}", named(present.manifest), versioned(need));
                let step = present.step.or(providers.iter().find_map(|&provider| self.exports[provider].step));
                refusals.push(Refusal::new(step, kind, text));
            }
        }
        refusals
    }

    /// The implementation that would serve callers of an interface who name `component`, or none.
    ///
    /// # Errors
    /// The class of the refusal, and the end of its message.
    pub(super) fn serving(
        &self,
        need: &DependencyManifest,
        component: Option<&str>,
    ) -> Result<&'a ExportManifest, (ErrorKind, String)> {
        let providers = self.providers(need);
        let of = |name| providers.iter().copied().find(|&at| self.exports[at].manifest.component.name == name);
        let found = component.map_or_else(|| self.chosen(need), of);
        found.map(|at| self.exports[at].manifest).ok_or_else(|| match (component, providers) {
            (None, [_, ..]) => {
                let names = self.names(providers, named);
                (ErrorKind::Ambiguous, format!("{names} provide; let the patch name its `component`"))
            }
            _ => (ErrorKind::NotFound, self.nothing_for(need)),
        })
    }

    /// The end of the message about a need that no component would meet.
    fn nothing_for(&self, need: &DependencyManifest) -> String {
        let others = self.interfaces.get(&*need.interface).map_or(&[][..], Vec::as_slice);
        if others.is_empty() {
            return "nothing would provide; add a component that does to the plan".to_owned();
        }
        let others = self.names(others, |manifest| format!("{} v{}", named(manifest), manifest.interface_version));
        format!(
            "nothing would provide, only {others}; replace one of the two in the same plan by a version that \
             fits the other"
        )
    }

    /// The names of exports for a message, in order.
    fn names(&self, exports: &[usize], name: impl Fn(&ExportManifest) -> String) -> String {
        let mut names: Vec<String> = exports.iter().map(|&at| name(self.exports[at].manifest)).collect();
        names.sort_unstable();
        few(names.into_iter(), " and ")
    }

    /// Refuses a cycle that a member would close, and dependencies that would be nested too deep.
    pub(super) fn refuse_cycles(&self) -> Option<Refusal> {
        let order = match &self.order {
            Ok(order) => order,
            Err(ring) => return self.refuse_ring(ring),
        };
        let depths = depths(order, |at| self.needs[at].clone());
        let is_deep = |&&at: &&usize| self.exports[at].step.is_some() && depths[&at] > NESTED;
        let &at = order.iter().find(is_deep)?;
        let Present { manifest, step, .. } = &self.exports[at];
        Some(Refusal { step: *step, error: too_deep(&manifest.component.name, depths[&at]) })
    }

    fn refuse_ring(&self, ring: &[usize]) -> Option<Refusal> {
        let step = ring.iter().find_map(|&at| self.exports[at].step)?;
        let names = ring.iter().chain(ring.first());
        let names = few(names.map(|&at| self.exports[at].manifest.component.name.clone()), " -> ");
        let text = format!("components would depend on each other in a cycle: {names}; break it at one of them");
        Some(Refusal::new(Some(step), ErrorKind::Dependency, text))
    }

    /// Ranks replaced providers so that each comes after all providers that it depends on.
    pub(super) fn rank(&self, members: &mut [Member]) {
        for (rank, &at) in self.order.as_deref().unwrap_or_default().iter().enumerate() {
            let Present { member, replaced, .. } = self.exports[at];
            if let Some((member, replaced)) = member.zip(replaced) {
                members[member].replaced[replaced].rank = rank;
            }
        }
    }

    /// Sorts members so that each comes after those that it depends on, as far as possible: two members
    /// may need each other by different exports. [Ranks](ProjectedGraph::rank) replaced providers.
    pub(super) fn order(&self, members: &mut Vec<Member>) {
        self.rank(members);
        // A plan with a ring is refused, so its order does not matter.
        let order = self.order.as_deref().unwrap_or_default();
        let mut first = vec![usize::MAX; members.len()];
        for (rank, &at) in order.iter().enumerate() {
            let Some(member) = self.exports[at].member else { continue };
            first[member] = first[member].min(rank);
        }
        let mut ranked: Vec<(usize, Member)> = first.into_iter().zip(members.drain(..)).collect();
        ranked.sort_by_key(|(rank, _)| *rank);
        members.extend(ranked.into_iter().map(|(_, member)| member));
    }
}
