//! Patches for the calls of one thread, and what that thread finds in a slot.
//!
//! Such a patch publishes nothing. Its thread leaves the fast path, as for a pin, and enters a slot as every thread on
//! the slow path does: in the world that it has pinned, or in the current one. Only then it gets another table of
//! methods than that world shows ([`of_thread`](crate::host::objects::patches)). So the frame tells the truth about
//! the world, and gate, drain, stragglers and pins find nothing new. Other threads do not meet the patch.
//!
//! A world of the thread's own, pinned and never published, would be the other way. It would not show slots that are
//! younger than it is, so a component that is built under the patch would get an unpatched dependency; and a hand-over
//! of state would have to wait for it.
//!
//! What a transaction's own thread calls is not patched: it may be what nobody has committed. Async calls are not
//! either, since their polls may come from any thread, and no patch stands around them.
//!
//! The patch ends on its thread. Calls of that thread may be inside then, and pins that it took may have what the
//! patch had made of a handle; they are inside worlds up to the current one. So a fresh world is published, and
//! the hooks retire with it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    abi::{
        frame::Place,
        world::{Table, Target},
    },
    host::{
        ids::{Generation, SlotId},
        objects::patches::Patch,
        worlds::records::{self, ThreadRecord},
    },
};

use super::{
    entering::{Refusal, SlowEntry, contained},
    inner::RuntimeInner,
    state::State,
};

/// The last number that was given to a patch of one thread: a record may have patches of several runtimes.
static LAST: AtomicU64 = AtomicU64::new(0);

/// The number of the next patch of one thread.
#[cfg_attr(not(feature = "mock"), allow(dead_code, reason = "only mocks stand for one thread"))]
pub(crate) fn next_number() -> u64 {
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl State {
    /// Puts a patch in for the calling thread. [`RuntimeInner::end_patch_of_thread`] must follow on that thread.
    #[cfg_attr(not(feature = "mock"), allow(dead_code, reason = "only mocks stand for one thread"))]
    pub(crate) fn put_patch_of_thread(&mut self, number: u64, patch: Arc<Patch>) {
        self.objects.put_patch_of_thread(number, patch);
        let thread = records::mine();
        // SAFETY: the record is this thread's own, and the borrow ends here.
        unsafe { thread.own() }.patches.push(number);
        thread.record().set_fast(false);
    }
}

impl RuntimeInner {
    /// Ends a patch of the calling thread.
    #[cfg_attr(not(feature = "mock"), allow(dead_code, reason = "only mocks stand for one thread"))]
    pub(crate) fn end_patch_of_thread(&self, number: u64) {
        let thread = records::mine();
        // SAFETY: as for `put_patch_of_thread`.
        unsafe { thread.own() }.patches.retain(|other| *other != number);
        thread.allow_fast_path();
        let mut state = self.state();
        let Some(ended) = state.objects.take_patch_of_thread(number) else { return };
        if !ended.slots.is_empty() {
            self.publish(&mut state, &[], 0);
        }
        state.retire_hooks(ended.left, &ended.id, ended.slots);
        drop(state);
        self.wake_reaper();
    }

    /// Enters a slot, and finds what the thread's own patches make of it.
    pub(super) fn enter_for_thread(&self, thread: &'static ThreadRecord, place: Place) -> Result<SlowEntry, Refusal> {
        let SlowEntry { depth, table, target } = self.enter_slot(thread, place)?;
        let slot = SlotId::of_offset(place.offset());
        match contained(|| Ok(self.over_own_patches(thread, slot, table, target))) {
            Ok(target) => Ok(SlowEntry { depth, table, target }),
            Err(refusal) => {
                thread.record().leave_to(depth);
                Err(refusal)
            }
        }
    }

    /// What the thread's own patches make of a slot's target in a world that a frame or a pin of the thread shows.
    pub(super) fn over_own_patches(
        &self,
        thread: &'static ThreadRecord,
        slot: SlotId,
        table: *const Table,
        target: Target,
    ) -> Target {
        // SAFETY: the record is this thread's own, and no borrow of it is alive.
        let numbers = unsafe { &thread.own().patches };
        if numbers.is_empty() || thread.uses_slow_path() {
            return target;
        }
        let numbers = numbers.clone();
        // SAFETY: the caller says that the world is alive.
        let generation = Generation::of_table(unsafe { &*table });
        let mut state = self.state();
        let Some(serving) = state.serving_in(slot, table, generation).map(Arc::clone) else { return target };
        state.objects.over_for_thread(&numbers, (slot, generation), target, &serving)
    }
}
