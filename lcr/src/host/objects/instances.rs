//! Instances: building them, holding them, and letting go of them.
//!
//! An [`ServiceEntry`] is what handles are bound to; it keeps its slots, configuration and
//! dependents over every replacement. An [`Instance`] is one constructed object that
//! serves it for a while.
//!
//! Invariants
//! 1. An instance is destroyed by the reaper, when the last count of it is its own.
//! 2. The dependencies of an instance outlive it.
//! 3. Dependencies are built first, in the order in which they are declared; a cycle is
//!    refused before anything is built.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    ptr,
    sync::{Arc, MutexGuard},
    time::{Duration, Instant},
};

use crate::{
    abi::{
        composite::RawResult,
        fault::Outcome,
        owned::{RawSlice, RawVec},
        tables::RawContext,
        value::Abi,
        world::Target,
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, ProviderId, ServiceId, SlotId, ViewId},
        service::{
            host_table::HOST_TABLE,
            inner::{Retiring, RuntimeInner, State},
        },
        sys,
        worlds::records,
    },
};

use super::{
    builders::{Wait, Wakes},
    order::{NESTED, depth_first, depths},
    registry::{Implementation, Provider, Visibility},
    slots::SlotRef,
};

/// One instance of a provider, whatever instance serves it.
pub(crate) struct ServiceEntry {
    pub(crate) provider: ProviderId,
    pub(crate) instance: Arc<Instance>,
    pub(crate) slots: Vec<SlotId>,
    /// Dependents, and builders that are not done: what keeps it beside its slots.
    pub(crate) holds: usize,
    pub(crate) config: Option<Arc<[u8]>>,
}

/// One constructed object.
pub(crate) struct Instance {
    pub(crate) address: usize,
    pub(crate) implementation: Arc<Implementation>,
    /// The first world that may show it.
    pub(crate) first_generation: Generation,
    /// The instances it depends on, each held once, and their interfaces.
    pub(crate) needs: Vec<Held>,
}

/// A dependency that is built and held.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) interface: String,
    pub(crate) service: ServiceId,
}

/// How an instance comes about.
#[derive(Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// By its constructor.
    Create,
    /// From a predecessor's state of this version.
    Restore(u32, &'a [u8]),
}

/// What a host's function finds behind [`RawContext::cookie`].
pub(in crate::host) struct Construction<'a> {
    pub(in crate::host) inner: &'a Arc<RuntimeInner>,
    pub(in crate::host) needs: &'a [Held],
    pub(in crate::host) implementation: &'a Arc<Implementation>,
}

/// How long a thread waits for another one that builds the same service, or for a
/// transaction that is moving its state.
const PATIENCE: Duration = Duration::from_secs(60);

impl RuntimeInner {
    /// The shared instance of a provider, built if need be, with one hold for the caller.
    pub(crate) fn service(self: &Arc<RuntimeInner>, provider: ProviderId, visibility: Visibility) -> Result<ServiceId> {
        let me = sys::thread_id();
        let thread = records::mine();
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state();
        loop {
            let seat = self.seat(&state, provider)?;
            if let Some(service) = seat.service {
                state.services[service].holds += 1;
                return Ok(service);
            }
            let wait = match seat.building {
                Some(builder) if builder == me => return Err(state.asks_for_itself(me, provider)),
                Some(_) => Wait::Constructed(provider),
                None if state.is_frozen_for(provider, thread) => Wait::Thawed(provider),
                None => break,
            };
            if Instant::now() >= deadline {
                return Err(busy_building(&seat.implementation.component.name));
            }
            state = self.wait_for(state, wait, deadline)?;
        }
        let visibility = self.seat(&state, provider)?.visibility_of_present(visibility);
        state.refuse_cycle(provider, visibility)?;
        state.registry.providers[provider].building = Some(me);
        let config = state.registry.providers[provider].config.clone();
        drop(state);
        // Whatever becomes of it, others must not wait for this thread any more.
        let built = catch_unwind(AssertUnwindSafe(|| self.build(provider, config, visibility)));
        let mut state = self.state();
        if let Some(seat) = state.registry.providers.get_mut(provider) {
            seat.building = None;
            if let Ok(Ok(service)) = built {
                seat.service = Some(service);
                // What was configured meanwhile is for its successors.
                let config = seat.config.clone();
                state.services[service].config = config;
            }
        }
        drop(state);
        self.changed.notify_all();
        built.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Waits until something has changed, or until the deadline.
    ///
    /// # Errors
    /// `Dependency` or `Busy` if the calling thread would wait for itself.
    fn wait_for<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        wait: Wait,
        deadline: Instant,
    ) -> Result<MutexGuard<'a, State>> {
        let me = sys::thread_id();
        if let Wakes::Transaction = state.begin_wait(me, wait)? {
            self.changed.notify_all();
        }
        state = self.wait_for_change(state, deadline);
        state.builders.wake(me);
        Ok(state)
    }

    /// A new instance of a provider, with one hold for the caller.
    pub(crate) fn build(
        self: &Arc<RuntimeInner>,
        provider: ProviderId,
        config: Option<Arc<[u8]>>,
        visibility: Visibility,
    ) -> Result<ServiceId> {
        let me = records::mine();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let implementation = {
                let mut state = self.state();
                let implementation = Arc::clone(&self.seat(&state, provider)?.implementation);
                state.builders.begin(sys::thread_id(), provider, &implementation.component.name)?;
                implementation
            };
            let instance = self.instantiate(&implementation, config.as_deref(), visibility, Origin::Create);
            let mut state = self.state();
            state.builders.end(sys::thread_id());
            let instance = instance?;
            while state.is_frozen_for(provider, me) && !self.is_closed() && Instant::now() < deadline {
                state = match self.wait_for(state, Wait::Thawed(provider), deadline) {
                    Ok(state) => state,
                    Err(error) => {
                        self.discard(self.state(), instance);
                        return Err(error);
                    }
                };
            }
            let seat = self.seat(&state, provider);
            let is_current = !state.is_frozen_for(provider, me)
                && seat.as_ref().is_ok_and(|seat| Arc::ptr_eq(&seat.implementation, &implementation));
            if is_current {
                // What a thread behind the gate builds, it calls in the world before the gate.
                let before = state.gate.as_ref().map(|gate| gate.before.generation());
                let first_generation = before.unwrap_or(state.generation());
                let instance = Arc::new(Instance { first_generation, ..instance });
                state.registry.providers[provider].instances += 1;
                let service = ServiceEntry { provider, instance, slots: Vec::new(), holds: 1, config };
                let id = state.services.insert(service);
                if let Some(gate) = state.gate.as_mut().filter(|gate| gate.providers.contains(&provider)) {
                    gate.instances.insert(id);
                }
                return Ok(id);
            }
            let refusal = seat.err();
            self.discard(state, instance);
            if let Some(refusal) = refusal {
                return Err(refusal);
            }
            if Instant::now() >= deadline {
                return Err(busy_building(&implementation.component.name));
            }
        }
    }

    /// Constructs an object with its dependencies; the caller owns it. Runs the
    /// component's code on this thread.
    pub(crate) fn instantiate(
        self: &Arc<RuntimeInner>,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        visibility: Visibility,
        origin: Origin<'_>,
    ) -> Result<Instance> {
        let needs = self.hold_needs(implementation, visibility)?;
        match self.construct(implementation, config, &needs, origin) {
            Ok(address) => {
                let mut state = self.state();
                state.tally.constructed += 1;
                let first_generation = state.generation();
                Ok(Instance { address, implementation: Arc::clone(implementation), first_generation, needs })
            }
            Err(error) => {
                self.state().drop_needs(&needs);
                self.reaper.wake();
                Err(error)
            }
        }
    }

    /// The dependencies of an implementation, built if need be, with one hold on each for
    /// the caller.
    pub(crate) fn hold_needs(
        self: &Arc<RuntimeInner>,
        implementation: &Implementation,
        visibility: Visibility,
    ) -> Result<Vec<Held>> {
        let mut held = Vec::new();
        for need in &implementation.manifest.deps {
            let built = {
                let state = self.state();
                let chosen = state.registry.choose(&need.interface, need.version, None, visibility);
                drop(state);
                chosen.and_then(|provider| self.service(provider, visibility))
            };
            match built {
                Ok(service) => held.push(Held { interface: need.interface.clone(), service }),
                Err(error) => {
                    self.state().drop_needs(&held);
                    self.reaper.wake();
                    let error = match error.kind() {
                        ErrorKind::NotFound => Error::new(ErrorKind::Dependency, error.to_string()),
                        _ => error,
                    };
                    let text =
                        format!("component `{}` needs {} v{}", implementation.component, need.interface, need.version);
                    return Err(error.at(text));
                }
            }
        }
        Ok(held)
    }

    fn construct(
        self: &Arc<RuntimeInner>,
        implementation: &Arc<Implementation>,
        config: Option<&[u8]>,
        needs: &[Held],
        origin: Origin<'_>,
    ) -> Result<usize> {
        let construction = Construction { inner: self, needs, implementation };
        let component: &str = &implementation.component.name;
        let context = RawContext {
            host: &raw const HOST_TABLE,
            cookie: ptr::from_ref(&construction).cast(),
            component: component.into_repr(),
            config: config.unwrap_or_default().into_repr(),
        };
        let export = implementation.export;
        let (outcome, kind, verb) = match origin {
            Origin::Create => {
                // SAFETY: the context lives for the call.
                let outcome = unsafe { (export.create)(&raw const context) };
                (outcome, ErrorKind::Construct, "constructor")
            }
            Origin::Restore(version, bytes) => {
                let Some(restore) = export.restore else {
                    return Err(Error::new(
                        ErrorKind::State,
                        format!(
                            "component `{}` takes no state; declare #[lcr::component(state)]",
                            implementation.component
                        ),
                    ));
                };
                let bytes: RawSlice<u8> = bytes.into_repr();
                // SAFETY: the context and the bytes live for the call.
                let outcome = unsafe { restore(&raw const context, version, bytes) };
                (outcome, ErrorKind::State, "restore")
            }
        };
        verdict::<usize>(outcome, kind, implementation, verb)
    }

    /// Asks an instance for its health, if it has a check.
    pub(crate) fn check(instance: &Instance) -> Result<()> {
        let implementation = &instance.implementation;
        let Some(healthy) = implementation.export.healthy else { return Ok(()) };
        // SAFETY: the caller's count keeps the instance alive.
        let outcome = unsafe { healthy(instance.address) };
        verdict::<()>(outcome, ErrorKind::Unhealthy, implementation, "health check")
    }

    /// Saves an instance's state.
    pub(crate) fn save(instance: &Instance) -> Result<Vec<u8>> {
        let implementation = &instance.implementation;
        let Some(save) = implementation.export.save else {
            return Err(Error::new(
                ErrorKind::State,
                format!("component `{}` has no state to save", implementation.component),
            ));
        };
        // SAFETY: the caller's count keeps the instance alive.
        let outcome = unsafe { save(instance.address) };
        verdict::<Vec<u8>>(outcome, ErrorKind::State, implementation, "save")
    }

    /// Has an object destroyed that no world ever showed.
    pub(crate) fn discard(&self, mut state: MutexGuard<'_, State>, instance: Instance) {
        let retired_at = state.generation();
        state.retiring.push(Retiring { instance: Arc::new(instance), slots: Vec::new(), retired_at });
        drop(state);
        self.reaper.wake();
    }

    /// A reference to the slot of a view on an instance; consumes one hold on it.
    pub(crate) fn handle_on(self: &Arc<RuntimeInner>, service: ServiceId, view: ViewId) -> Result<SlotRef> {
        self.handle_for(service, view, None)
    }

    /// As [`RuntimeInner::handle_on`], for a dependent's constructor. The thread of a
    /// transaction may get one that only the instance's successor will serve.
    pub(in crate::host) fn handle_for(
        self: &Arc<RuntimeInner>,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
    ) -> Result<SlotRef> {
        let me = sys::thread_id();
        let thread = records::mine();
        let mut state = self.state();
        let deadline = Instant::now() + PATIENCE;
        let result = loop {
            // Reusing a slot creates nothing, so it ignores the freeze.
            let existing = state.slot_on(service, view, dependent);
            if let Some(existing) = existing {
                break Ok(existing);
            }
            let provider = state.service(service)?.provider;
            if state.is_frozen_for(provider, thread) && Instant::now() < deadline {
                state = match self.wait_for(state, Wait::Thawed(provider), deadline) {
                    Ok(state) => state,
                    Err(error) => {
                        state = self.state();
                        break Err(error);
                    }
                };
                continue;
            }
            let instance = Arc::clone(&state.services[service].instance);
            // Behind the gate only the thread of the hand-over comes here, and threads that
            // are inside a member.
            let is_gated = state.gate.as_ref().is_some_and(|gate| gate.instances.contains(&service));
            let serving = instance.implementation.functions(view, state.views.get(view));
            let is_ahead = state.uncommitted.contains_key(&me);
            let coming = state.registry.providers[provider].successor().filter(|_| is_ahead);
            let is_coming = coming.is_some_and(|coming| coming.functions(view, state.views.get(view)).is_ok());
            let target = match serving {
                Ok(functions) if !is_gated => {
                    let data = ptr::with_exposed_provenance(instance.address);
                    Some(Target { data, methods: functions.address() })
                }
                Err(error) if !is_coming => break Err(error),
                _ => None,
            };
            let room = state.slots.refuse_too_many();
            break room.map(|()| self.open_slot(&mut state, service, view, dependent, target));
        };
        state.services[service].holds -= 1;
        state.let_go(service);
        drop(state);
        if result.is_err() {
            self.reaper.wake();
        }
        result
    }

    fn seat<'s>(&self, state: &'s State, provider: ProviderId) -> Result<&'s Provider> {
        if self.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the runtime is gone; nothing can be built in it"));
        }
        state
            .registry
            .providers
            .get(provider)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, "the component was removed meanwhile; ask again"))
    }
}

fn busy_building(name: &str) -> Error {
    Error::new(
        ErrorKind::Busy,
        format!(
            "component `{name}` has been under construction or in a hand-over for {} s; try again",
            PATIENCE.as_secs()
        ),
    )
}

/// The value of a component's fallible function.
fn verdict<T: Abi>(
    outcome: Outcome<RawResult<T::Repr, RawVec<u8>>>,
    kind: ErrorKind,
    implementation: &Implementation,
    verb: &str,
) -> Result<T> {
    let component = &implementation.component;
    // SAFETY: an export's functions keep the contract of `Outcome`.
    let raw = unsafe { outcome.into_result() }.map_err(|(_, message, _)| {
        Error::new(kind, format!("component `{component}` panicked in its {verb}: {message}"))
    })?;
    // SAFETY: the outcome is used once.
    let result: Result<T, String> = unsafe { Abi::from_repr(raw) };
    result.map_err(|message| Error::new(kind, format!("component `{component}` refused in its {verb}: {message}")))
}

impl State {
    /// An instance that somebody holds.
    ///
    /// # Errors
    /// `Closed` if the end of the runtime has taken it out.
    pub(crate) fn service(&mut self, id: ServiceId) -> Result<&mut ServiceEntry> {
        self.services.get_mut(id).ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))
    }

    /// What a slot holds when no gate is shut: its instance as it serves now.
    pub(crate) fn serving_target(&self, number: SlotId) -> Option<Target> {
        let slot = self.slots.get(number)?;
        let instance = &self.services.get(slot.service)?.instance;
        let functions = instance.implementation.functions(slot.view, self.views.get(slot.view)).ok()?;
        let data = ptr::with_exposed_provenance(instance.address);
        Some(Target { data, methods: functions.address() })
    }

    /// Retires an instance that nothing holds.
    pub(crate) fn let_go(&mut self, id: ServiceId) {
        let service = &self.services[id];
        if service.holds > 0 || !service.slots.is_empty() {
            return;
        }
        let service = self.services.remove(id);
        if let Some(seat) = self.registry.providers.get_mut(service.provider) {
            seat.instances -= 1;
            if seat.service == Some(id) {
                seat.service = None;
            }
        }
        self.drop_orphan(service.provider);
        let retired_at = self.generation().next();
        self.retiring.push(Retiring { instance: service.instance, slots: Vec::new(), retired_at });
    }

    /// Removes a provider whose transaction failed, once it has no instances.
    pub(crate) fn drop_orphan(&mut self, provider: ProviderId) {
        let is_unused = |seat: &Provider| seat.orphan && seat.instances == 0;
        if self.registry.providers.get(provider).is_some_and(is_unused) {
            self.registry.remove(provider);
        }
    }

    /// Gives up the holds of a destroyed instance on its dependencies.
    pub(crate) fn drop_needs(&mut self, needs: &[Held]) {
        for need in needs {
            if let Some(service) = self.services.get_mut(need.service) {
                service.holds -= 1;
                self.let_go(need.service);
            }
        }
    }

    /// Refuses what could not be built with all that it needs: a ring, or more levels than
    /// a stack is sure to have room for.
    fn refuse_cycle(&self, provider: ProviderId, visibility: Visibility) -> Result<()> {
        let mut sights = HashMap::from([(provider, visibility)]);
        let mut needs = HashMap::new();
        let next = |id: ProviderId| {
            let seat = &self.registry.providers[id];
            let visibility = seat.visibility_of_present(sights.get(&id).copied().unwrap_or(visibility));
            let deps = &seat.implementation.manifest.deps;
            // What is missing is reported when it is built.
            let chosen = deps
                .iter()
                .filter_map(|need| self.registry.choose(&need.interface, need.version, None, visibility).ok());
            let chosen: Vec<ProviderId> = chosen.collect();
            chosen.iter().for_each(|&need| _ = sights.entry(need).or_insert(visibility));
            needs.insert(id, chosen.clone());
            chosen
        };
        let name = |id: &ProviderId| self.registry.providers[*id].implementation.component.name.as_str();
        let order = depth_first([provider], next, |ring| {
            let names: Vec<&str> = ring.iter().chain(ring.first()).map(name).collect();
            let names = names.join(" -> ");
            let text = format!("components depend on each other in a cycle: {names}; break it at one of them");
            Some(Error::new(ErrorKind::Dependency, text))
        })?;
        let depths = depths(&order, |id| needs.get(&id).cloned().unwrap_or_default());
        match depths.get(&provider) {
            Some(&depth) if depth > NESTED => Err(too_deep(name(&provider), depth)),
            _ => Ok(()),
        }
    }
}

/// A component whose dependencies are nested deeper than they are built.
pub(crate) fn too_deep(component: &str, depth: usize) -> Error {
    let text = format!(
        "the dependencies of component `{component}` are nested {depth} deep, the limit is {NESTED}; \
         have components share what they need, instead of one needing the next"
    );
    Error::new(ErrorKind::Dependency, text)
}
