//! A snapshot in the place of a state: see [`snapshots`](crate::host::service::snapshots).
//!
//! A successor is first offered what its predecessor has now. Only if it refuses that, and the plan allows it, it gets
//! the newest snapshot of its own version of the state. So nothing is lost that the successor can take.

use std::sync::Arc;

use crate::{
    error::{Error, ErrorKind, LifecycleStep},
    host::{
        ids::ServiceId,
        objects::{component::Implementation, instances::Instance},
        service::{construct::Creation, snapshots::Snapshot, state::State},
    },
};

use super::{
    execution::Execution,
    member::Member,
    request::{Options, Refusal, Step},
    stop::Stop,
};

/// Notes which snapshots may come back. Refuses those that are not kept.
pub(super) fn note_snapshots(state: &State, steps: &[Step], members: &mut [Member], options: &Options) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for name in &options.restore_snapshot {
        let member = members.iter_mut().find(|member| member.before.as_ref().is_some_and(|id| id.name == *name));
        let found = member.and_then(|member| {
            let manifest = steps[member.step].manifest()?;
            let exports = manifest.exports.iter();
            let snapshot = exports.filter_map(|export| {
                let version = export.state_version?;
                state.revisions().snapshots().find(&manifest.component.name, &export.interface, version)
            });
            Some((snapshot.max_by_key(|snapshot| snapshot.generation)?, member))
        });
        let Some((snapshot, member)) = found else {
            if !options.ends_trial {
                let text = format!(
                    "no snapshot of the state of component `{name}` is kept that its successor takes; leave \
                     restore_snapshot out"
                );
                refusals.push(Refusal::new(None, ErrorKind::NotFound, text));
            }
            continue;
        };
        member.notes.push(format!(
            "if it refuses the state, the snapshot of generation {} comes back ({} bytes), and what was written since \
             is lost",
            snapshot.generation,
            snapshot.bytes.len()
        ));
    }
    refusals
}

impl Execution {
    /// The successor of a service, made of a snapshot if the plan allows that.
    ///
    /// # Errors
    /// `refusal`, if there is no way.
    pub(super) fn restore_snapshot(
        &mut self,
        id: ServiceId,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        refusal: Error,
    ) -> Result<Instance, Stop> {
        let Some(snapshot) = self.snapshot_for(id, implementation).filter(|_| refusal.kind() == ErrorKind::State)
        else {
            return Err(refusal.into());
        };
        tracing::warn!(
            component = %implementation.component,
            generation = snapshot.generation,
            "the state was refused, and a snapshot comes back: {refusal}"
        );
        self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Restore)?;
        let origin = Creation::Restore(snapshot.version, &snapshot.bytes);
        let instance = self.inner.instantiate(implementation, config, self.visibility(), origin)?;
        self.from_snapshot.insert(id, snapshot.generation);
        Ok(instance)
    }

    fn snapshot_for(&self, id: ServiceId, implementation: &Implementation) -> Option<Snapshot> {
        let state = self.inner.state();
        let service = state.objects().services().get(id)?;
        let old = service.instance().implementation();
        let may = self.options.restore_snapshot.contains(&old.component.id.name) && is_shared(&state, id);
        let ExportNames { interface, version } = ExportNames::of(implementation)?;
        let found = state.revisions().snapshots().find(&implementation.component.id.name, interface, version);
        found.filter(|_| may).cloned()
    }

    /// Keeps the states that were handed over with the generation that the commit leaves.
    pub(super) fn keep_snapshots(&mut self, state: &mut State, generation: u64) {
        for (id, (version, bytes)) in self.saved.drain() {
            if !is_shared(state, id) {
                continue;
            }
            let Some(service) = state.objects().services().get(id) else { continue };
            let old = service.instance().implementation();
            let (component, interface) = (old.component.id.name.clone(), old.manifest.interface.clone());
            let snapshot = Snapshot { generation, component, interface, version, bytes: Arc::new(bytes) };
            state.revisions_mut().snapshots_mut().keep(snapshot);
        }
    }
}

/// What a snapshot is found by.
struct ExportNames<'a> {
    interface: &'a str,
    version: u32,
}

impl ExportNames<'_> {
    fn of(implementation: &Implementation) -> Option<ExportNames<'_>> {
        let manifest = &implementation.manifest;
        Some(ExportNames { interface: &manifest.interface, version: manifest.state_version? })
    }
}

/// Whether a service is the shared instance of a provider.
fn is_shared(state: &State, id: ServiceId) -> bool {
    let Some(service) = state.objects().services().get(id) else { return false };
    let mut providers = service.providers().iter().filter_map(|&provider| state.objects().registry().get(provider));
    providers.any(|provider| provider.shared() == Some(id))
}
