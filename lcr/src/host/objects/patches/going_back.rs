//! The list of patches as revisions know it, and the way back to an older list.
//!
//! A revision notes the list by the numbers of its patches. A patch that a rollback, or its number, took off is kept
//! beside the list for as long as a revision names it, so that a further rollback brings it back, with what its
//! closures have captured. A patch whose guard took it off has *ended*: it is not kept, and a list that names it is
//! gone back to without it.
//!
//! A patch that came in a library is none of these: its library is what comes back. Neither is a watch or a canary.

use std::{collections::BTreeSet, sync::Arc};

use super::{Kind, Patch, Patches, what_is_left_of};
use crate::host::{ids::Generation, objects::left_hooks::LeftHooks};

/// The list before a change that is not published yet.
#[must_use = "it is undone, or dropped under the state lock: another count of each patch is in the list"]
pub(crate) struct Before {
    stack: Vec<Arc<Patch>>,
    off: Vec<Arc<Patch>>,
}

/// What becomes of a patch that is taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// A rollback may bring it back.
    ForRollback,
    /// It has ended.
    Not,
}

impl Before {
    /// The numbers of the patches of the list, as a revision notes them.
    pub(crate) fn numbers(&self) -> Arc<[u64]> {
        numbers(&self.stack)
    }
}

fn numbers(stack: &[Arc<Patch>]) -> Arc<[u64]> {
    of_program(stack).map(|patch| patch.number).collect()
}

/// The patches without those of libraries.
fn of_program(stack: &[Arc<Patch>]) -> impl Iterator<Item = &Arc<Patch>> {
    stack.iter().filter(|patch| patch.library.is_none() && patch.kind == Kind::Patch)
}

impl Patches {
    /// The patch of that number in the list. The layers of a watch or a canary are none: those take them off
    /// themselves.
    pub(crate) fn of_number(&self, number: u64) -> Option<&Arc<Patch>> {
        self.stack().iter().find(|patch| patch.number == number && patch.kind == Kind::Patch)
    }

    /// The numbers of the patches of the list, as a revision notes them.
    pub(crate) fn numbers(&self) -> Arc<[u64]> {
        numbers(&self.stack)
    }

    /// The patch of that number, in the list or kept beside it.
    pub(crate) fn known(&self, number: u64) -> Option<&Arc<Patch>> {
        self.stack.iter().chain(&self.off).find(|patch| patch.number == number)
    }

    /// Those of a noted list that have not ended.
    pub(crate) fn of_noted(&self, numbers: &[u64]) -> Arc<[u64]> {
        numbers.iter().copied().filter(|&number| self.known(number).is_some()).collect()
    }

    /// The patches in which the list differs from a noted one, each with whether that one has it.
    pub(crate) fn differing(&self, numbers: &[u64]) -> Vec<(Arc<Patch>, bool)> {
        let leave =
            of_program(&self.stack).filter(|patch| !numbers.contains(&patch.number)).map(|patch| (patch, false));
        let come = self.off.iter().filter(|patch| numbers.contains(&patch.number)).map(|patch| (patch, true));
        leave.chain(come).map(|(patch, comes)| (Arc::clone(patch), comes)).collect()
    }

    /// The patches that stand elsewhere in a noted list than they do now, or in one of the two only.
    pub(crate) fn moving(&self, numbers: &[u64]) -> Vec<Arc<Patch>> {
        let stands = |number: u64| of_program(&self.stack).position(|patch| patch.number == number);
        let will_stand = |number: u64| numbers.iter().position(|&other| other == number);
        let known = of_program(&self.stack).chain(&self.off);
        known.filter(|patch| stands(patch.number) != will_stand(patch.number)).map(Arc::clone).collect()
    }

    /// Begins a change of the list. `since` is the first world that will show it.
    pub(crate) fn begin(&mut self, since: Generation) -> Before {
        self.changes += 1;
        self.since = Some(since);
        Before { stack: self.stack.clone(), off: self.off.clone() }
    }

    /// Undoes a change that no world shows, with what was made for it.
    pub(crate) fn undo(&mut self, before: Before) {
        let changes = self.changes;
        self.sets().retain(|made| made.changes < changes);
        self.changes -= 1;
        self.stack = before.stack;
        self.off = before.off;
    }

    /// Puts a patch into the list, around the first `place`.
    pub(crate) fn insert(&mut self, place: usize, patch: Arc<Patch>) {
        // A plan may insert one that it numbered before another.
        self.last = self.last.max(patch.number);
        self.stack.insert(place, patch);
    }

    /// Takes a patch off the list, if it is there. Returns what has ended.
    pub(crate) fn take(&mut self, number: u64, kept: Kept) -> Vec<Arc<Patch>> {
        let Some(at) = self.stack.iter().position(|patch| patch.number == number) else { return Vec::new() };
        let patch = self.stack.remove(at);
        match kept {
            Kept::ForRollback => {
                self.off.push(patch);
                Vec::new()
            }
            Kept::Not => vec![patch],
        }
    }

    /// Ends a patch that is kept for a rollback; `None` if it is not.
    pub(crate) fn end(&mut self, number: u64) -> Option<Arc<Patch>> {
        let at = self.off.iter().position(|patch| patch.number == number)?;
        Some(self.off.remove(at))
    }

    /// How many patches of an interface of a component there are.
    pub(in crate::host) fn count(&self, component: &str, interface: &str) -> usize {
        self.stack.iter().filter(|patch| patch.is_for(component, interface)).count()
    }

    /// How many commits have changed the patches of a component.
    pub(in crate::host) fn changes_of(&self, component: &str) -> u64 {
        self.changes_of.get(component).copied().unwrap_or_default()
    }

    /// A commit has changed the patches of these components.
    pub(super) fn note_changes<'a>(&mut self, components: impl Iterator<Item = &'a str>) {
        for component in components.collect::<BTreeSet<_>>() {
            match self.changes_of.get_mut(component) {
                Some(changes) => *changes += 1,
                None => drop(self.changes_of.insert(component.to_owned(), 1)),
            }
        }
    }

    /// Makes the list a noted one. The patches of libraries stay where they are, as far as the list is as long.
    pub(crate) fn become_noted(&mut self, numbers: &[u64]) {
        let stack = std::mem::take(&mut self.stack);
        let of_libraries =
            stack.iter().enumerate().filter(|(_, patch)| patch.library.is_some() || patch.kind != Kind::Patch);
        let of_libraries: Vec<_> = of_libraries.map(|(place, patch)| (place, Arc::clone(patch))).collect();
        let mut known: Vec<_> = of_program(&stack).cloned().collect();
        known.append(&mut self.off);
        for number in numbers {
            if let Some(at) = known.iter().position(|patch| patch.number == *number) {
                self.stack.push(known.remove(at));
            }
        }
        self.off = known;
        for (place, patch) in of_libraries {
            self.stack.insert(place.min(self.stack.len()), patch);
        }
    }

    /// Ends the patches that are kept for a rollback, but for those that a revision names.
    pub(crate) fn forget(&mut self, is_named: impl Fn(u64) -> bool) -> Option<LeftHooks> {
        if self.off.is_empty() {
            return None;
        }
        let (kept, ended) = std::mem::take(&mut self.off).into_iter().partition(|patch| is_named(patch.number));
        self.off = kept;
        what_is_left_of(ended)
    }
}
