//! Draining: who is inside what, as frames and pins tell.
//!
//! Nothing here reads through an address from a frame: it is compared with the tables
//! of the worlds that are known to be alive (see [`frame`](crate::abi::frame)).

use std::{collections::HashMap, time::Instant};

use crate::{
    abi::{frame::Place, world::Table},
    component::identity::ComponentId,
    error::{HeldBy, MethodId, Straggler},
    host::{
        ids::{Generation, SlotId, ThreadId},
        worlds::records::{self, ThreadRecord},
    },
};

use super::{
    gate::Gate,
    inner::{Retiring, State},
    pins::PinInfo,
};

/// When a call was first seen in an old world.
pub(crate) type Sightings = HashMap<Seen, Instant>;

/// What tells calls apart.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    thread: ThreadId,
    depth: usize,
    generation: Generation,
    place: Place,
}

/// A call in a world that is not current any more.
pub(crate) struct OldCall {
    thread: &'static ThreadRecord,
    generation: Generation,
    place: Place,
    since: Instant,
}

impl State {
    /// The calls that are inside retired worlds now.
    ///
    /// Call it behind a publication's barrier: it then misses no call that is inside a
    /// world older than the current one. See [`Retired::shows_all_calls`](crate::host::worlds::world::Retired).
    pub(crate) fn old_calls(&mut self) -> Vec<OldCall> {
        let worlds: HashMap<*const Table, Generation> =
            self.retired.worlds().map(|world| (world.table(), world.generation())).collect();
        let now = Instant::now();
        let mut seen = Sightings::new();
        let mut calls = Vec::new();
        for thread in records::all() {
            for (depth, (table, place)) in thread.calls().enumerate() {
                let Some(&generation) = worlds.get(&table) else { continue };
                let key = Seen { thread: thread.thread_id(), depth, generation, place };
                let since = *self.sightings.get(&key).unwrap_or(&now);
                seen.insert(key, since);
                calls.push(OldCall { thread, generation, place, since });
            }
        }
        self.sightings = seen;
        calls
    }

    /// Whether a thread is inside a member of the gate.
    pub(in crate::host) fn is_inside_gate(&self, thread: &ThreadRecord, gate: &Gate) -> bool {
        thread.calls().any(|(table, place)| {
            let known = self.retired.worlds().find(|world| std::ptr::eq(world.table(), table));
            let first_generation = gate.members.get(&SlotId::of_offset(place.offset()));
            known.zip(first_generation).is_some_and(|(world, &first_generation)| world.generation() >= first_generation)
        })
    }

    /// Whether a thread is inside a slot of this runtime.
    pub(crate) fn is_in_slot(&self, thread: &ThreadRecord, slot: SlotId) -> bool {
        thread.calls().any(|(table, place)| {
            let mut worlds = self.retired.worlds().chain([&self.world]);
            SlotId::of_offset(place.offset()) == slot && worlds.any(|world| std::ptr::eq(world.table(), table))
        })
    }

    /// Calls and pins that a hand-over behind the gate must wait for.
    pub(crate) fn behind_gate(&mut self) -> Vec<Straggler> {
        let Some(gate) = &self.gate else { return Vec::new() };
        let (members, last, thread) = (gate.members.clone(), gate.before.generation(), gate.thread);
        self.inside_members(&members, last, thread)
    }

    /// Calls that are inside one of `members` (slots, each with the first world of its
    /// instance) in a world up to `last`, but for those of `thread`, and pins of such worlds.
    /// `last` is not the current world: see [`State::old_calls`].
    pub(crate) fn inside_members(
        &mut self,
        members: &HashMap<SlotId, Generation>,
        last: Generation,
        thread: ThreadId,
    ) -> Vec<Straggler> {
        let calls = self.old_calls();
        let is_inside = |call: &&OldCall| {
            let first_generation = members.get(&SlotId::of_offset(call.place.offset()));
            first_generation.is_some_and(|&first_generation| (first_generation..=last).contains(&call.generation))
                && call.thread.thread_id() != thread
        };
        let mut stragglers: Vec<Straggler> =
            calls.iter().filter(is_inside).map(|call| self.straggler(call, self.serving(call))).collect();
        let oldest = members.values().min();
        let holds = |pin: &PinInfo| oldest.is_some_and(|&oldest| (oldest..=last).contains(&pin.world.generation()));
        let pins = self.pins.iter().filter(|(_, pin)| holds(pin));
        stragglers.extend(pins.map(|(_, pin)| holder(pin)));
        stragglers
    }

    /// Calls that are inside an instance that was replaced.
    pub(crate) fn inside(&self, retiring: &Retiring, calls: &[OldCall]) -> Vec<Straggler> {
        calls
            .iter()
            .filter(|call| {
                (retiring.instance.first_generation()..retiring.retired_at).contains(&call.generation)
                    && retiring.slots.contains(&SlotId::of_offset(call.place.offset()))
            })
            .map(|call| self.straggler(call, Some(retiring.instance.implementation().component.id.clone())))
            .collect()
    }

    /// Calls that are inside anything that was replaced, and pins that hold it.
    pub(crate) fn all_stragglers(&mut self) -> Vec<Straggler> {
        let calls = self.old_calls();
        let mut stragglers: Vec<Straggler> =
            self.retiring.iter().flat_map(|retiring| self.inside(retiring, &calls)).collect();
        let holds = |pin: &PinInfo| self.retiring.iter().any(|retiring| retiring.is_held_by(pin));
        stragglers.extend(self.pins.iter().filter(|(_, pin)| holds(pin)).map(|(_, pin)| holder(pin)));
        stragglers
    }

    /// Whether a pin holds a world that shows the instance.
    pub(crate) fn is_pinned(&self, retiring: &Retiring) -> bool {
        self.pins.iter().any(|(_, pin)| retiring.is_held_by(pin))
    }

    /// The component that serves the slot of a call now.
    fn serving(&self, call: &OldCall) -> Option<ComponentId> {
        let slot = self.objects.slots().get(SlotId::of_offset(call.place.offset()));
        let service = self.objects.services().get(slot?.service())?;
        Some(service.instance().implementation().component.id.clone())
    }

    fn straggler(&self, call: &OldCall, component: Option<ComponentId>) -> Straggler {
        let slot = self.objects.slots().get(SlotId::of_offset(call.place.offset()));
        let method = slot.and_then(|slot| {
            let interface = &self.objects.views().get(slot.view()).interface;
            let method = interface.methods.get(call.place.method() as usize)?;
            Some(MethodId { interface: interface.name.clone(), method: method.shape.name.clone() })
        });
        Straggler {
            thread: call.thread.thread_name(),
            thread_id: call.thread.thread_id().to_kernel(),
            held_by: HeldBy::Call { component, method },
            seen_for: call.since.elapsed(),
        }
    }
}

impl Retiring {
    fn is_held_by(&self, pin: &PinInfo) -> bool {
        !self.slots.is_empty() && (self.instance.first_generation()..self.retired_at).contains(&pin.world.generation())
    }
}

/// A pin as a straggler.
fn holder(pin: &PinInfo) -> Straggler {
    Straggler {
        thread: pin.thread_name.clone(),
        thread_id: pin.thread.to_kernel(),
        held_by: HeldBy::Pin { generation: pin.world.serial() },
        seen_for: pin.since.elapsed(),
    }
}
