//! Who keeps the states of components for the next process, and is told what may take this one down.

use std::any::Any;

use super::events::kind::EventKind;

/// Who keeps states for the next process.
pub(crate) trait Keeper: Any + Send + Sync {
    /// The restoration of a state of this component begins, or is over and went well. Blocks for no longer than a write
    /// to memory takes.
    fn restoring(&self, component: &str, is_begun: bool);

    /// What has happened. As [`restoring`](Keeper::restoring), and any lock may be held.
    fn tell(&self, event: &EventKind);

    /// The runtime is about to end; all of it is there yet.
    fn ending(&self);
}
