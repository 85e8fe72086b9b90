//! The commit: one world in which every member is the new one.
//!
//! Everything that can fail (linking each slot) comes before the watch agrees to the commit; nothing
//! after that fails. The state lock is held throughout, so that no thread sees the bookkeeping of one
//! world beside the table of another. The store that makes the new world the current one is in
//! `host/worlds/world.rs`; right behind it callers that wait at the gate are woken, so that they are not held for the
//! bookkeeping. Whether this thread may pass the barrier of a publication was asked when the gate shut.
//!
//! Under the same lock this thread ceases to be one that reaches uncommitted successors. Behind the lock it wakes
//! tasks, whose wakers may make calls: those enter the new world, as calls of every thread do. A call that entered a
//! successor by the transaction's own table would show in no world, and no later drain would find it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
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
    breaking::Breaking,
    execution::{Execution, Successor},
    foreseen::Shut,
    member::Member,
    patches_back::PatchesBack,
    protection,
    report::{MemberReport, PrecopyReport, Report},
    stop::Stop,
};

impl Execution {
    /// Publishes one world in which every member is the new one.
    pub(super) fn commit(&mut self, gate: Option<Shut>) -> Result<Report, Stop> {
        let inner = Arc::clone(&self.inner);
        let mut state = inner.state();
        self.refuse_instances_created_since(&state)?;
        self.refuse_awaited(&state)?;
        let breaking = Breaking::new(&state, &self.members);
        let (shut, foreseen) = gate.map(|Shut { at, foreseen }| (at, foreseen)).unzip();
        let overrode_protection_of = protection::overridden(&state, &self.members, &self.options);
        let (stood, order) = (self.stood(&state), state.objects().patches().library_order());
        let patches = PatchesBack::begin(&mut state, self);
        // The patches that were foreseen are not those of the list any more.
        let foreseen = foreseen.filter(|_| patches.is_none());
        let edits = self.edits(&state, foreseen, |slot, error| breaking.refuse(&state, slot, error));
        let edits = edits.and_then(|mut edits| {
            patches.as_ref().map_or(Ok(()), |patches| patches.add_edits(&state, &mut edits))?;
            if shut.is_none() {
                inner.may_publish()?;
            }
            self.watch.decide()?;
            Ok(edits)
        });
        let edits = match edits {
            Ok(edits) => edits,
            Err(stop) => {
                patches.into_iter().for_each(|patches| patches.undo(&mut state));
                return Err(stop);
            }
        };
        let begun = Instant::now();
        state.give_states(|id| self.successors.get(&id).map(|successor| &successor.instance));
        let opened = inner.publish_commit_to_waiting(&mut state, &edits);
        let generation = state.serial();
        self.watch.publish(generation);
        self.begin_trial(&state, generation);
        let uncommitted = state.objects_mut().uncommitted_mut().end(self.thread);
        let commit = begun.elapsed();
        let moved = inner.open_gate(&mut state);
        let held = shut.map_or(Duration::ZERO, |shut| opened.duration_since(shut));
        let total = self.started.elapsed();
        let started = SystemTime::now().checked_sub(total).unwrap_or(SystemTime::UNIX_EPOCH);
        let reports = self.member_reports(&state);
        let patches = patches.map(|patches| patches.end(&mut state, &edits, &self.options));
        let (patches_before, patched) = patches.unzip();
        let dropped = self.note_revision(&mut state, patches_before, stood, order);
        let replaced = self.change_hands(&mut state);
        self.commit_registry(&mut state);
        self.change_providers(&mut state, &replaced);
        state.note_commit();
        self.release(&mut state);
        state.cancel_old_calls();
        let stragglers = inner.all_stragglers(&mut state);
        drop(state);
        inner.notify_changed();
        moved.iter().for_each(|old| old.end_state());
        // These calls are still held. But a waker may make calls, and wait for the threads that go on above.
        inner.wake_waiting();
        drop((uncommitted, dropped));
        patched.into_iter().flatten().for_each(|event| inner.emit(event));
        let (actor, reason) = (self.options.actor.clone(), self.options.reason.clone());
        Ok(Report {
            actor,
            reason,
            generation,
            members: reports,
            started,
            held,
            commit,
            total,
            phases: Vec::new(),
            overrode_protection_of,
            stragglers,
        })
    }

    /// Refuses a commit while a future is inside a successor: see
    /// [`uncommitted`](crate::host::objects::uncommitted).
    fn refuse_awaited(&self, state: &State) -> Result<(), Stop> {
        if !state.objects().uncommitted().is_awaited(self.thread) {
            return Ok(());
        }
        let text = "a constructor, `restore` or health check of the plan began an async call of another component of \
                    the plan, and keeps its future; await such a call before you return, or drop its future";
        Err(Error::new(ErrorKind::Construct, text).into())
    }

    /// Has every service go on with its successor, and retires the old instances, dependents first. Returns the
    /// services with the places of their [replacements](Execution::replacements).
    fn change_hands(&mut self, state: &mut State) -> Vec<(ServiceId, usize)> {
        let generation = state.generation();
        let mut replaced = Vec::with_capacity(self.successors.len());
        for (id, Successor { instance, replacement, .. }) in self.dependents_first() {
            replaced.push((id, replacement));
            let instance = Arc::new(instance.shown_since(generation));
            let (old, slots) = state.objects_mut().replace_instance(id, instance);
            state.retire_hooks_of(id, &slots);
            state.retire(old, slots, generation);
        }
        replaced
    }

    /// Has every replaced service count for the providers whose implementations share the objects of its new
    /// instance.
    fn change_providers(&self, state: &mut State, replaced: &[(ServiceId, usize)]) {
        let registry = state.objects().registry();
        let providers = self.replacements().into_iter().map(|replacement| {
            let first = replacement.providers.first();
            first.map_or(Vec::new(), |&provider| registry.sharing_objects(provider))
        });
        let providers: Vec<Vec<ProviderId>> = providers.collect();
        replaced
            .iter()
            .for_each(|&(id, replacement)| state.objects_mut().change_providers(id, &providers[replacement]));
    }

    /// Commits the announced changes of providers, bindings and configurations, and retains the images
    /// that no provider uses any more: their components are retired when the last instance is destroyed.
    fn commit_registry(&self, state: &mut State) {
        let left = self.number.map(|number| state.objects_mut().registry_mut().commit(number));
        for (component, config) in self.options.configurations_after() {
            // If the component is gone since the plan was resolved, nothing is left to configure.
            let _ = state.objects_mut().configure(component, config);
        }
        let Some((replaced, left)) = left else { return };
        replaced.iter().for_each(|implementation| state.retire_object(implementation));
        let generation = state.serial();
        for component in left {
            state.retirements_mut().begin(&component, generation);
            state.images_mut().retain(component);
        }
        let returned = self.members.iter().zip(&self.loaded).filter(|(member, _)| member.is_kept);
        for implementation in returned.filter_map(|(_, loaded)| loaded.first()) {
            state.retirements_mut().call_off(&implementation.component);
            state.images_mut().take_back(&implementation.component);
        }
    }

    fn member_reports(&self, state: &State) -> Vec<MemberReport> {
        let members = self.members.iter().enumerate();
        let providers =
            members.flat_map(|(at, member)| member.replaced.iter().map(move |replaced| (replaced.provider, at)));
        let members: HashMap<ProviderId, usize> = providers.collect();
        let mut snapshots = HashMap::new();
        for (&id, &generation) in &self.from_snapshot {
            let Some(service) = state.objects().services().get(id) else { continue };
            let member = service.providers().iter().find_map(|provider| members.get(provider));
            snapshots.extend(member.map(|&at| (self.members[at].step, generation)));
        }
        let mut counts = vec![(0, 0, 0, None::<PrecopyReport>); self.members.len()];
        let mut downgrades = vec![(0, None); self.members.len()];
        for (id, successor) in &self.successors {
            let Some(service) = state.objects().services().get(*id) else { continue };
            let Some(&member) = service.providers().iter().find_map(|provider| members.get(provider)) else { continue };
            counts[member].0 += 1;
            counts[member].1 += successor.state_bytes;
            counts[member].2 += usize::from(successor.moves);
            match self.downgrades.of(*id) {
                // A snapshot may have come back in its place.
                Some(Ok(())) => downgrades[member].0 += usize::from(!self.from_snapshot.contains_key(id)),
                Some(Err(why)) => downgrades[member].1 = Some(why.clone()),
                None => {}
            }
            let precopy = [counts[member].3, successor.precopy];
            counts[member].3 = precopy.into_iter().flatten().reduce(PrecopyReport::and);
        }
        let counts = counts.into_iter().zip(downgrades);
        let members = self.members.iter().zip(&self.loaded).zip(counts);
        let report = |((member, loaded), counts): ((&Member, &Vec<_>), _)| {
            let ((instances, state_bytes, moved, precopy), (downgraded, not_downgraded)) = counts;
            let implementation: Option<&Arc<Implementation>> = loaded.first();
            let origin = implementation.and_then(|implementation| implementation.component.origin.as_ref());
            MemberReport {
                before: member.before.clone(),
                after: member.after.clone(),
                instances,
                state_bytes,
                moved,
                downgraded,
                not_downgraded,
                restored_snapshot: snapshots.get(&member.step).copied(),
                discarded_state: member.discarded_state().filter(|_| instances > 0),
                overrode_protection: member.protected,
                source: origin.map(|origin| origin.source.clone()),
                hash: origin.map(|origin| origin.hash),
                panic_abort: member.aborts,
                precopy,
            }
        };
        members.map(report).collect()
    }
}
