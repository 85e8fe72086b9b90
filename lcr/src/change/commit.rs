//! The commit: one world in which every member is the new one.
//!
//! Everything that can fail (linking each slot) comes before the watch agrees to the
//! commit; behind it nothing fails. The state lock is held throughout, so that nobody
//! sees the bookkeeping of one world beside the table of another.

use std::{
    collections::HashMap,
    ptr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use crate::{
    abi::world::Target,
    host::{
        ids::ProviderId,
        objects::{
            instances::Instance,
            registry::{Component, Implementation},
        },
        service::inner::{Retiring, State},
        worlds::world::Edit,
    },
};

use super::{
    breaking::Breaking,
    execution::{Execution, Replacement, Stop, Successor},
    member::Member,
    report::{MemberReport, Report},
};

impl Execution {
    /// Publishes one world in which every member is the new one.
    pub(super) fn commit(&mut self, shut: Option<Instant>) -> Result<Report, Stop> {
        let replacements = self.replacements();
        let inner = Arc::clone(&self.inner);
        let mut state = inner.state();
        self.refuse_instances_created_since(&state)?;
        let edits = self.edits(&mut state)?;
        inner.may_publish()?;
        self.watch.commit()?;
        let begun = Instant::now();
        inner.publish_commit(&mut state, &edits);
        self.published = Some(state.serial());
        let commit = begun.elapsed();
        state.gate = None;
        inner.gate.open();
        let held = shut.map_or(Duration::ZERO, |shut| shut.elapsed());
        let total = self.started.elapsed();
        let started = SystemTime::now().checked_sub(total).unwrap_or(SystemTime::UNIX_EPOCH);
        let generation = state.serial();
        let reports = self.member_reports(&state);
        let replaced = self.change_hands(&mut state);
        for component in self.replace_implementation(&mut state, &replacements) {
            state.retain_image(component);
        }
        state.retiring.extend(replaced);
        self.let_go(&mut state);
        let stragglers = state.all_stragglers();
        drop(state);
        inner.changed.notify_all();
        Ok(Report { generation, members: reports, started, held, commit, total, stragglers })
    }

    /// What the new world's entries hold.
    fn edits(&self, state: &mut State) -> Result<Vec<Edit>, Stop> {
        let mut edits = Vec::new();
        let breaking = Breaking::new(state, &self.members);
        for (id, Successor { instance, .. }) in &self.successors {
            // An instance whose last handle was dropped meanwhile has no slots.
            let Some(service) = state.services.get(*id) else { continue };
            for &slot in &service.slots {
                let Some(slot_info) = state.slots.get(slot) else { continue };
                let view = state.views.get(slot_info.view);
                let target = match instance.implementation.functions(slot_info.view, view) {
                    Ok(functions) => {
                        let data = ptr::with_exposed_provenance(instance.address);
                        Some(Target { data, methods: functions.address() })
                    }
                    Err(error) => {
                        breaking.refuse(state, slot_info, error)?;
                        None
                    }
                };
                edits.push((slot, target));
            }
        }
        Ok(edits)
    }

    /// Gives every instance its successor; the old instances leave, dependents first.
    fn change_hands(&mut self, state: &mut State) -> Vec<Retiring> {
        let generation = state.generation();
        let mut retiring = Vec::new();
        for (id, Successor { instance, .. }) in self.dependents_first() {
            let instance = Arc::new(Instance { first_generation: generation, ..instance });
            let (old, slots) = match state.services.get_mut(id) {
                Some(service) => (std::mem::replace(&mut service.instance, instance), service.slots.clone()),
                None => (instance, Vec::new()),
            };
            retiring.push(Retiring { instance: old, slots, retired_at: generation });
        }
        retiring
    }

    /// Gives the providers their new implementations. Returns the components that no provider uses any more.
    fn replace_implementation(&self, state: &mut State, replacements: &[Replacement]) -> Vec<Arc<Component>> {
        let mut left = Vec::new();
        for Replacement { provider, implementation, .. } in replacements {
            state.registry.providers[*provider].frozen = None;
            left.push(Arc::clone(
                &state.registry.replace_implementation(*provider, Arc::clone(implementation)).component,
            ));
        }
        for member in &self.members {
            for &provider in &member.removed {
                left.push(Arc::clone(&state.registry.remove(provider).implementation.component));
            }
        }
        state.registry.bind_pending();
        self.configure(state);
        for (_, provider) in state.registry.providers.iter_mut() {
            if provider.pending.is_some() && provider.pending == self.number && !provider.orphan {
                provider.pending = None;
            }
        }
        left.sort_by_key(|component| Arc::as_ptr(component).addr());
        left.dedup_by(|a, b| Arc::ptr_eq(a, b));
        left.retain(|component| !state.registry.uses(component));
        left
    }

    /// Has the plan's configurations hold for what is built from now on.
    fn configure(&self, state: &mut State) {
        for (component, config) in &self.options.configurations {
            let State { registry, services, .. } = state;
            for id in registry.components.get(component).into_iter().flatten() {
                let provider = &mut registry.providers[*id];
                provider.config = Some(Arc::clone(config));
                if let Some(service) = provider.service.and_then(|shared| services.get_mut(shared)) {
                    service.config = Some(Arc::clone(config));
                }
            }
        }
    }

    fn member_reports(&self, state: &State) -> Vec<MemberReport> {
        let members = self.members.iter().enumerate();
        let providers =
            members.flat_map(|(at, member)| member.replaced.iter().map(move |replaced| (replaced.provider, at)));
        let members: HashMap<ProviderId, usize> = providers.collect();
        let mut counts = vec![(0, 0); self.members.len()];
        for (id, successor) in &self.successors {
            let provider = state.services.get(*id).map(|service| service.provider);
            let Some(&member) = provider.and_then(|provider| members.get(&provider)) else { continue };
            counts[member].0 += 1;
            counts[member].1 += successor.state_bytes;
        }
        let members = self.members.iter().zip(&self.loaded).zip(counts);
        let report = |((member, loaded), (instances, state_bytes)): ((&Member, &Vec<_>), (usize, usize))| {
            let implementation: Option<&Arc<Implementation>> = loaded.first();
            let origin = implementation.and_then(|implementation| implementation.component.origin.as_ref());
            MemberReport {
                before: member.before.clone(),
                after: member.after.clone(),
                instances,
                state_bytes,
                discarded_state: member.discarded_state().filter(|_| instances > 0),
                overrode_protection: member.providers().any(|provider| {
                    let provider = state.registry.providers.get(provider);
                    provider.is_some_and(|provider| provider.implementation.manifest.protected)
                }),
                source: origin.map(|origin| origin.source.clone()),
                hash: origin.map(|origin| origin.hash.clone()),
                panic_abort: member.aborts,
            }
        };
        members.map(report).collect()
    }
}
