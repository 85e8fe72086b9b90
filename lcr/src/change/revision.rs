//! Revisions as programs and operators see them, and what a commit notes for the way back.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    host::{
        objects::kept::Kept,
        runtime::Runtime,
        serial,
        service::{
            revisions::{Change, Commit, Dropped, Left},
            state::State,
        },
    },
};

use super::execution::Execution;

/// A generation that can be gone back to, or the present one: see [`Runtime::revisions`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Revision {
    /// The number of the generation: see [`Runtime::generation`].
    pub generation: u64,
    /// When it began, by the system's clock.
    #[serde(rename = "at", with = "serial::moment")]
    pub since: SystemTime,
    /// The components that were present, in the order of their names.
    pub components: Vec<ComponentId>,
    /// How many bytes of states are kept that were saved when it was left.
    pub snapshot_bytes: usize,
    /// Whether it is the present one.
    pub is_present: bool,
}

impl Runtime {
    /// The generations that [`Runtime::rollback`] can go back to, oldest first, and the present one at the end. The
    /// first versions of components, to which [`Back::Original`](crate::Back::Original) leads, are kept beside them.
    pub fn revisions(&self) -> Vec<Revision> {
        let (past, present): (Vec<(Left, usize)>, _) = {
            let state = self.inner().state();
            let components = state.objects().registry().committed();
            let components: Vec<_> =
                components.map(|(_, provider)| Arc::clone(&provider.implementation().component)).collect();
            let revisions = state.revisions();
            let with_bytes = |left: &Left| (left.clone(), revisions.snapshots().bytes_of(left.generation));
            let past = revisions.past().map(with_bytes).collect();
            (past, (state.serial(), revisions.since(), components))
        };
        let (generation, since, components) = present;
        let mut names: BTreeMap<String, ComponentId> =
            components.iter().map(|component| (component.id.name.clone(), component.id.clone())).collect();
        let revision = |generation, since, names: &BTreeMap<String, ComponentId>, snapshot_bytes, is_present| {
            Revision { generation, since, components: names.values().cloned().collect(), snapshot_bytes, is_present }
        };
        let mut revisions = vec![revision(generation, since, &names, 0, true)];
        for (left, bytes) in past.iter().rev() {
            for after in left.changed().iter().filter_map(|change| change.after.as_ref()) {
                names.remove(after);
            }
            let before = left.changed().iter().filter_map(|change| change.before.as_ref());
            names.extend(before.map(|before| (before.id.name.clone(), before.id.clone())));
            revisions.push(revision(left.generation, left.since, &names, *bytes, false));
        }
        // The last count of a kept file may go with the copies of the notes, so not under the lock.
        drop(past);
        revisions.reverse();
        revisions
    }

    /// Sets how many older generations are kept: see [`RuntimeBuilder::revisions`](crate::RuntimeBuilder::revisions).
    /// Those beyond the number, the oldest first, are forgotten now.
    pub fn keep_revisions(&self, count: usize) {
        let dropped = self.inner().state().revisions_mut().set_limit(count);
        drop(dropped);
    }
}

impl Execution {
    /// Notes what the commit changes, before the bookkeeping changes. Returns what is not kept any more, to be
    /// dropped behind the lock.
    pub(super) fn note_revision(&mut self, state: &mut State) -> Dropped {
        let changes = self.members.iter().map(|member| {
            let before = member.before.as_ref().and_then(|before| {
                let (implementations, config) = state.component_now(&before.name);
                Kept::of(implementations, config).map(Arc::new)
            });
            Change { before, after: member.after.as_ref().map(|after| after.name.clone()) }
        });
        let changes: Vec<Change> = changes.collect();
        let is_changed = |name: &String| changes.iter().any(|change| change.after.as_ref() == Some(name));
        let configured = self.options.configurations_after().map(|(component, _)| component);
        let configurations = configured.filter(|component| !is_changed(component));
        let configurations: Vec<_> =
            configurations.map(|component| (component.clone(), state.component_now(component).1)).collect();
        let bound = state.objects().registry().bindings();
        let bindings = self.options.bindings_after().into_keys();
        let bindings = bindings.map(|interface| (interface.clone(), bound.get(&interface).cloned())).collect();
        // The world of the commit is published already.
        let generation = state.serial() - 1;
        self.keep_snapshots(state, generation);
        state.revisions_mut().note(Commit {
            generation,
            changes,
            configurations,
            bindings,
            is_held: self.trial.is_some(),
        })
    }
}
