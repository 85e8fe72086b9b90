//! How a rollback changes the list of patches, in the commit that changes components.
//!
//! The list becomes that of the older generation under the state lock, before the entries of the new world are made, so
//! that these are linked with the patches that stand then. If the commit does not come, the list becomes what it was.

use std::sync::Arc;

use crate::{
    error::Result,
    host::{
        objects::{patch::Patch, patches::Before},
        service::{events::kind::EventKind, state::State},
        worlds::world::Edit,
    },
};

use super::{
    patching::{edits, happened, leave_outdated},
    request::Options,
};

/// A change of the list that no world shows yet. Under the state lock only.
pub(super) struct PatchesBack {
    before: Before,
    /// The patches that come or go.
    changed: Vec<Arc<Patch>>,
}

impl PatchesBack {
    /// Changes the list, if the plan does.
    pub(super) fn begin(state: &mut State, options: &Options) -> Option<PatchesBack> {
        let noted = options.patches.as_ref()?;
        let since = state.generation().next();
        let patches = state.objects_mut().patches_mut();
        // What has changed its place is called through another chain, too.
        let changed = patches.moving(noted);
        let before = patches.begin(since);
        patches.become_noted(noted);
        Some(PatchesBack { before, changed })
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
        let PatchesBack { before, changed } = self;
        leave_outdated(state, &changed, Vec::new(), edits);
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
