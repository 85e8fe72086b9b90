//! How a rollback, and libraries that hold patches, change the list of patches, in the commit that changes components.
//!
//! The list becomes that of the older generation, with what the plan's [libraries](super::patch_libraries) change,
//! under the state lock, before the entries of the new world are made, so that these are linked with the patches that
//! stand then. If the commit does not come, the list becomes what it was.

use std::sync::Arc;

use crate::{
    error::Result,
    host::{
        objects::patches::{Before, Patch},
        service::{events::kind::EventKind, state::State},
        worlds::world::Edit,
    },
};

use super::{
    execution::Execution,
    patch_libraries::LibraryChange,
    patching::{edits, happened, leave_outdated},
    request::Options,
};

/// A change of the list that no world shows yet. Under the state lock only.
pub(super) struct PatchesBack {
    before: Before,
    /// The patches that come or go.
    changed: Vec<Arc<Patch>>,
    /// Those of libraries that are taken off.
    ended: Vec<Arc<Patch>>,
}

impl PatchesBack {
    /// Changes the list, if the plan does.
    pub(super) fn begin(state: &mut State, execution: &Execution) -> Option<PatchesBack> {
        let (noted, libraries) = (execution.options.patches.as_ref(), LibraryChange::of(execution, state));
        if noted.is_none() && libraries.is_empty() {
            return None;
        }
        let since = state.generation().next();
        let patches = state.objects_mut().patches_mut();
        // What has changed its place is called through another chain, too.
        let mut changed = noted.map_or_else(Vec::new, |noted| patches.moving(noted));
        let before = patches.begin(since);
        if let Some(noted) = noted {
            patches.become_noted(noted);
        }
        let ended = libraries.apply(patches, &mut changed);
        Some(PatchesBack { before, changed, ended })
    }

    /// Adds the entries of slots that no component of the plan changes.
    pub(super) fn add_edits(&self, state: &State, to: &mut Vec<Edit>) -> Result<()> {
        let patched = edits(state, &self.changed)?;
        let changed: Vec<_> = to.iter().map(|(slot, _)| *slot).collect();
        to.extend(patched.into_iter().filter(|(slot, _)| !changed.contains(slot)));
        Ok(())
    }

    /// Undoes the change.
    pub(super) fn undo(self, state: &mut State) {
        state.objects_mut().patches_mut().undo(self.before);
    }

    /// The world with these entries is published. Returns the list before, and what is to be told behind the lock.
    pub(super) fn end(self, state: &mut State, edits: &[Edit], options: &Options) -> (Arc<[u64]>, Vec<EventKind>) {
        let PatchesBack { before, changed, ended } = self;
        leave_outdated(state, &changed, ended, edits);
        let (stood, stands) = (before.numbers(), state.objects().patches().numbers());
        let is_other = |patch: &&Arc<Patch>| stood.contains(&patch.number) != stands.contains(&patch.number);
        let tell = |patch: &Arc<Patch>| {
            let (actor, reason) = (options.actor.clone(), options.reason.clone());
            happened(patch, state.serial(), stands.contains(&patch.number), actor, reason)
        };
        let told = changed.iter().filter(is_other).map(tell).collect();
        (stood, told)
    }
}
