//! Where services of a view were found in one world, so that asking for a service again needs no
//! search: what is present changes only with a commit.

use std::collections::HashMap;

use crate::host::ids::{Generation, Number as _, ProviderId, SlotId, ViewId};

/// The shortcuts of a runtime, by view.
#[derive(Default)]
pub(super) struct Shortcuts(Vec<OfView>);

#[derive(Default)]
struct OfView {
    /// The world in which they were found; `None` before the first.
    generation: Option<Generation>,
    unnamed: Option<Shortcut>,
    /// By the name of the component that was asked for. Only names that were found, so they
    /// are no more than there are components.
    named: HashMap<Box<str>, Shortcut>,
}

/// Where a service was found.
#[derive(Clone, Copy)]
pub(in crate::host) struct Shortcut {
    pub(in crate::host) provider: ProviderId,
    pub(in crate::host) slot: SlotId,
}

impl OfView {
    fn find(&self, component: Option<&str>, generation: Generation) -> Option<Shortcut> {
        if self.generation != Some(generation) {
            return None;
        }
        match component {
            None => self.unnamed,
            Some(name) => self.named.get(name).copied(),
        }
    }

    fn remember(&mut self, component: Option<&str>, generation: Generation, shortcut: Shortcut) {
        if self.generation > Some(generation) {
            return;
        }
        if self.generation < Some(generation) {
            self.unnamed = None;
            self.named.clear();
            self.generation = Some(generation);
        }
        match component {
            None => self.unnamed = Some(shortcut),
            Some(name) => drop(self.named.insert(name.into(), shortcut)),
        }
    }
}

impl Shortcuts {
    /// Where the view's service of the component, or of any, was found in the world of that number.
    pub(super) fn find(&self, view: ViewId, component: Option<&str>, generation: Generation) -> Option<Shortcut> {
        self.0.get(view.index())?.find(component, generation)
    }

    /// Notes where it was found, and forgets what was found in an older world.
    pub(super) fn remember(&mut self, view: ViewId, component: Option<&str>, generation: Generation, found: Shortcut) {
        if self.0.len() <= view.index() {
            self.0.resize_with(view.index() + 1, OfView::default);
        }
        self.0[view.index()].remember(component, generation, found);
    }
}
