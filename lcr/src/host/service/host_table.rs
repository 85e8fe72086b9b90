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
        fault::{Beginning, FaultKind, Outcome, RawFault},
        frame::{Place, Record},
        tables::{Created, HostTable, RawContext, RawEntered, RawPin, RawSlot},
        value::{
            Abi,
            sequences::{RawSlice, RawVec},
        },
        world::Table,
    },
    component::identity::ComponentId,
    error::{Error, MethodId, Result},
    host::{
        ids::{Generation, PinId, SlotId},
        image::{logs, threads},
        objects::{component::Implementation, slots::SlotRef},
        serial::cut,
        worlds::records,
    },
};

use super::{
    async_calls,
    construct::Construction,
    entering::{answered, contained, refused},
    events::kind::EventKind,
    handles::inner_of,
    inner::RuntimeInner,
    state::{Role, State},
};

/// How many bytes of a panic's text an event has.
const LONGEST_MESSAGE: usize = 4_096;

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
    let entered = match contained(|| inner.enter_for_thread(thread, Place::new(slot.offset, method))) {
        Ok(entered) => answered(thread, &entered),
        Err(refusal) => refused(thread, refusal),
    };
    // SAFETY: the caller gives room for the answer.
    unsafe { out.write(entered) };
}

unsafe extern "C" fn component_at(
    slot: *const RawSlot,
    table: *const Table,
    method: u32,
    fault: *const RawFault,
) -> RawVec<u8> {
    // SAFETY: the caller's handle keeps the slot alive.
    let inner = unsafe { inner_of(slot) };
    // SAFETY: as above.
    let number = SlotId::of_offset(unsafe { (*slot).offset });
    // SAFETY: the caller is inside this world, which keeps it alive.
    let generation = Generation::of_table(unsafe { &*table });
    // SAFETY: the caller has not taken its fault.
    let (kind, message, beginning) = unsafe { RawFault::look(fault) };
    let serving = catch_unwind(AssertUnwindSafe(|| {
        let state = inner.state();
        let serving = state.serving_in(number, table, generation);
        let name = serving.map(|implementation| implementation.component.to_string());
        if kind == FaultKind::Panic {
            let (is_noted, event) = state.note_panic(serving, number, method, message, beginning);
            drop(state);
            event.into_iter().for_each(|event| inner.tell(event));
            inner.guest.get().filter(|_| is_noted).into_iter().for_each(|guest| guest.note_fault());
        }
        name
    }));
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
    /// The implementation that serves a slot in the world that a call is inside. An instance's address does not tell
    /// that, since all instances of types without fields have the same one.
    pub(super) fn serving_in(
        &self,
        number: SlotId,
        table: *const Table,
        generation: Generation,
    ) -> Option<&Arc<Implementation>> {
        let service = self.objects.slots().get(number)?.service();
        if let Some(successor) = self.objects.uncommitted().shown_by(table, service) {
            return successor;
        }
        let serving = self.objects.services().get(service).map(|service| service.instance());
        let left = self.retiring.iter().filter(|retiring| {
            retiring.role == Role::Served
                && retiring.slots.contains(&number)
                && (retiring.instance.first_generation()..retiring.retired_at).contains(&generation)
        });
        let left = left.map(|retiring| &retiring.instance);
        let found = serving.filter(|serving| serving.first_generation() <= generation).into_iter().chain(left).next();
        found.map(|instance| instance.implementation())
    }

    /// Notes a panic with the implementation in whose code it began, unless it was noted before. Returns whether it is
    /// noted now, and what to tell of it.
    ///
    /// A panic passes through each caller that does not catch it. It says where it began as soon as it has left a
    /// callback, or a call; in the first case it has a component and no generation, and is noted here with the
    /// component of that name and version that is present.
    ///
    /// Of each method the first panic is told, the tenth, the hundredth: thousands of the same must not push everything
    /// else out of the events. The counts are in the status.
    fn note_panic(
        &self,
        serving: Option<&Arc<Implementation>>,
        slot: SlotId,
        method: u32,
        mut message: String,
        beginning: Option<Beginning>,
    ) -> (bool, Option<EventKind>) {
        let called = self.method_at(slot, method);
        let (count, origin) = match beginning {
            None => (serving.map(|serving| serving.faults().note(called.clone(), &message)), None),
            Some(Beginning { generation: 1.., .. }) => (None, None),
            Some(Beginning { component, .. }) => {
                let present = ComponentId::parse(&component).and_then(|id| self.present_version(&id));
                (present.map(|present| present.faults().note(None, &message)), Some(component))
            }
        };
        let Some(count) = count else { return (false, None) };
        let is_told = 10_u64.pow(count.ilog10()) == count;
        let event = is_told.then(|| {
            cut(&mut message, LONGEST_MESSAGE);
            let (interface, method) = called.map(|called| (called.interface, called.method)).unzip();
            let component = serving.map(|serving| serving.component.id.clone());
            EventKind::Fault { component, interface: interface.unwrap_or_default(), method, origin, message }
        });
        (true, event)
    }

    /// An implementation of a component that is present.
    fn present_version(&self, id: &ComponentId) -> Option<&Arc<Implementation>> {
        let registry = self.objects.registry();
        let providers = registry.of_component(&id.name).iter().filter_map(|&provider| registry.get(provider));
        providers.map(|provider| provider.implementation()).find(|present| present.component.id == *id)
    }

    fn method_at(&self, slot: SlotId, method: u32) -> Option<MethodId> {
        let interface = &self.objects.views().get(self.objects.slots().get(slot)?.view()).interface;
        let method = interface.methods.get(method as usize)?;
        Some(MethodId { interface: interface.name.clone(), method: method.shape.name.to_string() })
    }
}
