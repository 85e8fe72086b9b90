//! What the thread of a transaction meets before the commit: the successors that it has
//! made so far.
//!
//! That thread runs two kinds of code. *Old* code is what serves now; it must find the
//! old world, or a refusal would leave it with the answers of objects that were never
//! visible. *New* code is a successor's: its constructor or restore, its health check,
//! and every method that such code calls on another successor. It must find the
//! successors, or what it tells them (registers, writes) would be lost at the commit,
//! and seen by everybody if there is none. Which of the two is calling shows in the
//! thread's frames: a call into a successor shows a table of its own, which is no world's.
//!
//! | the thread calls | from new code | from old code |
//! |---|---|---|
//! | a member that needs no gate | its successor, if there is one yet | the old one |
//! | a member behind the gate, before that is shut | the old one, as everybody | the old one |
//! | the same, not saved yet | the old one: what it is told is saved | the same |
//! | the same, saved | nobody: a fault | the same |
//! | the same, restored | its successor | its successor |
//! | a member that only serves the handle when it is replaced | its successor, or nobody yet: a fault | the same |
//! | anything else | the current world | the current world |
//!
//! State that was saved lives on in the successor only, so old code that stays (a
//! component that is not replaced, called by a restore) finds the successor, too. What a
//! restore does to components that stay is theirs to keep, as what any caller does.
//!
//! Pins are of worlds, and hold what everybody sees: a pin may outlive the transaction. So
//! where a call would find a successor, or nobody, a pin is refused at once.
//!
//! The drain does not see calls into successors, and need not: only this thread makes
//! them, and only this thread destroys successors or commits, when it is outside. If it
//! hangs and is given up, it finds the same successors still: the old world hears no
//! more of what they say to each other, and the next transaction does not wait for it.

use std::{collections::HashMap, ptr, sync::Arc};

use crate::{
    abi::{
        frame::Place,
        world::{Table, Target},
    },
    host::{
        ids::{ServiceId, SlotId},
        service::inner::State,
        worlds::{records::ThreadRecord, world::World},
    },
};

use super::{instances::Instance, registry::Implementation};

/// The successors that one thread meets.
pub(crate) struct Uncommitted {
    /// Shown by the frames of calls into them.
    shown: World,
    /// While old code is saved there are none.
    is_saving: bool,
    successors: HashMap<ServiceId, Successor>,
}

struct Successor {
    address: usize,
    implementation: Arc<Implementation>,
}

impl Uncommitted {
    /// No successors yet, ahead of this world.
    pub(crate) fn new(world: &World) -> Uncommitted {
        Uncommitted {
            shown: World::empty(world.generation(), world.serial()),
            is_saving: false,
            successors: HashMap::new(),
        }
    }

    /// Notes an instance's successor. It must stay alive as long as it is noted.
    pub(crate) fn add(&mut self, id: ServiceId, instance: &Instance) {
        let (address, implementation) = (instance.address, Arc::clone(&instance.implementation));
        self.successors.insert(id, Successor { address, implementation });
    }

    /// Begins or ends the pass in which old code is saved.
    pub(crate) fn set_saving(&mut self, is_saving: bool) {
        self.is_saving = is_saving;
    }

    /// Whether new code is calling: the thread's innermost call is into a successor, or
    /// there is none, and the transaction itself runs a successor's code.
    fn is_new_code(&self, thread: &'static ThreadRecord) -> bool {
        match thread.record().depth().checked_sub(1) {
            Some(innermost) => ptr::eq(thread.frame(innermost).read().0, self.shown.table()),
            None => true,
        }
    }
}

impl State {
    /// The successor that a thread's call finds, and the table for its frame.
    pub(in crate::host) fn successor(
        &self,
        thread: &'static ThreadRecord,
        place: Place,
    ) -> Option<(Target, *const Table)> {
        let uncommitted = self.uncommitted.get(&thread.thread_id()).filter(|uncommitted| !uncommitted.is_saving)?;
        let number = SlotId::of_offset(place.offset());
        let slot = self.slots.get(number)?;
        let Successor { address, implementation } = uncommitted.successors.get(&slot.service)?;
        let is_gated = self.world.target(number).is_none();
        if !is_gated && !uncommitted.is_new_code(thread) {
            return None;
        }
        // A handle that the successor cannot serve is refused at the commit.
        let functions = implementation.functions(slot.view, self.views.get(slot.view)).ok()?;
        let data = ptr::with_exposed_provenance(*address);
        Some((Target { data, methods: functions.address() }, uncommitted.shown.table()))
    }

    /// Whether only a successor that is not there yet serves a slot.
    pub(in crate::host) fn is_only_coming(&self, thread: &'static ThreadRecord, place: Place) -> bool {
        let number = SlotId::of_offset(place.offset());
        let Some(slot) = self.slots.get(number).filter(|_| self.world.target(number).is_none()) else { return false };
        let Some(service) = self.services.get(slot.service) else { return false };
        let coming = self.registry.providers.get(service.provider).and_then(|seat| seat.successor());
        let serves =
            |implementation: &Implementation| implementation.functions(slot.view, self.views.get(slot.view)).is_ok();
        self.uncommitted.contains_key(&thread.thread_id())
            && coming.is_some_and(|coming| serves(coming))
            && !serves(&service.instance.implementation)
    }

    /// If a table is shown by calls into successors: the component of an instance's.
    pub(in crate::host) fn successor_shown(&self, table: *const Table, id: ServiceId) -> Option<Option<String>> {
        let uncommitted = self.uncommitted.values().find(|uncommitted| ptr::eq(uncommitted.shown.table(), table))?;
        Some(uncommitted.successors.get(&id).map(|found| found.implementation.component.to_string()))
    }
}
