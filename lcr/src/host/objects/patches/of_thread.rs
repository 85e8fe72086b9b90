//! Patches of one thread: they stand for the calls of that thread alone, in whatever world it enters.
//!
//! A patch of the list stands in the tables that a world shows. That of a thread stands in none: when the thread has
//! entered a slot, it gets another table of methods than the one that the world shows
//! (`service/thread_patches`), with the patch's layers around it. So other threads pass no layer of it, a component
//! that is replaced is patched as the one before was, and no hand-over waits for the patch. The layers stand around
//! those of the list.
//!
//! A set is found again by what it stands around: the pairs that the world shows. They are compared by value, so a
//! table that lies where an earlier one lay is taken for that one only if the same functions would be called with the
//! same data, of the same component.
//!
//! # Lifetime
//!
//! A call that got a set's table has a frame, and that frame shows the world that the thread entered. So a set goes the
//! way of every set: it retires with the generations of these worlds and the slots of the calls, which it notes
//! each time it is given out.

use std::{collections::BTreeSet, slice, sync::Arc};

use super::{HookSet, Patch, Patches};
use crate::{
    abi::world::{Pair, Target},
    component::identity::ComponentId,
    host::{
        ids::{Generation, SlotId, ViewId},
        image::{link::View, manifest::ExportManifest},
        objects::{component::Implementation, left_hooks::LeftHooks},
    },
};

/// A patch for the calls of one thread.
pub(crate) struct OfThread {
    /// Its number among those of all threads of the process.
    number: u64,
    patch: Arc<Patch>,
    sets: Vec<Given>,
    slots: BTreeSet<SlotId>,
    /// The oldest world that may show a call inside.
    first_generation: Option<Generation>,
}

/// A set that was given out.
struct Given {
    view: ViewId,
    /// The component below.
    below: Arc<str>,
    set: Arc<HookSet>,
}

/// A patch of a thread that has ended.
pub(crate) struct EndedOfThread {
    pub(crate) id: ComponentId,
    pub(crate) left: LeftHooks,
    /// The slots through which calls may be inside.
    pub(crate) slots: Vec<SlotId>,
}

/// What a thread has found in a slot.
pub(in crate::host) struct FoundTarget<'a> {
    pub(in crate::host) slot: SlotId,
    pub(in crate::host) generation: Generation,
    pub(in crate::host) target: Target,
    /// What serves the slot there.
    pub(in crate::host) implementation: &'a Implementation,
    /// The interface as that implements it.
    pub(in crate::host) face: &'a ExportManifest,
}

impl Patches {
    /// Puts a patch in for the calls of one thread.
    pub(in crate::host) fn put_of_thread(&mut self, number: u64, patch: Arc<Patch>) {
        let of_thread = OfThread { number, patch, sets: Vec::new(), slots: BTreeSet::new(), first_generation: None };
        self.of_threads.push(of_thread);
    }

    /// A patch of a thread; `None` if the end of the runtime has taken it.
    #[cfg_attr(not(feature = "mock"), allow(dead_code, reason = "only mocks stand for one thread"))]
    pub(crate) fn of_thread(&self, number: u64) -> Option<&Arc<Patch>> {
        let found = self.of_threads.iter().find(|of_thread| of_thread.number == number);
        found.map(|of_thread| &of_thread.patch)
    }

    /// Takes a patch of a thread off; `None` if the end of the runtime has taken it.
    pub(in crate::host) fn take_of_thread(&mut self, number: u64) -> Option<EndedOfThread> {
        let at = self.of_threads.iter().position(|of_thread| of_thread.number == number)?;
        let OfThread { patch, sets, slots, first_generation, .. } = self.of_threads.remove(at);
        let id = patch.id();
        let sets = sets.into_iter().map(|given| given.set as _);
        let left = LeftHooks::new(first_generation, sets.chain([patch as _]).collect());
        Some(EndedOfThread { id, left, slots: slots.into_iter().collect() })
    }

    /// Takes all of them, for the end of the runtime.
    pub(super) fn take_of_threads(&mut self) -> Option<LeftHooks> {
        let patches = std::mem::take(&mut self.of_threads);
        let first_generation = patches.iter().filter_map(|of_thread| of_thread.first_generation).min();
        let held = patches.into_iter().flat_map(|OfThread { patch, sets, .. }| {
            let sets = sets.into_iter().map(|given| given.set as _);
            sets.chain([patch as _])
        });
        let held: Vec<_> = held.collect();
        (!held.is_empty()).then(|| LeftHooks::new(first_generation, held))
    }

    /// What a thread that has these patches calls, in the place of what it has entered. The last one stands outermost.
    pub(in crate::host) fn over_for_thread(
        &mut self,
        numbers: &[u64],
        found: FoundTarget<'_>,
        (of, view): (ViewId, &View),
    ) -> Target {
        let FoundTarget { slot, generation, mut target, implementation, face } = found;
        for &number in numbers {
            let Some(of_thread) = self.of_threads.iter_mut().find(|of_thread| of_thread.number == number) else {
                continue;
            };
            let OfThread { patch, sets, slots, first_generation, .. } = of_thread;
            if !patch.is_for(&face.component.name, &view.interface.name) {
                continue;
            }
            // SAFETY: a target's table has as many pairs as the view has methods, and lives as long as the frame or the
            // pin that shows it.
            let before: &[Pair] = unsafe { slice::from_raw_parts(target.methods, view.interface.methods.len()) };
            let below = face.component.to_string();
            let found =
                sets.iter().find(|given| given.view == of && *given.below == *below && *given.set.before == *before);
            let set = match found {
                Some(given) => Arc::clone(&given.set),
                None => {
                    let standing: Vec<_> = patch.standing(face).collect();
                    let below: Arc<str> = below.into();
                    let set = Arc::new(HookSet::new(before, view, &standing, (None, implementation), &below));
                    sets.push(Given { view: of, below, set: Arc::clone(&set) });
                    set
                }
            };
            slots.insert(slot);
            *first_generation = Some(first_generation.map_or(generation, |first| first.min(generation)));
            target.methods = Arc::as_ptr(&set.pairs).cast();
        }
        target
    }
}
