//! Preparing: successors for the instances that need no gate, or whose state moves by pointer, while all callers are
//! served.
//!
//! Other threads may create instances of the members until this phase *freezes* the members. At its end
//! each of these instances has a successor, and everything that the other successors
//! will need is built. So no instance is built behind the gate, where it would be of an old
//! implementation and get no successor.

use std::{
    collections::{BTreeSet, HashSet},
    iter,
    sync::Arc,
};

use crate::{
    error::LifecycleStep,
    host::{
        ids::{ProviderId, ServiceId},
        service::{construct::Creation, state::State},
    },
};

use super::{
    execution::{Execution, Replacement, Successor},
    member::Member,
    stop::Stop,
};

/// What is not there yet.
#[derive(Default)]
struct Lacking {
    /// Instances that have no successor, each with the number of its replacement.
    successors: Vec<(ServiceId, usize)>,
    /// Replacements whose successors are made behind the gate, and will need other components.
    dependencies: Vec<usize>,
}

impl Execution {
    /// Constructs a successor for each instance whose successor is made ahead of the gate and that has none, and
    /// everything that the successors of the others will need; repeats that until nothing is left to construct, and
    /// freezes the members.
    pub(super) fn prepare(&mut self) -> Result<(), Stop> {
        let replacements = self.replacements();
        for is_first in iter::once(true).chain(iter::repeat(false)) {
            let inner = Arc::clone(&self.inner);
            let mut state = inner.state();
            self.watch.check()?;
            self.refuse_instances_created_since(&state)?;
            let Lacking { successors, dependencies } = self.lacking(&state, &replacements);
            let missing: Vec<_> = successors
                .iter()
                .map(|&(id, replacement)| {
                    let Replacement { implementation, moves, .. } = &replacements[replacement];
                    let config = self.config_for(&state, id, implementation);
                    (id, replacement, *moves, Arc::clone(implementation), config)
                })
                .collect();
            self.ready.extend(&dependencies);
            // From the second round on, threads that create instances wait: several threads create
            // them faster than this one constructs their successors.
            let is_done = missing.is_empty() && dependencies.is_empty();
            if is_done || !is_first {
                let removed = self.members.iter().flat_map(|member| &member.removed);
                for provider in replacements.iter().flat_map(|replacement| &replacement.providers).chain(removed) {
                    state.objects_mut().registry_mut().freeze(*provider, self.thread);
                }
            }
            if is_done {
                break;
            }
            missing.iter().try_for_each(|&(id, ..)| self.hold(&mut state, id))?;
            drop(state);
            for replacement in dependencies {
                let implementation = &replacements[replacement].implementation;
                self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Dependencies)?;
                self.needs.extend(self.inner.hold_needs(implementation, self.visibility())?);
            }
            for (id, replacement, moves, implementation, config) in missing {
                self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Constructor)?;
                let instance = self.inner.instantiate(
                    &implementation,
                    config.as_deref(),
                    self.visibility(),
                    Creation::Construct,
                )?;
                let successor =
                    Successor { instance, state_bytes: 0, moves, replacement, is_foreseen: false, precopy: None };
                self.keep(id, successor)?;
            }
        }
        Ok(())
    }

    /// What has to be constructed before the members are prepared.
    fn lacking(&self, state: &State, replacements: &[Replacement]) -> Lacking {
        let mut lacking = Lacking::default();
        let instances_of = state.objects().services_by_provider();
        for (number, replacement) in replacements.iter().enumerate() {
            // An instance that serves several interfaces counts for the provider of each.
            let providers = replacement.providers.iter();
            let own: BTreeSet<ServiceId> =
                providers.filter_map(|provider| instances_of.get(provider)).flatten().copied().collect();
            if replacement.is_behind_gate && !self.ready.contains(&number) && !own.is_empty() {
                lacking.dependencies.push(number);
            }
            let without = own.iter().filter(|id| replacement.is_made_ahead && !self.successors.contains_key(id));
            lacking.successors.extend(without.map(|&id| (id, number)));
        }
        lacking
    }

    /// Whether every instance has the successor that is made ahead of the gate, and every other successor what it will
    /// need.
    pub(super) fn lacks_nothing(&self, state: &State) -> bool {
        let Lacking { successors, dependencies } = self.lacking(state, &self.replacements());
        successors.is_empty() && dependencies.is_empty()
    }

    /// Tries each configuration that no successor reads before the commit, on an instance that is
    /// destroyed again.
    pub(super) fn try_configurations(&self) -> Result<(), Stop> {
        let mut untried = Vec::new();
        {
            let state = self.inner.state();
            let registry = state.objects().registry();
            let is_used =
                |provider: ProviderId| registry.get(provider).is_some_and(|provider| provider.shared().is_some());
            for (member, loaded) in self.members.iter().zip(&self.loaded) {
                let used: HashSet<usize> = member
                    .replaced
                    .iter()
                    .filter(|replacement| is_used(replacement.provider))
                    .map(|replacement| replacement.export)
                    .collect();
                let idle = loaded.iter().enumerate().filter(|(export, _)| !used.contains(export));
                untried.extend(idle.map(|(_, implementation)| Arc::clone(implementation)));
            }
            let touched: HashSet<ProviderId> = self.members.iter().flat_map(Member::providers).collect();
            let named = self.options.configurations.keys().flat_map(|name| registry.of_component(name));
            let staying = named.filter(|provider| !touched.contains(provider));
            let staying = staying.filter_map(|&provider| registry.get(provider));
            let present = staying.filter(|provider| provider.is_committed());
            untried.extend(present.map(|provider| Arc::clone(provider.implementation())));
        }
        let mut tried = HashSet::new();
        untried.retain(|implementation| tried.insert(implementation.objects()));
        for implementation in untried {
            let Some(config) = self.planned_config(&implementation) else { continue };
            self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Constructor)?;
            let tried =
                self.inner.instantiate(&implementation, Some(config), self.visibility(), Creation::Construct)?;
            self.inner.discard(self.inner.state(), tried);
        }
        Ok(())
    }
}
