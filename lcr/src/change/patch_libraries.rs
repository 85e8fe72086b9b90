//! Patch libraries at the commit: the members of a plan that bring a patch, replace one or take one off, as changes of
//! the list of patches.
//!
//! A patch that comes in a library goes with it, so a rollback brings the library back and not the patch: it is noted
//! as a component, and not among the patches of a revision. What takes the place of a patch stands where that stood;
//! what is new stands around the others. Of several that come back, each stands around those that it stood around.

use std::sync::Arc;

use crate::host::{
    objects::patches::{Kept, Patch, Patches},
    service::state::State,
};

use super::{
    execution::Execution,
    member::{Member, PatchPart},
};

/// What a transaction does with the patches of libraries.
#[derive(Default)]
pub(super) struct LibraryChange {
    /// The numbers of those that go, each with what takes its place.
    gone: Vec<(u64, Option<Arc<Patch>>)>,
    /// Those that are new.
    new: Vec<Arc<Patch>>,
}

impl LibraryChange {
    /// What the members of a transaction do, whose files are loaded.
    pub(super) fn of(execution: &Execution, state: &State) -> LibraryChange {
        let (registry, patches) = (state.objects().registry(), state.objects().patches());
        let standing = |provider| {
            let library = registry.get(provider)?.implementation();
            patches.patch_of(library).map(|patch| patch.number)
        };
        let mut change = LibraryChange::default();
        let mut number = patches.next_number();
        let mut parts = Vec::new();
        for (member, loaded) in execution.members.iter().zip(&execution.loaded) {
            change.gone.extend(member.removed.iter().filter_map(|&provider| Some((standing(provider)?, None))));
            parts.extend(member.patches.iter().filter_map(|part| Some((part, part.export?, member, loaded))));
        }
        let place = |member: &Member, part: &PatchPart| {
            let library = member.after.as_ref()?;
            execution.options.stood(&library.name, &part.interface).map(|standing| standing.place)
        };
        // What was not there before comes last.
        parts.sort_by_key(|(part, _, member, _)| place(member, part).unwrap_or(usize::MAX));
        for (part, export, member, loaded) in parts {
            let Some(patch) = Patch::of_library(&loaded[export], number, &part.component) else { continue };
            number += 1;
            let replaced = member.replaced.iter().find(|replaced| replaced.export == export);
            match replaced.and_then(|replaced| standing(replaced.provider)) {
                Some(before) => change.gone.push((before, Some(Arc::new(patch)))),
                None => change.new.push(Arc::new(patch)),
            }
        }
        change
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }

    /// Changes the list. Adds what came and went to `changed`, and returns what has ended.
    pub(super) fn apply(self, patches: &mut Patches, changed: &mut Vec<Arc<Patch>>) -> Vec<Arc<Patch>> {
        let mut ended = Vec::new();
        for (number, successor) in self.gone {
            let place = patches.stack().iter().position(|patch| patch.number == number);
            ended.extend(patches.take(number, Kept::Not));
            if let Some(successor) = successor {
                changed.push(Arc::clone(&successor));
                patches.insert(place.unwrap_or(patches.stack().len()), successor);
            }
        }
        for patch in self.new {
            changed.push(Arc::clone(&patch));
            patches.insert(patches.stack().len(), patch);
        }
        changed.extend(ended.iter().cloned());
        ended
    }
}
