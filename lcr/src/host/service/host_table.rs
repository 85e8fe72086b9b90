//! The host's function table: the slow path of calls, and the other requests of images.
//!
//! None of these functions unwinds into an image. They run no code of a component, a panic of this crate or of
//! a subscriber of `tracing` becomes a fault, and a failed allocation aborts.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    ptr, slice,
    sync::Arc,
};

use crate::{
    abi::{
        ABI_VERSION,
        fault::{FaultKind, Outcome, RawFault},
        frame::{Place, Record},
        tables::{Created, HostTable, RawContext, RawEntered, RawPin, RawSlot},
        value::{
            Abi,
            sequences::{RawSlice, RawVec},
        },
        world::{Table, Target, entry},
    },
    error::{Error, Result},
    host::{
        ids::{Generation, Number as _, PinId, SlotId},
        image::threads,
        objects::slots::SlotRef,
        worlds::records::{self, ThreadRecord},
    },
};

use super::{construct::Construction, handles::inner_of, inner::RuntimeInner, state::State};

/// This host's functions; every slot and every image of this host points here.
pub(crate) static HOST_TABLE: HostTable = TABLE;

/// The same functions as a constant, for the table of a test's context.
pub(crate) const TABLE: HostTable = HostTable {
    abi: ABI_VERSION as u32,
    record,
    enter,
    component_at,
    release,
    pin,
    unpin,
    adopt,
    dependency,
    threads: threads::TABLE,
};

/// A call that entered through the slow path.
struct SlowEntry {
    depth: u32,
    table: *const Table,
    target: Target,
}

/// Why a call was not made.
pub(in crate::host) type Refusal = (FaultKind, String);

/// The result of a slow path. A panic in it becomes a refusal.
fn contained<T>(body: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| {
        Err((FaultKind::Withdrawn, Error::internal("the call was not made", &*panic).to_string()))
    })
}

unsafe extern "C" fn record() -> *const Record {
    records::mine().record()
}

unsafe extern "C" fn enter(slot: *const RawSlot, method: u32, out: *mut RawEntered) {
    // SAFETY: the caller's handle keeps the slot alive.
    let slot = unsafe { &*slot };
    // SAFETY: the slot keeps its runtime alive, of which the core is the first field.
    let inner = unsafe { &*slot.core.cast::<RuntimeInner>() };
    let thread = records::mine();
    // The thread may be on the slow path only to settle.
    threads::settle();
    thread.allow_fast_path();
    let entered = match contained(|| inner.enter_slot(thread, Place::new(slot.offset, method))) {
        Ok(entered) => RawEntered {
            fault: ptr::null_mut(),
            record: thread.record(),
            depth: entered.depth,
            table: entered.table,
            data: entered.target.data,
            methods: entered.target.methods,
        },
        Err((kind, message)) => RawEntered {
            fault: RawFault::new(kind, message),
            record: thread.record(),
            depth: 0,
            table: ptr::null(),
            data: ptr::null(),
            methods: ptr::null(),
        },
    };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(entered) };
}

unsafe extern "C" fn component_at(slot: *const RawSlot, table: *const Table) -> RawVec<u8> {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: as above.
    let number = SlotId::of_offset(unsafe { (*slot).offset });
    // SAFETY: the caller is inside this world, which keeps it alive.
    let generation = Generation::of_table(unsafe { &*table });
    let serving = catch_unwind(AssertUnwindSafe(|| inner.state().serving_in(number, table, generation)));
    serving.ok().flatten().unwrap_or_default().into_repr()
}

unsafe extern "C" fn release(slot: *const RawSlot) {
    // SAFETY: a slot whose count reached 0 lives until the reaper takes it back, and
    // this is the only call for it.
    let inner = unsafe { inner_of(slot) };
    drop(catch_unwind(AssertUnwindSafe(|| {
        inner.release(slot.cast_mut());
        if inner.is_closed() {
            inner.take_back(&mut inner.state());
        }
    })));
}

unsafe extern "C" fn pin(slot: *const RawSlot, out: *mut RawPin) {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: as above.
    let number = SlotId::of_offset(unsafe { (*slot).offset });
    let raw = match contained(|| inner.pin_slot(number)) {
        Ok((target, table, pin)) => RawPin {
            fault: ptr::null_mut(),
            table,
            data: target.data,
            methods: target.methods,
            pin: Box::into_raw(Box::new(SlotPin { inner, pin })).cast(),
        },
        Err((kind, message)) => RawPin {
            fault: RawFault::new(kind, message),
            table: ptr::null(),
            data: ptr::null(),
            methods: ptr::null(),
            pin: ptr::null(),
        },
    };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(raw) };
}

/// What a raw pin points to.
struct SlotPin {
    inner: Arc<RuntimeInner>,
    pin: PinId,
}

unsafe extern "C" fn unpin(pin: *const ()) {
    // SAFETY: `pin` boxed it, and a pin ends once.
    let pin = unsafe { Box::from_raw(pin.cast_mut().cast::<SlotPin>()) };
    drop(catch_unwind(AssertUnwindSafe(|| pin.inner.unpin(pin.pin))));
}

unsafe extern "C" fn adopt(slot: *const RawSlot, interface: RawSlice<u8>) -> Created {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: as above.
    let number = SlotId::of_offset(unsafe { (*slot).offset });
    // SAFETY: the caller's bytes live for the call.
    let encoded = unsafe { slice::from_raw_parts(interface.at, interface.len) };
    answer(|| inner.adopt_slot(number, encoded))
}

unsafe extern "C" fn dependency(context: *const RawContext, interface: RawSlice<u8>) -> Created {
    // SAFETY: the host made the context, which lives for the construction.
    let cookie = unsafe { &*context }.cookie;
    // SAFETY: the cookie is a construction that lives as long as the context.
    let construction = unsafe { &*cookie.cast::<Construction<'_>>() };
    // SAFETY: the caller's bytes live for the call.
    let encoded = unsafe { slice::from_raw_parts(interface.at, interface.len) };
    answer(|| construction.inner.dependency_slot(construction, encoded))
}

fn answer(slot: impl FnOnce() -> Result<SlotRef>) -> Created {
    let slot = catch_unwind(AssertUnwindSafe(slot));
    let slot = slot.unwrap_or_else(|panic| Err(Error::internal("there is no handle", &*panic)));
    let result = slot.map(|slot| slot.into_raw().as_ptr().expose_provenance()).map_err(|error| error.to_string());
    Outcome::done(result.into_repr())
}

impl State {
    /// The successor that a thread's call reaches, and the table for the frame of that call.
    pub(super) fn successor(&self, thread: &'static ThreadRecord, place: Place) -> Option<(Target, *const Table)> {
        self.objects.successor(&self.world, thread, SlotId::of_offset(place.offset()))
    }

    /// Whether only a successor can serve a slot, and the successor is not there yet.
    pub(super) fn is_only_pending(&self, thread: &ThreadRecord, place: Place) -> bool {
        self.objects.is_only_pending(&self.world, thread, SlotId::of_offset(place.offset()))
    }

    /// The component that serves a slot in the world that a call is inside. An instance's address does not tell
    /// that, since all instances of types without fields have the same one.
    fn serving_in(&self, number: SlotId, table: *const Table, generation: Generation) -> Option<String> {
        let service = self.objects.slots().get(number)?.service();
        if let Some(successor) = self.objects.uncommitted().shown_by(table, service) {
            return successor;
        }
        let serving = self.objects.services().get(service).map(|service| service.instance());
        let left = self.retiring.iter().filter(|retiring| {
            retiring.slots.contains(&number)
                && (retiring.instance.first_generation()..retiring.retired_at).contains(&generation)
        });
        let left = left.map(|retiring| &retiring.instance);
        let found = serving.filter(|serving| serving.first_generation() <= generation).into_iter().chain(left).next();
        found.map(|instance| instance.implementation().component.to_string())
    }
}

impl RuntimeInner {
    /// Enters a slot: in a pinned world, in a successor, or in the current world, where the thread waits while a
    /// gate is shut.
    fn enter_slot(&self, thread: &'static ThreadRecord, place: Place) -> Result<SlowEntry, Refusal> {
        let record = thread.record();
        if let Some(entered) = self
            .enter_pinned(thread, place)
            .map_or_else(|| self.enter_uncommitted(thread, place), |held| Ok(Some(held)))?
        {
            return Ok(entered);
        }
        loop {
            let look = self.gate.look();
            let depth = record.depth();
            let table = record.publish(thread.frame(depth), depth, &self.core, place);
            // SAFETY: the table is alive until `leave`, and has every slot with a handle.
            if let Some(target) = unsafe { entry(table, place.offset()) }.target() {
                return Ok(SlowEntry { depth, table, target });
            }
            record.leave_to(depth);
            if self.is_closed() {
                let passed = self.pass_gate(thread, place)?;
                return passed.ok_or_else(|| (FaultKind::Revoked, "its runtime is gone".to_owned()));
            }
            if !look.is_shut() {
                if self.gate.look() == look {
                    return Err((FaultKind::Withdrawn, "nothing serves this handle any more".to_owned()));
                }
                continue;
            }
            if let Some(entered) = self.pass_gate(thread, place)? {
                return Ok(entered);
            }
            if !self.gate.wait(look) {
                return Err((FaultKind::Gate, "it waited at the gate of a replacement until its deadline".to_owned()));
            }
        }
    }

    /// Enters the world that the thread has pinned.
    fn enter_pinned(&self, thread: &'static ThreadRecord, place: Place) -> Option<SlowEntry> {
        // SAFETY: the record is this thread's own, and no borrow of it is alive.
        let pinned = unsafe { thread.pinned() };
        let table = pinned.iter().rev().find(|pinned| ptr::eq(pinned.core, &raw const self.core))?.table;
        // SAFETY: the pin keeps the world alive.
        let len = unsafe { (*table).len };
        if SlotId::of_offset(place.offset()).index() >= len {
            return None;
        }
        // SAFETY: the slot is inside the table, which the pin keeps alive.
        let target = unsafe { entry(table, place.offset()) }.target()?;
        let depth = thread.record().depth();
        thread.record().publish_held(thread.frame(depth), depth, table, place);
        Some(SlowEntry { depth, table, target })
    }

    /// Enters a successor, for the thread of a transaction.
    fn enter_uncommitted(&self, thread: &'static ThreadRecord, place: Place) -> Result<Option<SlowEntry>, Refusal> {
        if !thread.uses_slow_path() {
            return Ok(None);
        }
        let state = self.state();
        let Some((target, table)) = state.successor(thread, place) else {
            if state.is_only_pending(thread, place) {
                let text = "only what the plan brings serves this handle, and that is not there yet; \
                            call it later than in the constructor";
                return Err((FaultKind::Gate, text.to_owned()));
            }
            return Ok(None);
        };
        drop(state);
        let depth = thread.record().depth();
        // This thread owns the successor, and the table, until it is outside again.
        thread.record().publish_held(thread.frame(depth), depth, table, place);
        Ok(Some(SlowEntry { depth, table, target }))
    }

    /// Passes the gate, for a thread that the hand-over waits for or that executes it.
    fn pass_gate(&self, thread: &'static ThreadRecord, place: Place) -> Result<Option<SlowEntry>, Refusal> {
        let state = self.state();
        let Some(gate) = &state.gate else { return Ok(None) };
        let slot = SlotId::of_offset(place.offset());
        if gate.is_passed_by(thread.thread_id()) {
            let service = state.objects.slots().get(slot).map(|slot| slot.service());
            if service.is_some_and(|service| gate.has_saved(service)) {
                let text = "its state was saved and not restored yet, so the call would be lost; \
                            while state moves, call only what deps(..) declares";
                return Err((FaultKind::Gate, text.to_owned()));
            }
        } else if !state.is_inside_gate(thread, gate) {
            return Ok(None);
        }
        let Some(target) = gate.before().target(slot).or_else(|| state.objects.serving_target(slot)) else {
            return Ok(None);
        };
        let table = gate.before().table();
        let depth = thread.record().depth();
        // The world before the gate is alive while the gate is shut, and after that while this frame shows
        // it. So the frame is written under the state lock, which opening the gate takes, too.
        thread.record().publish_held(thread.frame(depth), depth, table, place);
        Ok(Some(SlowEntry { depth, table, target }))
    }
}
