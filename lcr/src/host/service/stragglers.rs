//! Stragglers: the names of the calls and pins that a hand-over, a destruction or the end of a runtime
//! waits for.
//!
//! [`drain`](super::drain) finds the calls, [`pins`](super::pins) has the pins. All of this runs under the
//! state lock, which keeps the list of retired worlds as it is.
//! The third kind of straggler, a step of an author's code that does not return, is named where the step is
//! waited for: a destructor in [`destroyers`](super::destroyers), any other step by `change/transaction.rs`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    abi::{frame::Place, world::Table},
    component::identity::ComponentId,
    error::{HeldBy, MethodId, Straggler},
    host::{
        ids::{Generation, ProviderId, SlotId, ThreadId},
        image::manifest::{InterfaceManifest, MethodManifest},
        objects::{faults::Faults, instances::Instance},
        worlds::records::{self, ThreadRecord},
    },
};

use super::{
    drain::{OldCall, Shown},
    gate::{Gate, MemberSlots, Members},
    inner::RuntimeInner,
    pins::{LockedPins, PinInfo},
    state::{Retiring, Role, State},
    waiting::Waiting,
};

impl RuntimeInner {
    /// The calls and pins that a hand-over behind the gate has to wait for.
    pub(crate) fn behind_gate(&self, state: &mut State) -> Vec<Straggler> {
        let Some(gate) = &state.gate else { return Vec::new() };
        let (slots, last, thread) = (Arc::clone(gate.members().slots()), gate.before().generation(), gate.thread());
        self.inside(state, &slots, last, thread, false)
    }

    /// The calls that are inside one of `members` in a
    /// world up to `last`, without those in frames of `thread`, and those that will be cancelled; and the pins of
    /// such worlds. `last` is not the current world: see [`State::old_calls`].
    pub(crate) fn inside_members(
        &self,
        state: &mut State,
        members: &MemberSlots,
        last: Generation,
        thread: ThreadId,
    ) -> Vec<Straggler> {
        self.inside(state, members, last, thread, true)
    }

    /// As [`RuntimeInner::inside_members`], where `spares` leaves out the calls that will be cancelled.
    fn inside(
        &self,
        state: &mut State,
        members: &MemberSlots,
        last: Generation,
        thread: ThreadId,
        spares: bool,
    ) -> Vec<Straggler> {
        // Before the frames: see `pins`.
        let pins = self.pins.lock();
        let calls = state.old_calls();
        let is_inside = |call: &&OldCall| {
            let first_generation = members.since(call.slot());
            first_generation.is_some_and(|first_generation| (first_generation..=last).contains(&call.generation))
                && !call.is_on(thread)
                && !(spares && state.is_cancellable(call))
        };
        let mut stragglers: Vec<Straggler> =
            calls.iter().filter(is_inside).map(|call| state.straggler(call, state.serving(call))).collect();
        let oldest = members.oldest();
        let holds = |pin: &PinInfo| oldest.is_some_and(|oldest| (oldest..=last).contains(&pin.generation()));
        stragglers.extend(pins.iter().filter(|(_, pin)| holds(pin)).map(|(_, pin)| holder(pin)));
        stragglers
    }

    /// What the first step of a gate waits for, once it has published its world: async calls in members, in whatever
    /// world if they are between polls, and else in an older one; and pins of older worlds. Cancels the calls that may
    /// be cancelled.
    pub(crate) fn held_up(&self, state: &mut State) -> Vec<Straggler> {
        let Some(members) = state.held_starts.clone() else { return Vec::new() };
        // Before the frames: see `pins`.
        let pins = self.pins.lock();
        let current = state.generation();
        let calls = state.all_calls();
        let is_inside = |call: &&OldCall| {
            let first_generation = members.slots().since(call.slot());
            first_generation.is_some_and(|first_generation| first_generation <= call.generation)
                && (call.is_detached() || call.generation < current && state.is_async(call))
        };
        let inside: Vec<&OldCall> = calls.iter().filter(is_inside).collect();
        inside.iter().for_each(|call| call.cancel(&mut state.waiting));
        let mut stragglers: Vec<Straggler> =
            inside.iter().map(|call| state.straggler(call, state.serving(call))).collect();
        let oldest = members.slots().oldest();
        let holds = |pin: &PinInfo| oldest.is_some_and(|oldest| (oldest..current).contains(&pin.generation()));
        stragglers.extend(pins.iter().filter(|(_, pin)| holds(pin)).map(|(_, pin)| holder(pin)));
        stragglers
    }

    /// The calls that are inside instances of these providers at this moment, and the pins that hold such instances.
    /// Of short calls it may miss some.
    pub(crate) fn inside_now(&self, providers: HashSet<ProviderId>) -> Vec<Straggler> {
        let mut state = self.state();
        let members = Members::of(&state.objects, providers);
        let slots = Arc::clone(members.slots());
        if slots.is_empty() {
            return Vec::new();
        }
        // Before the frames: see `pins`.
        let pins = self.pins.lock();
        let calls = state.all_calls();
        let is_inside = |call: &&OldCall| slots.since(call.slot()).is_some_and(|since| since <= call.generation);
        let mut stragglers: Vec<Straggler> =
            calls.iter().filter(is_inside).map(|call| state.straggler(call, state.serving(call))).collect();
        let holds = |pin: &PinInfo| slots.oldest().is_some_and(|oldest| oldest <= pin.generation());
        stragglers.extend(pins.iter().filter(|(_, pin)| holds(pin)).map(|(_, pin)| holder(pin)));
        stragglers
    }

    /// The pins that are held, whatever they hold.
    pub(in crate::host) fn all_pins(&self) -> Vec<Straggler> {
        self.pins.lock().iter().map(|(_, pin)| holder(pin)).collect()
    }

    /// The calls that are inside any replaced instance, those among them that no frame shows, and the pins that hold
    /// one.
    pub(crate) fn all_stragglers(&self, state: &mut State) -> Vec<Straggler> {
        // Before the frames: see `pins`.
        let pins = self.pins.lock();
        let calls = state.old_calls();
        let mut stragglers: Vec<Straggler> =
            state.retiring.iter().flat_map(|retiring| state.inside(retiring, &calls)).collect();
        stragglers.extend(state.retiring.iter().flat_map(|retiring| beside(&retiring.instance)));
        let holds = |pin: &PinInfo| state.retiring.iter().any(|retiring| retiring.is_held_by(pin));
        stragglers.extend(pins.iter().filter(|(_, pin)| holds(pin)).map(|(_, pin)| holder(pin)));
        stragglers
    }
}

impl State {
    /// The calls that are inside retired worlds now. See [`Sightings::look`](super::drain::Sightings).
    /// A caller that also reads the pins locks them before this call, and reads them under that lock.
    pub(super) fn old_calls(&mut self) -> Vec<OldCall> {
        self.sightings.look(self.retired.worlds())
    }

    /// The calls that are inside retired worlds or the current one. Of those in frames of the current one it may
    /// miss some.
    fn all_calls(&mut self) -> Vec<OldCall> {
        self.sightings.look(self.retired.worlds().chain([&self.world]))
    }

    /// How many calls are inside the present instances of each implementation, which is told by its
    /// [`Faults`]. Of short calls it may miss some.
    pub(in crate::host) fn calls_inside(&mut self) -> HashMap<*const Faults, usize> {
        let calls = self.all_calls();
        let mut inside = HashMap::new();
        for call in &calls {
            let Some(slot) = self.objects.slots().get(call.slot()) else { continue };
            let Some(service) = self.objects.services().get(slot.service()) else { continue };
            if call.generation < service.instance().first_generation() {
                continue;
            }
            let interface = &self.objects.views().get(slot.view()).interface.name;
            let providers = service.providers().iter().filter_map(|&provider| self.objects.registry().get(provider));
            let serving = providers.map(|provider| provider.implementation());
            let serving = serving.filter(|implementation| implementation.manifest.interface == *interface);
            for implementation in serving {
                *inside.entry(Arc::as_ptr(implementation.faults())).or_default() += 1;
            }
        }
        inside
    }

    /// Whether a thread is inside a member of the gate.
    pub(in crate::host) fn is_inside_gate(&self, thread: &ThreadRecord, gate: &Gate) -> bool {
        self.is_inside(thread, gate.members())
    }

    /// Whether a thread is inside one of `members`.
    pub(super) fn is_inside(&self, thread: &ThreadRecord, members: &Members) -> bool {
        thread.calls().any(|(table, place)| {
            let mut worlds = self.retired.worlds().chain([&self.world]);
            let known = worlds.find(|world| std::ptr::eq(world.table(), table));
            let first_generation = members.slots().since(SlotId::of_offset(place.offset()));
            known.zip(first_generation).is_some_and(|(world, first_generation)| world.generation() >= first_generation)
        })
    }

    /// Whether an async call that `thread` begins at a slot has to wait for the first step of a gate.
    pub(super) fn holds_start(&self, thread: &ThreadRecord, slot: SlotId) -> bool {
        self.held_starts.as_ref().is_some_and(|members| members.slots().has(slot) && !self.is_inside(thread, members))
    }

    /// Whether a call will be cancelled when the gate asks for it.
    fn is_cancellable(&self, call: &OldCall) -> bool {
        matches!(call.shown, Shown::Detached(slot, call) if self.waiting.is_cancellable(slot, call))
    }

    /// Cancels those calls inside replaced instances that may be cancelled.
    pub(crate) fn cancel_old_calls(&mut self) {
        let calls = self.old_calls();
        let replaced = || self.retiring.iter().filter(|retiring| retiring.role == Role::Served);
        let inside = calls.iter().filter(|call| replaced().any(|retiring| retiring.has(call)));
        inside.for_each(|call| call.cancel(&mut self.waiting));
    }

    /// Whether a detached call is inside a replaced instance.
    pub(super) fn is_in_retiring(&self, table: *const Table, place: Place) -> bool {
        let world = self.retired.worlds().find(|world| std::ptr::eq(world.table(), table));
        let (slot, generation) = (SlotId::of_offset(place.offset()), world.map(|world| world.generation()));
        generation.is_some_and(|generation| {
            self.retiring.iter().any(|retiring| retiring.role == Role::Served && retiring.shows(generation, slot))
        })
    }

    /// Whether a call is of an async method.
    fn is_async(&self, call: &OldCall) -> bool {
        self.method(call).is_some_and(|(_, method)| method.shape.returns_polled())
    }

    /// The method that a call has called, and its interface.
    fn method(&self, call: &OldCall) -> Option<(&InterfaceManifest, &MethodManifest)> {
        let slot = self.objects.slots().get(call.slot())?;
        let interface = &self.objects.views().get(slot.view()).interface;
        Some((interface, interface.methods.get(call.place.method() as usize)?))
    }

    /// Whether a thread is inside a slot of this runtime.
    pub(crate) fn is_in_slot(&self, thread: &ThreadRecord, slot: SlotId) -> bool {
        thread.calls().any(|(table, place)| {
            let mut worlds = self.retired.worlds().chain([&self.world]);
            SlotId::of_offset(place.offset()) == slot && worlds.any(|world| std::ptr::eq(world.table(), table))
        })
    }

    /// The calls that are inside a replaced instance.
    pub(super) fn inside(&self, retiring: &Retiring, calls: &[OldCall]) -> Vec<Straggler> {
        calls
            .iter()
            .filter(|call| retiring.has(call))
            .map(|call| self.straggler(call, Some(retiring.instance.implementation().component.id.clone())))
            .collect()
    }

    /// The component that serves the slot of a call now.
    fn serving(&self, call: &OldCall) -> Option<ComponentId> {
        let slot = self.objects.slots().get(call.slot());
        let service = self.objects.services().get(slot?.service())?;
        Some(service.instance().implementation().component.id.clone())
    }

    fn straggler(&self, call: &OldCall, component: Option<ComponentId>) -> Straggler {
        let method = self.method(call).map(|(interface, method)| MethodId {
            interface: interface.name.clone(),
            method: method.shape.name.clone(),
        });
        let (thread, thread_id, held_by) = match call.shown {
            Shown::Frame(thread) => (thread.thread_name(), thread.thread_id(), HeldBy::Call { component, method }),
            Shown::Detached(slot, _) => {
                (records::starter_name(slot), slot.thread_id(), HeldBy::AsyncCall { component, method })
            }
        };
        Straggler { thread, thread_id: thread_id.to_kernel(), held_by, seen_for: call.since.elapsed() }
    }
}

impl OldCall {
    /// Cancels the call if it may be cancelled.
    fn cancel(&self, waiting: &mut Waiting) {
        if let Shown::Detached(slot, call) = self.shown {
            waiting.cancel(slot, call);
        }
    }
}

impl Retiring {
    /// Whether the call is inside the instance.
    fn has(&self, call: &OldCall) -> bool {
        self.shows(call.generation, call.slot())
    }

    /// Whether the slot held the instance in the world of this number.
    fn shows(&self, generation: Generation, slot: SlotId) -> bool {
        (self.instance.first_generation()..self.retired_at).contains(&generation) && self.slots.contains(&slot)
    }

    /// Whether a pin holds a world that shows the instance. The pins were locked before the frames
    /// were read.
    pub(super) fn is_pinned(&self, pins: &LockedPins<'_>) -> bool {
        pins.iter().any(|(_, pin)| self.is_held_by(pin))
    }

    fn is_held_by(&self, pin: &PinInfo) -> bool {
        !self.slots.is_empty() && (self.instance.first_generation()..self.retired_at).contains(&pin.generation())
    }
}

/// The calls of an instance that no frame shows.
fn beside(instance: &Instance) -> impl Iterator<Item = Straggler> {
    let component = instance.implementation().component.id.clone();
    instance.beside().now().into_iter().map(move |call| Straggler {
        thread: Some(call.thread_name),
        thread_id: call.thread.to_kernel(),
        held_by: HeldBy::Call { component: Some(component.clone()), method: Some(call.method) },
        seen_for: call.since.elapsed(),
    })
}

/// A pin as a straggler.
fn holder(pin: &PinInfo) -> Straggler {
    Straggler {
        thread: pin.thread_name().map(str::to_owned),
        thread_id: pin.thread.to_kernel(),
        held_by: HeldBy::Pin { generation: pin.world().serial() },
        seen_for: pin.since().elapsed(),
    }
}
