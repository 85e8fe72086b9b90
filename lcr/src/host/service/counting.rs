//! How the answers of versions on trial begin and cease to be counted.
//!
//! The counting is there before the transaction's commit makes the tables of the new instances, so they are counted
//! from their first call on. It ends by a world in which the same instances serve by their own tables. That is no
//! commit, and needs no turn among transactions: like a world that makes room, it changes nothing that a transaction
//! has found out. Only while a gate is shut it must not come, since it would open slots that the gate has closed.

use std::sync::Arc;

use crate::{
    component::answers::Answers,
    host::{
        objects::{component::Implementation, counting::Counting, patches},
        worlds::world::Edit,
    },
};

use super::inner::RuntimeInner;

impl RuntimeInner {
    /// Has the answers of these implementations counted, in tables that are made from now on. Returns the number of
    /// the counting, which the caller ends.
    pub(crate) fn begin_counting(&self, of: &[Arc<Implementation>], answers: &Arc<Answers>) -> u64 {
        let mut state = self.state();
        let patches = state.objects_mut().patches_mut();
        let number = patches.next_counting();
        let counting = Counting::new(number, of, answers);
        let before = patches.begin_counting(counting);
        drop(state);
        drop(before);
        number
    }

    /// Ends a counting: calls go by the components' own tables again. Returns false if a gate is shut, and nothing is
    /// done.
    #[must_use]
    pub(crate) fn end_counting(&self, number: u64) -> bool {
        let mut state = self.state();
        if self.is_closed() {
            // The end of the runtime takes out all hooks.
            return true;
        }
        if state.gate.is_some() && state.objects().patches().has_counted(number) {
            return false;
        }
        let (ended, services) = state.objects_mut().patches_mut().end_counting(number);
        let mut edits: Vec<Edit> = Vec::new();
        for id in services {
            let slots = state.objects().services().get(id).map(|service| service.slots().to_vec()).unwrap_or_default();
            let targets = slots.into_iter().map(|slot| (slot, state.objects().serving_target(slot)));
            edits.extend(targets);
        }
        if !edits.is_empty() {
            self.publish(&mut state, &edits, 0);
        }
        if let Some(left) = state.objects_mut().patches_mut().leave_counted(number) {
            let slots = edits.iter().map(|(slot, _)| *slot).collect();
            state.retire_hooks(left, &patches::id("trial", 0), slots);
        }
        drop(state);
        drop(ended);
        self.wake_reaper();
        true
    }
}
