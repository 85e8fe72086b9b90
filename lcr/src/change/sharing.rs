//! Implementations that share their objects: an instance serves several interfaces, so their providers are
//! replaced together.
//!
//! A file does not tell which of its implementations have one type and one constructor; its image does. So a plan
//! knows which providers share their objects *now*, and the transaction learns, when it has loaded the file, which
//! will share them. What follows from that is done here:
//!
//! 1. If one of the providers that share objects is behind the gate, all are: their slots show one instance.
//! 2. The needs of all of them are needs of each. If the file's records did not tell, the order of the members and
//!    the refusals of unmet needs and cycles are worked out once more.
//! 3. If one of the implementations declares the state of their objects, all have it. The plan guesses which one that
//!    is, from the file; the way of the state is decided anew here, by what the image tells.
//! 4. An instance has one successor. So a plan is refused if it would have two for an instance that is in use
//!    ([`Execution::refuse_regrouping`]), or would make one shared instance of two.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    error::{Error, ErrorKind},
    host::{
        ids::{ProviderId, ServiceId},
        objects::component::Implementation,
        service::state::State,
    },
};

use super::{
    breaking,
    dependency_graph::ProjectedGraph,
    execution::Execution,
    member::{Member, StateChange, counted, interface, named, state_lost},
    request::Step,
    state_way::state_change,
    stop::Stop,
};

/// Puts all providers that share their objects now behind the gate if one of them is.
pub(super) fn share_gates(state: &State, members: &mut [Member]) {
    let registry = state.objects().registry();
    let objects: Vec<_> = members
        .iter()
        .flat_map(|member| &member.replaced)
        .map(|replaced| registry.implementation(replaced.provider).objects())
        .collect();
    share_gates_of(members, &objects);
}

/// Puts all replaced providers with the same objects behind the gate if one of them is. `objects` tells what the
/// objects of each replaced provider are, in order.
fn share_gates_of(members: &mut [Member], objects: &[*const ()]) {
    let replaced = members.iter().flat_map(|member| &member.replaced).zip(objects);
    let gated: HashSet<*const ()> =
        replaced.filter(|(replaced, _)| replaced.is_behind_gate()).map(|(_, &objects)| objects).collect();
    let replaced = members.iter_mut().flat_map(|member| &mut member.replaced).zip(objects);
    replaced.for_each(|(replaced, objects)| replaced.shares_gate |= gated.contains(objects));
}

/// Refuses to lose a provider that is in use. An instance that also serves one of the providers in `kept` goes on,
/// and counts only if it is used through the interface that is lost.
///
/// # Errors
/// `Invalid`.
pub(super) fn refuse_used(
    state: &State,
    provider: ProviderId,
    kept: impl Iterator<Item = ProviderId>,
) -> Result<(), Error> {
    let registry = state.objects().registry();
    if registry.instances_of(provider) == 0 {
        return Ok(());
    }
    let manifest = &registry.implementation(provider).manifest;
    let kept: HashSet<ProviderId> = kept.collect();
    let used = state.objects().used_as(&manifest.interface);
    let counts = |(id, providers): (ServiceId, &[ProviderId])| {
        providers.contains(&provider)
            && (used.contains(&id) || !providers.iter().any(|provider| kept.contains(provider)))
    };
    let services = state.objects().services().iter().map(|(id, service)| (id, service.providers()));
    let instances = services.filter(|&service| counts(service)).count();
    if instances == 0 {
        return Ok(());
    }
    let (instances, is, their) =
        if instances == 1 { (counted(1), "is", "its") } else { (counted(instances), "are", "their") };
    let text = format!(
        "{instances} of component {} as {} {is} in use; drop {their} handles, or replace the component by one that \
         serves them",
        named(manifest),
        interface(manifest),
    );
    Err(Error::new(ErrorKind::Invalid, text))
}

impl Execution {
    /// Takes up what the loaded images tell: which of their implementations share their objects.
    pub(super) fn regroup(&mut self, state: &State, steps: &mut [Step]) -> Result<(), Stop> {
        let members = self.members.iter().zip(&self.loaded);
        let objects: Vec<_> = members
            .flat_map(|(member, loaded)| member.replaced.iter().map(|replaced| loaded[replaced.export].objects()))
            .collect();
        let mut has_more_needs = false;
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            let Some(staged) = &mut steps[member.step].staged else { continue };
            for (export, implementation) in staged.manifest.exports.iter_mut().zip(loaded) {
                has_more_needs |= export.deps.len() != implementation.manifest.deps.len();
                export.deps.clone_from(&implementation.manifest.deps);
            }
        }
        if has_more_needs {
            breaking::mark(state, steps, &mut self.members);
            let after = ProjectedGraph::new(state, steps, &self.members, &self.options);
            let refusal = after.refuse_unmet(state).into_iter().next().or_else(|| after.refuse_cycles());
            if let Some(refusal) = refusal {
                return Err(refusal.error.into());
            }
            after.rank(&mut self.members);
        }
        self.refuse_regrouping(state)?;
        for (member, loaded) in self.members.iter_mut().zip(&self.loaded) {
            for replaced in &mut member.replaced {
                let old = &state.objects().registry().implementation(replaced.provider).manifest;
                let new = &loaded[replaced.export].manifest;
                (replaced.state, replaced.why_copied) = state_change(old, new, replaced.instances, &self.options)?;
            }
        }
        share_gates(state, &mut self.members);
        share_gates_of(&mut self.members, &objects);
        Ok(())
    }

    /// Refuses instances that were created since the plan was resolved, where the plan relied on there
    /// being none, and those that cannot have one successor each.
    pub(super) fn refuse_instances_created_since(&self, state: &State) -> Result<(), Stop> {
        self.refuse_regrouping(state)?;
        for (member, loaded) in self.members.iter().zip(&self.loaded) {
            for &provider in &member.removed {
                refuse_used(state, provider, member.replaced.iter().map(|replaced| replaced.provider))?;
            }
            for replacement in member.replaced.iter().filter(|replacement| replacement.state == StateChange::Absent) {
                let registry = state.objects().registry();
                if registry.instances_of(replacement.provider) > 0 {
                    let old = &registry.implementation(replacement.provider).manifest;
                    return Err(state_lost(old, &loaded[replacement.export].manifest).into());
                }
            }
        }
        Ok(())
    }

    /// Refuses two successors for one instance, and one shared instance in the place of two. Only where the new
    /// version has other types or constructors behind its interfaces, this has anything to refuse.
    ///
    /// # Errors
    /// `Invalid`.
    fn refuse_regrouping(&self, state: &State) -> Result<(), Error> {
        let replacements = self.replacements();
        let registry = state.objects().registry();
        let mut of_provider = HashMap::new();
        for (number, replacement) in replacements.iter().enumerate() {
            let present: Vec<&Arc<Implementation>> = replacement
                .providers
                .iter()
                .filter_map(|&provider| registry.get(provider))
                .filter(|provider| provider.is_shared())
                .map(|provider| provider.implementation())
                .collect();
            if let Some(other) = present.iter().find(|other| !other.shares_objects_with(present[0])) {
                let (one, new) = (present[0], &replacement.implementation);
                let text = format!(
                    "component {} serves {} and {} by two objects, which are in use, and {} would serve them by one; \
                     drop the handles of one of them, or declare #[lcr::component(separate)] for one",
                    named(&one.manifest),
                    interface(&one.manifest),
                    interface(&other.manifest),
                    named(&new.manifest),
                );
                return Err(Error::new(ErrorKind::Invalid, text));
            }
            of_provider.extend(replacement.providers.iter().map(|&provider| (provider, number)));
        }
        for (_, service) in state.objects().services().iter() {
            let mut successors = service.providers().iter().filter_map(|provider| of_provider.get(provider));
            let Some(&first) = successors.next() else { continue };
            if let Some(&other) = successors.find(|&&other| other != first) {
                let new = |number: usize| &replacements[number].implementation.manifest;
                let text = format!(
                    "component {} serves {} and {} by one object, which is in use, and {} would serve them by two; \
                     drop its handles, or implement both for one type with one constructor",
                    named(&service.instance().implementation().manifest),
                    interface(new(first)),
                    interface(new(other)),
                    named(new(first)),
                );
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        Ok(())
    }
}
