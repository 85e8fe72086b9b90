//! What [`Objects`] does with patches of one thread ([`of_thread`](super::patches)). Targets stay as they are, so what
//! was found of them before counts on.

use std::sync::Arc;

use crate::{
    abi::world::Target,
    host::ids::{Generation, SlotId},
};

use super::{
    component::Implementation,
    owner::Objects,
    patches::{EndedOfThread, FoundTarget, Patch},
    slots::Slot,
};

impl Objects {
    /// Puts a patch in for the calls of one thread.
    pub(in crate::host) fn put_patch_of_thread(&mut self, number: u64, patch: Arc<Patch>) {
        self.patches.put_of_thread(number, patch);
    }

    /// Takes a patch of one thread off; `None` if the end of the runtime has taken it.
    pub(in crate::host) fn take_patch_of_thread(&mut self, number: u64) -> Option<EndedOfThread> {
        self.patches.take_of_thread(number)
    }

    /// What a thread with these patches calls, in the place of the target that it has found in a slot in a world of
    /// that generation, where `implementation` serves the slot.
    pub(in crate::host) fn over_for_thread(
        &mut self,
        numbers: &[u64],
        (slot, generation): (SlotId, Generation),
        target: Target,
        implementation: &Implementation,
    ) -> Target {
        let Some(of) = self.slots.get(slot).map(Slot::view) else { return target };
        let view = self.views.get(of);
        let Some(face) = implementation.face(&view.interface.name) else { return target };
        let found = FoundTarget { slot, generation, target, implementation, face };
        self.patches.over_for_thread(numbers, found, (of, view))
    }
}
