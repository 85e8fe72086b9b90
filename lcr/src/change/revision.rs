//! Revisions as programs and operators see them, and what a commit notes for the way back.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    host::{
        objects::{
            kept::Kept,
            patch_libraries::{LibraryOrder, Standing},
        },
        runtime::Runtime,
        serial,
        service::{
            revisions::{Change, Commit, Dropped, Left},
            state::State,
        },
    },
};

use super::{execution::Execution, member::Member};

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
    /// The patches that stood or rested, each around those before it, but for those that have ended. A patch's version
    /// has its number: see [`PatchInfo::number`](crate::PatchInfo::number).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<ComponentId>,
    /// How many bytes of states are kept that were saved when it was left.
    pub snapshot_bytes: usize,
    /// Whether it is the present one.
    pub is_present: bool,
}

impl Runtime {
    /// The generations that [`Runtime::rollback`] can go back to, oldest first, and the present one at the end. The
    /// first versions of components, to which [`Back::Original`](crate::Back::Original) leads, are kept beside them.
    pub fn revisions(&self) -> Vec<Revision> {
        let (past, present): (Vec<(Left, Vec<ComponentId>, usize)>, _) = {
            let state = self.inner().state();
            let components = state.objects().registry().committed();
            let components: Vec<_> =
                components.map(|(_, provider)| Arc::clone(&provider.implementation().component)).collect();
            let (revisions, patches) = (state.revisions(), state.objects().patches());
            let named = |numbers: &[u64]| -> Vec<ComponentId> {
                numbers.iter().filter_map(|&number| Some(patches.known(number)?.id())).collect()
            };
            let mut numbers = patches.numbers();
            let now = named(&numbers);
            let newest_first = revisions.past().rev().map(|left| {
                if let Some(before) = left.patches() {
                    numbers = before.into();
                }
                (left.clone(), named(&numbers), revisions.snapshots().bytes_of(left.generation))
            });
            let past = newest_first.collect();
            (past, (state.serial(), revisions.since(), components, now))
        };
        let (generation, since, components, patches) = present;
        let mut names: BTreeMap<String, ComponentId> =
            components.iter().map(|component| (component.id.name.clone(), component.id.clone())).collect();
        let revision = |generation, since, names: &BTreeMap<String, ComponentId>, patches, snapshot_bytes| Revision {
            generation,
            since,
            components: names.values().cloned().collect(),
            patches,
            snapshot_bytes,
            is_present: false,
        };
        let present = revision(generation, since, &names, patches, 0);
        let mut revisions = vec![Revision { is_present: true, ..present }];
        for (left, patches, bytes) in &past {
            for after in left.changed().iter().filter_map(|change| change.after.as_ref()) {
                names.remove(after);
            }
            let before = left.changed().iter().filter_map(|change| change.before.as_ref());
            names.extend(before.map(|before| (before.id.name.clone(), before.id.clone())));
            revisions.push(revision(left.generation, left.since, &names, patches.clone(), *bytes));
        }
        // The last count of a kept file may go with the copies of the notes, so not under the lock.
        drop(past);
        revisions.reverse();
        revisions
    }

    /// Sets how many older generations are kept: see [`RuntimeBuilder::revisions`](crate::RuntimeBuilder::revisions).
    /// Those beyond the number, the oldest first, are forgotten now.
    pub fn keep_revisions(&self, count: usize) {
        let dropped = self.inner().state().keep_revisions(count);
        drop(dropped);
        // It destroys the hooks of patches to which no revision leads any more.
        self.inner().wake_reaper();
    }
}

impl Execution {
    /// Where the patches of the libraries stand that the commit takes off or replaces, by the name of the library.
    pub(super) fn stood(&self, state: &State) -> BTreeMap<String, Vec<Standing>> {
        let (registry, patches) = (state.objects().registry(), state.objects().patches());
        let providers = self.members.iter().flat_map(Member::providers).filter_map(|provider| registry.get(provider));
        let libraries = providers.map(|provider| &provider.implementation().component);
        libraries.map(|library| (library.id.name.clone(), patches.standing_of(library))).collect()
    }

    /// Notes what the commit changes, before the bookkeeping changes; `patches` is the list of patches before, if that
    /// has changed, `stood` where those of libraries [stood](Execution::stood), and `order` in which order. Returns
    /// what is not kept any more, to be dropped behind the lock.
    pub(super) fn note_revision(
        &mut self,
        state: &mut State,
        patches: Option<Arc<[u64]>>,
        mut stood: BTreeMap<String, Vec<Standing>>,
        order: Arc<LibraryOrder>,
    ) -> Dropped {
        let changes = self.members.iter().map(|member| {
            let before = member.before.as_ref().and_then(|before| {
                let (implementations, config) = state.component_now(&before.name);
                let patches = stood.remove(&before.name).unwrap_or_default();
                Kept::of(implementations, config).map(|kept| Arc::new(kept.standing(patches)))
            });
            Change { before, after: member.after.as_ref().map(|after| after.name.clone()) }
        });
        let changes: Vec<Change> = changes.collect();
        let libraries = (order != state.objects().patches().library_order()).then_some(order);
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
        state.note_revision(Commit {
            generation,
            changes,
            configurations,
            bindings,
            patches,
            libraries,
            is_held: self.trial.is_some(),
        })
    }
}
