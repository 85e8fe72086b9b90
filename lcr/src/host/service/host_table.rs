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
        fault::{Outcome, RawFault},
        frame::{Place, Record},
        tables::{Created, HostTable, RawContext, RawEntered, RawPin, RawSlot},
        value::{
            Abi,
            sequences::{RawSlice, RawVec},
        },
        world::Table,
    },
    error::{Error, Result},
    host::{
        ids::{Generation, PinId, SlotId},
        image::{logs, threads},
        objects::slots::SlotRef,
        worlds::records,
    },
};

use super::{
    async_calls,
    construct::Construction,
    entering::{answered, contained, refused},
    handles::inner_of,
    inner::RuntimeInner,
    state::State,
};

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
    enter_async: async_calls::enter,
    unwait: async_calls::unwait,
    detach: async_calls::detach,
    resume: async_calls::resume,
    end: async_calls::end,
    tracing: logs::TRACING,
    log: logs::LOG,
    panicked: logs::panics::panicked,
    watch: async_calls::watch,
    query,
};

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
        Ok(entered) => answered(thread, &entered),
        Err(refusal) => refused(thread, refusal),
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

unsafe extern "C" fn query(slot: *const RawSlot, interface: RawSlice<u8>, kind: *mut i32) -> Created {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: as above.
    let number = SlotId::of_offset(unsafe { (*slot).offset });
    // SAFETY: the caller's bytes live for the call.
    let encoded = unsafe { slice::from_raw_parts(interface.at, interface.len) };
    answer(|| {
        let found = inner.query_slot(number, encoded);
        let code = found.as_ref().err().map_or(0, |error| error.kind().code());
        // SAFETY: the caller gives room for the number.
        unsafe { kind.write(code) };
        found
    })
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
