//! Giving out handles, and taking back the slots of dropped ones.
//!
//! A slot's entry is filled in place before its first handle exists, and closed in place when its last handle
//! is gone; [`slots`](crate::host::objects::slots) has the numbers. A slot is one allocation, to which its
//! handles point, and holds one count of its [`RuntimeInner`].

use std::{
    ptr::NonNull,
    sync::{Arc, atomic::AtomicUsize},
    time::Instant,
};

use crate::{
    abi::{tables::RawSlot, world::Target},
    error::{Error, ErrorKind, Result},
    host::{
        ids::{ProviderId, ServiceId, SlotId, ViewId},
        objects::{
            builders::Wait,
            component::Implementation,
            provider::Visibility,
            slots::{Slot, SlotRef},
        },
        sys,
        worlds::records,
    },
};

use super::{
    construct::{Construction, TIMEOUT},
    inner::RuntimeInner,
    state::State,
};

impl RuntimeInner {
    /// A reference for a handle on a service, which is found or built.
    pub(crate) fn service_handle(
        self: &Arc<RuntimeInner>,
        encoded: &[u8],
        component: Option<&str>,
    ) -> Result<NonNull<RawSlot>> {
        if let Some(found) = self.shortcuts.find(encoded, component, || self.current_generation()) {
            return Ok(found.into_raw());
        }
        let mut state = self.state();
        let view = state.objects.resolve_view(encoded)?;
        let generation = state.generation();
        let provider = state.choose(view, component)?;
        drop(state);
        let service = self.service(provider, Visibility::Committed)?;
        let raw = self.handle_on(service, view, None)?.into_raw();
        // SAFETY: the reference is the caller's, and `take_back` forgets each slot before it frees it.
        unsafe { self.shortcuts.remember(encoded, component, generation, raw) };
        Ok(raw)
    }

    /// A reference for the only handle on a new instance.
    pub(crate) fn own_handle(
        self: &Arc<RuntimeInner>,
        encoded: &[u8],
        component: Option<&str>,
        config: Option<Arc<[u8]>>,
    ) -> Result<NonNull<RawSlot>> {
        let mut state = self.state();
        let view = state.objects.resolve_view(encoded)?;
        let provider = state.choose(view, component)?;
        drop(state);
        let service = self.build(provider, config, Visibility::Committed, false, None)?;
        Ok(self.handle_on(service, view, None)?.into_raw())
    }

    /// A reference for a handle of another interface, on the service that a slot belongs to.
    pub(super) fn adopt_slot(self: &Arc<RuntimeInner>, number: SlotId, encoded: &[u8]) -> Result<SlotRef> {
        let (service, view) = {
            let mut state = self.state();
            let view = state.objects.resolve_view(encoded)?;
            let service = state.objects.slots().get(number).expect("the caller's handle keeps the slot").service();
            state.objects.hold(service)?;
            (service, view)
        };
        self.handle_on(service, view, None)
    }

    /// A reference for a handle of another interface on the object that serves a slot now. If the slot is a
    /// dependent's, so is the new one.
    pub(super) fn query_slot(self: &Arc<RuntimeInner>, number: SlotId, encoded: &[u8]) -> Result<SlotRef> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone"));
        }
        let (service, view, dependent) = {
            let mut state = self.state();
            let view = state.objects.resolve_view(encoded)?;
            let slot = state.objects.slots().get(number);
            let slot = slot.ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))?;
            let (service, dependent) = (slot.service(), slot.dependent());
            state.objects.hold(service)?;
            (service, view, dependent)
        };
        self.handle_on(service, view, dependent.as_ref())
    }

    /// A reference for a constructor's handle on what its component depends on.
    pub(super) fn dependency_slot(
        self: &Arc<RuntimeInner>,
        construction: &Construction<'_>,
        encoded: &[u8],
    ) -> Result<SlotRef> {
        let (service, view) = {
            let mut state = self.state();
            let view = state.objects.resolve_view(encoded)?;
            let interface = &state.objects.views().get(view).interface.name;
            let Some(need) = construction.needs.iter().find(|need| need.interface == *interface) else {
                return Err(Error::new(
                    ErrorKind::Dependency,
                    format!(
                        "{interface} is not declared as a dependency; add it to deps(..) of the component or its \
                         interface"
                    ),
                ));
            };
            let service = need.service;
            state.objects.hold(service)?;
            (service, view)
        };
        self.handle_on(service, view, Some(construction.implementation))
    }

    /// A reference to the slot of a view on a service. Consumes one hold on the service. `dependent` is the
    /// component whose constructor gets the handle; `None` if a program does. The thread of a transaction may
    /// get a slot that only the successor of the service's instance will serve.
    pub(super) fn handle_on(
        self: &Arc<RuntimeInner>,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
    ) -> Result<SlotRef> {
        let thread = records::mine();
        let mut state = self.state();
        let deadline = Instant::now() + TIMEOUT;
        let result = loop {
            // Reusing a slot creates nothing, so it ignores the freeze.
            let existing = state.objects.slot_on(service, view, dependent);
            if let Some(existing) = existing {
                break Ok(existing);
            }
            let Some(found) = state.objects.services().get(service) else {
                break Err(Error::new(ErrorKind::Closed, "the runtime is gone"));
            };
            let frozen = found.providers().iter().copied().find(|&provider| state.is_frozen_for(provider, thread));
            if let Some(provider) = frozen
                && Instant::now() < deadline
            {
                state = match self.wait_for(state, Wait::Thawed(provider), deadline) {
                    Ok(state) => state,
                    Err(error) => {
                        state = self.state();
                        break Err(error);
                    }
                };
                continue;
            }
            let target = match state.target_of_new(service, view) {
                Ok(target) => target,
                Err(error) => break Err(error),
            };
            let room = state.objects.slots().refuse_too_many();
            break room.map(|()| self.open_slot(&mut state, service, view, dependent, target));
        };
        if result.is_ok() && dependent.is_none() {
            state.note_reached(service);
        }
        state.release(service);
        drop(state);
        if result.is_err() {
            self.wake_reaper();
        }
        result
    }

    /// Makes a slot of `view` on a service, with its target, whose functions are linked already. `target` is
    /// `None` if the slot is behind the gate.
    fn open_slot(
        self: &Arc<RuntimeInner>,
        state: &mut State,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
        target: Option<Target>,
    ) -> SlotRef {
        let number = state.objects.slots_mut().take_number();
        if !state.world.has(number) {
            let len = state.world.len() * 2;
            self.publish(state, &[], len);
        }
        state.world.entry(number).set(target);
        let raw = Box::into_raw(Box::new(RawSlot {
            core: Arc::into_raw(Arc::clone(self)).cast(),
            host: self.host,
            offset: number.offset(),
            references: AtomicUsize::new(1),
        }));
        let raw = NonNull::new(raw).expect("a box is not null");
        // SAFETY: `take_back` frees it when it has taken the slot out.
        let slot = unsafe { Slot::new(raw, view, service, dependent) };
        state.objects.add_slot(number, slot);
        let instance = state.objects.services().get(service).map(|service| service.instance().first_generation());
        if target.is_none()
            && let Some((gate, first_generation)) = state.gate.as_mut().zip(instance)
        {
            gate.add_slot(number, first_generation);
        }
        SlotRef::first(raw)
    }

    /// Takes back the slots whose last handle is gone, and retires the instances that nothing holds any more.
    /// Returns whether there were any such slots.
    pub(crate) fn take_back(&self, state: &mut State) -> bool {
        let released = self.reaper.take_released();
        let is_some = !released.is_empty();
        for raw in released {
            // SAFETY: a released slot is freed only below, and is released once.
            let number = SlotId::of_offset(unsafe { raw.as_ref() }.offset);
            let generation = state.generation();
            let service = state.objects.slots().get(number).map(Slot::service);
            let (is_there, unused) = state.objects.remove_slot(number, generation);
            if !is_there {
                continue;
            }
            state.world.entry(number).set(None);
            if let Some((service, instance)) = service.zip(unused) {
                state.end_service(service, instance);
            }
            self.shortcuts.forget(raw);
            // SAFETY: no handle is left, and the slot was just taken out of the table and the shortcuts.
            unsafe { free(raw) };
        }
        let oldest = state.retired.oldest();
        state.objects.slots_mut().reclaim(oldest);
        is_some
    }
}

impl State {
    /// The provider whose service a program gets for a view.
    fn choose(&self, view: ViewId, component: Option<&str>) -> Result<ProviderId> {
        let interface = &self.objects.views().get(view).interface;
        self.objects.registry().choose(&interface.name, interface.version, component, Visibility::Committed)
    }

    /// The target of a new slot of a view on a service. `None` if the service is behind the gate, or if only
    /// the successor of its instance will serve the slot and this is the transaction's thread.
    fn target_of_new(&self, service: ServiceId, view: ViewId) -> Result<Option<Target>> {
        let found = self.objects.services().get(service);
        let found = found.ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))?;
        // While the service is behind the gate, only the thread of the hand-over comes here, and threads
        // that are inside a member.
        let is_gated = self.gate.as_ref().is_some_and(|gate| gate.has_service(service));
        match self.objects.target_on(service, found.instance(), view) {
            Ok(target) if !is_gated => Ok(Some(target)),
            Ok(_) => Ok(None),
            Err(error) => {
                let is_ahead = self.objects.uncommitted().has(sys::thread_id());
                if is_ahead && self.objects.successor_serves(found, view) { Ok(None) } else { Err(error) }
            }
        }
    }
}

/// Frees a slot and its count of the [`RuntimeInner`].
///
/// # Safety
/// `raw` came from [`RuntimeInner::open_slot`], nothing refers to it, and the caller holds a
/// count of the `RuntimeInner` of its own.
unsafe fn free(raw: NonNull<RawSlot>) {
    // SAFETY: `open_slot` boxed it.
    let slot = unsafe { Box::from_raw(raw.as_ptr()) };
    // SAFETY: `open_slot` took this count for the slot.
    unsafe { Arc::decrement_strong_count(slot.core.cast::<RuntimeInner>()) };
}

/// The runtime of a slot, with a count of its own.
///
/// # Safety
/// `slot` came from [`RuntimeInner::open_slot`] and is alive.
pub(super) unsafe fn inner_of(slot: *const RawSlot) -> Arc<RuntimeInner> {
    // SAFETY: by contract the slot is alive.
    let inner = unsafe { (*slot).core }.cast::<RuntimeInner>();
    // SAFETY: the slot holds a count.
    unsafe { Arc::increment_strong_count(inner) };
    // SAFETY: the count just taken.
    unsafe { Arc::from_raw(inner) }
}

#[cfg(all(test, not(loom)))]
pub(super) mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use crate::{
        abi::interface::Interface as _,
        component::{handle::Handle, image},
        host::{
            image::{
                manifest::Manifest,
                stage::{Store, Trust},
            },
            objects::component::Component,
            service::host_table::HOST_TABLE,
        },
    };

    use super::*;

    #[lcr::interface(name = "handles.lamp", version = 1)]
    pub(in super::super) trait Lamp {
        fn shine(&self) -> u32;
    }

    #[derive(Default)]
    struct Oil;

    #[lcr::component(name = "oil", version = "1.0.0")]
    impl Lamp for Oil {
        fn shine(&self) -> u32 {
            7
        }
    }

    pub(in super::super) fn runtime() -> Arc<RuntimeInner> {
        let inner = RuntimeInner::new(&HOST_TABLE, true, Store::new(None, Trust::default()).unwrap(), Duration::ZERO);
        let own = image::exports().iter().find_map(|&export| {
            let manifest = Manifest::decode(export.manifest()).unwrap().exports.remove(0);
            (manifest.component.name == "oil").then_some((export, manifest))
        });
        let (export, manifest) = own.unwrap();
        let implementation = Implementation::new(Component::linked(&manifest), manifest, export);
        inner.state().objects.registry_mut().add(implementation).unwrap();
        inner
    }

    pub(in super::super) fn lamp(inner: &Arc<RuntimeInner>, component: Option<&str>) -> Handle<dyn Lamp> {
        let slot = inner.service_handle(<dyn Lamp>::ENCODED, component).unwrap();
        // SAFETY: the slot was linked for this interface, and its reference is ours.
        unsafe { Handle::from_slot(slot) }
    }

    #[test]
    fn asking_for_a_service_that_was_found_does_not_wait_for_the_state_lock() {
        let inner = runtime();
        let _first = (lamp(&inner, None), lamp(&inner, Some("oil")));
        let (send, found) = mpsc::channel();
        let state = inner.state();
        let other = Arc::clone(&inner);
        let reader = thread::spawn(move || {
            let answers = (lamp(&other, None).shine(), lamp(&other, Some("oil")).shine());
            send.send(answers).unwrap();
        });
        // As long as the other thread needs: this one holds the lock until then.
        let answers = found.recv_timeout(Duration::from_secs(60));
        drop(state);
        assert_eq!(answers.expect("the reader waited for the lock"), (7, 7));
        reader.join().unwrap();
    }

    #[test]
    fn a_service_is_found_by_many_threads_while_it_comes_and_goes() {
        let inner = runtime();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for round in 0..2_000 {
                        let component = (round % 2 == 0).then_some("oil");
                        assert_eq!(lamp(&inner, component).shine(), 7);
                    }
                });
            }
            scope.spawn(|| {
                for _ in 0..500 {
                    let mut state = inner.state();
                    inner.publish_commit(&mut state, &[]);
                    drop(state);
                    inner.reap();
                }
            });
        });
        assert_eq!(lamp(&inner, None).shine(), 7);
    }
}
