//! Patch libraries at the commit: the members of a plan that bring a patch, replace one or take one off, as changes of
//! the list of patches.
//!
//! A patch that comes in a library goes with it, so a rollback brings the library back and not the patch: it is noted
//! as a component, and not among the patches of a revision. What takes the place of a patch stands where that stood;
//! what is new stands around the others. What comes back stands inside the libraries that stood around it.

use std::sync::Arc;

use crate::host::{
    objects::{
        patch_libraries::{LibraryOrder, order_of_standing},
        patches::{Kept, Patch, Patches},
    },
    service::state::State,
};

use super::{
    execution::Execution,
    member::{Member, PatchPart},
};

fn place_in(order: &LibraryOrder, library: &str, interface: &str) -> Option<usize> {
    order.iter().position(|(name, of)| name == library && of == interface)
}

/// What a transaction does with the patches of libraries.
pub(super) struct LibraryChange {
    /// The numbers of those that go, each with what takes its place.
    gone: Vec<(u64, Option<Arc<Patch>>)>,
    /// Those that are new.
    new: Vec<Arc<Patch>>,
    /// The order of a list to which the plan goes back.
    order: Arc<LibraryOrder>,
}

impl LibraryChange {
    /// What the members of a transaction do, whose files are loaded.
    pub(super) fn of(execution: &Execution, state: &State) -> LibraryChange {
        let (registry, patches) = (state.objects().registry(), state.objects().patches());
        let standing = |provider| {
            let library = registry.get(provider)?.implementation();
            patches.patch_of(library).map(|patch| patch.number)
        };
        let options = &execution.options;
        let stood = || order_of_standing(options.standing.iter().map(|(name, stood)| (name, &stood[..])));
        let order = options.libraries.clone().unwrap_or_else(stood);
        let (mut gone, mut new) = (Vec::new(), Vec::new());
        let mut number = patches.next_number();
        let mut parts = Vec::new();
        for (member, loaded) in execution.members.iter().zip(&execution.loaded) {
            gone.extend(member.removed.iter().filter_map(|&provider| Some((standing(provider)?, None))));
            parts.extend(member.patches.iter().filter_map(|part| Some((part, part.export?, member, loaded))));
        }
        let place = |member: &Member, part: &PatchPart| place_in(&order, &member.after.as_ref()?.name, &part.interface);
        // What was not there before comes last.
        parts.sort_by_key(|(part, _, member, _)| place(member, part).unwrap_or(usize::MAX));
        for (part, export, member, loaded) in parts {
            let Some(patch) = Patch::of_library(&loaded[export], number, &part.component) else { continue };
            number += 1;
            let replaced = member.replaced.iter().find(|replaced| replaced.export == export);
            match replaced.and_then(|replaced| standing(replaced.provider)) {
                Some(before) => gone.push((before, Some(Arc::new(patch)))),
                None => new.push(Arc::new(patch)),
            }
        }
        LibraryChange { gone, new, order }
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
            let follows = place_in(&self.order, &patch.name, &patch.interface).map(|place| &self.order[place + 1..]);
            let is_around = |standing: &Arc<Patch>| {
                let is_one = |follows| place_in(follows, &standing.name, &standing.interface).is_some();
                standing.library.is_some() && follows.is_some_and(is_one)
            };
            let place = patches.stack().iter().position(is_around);
            changed.push(Arc::clone(&patch));
            patches.insert(place.unwrap_or(patches.stack().len()), patch);
        }
        changed.extend(ended.iter().cloned());
        ended
    }
}
