//! [`Objects`]: everything that is present in one runtime.
//!
//! What concerns several parts happens here, so that no part knows another one: the end of a service lowers
//! its provider's count, and a new slot keeps its service.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::{
    abi::world::{Table, Target},
    error::{Error, Result},
    host::{
        ids::{Generation, ProviderId, ServiceId, SlotId, ThreadId, ViewId},
        image::link::Views,
        worlds::{records::ThreadRecord, world::World},
    },
};

use super::{
    builders::{Builders, Wait, Wakes},
    component::Implementation,
    cycle,
    instances::Instance,
    order::dependencies_first,
    patches::Patches,
    points::Points,
    provider::Visibility,
    registry::Registry,
    services::{ServiceEntry, Services},
    slots::{Slot, SlotRef, Slots},
    uncommitted::Uncommitted,
};

/// Everything that is present in one runtime.
#[derive(Default)]
pub(crate) struct Objects {
    registry: Registry,
    pub(super) views: Views,
    services: Services,
    pub(super) slots: Slots,
    builders: Builders,
    uncommitted: Uncommitted,
    pub(super) patches: Patches,
    points: Points,
    revision: u64,
}

impl Objects {
    /// Counts how often a service, an instance or a slot came or went, or was configured: what a walk over them found
    /// holds as long as this number stays.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The providers, by component and interface.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn registry_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// The views: the interfaces as images know them.
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// The view of an interface in its encoded form.
    ///
    /// # Errors
    /// `BadManifest` if the bytes are not an interface.
    pub(in crate::host) fn resolve_view(&mut self, encoded: &[u8]) -> Result<ViewId> {
        self.views.resolve(encoded)
    }

    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(in crate::host) fn slots_mut(&mut self) -> &mut Slots {
        &mut self.slots
    }

    /// Every service, each after those that its instance holds as dependencies.
    pub(crate) fn dependencies_first(&self) -> Vec<ServiceId> {
        dependencies_first(&self.services)
    }

    /// The successors that the threads of transactions meet before the commit.
    pub(crate) fn uncommitted(&self) -> &Uncommitted {
        &self.uncommitted
    }

    pub(crate) fn uncommitted_mut(&mut self) -> &mut Uncommitted {
        &mut self.uncommitted
    }

    /// As [`Objects::resolve_view`], of an interface that this image was compiled with.
    pub(crate) fn resolve_own(&mut self, encoded: &'static [u8]) -> Result<ViewId> {
        self.views.resolve(encoded)
    }

    /// The patches.
    pub(crate) fn patches(&self) -> &Patches {
        &self.patches
    }

    /// The patches, to be changed: what was found of targets before counts no more.
    pub(crate) fn patches_mut(&mut self) -> &mut Patches {
        self.revision += 1;
        &mut self.patches
    }

    /// The points that are armed.
    pub(crate) fn points(&self) -> &Points {
        &self.points
    }

    pub(crate) fn points_mut(&mut self) -> &mut Points {
        &mut self.points
    }

    /// The target of a slot of `view` on a service that `instance` serves, or will serve, with its patches.
    ///
    /// # Errors
    /// As for [`Instance::target`].
    pub(crate) fn target_on(&self, id: ServiceId, instance: &Instance, view: ViewId) -> Result<Target> {
        let base = instance.target(view, &self.views)?;
        if self.patches.is_empty() {
            return Ok(base);
        }
        let of = (view, self.views.get(view));
        let implementation = instance.implementation();
        let face = implementation.face(&of.1.interface.name);
        let providers = self.services.get(id).map(ServiceEntry::providers).unwrap_or_default();
        let is_shared = providers.iter().any(|&provider| self.registry.shared(provider) == Some(id));
        Ok(face.map_or(base, |face| self.patches.over(id, base, (implementation, face), of, is_shared)))
    }

    /// The services of each provider.
    pub(crate) fn services_by_provider(&self) -> HashMap<ProviderId, Vec<ServiceId>> {
        let mut services: HashMap<ProviderId, Vec<ServiceId>> = HashMap::new();
        for (id, service) in self.services.iter() {
            for &provider in service.providers() {
                services.entry(provider).or_default().push(id);
            }
        }
        services
    }

    /// Adds a service of a provider, and of those whose implementations share its objects, with one hold for the
    /// caller.
    pub(in crate::host) fn add_service(
        &mut self,
        provider: ProviderId,
        instance: Arc<Instance>,
        config: Option<Arc<[u8]>>,
    ) -> ServiceId {
        self.revision += 1;
        let providers = self.registry.sharing_objects(provider);
        providers.iter().for_each(|&provider| self.registry.gain_instance(provider));
        self.services.add(providers, instance, config)
    }

    /// Has a service count for these providers from now on. Where one of them has no shared instance, and the
    /// service is that of another one, it becomes the shared instance of all.
    pub(crate) fn change_providers(&mut self, id: ServiceId, providers: &[ProviderId]) {
        self.revision += 1;
        let before = self.services.set_providers(id, providers.to_vec());
        let is_shared = before.iter().any(|&provider| self.registry.shared(provider) == Some(id));
        providers.iter().filter(|provider| !before.contains(provider)).for_each(|&provider| {
            self.registry.gain_instance(provider);
            if is_shared {
                self.registry.share(provider, id);
            }
        });
        before.iter().filter(|provider| !providers.contains(provider)).for_each(|&provider| {
            self.registry.lose_instance(provider, id);
        });
    }

    /// The services that are in use through an interface: by handles, or as a dependency.
    pub(crate) fn used_as(&self, interface: &str) -> HashSet<ServiceId> {
        let slots = self.slots.numbers().filter_map(|number| self.slots.get(number));
        let slots = slots.filter(|slot| self.views.get(slot.view()).interface.name == interface);
        let needs = self.services.iter().flat_map(|(_, service)| service.instance().needs());
        let needs = needs.filter(|need| need.interface == interface);
        slots.map(Slot::service).chain(needs.map(|need| need.service)).collect()
    }

    /// Keeps a service and its number until [`Objects::release`]. Returns the service.
    ///
    /// # Errors
    /// `Closed` if the end of the runtime has taken it out.
    pub(crate) fn hold(&mut self, id: ServiceId) -> Result<&ServiceEntry> {
        self.services.hold(id)
    }

    /// Gives up a hold on a service. If that was the last hold, the service is gone; returns the instance
    /// that served it, which the caller retires.
    #[must_use]
    pub(in crate::host) fn release(&mut self, id: ServiceId) -> Option<Arc<Instance>> {
        let ended = self.services.release(id);
        self.end_service(id, ended)
    }

    /// Adds a slot under a number from [`Slots::take_number`].
    pub(in crate::host) fn add_slot(&mut self, number: SlotId, slot: Slot) {
        self.revision += 1;
        self.services.add_slot(slot.service(), number);
        self.slots.put(number, slot);
    }

    /// Takes out a slot whose last handle is gone; `generation` is the current world. Returns whether the
    /// slot was there, and the same as [`Objects::release`].
    #[must_use]
    pub(in crate::host) fn remove_slot(
        &mut self,
        number: SlotId,
        generation: Generation,
    ) -> (bool, Option<Arc<Instance>>) {
        let Some(slot) = self.slots.take(number, generation) else { return (false, None) };
        self.revision += 1;
        let ended = self.services.remove_slot(slot.service(), number);
        (true, self.end_service(slot.service(), ended))
    }

    fn end_service(&mut self, id: ServiceId, ended: Option<ServiceEntry>) -> Option<Arc<Instance>> {
        let service = ended?;
        self.revision += 1;
        service.providers().iter().for_each(|&provider| self.registry.lose_instance(provider, id));
        Some(Arc::clone(service.instance()))
    }

    /// Has a service go on with another instance. Returns the instance before, and the slots through which
    /// calls may be inside it. If the service is gone, returns `instance` itself, without slots.
    pub(crate) fn replace_instance(&mut self, id: ServiceId, instance: Arc<Instance>) -> (Arc<Instance>, Vec<SlotId>) {
        self.revision += 1;
        self.services.replace(id, instance)
    }

    /// Takes out all services, for the end of the runtime.
    pub(in crate::host) fn take_services(&mut self) -> Services {
        self.revision += 1;
        std::mem::take(&mut self.services)
    }

    /// Another reference to the slot of `view` on a service that belongs to `dependent`, or to programs if
    /// that is `None`; `None` if there is no such slot.
    pub(in crate::host) fn slot_on(
        &self,
        service: ServiceId,
        view: ViewId,
        dependent: Option<&Arc<Implementation>>,
    ) -> Option<SlotRef> {
        let slots = self.services.get(service)?.slots().iter();
        slots
            .filter_map(|&slot| self.slots.get(slot))
            .filter(|slot| slot.view() == view && slot.is_of(dependent))
            .find_map(Slot::share)
    }

    /// The target of a slot while no gate is shut: the instance that serves now.
    pub(in crate::host) fn serving_target(&self, number: SlotId) -> Option<Target> {
        let slot = self.slots.get(number)?;
        let instance = self.services.get(slot.service())?.instance();
        self.target_on(slot.service(), instance, slot.view()).ok()
    }

    /// Notes that `thread` constructs the shared instance of a provider, and of those whose implementations share
    /// its objects. Returns them all.
    pub(in crate::host) fn begin_shared(&mut self, provider: ProviderId, thread: ThreadId) -> Vec<ProviderId> {
        let providers = self.registry.sharing_objects(provider);
        providers.iter().for_each(|&provider| self.registry.begin_shared(provider, thread));
        providers
    }

    /// Notes the result of the construction that [`Objects::begin_shared`] has begun for `providers`. A
    /// configuration that was set meanwhile is for the successors of the instance.
    pub(in crate::host) fn end_shared(&mut self, providers: &[ProviderId], thread: ThreadId, built: Option<ServiceId>) {
        self.revision += 1;
        providers.iter().for_each(|&provider| self.registry.end_building(provider, thread));
        let Some(id) = built else { return };
        // A commit may have changed meanwhile which implementations share their objects.
        let served = self.services.get(id).map(|service| service.providers().to_vec()).unwrap_or_default();
        served.iter().for_each(|&provider| self.registry.share(provider, id));
        if let Some(provider) = served.first().and_then(|&provider| self.registry.get(provider)) {
            self.services.configure(id, provider.config().cloned());
        }
    }

    /// Refuses to build a provider's instance whose dependencies could not all be built.
    ///
    /// # Errors
    /// `Dependency` if there is a ring, or more levels than a stack is sure to have room for.
    pub(in crate::host) fn refuse_cycle(&self, provider: ProviderId, visibility: Visibility) -> Result<()> {
        cycle::refuse(&self.registry, provider, visibility)
    }

    /// Notes that a thread constructs an instance of a provider, until [`Objects::end_build`].
    ///
    /// # Errors
    /// `Dependency` if the thread is inside so many constructions that its stack might not suffice.
    pub(in crate::host) fn begin_build(&mut self, thread: ThreadId, provider: ProviderId) -> Result<()> {
        let component = self.registry.get(provider).map_or("", |provider| &provider.implementation().component.id.name);
        self.builders.begin(thread, provider, component)
    }

    /// Notes that a thread's innermost construction is over.
    pub(in crate::host) fn end_build(&mut self, thread: ThreadId) {
        self.builders.end(thread);
    }

    /// Whether a thread constructs an instance, other than this one.
    pub(in crate::host) fn construct_besides(&self, thread: ThreadId) -> bool {
        self.builders.construct_besides(thread)
    }

    /// Notes that a thread waits, until [`Objects::end_wait`].
    ///
    /// # Errors
    /// As for [`Builders::begin_wait`].
    pub(in crate::host) fn begin_wait(&mut self, thread: ThreadId, wait: Wait) -> Result<Wakes> {
        self.builders.begin_wait(&self.registry, thread, wait)
    }

    /// Notes that a thread waits no more.
    pub(in crate::host) fn end_wait(&mut self, thread: ThreadId) {
        self.builders.wake(thread);
    }

    /// The error of a thread that asks for a service which it constructs itself.
    pub(in crate::host) fn asks_for_itself(&self, thread: ThreadId, provider: ProviderId) -> Error {
        self.builders.asks_for_itself(&self.registry, thread, provider)
    }

    /// The successor that a thread's call to a slot reaches, and the table for the frame of that call.
    pub(in crate::host) fn successor(
        &self,
        world: &World,
        thread: &'static ThreadRecord,
        number: SlotId,
    ) -> Option<(Target, *const Table)> {
        let slot = self.slots.get(number)?;
        let is_gated = world.target(number).is_none();
        self.uncommitted.successor(thread, slot, is_gated, &self.views)
    }

    /// Whether only a successor can serve a slot, and the successor is not there yet.
    pub(in crate::host) fn is_only_pending(&self, world: &World, thread: &ThreadRecord, number: SlotId) -> bool {
        let Some(slot) = self.slots.get(number).filter(|_| world.target(number).is_none()) else { return false };
        let Some(service) = self.services.get(slot.service()) else { return false };
        self.uncommitted.has(thread.thread_id())
            && self.successor_serves(service, slot.view())
            && service.instance().implementation().link(slot.view(), &self.views).is_err()
    }

    /// Whether the implementation that a running transaction puts in place serves a view on a service.
    pub(in crate::host) fn successor_serves(&self, service: &ServiceEntry, view: ViewId) -> bool {
        let pending = service.providers().iter().filter_map(|&provider| self.registry.get(provider)?.successor());
        pending.into_iter().any(|pending| pending.link(view, &self.views).is_ok())
    }

    /// Sets the configuration of a component's shared instances that are built from now on, successors of
    /// present ones included. Returns false if there is no such component.
    #[must_use]
    pub(crate) fn configure(&mut self, component: &str, config: Option<&Arc<[u8]>>) -> bool {
        self.revision += 1;
        let providers = self.registry.of_component(component).to_vec();
        for &provider in &providers {
            if let Some(shared) = self.registry.configure(provider, config) {
                self.services.configure(shared, config.cloned());
            }
        }
        !providers.is_empty()
    }

    /// In the child of a fork: keeps only the forking thread, which has the number `now` there.
    pub(in crate::host) fn keep_only(&mut self, forking: ThreadId, now: ThreadId) {
        self.builders.keep_only(forking, now);
        self.registry.keep_builder(forking, now);
    }
}
