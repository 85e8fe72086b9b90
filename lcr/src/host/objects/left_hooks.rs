//! [`LeftHooks`]: what no call comes to any more, and was there for the program's closures: hooks of patches and
//! counts, patches that were taken off, and what ran at points. It becomes an object (`Instance::of_hooks`), which the
//! reaper has destroyed when no thread can be inside.

use std::{any::Any, sync::Arc};

use crate::host::ids::Generation;

/// What is left of hooks.
pub(crate) struct LeftHooks {
    /// The oldest world that may have shown one; `None` if none has.
    pub(crate) first_generation: Option<Generation>,
    held: Vec<Arc<dyn Any + Send + Sync>>,
}

impl LeftHooks {
    /// Holds these, until it is destroyed.
    pub(crate) fn new(first_generation: Option<Generation>, held: Vec<Arc<dyn Any + Send + Sync>>) -> LeftHooks {
        LeftHooks { first_generation, held }
    }

    /// What both hold.
    pub(super) fn both(one: Option<LeftHooks>, other: Option<LeftHooks>) -> Option<LeftHooks> {
        let Some(mut both) = one else { return other };
        let Some(other) = other else { return Some(both) };
        both.held.extend(other.held);
        both.first_generation = both.first_generation.into_iter().chain(other.first_generation).min();
        Some(both)
    }
}
