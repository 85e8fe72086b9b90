//! Services: what handles are bound to, and what keeps them.
//!
//! A [`ServiceEntry`] keeps its slots, its configuration and its dependents over every replacement; one
//! instance after the other serves it. It lives as long as it has slots or holds. Dependents hold it, threads
//! that are about to make a slot on it, and a transaction. Only [`Services::hold`] and [`Services::release`]
//! change the number of holds.

use std::{mem, sync::Arc};

use crate::{
    error::{Error, ErrorKind, Result},
    host::ids::{Numbered, ProviderId, ServiceId, SlotId},
};

use super::instances::Instance;

/// One service of a provider, or of several whose implementations share their objects, whatever instance serves
/// it.
pub(crate) struct ServiceEntry {
    providers: Vec<ProviderId>,
    instance: Arc<Instance>,
    slots: Vec<SlotId>,
    /// How many holds keep it, beside its slots.
    holds: usize,
    config: Option<Arc<[u8]>>,
}

impl ServiceEntry {
    /// The providers that its instance counts for: one for each interface that the instance serves.
    pub(crate) fn providers(&self) -> &[ProviderId] {
        &self.providers
    }

    /// The instance that serves it now.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// The slots that handles on it point to.
    pub(crate) fn slots(&self) -> &[SlotId] {
        &self.slots
    }

    /// The configuration of its next instance.
    pub(crate) fn config(&self) -> Option<&Arc<[u8]>> {
        self.config.as_ref()
    }
}

/// The services of a runtime by number.
#[derive(Default)]
pub(crate) struct Services(Numbered<ServiceId, ServiceEntry>);

impl Services {
    /// Adds a service with one hold for the caller.
    pub(super) fn add(
        &mut self,
        providers: Vec<ProviderId>,
        instance: Arc<Instance>,
        config: Option<Arc<[u8]>>,
    ) -> ServiceId {
        self.0.insert(ServiceEntry { providers, instance, slots: Vec::new(), holds: 1, config })
    }

    pub(crate) fn get(&self, id: ServiceId) -> Option<&ServiceEntry> {
        self.0.get(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ServiceId, &ServiceEntry)> {
        self.0.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps a service and its number until [`Services::release`]. Returns the service.
    ///
    /// # Errors
    /// `Closed` if the end of the runtime has taken it out.
    pub(super) fn hold(&mut self, id: ServiceId) -> Result<&ServiceEntry> {
        let service = self.0.get_mut(id).ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))?;
        service.holds += 1;
        Ok(service)
    }

    /// Gives up a hold. If that was the last one and the service has no slots, takes the service out and
    /// returns it. The end of the runtime may have taken it out already.
    #[must_use]
    pub(super) fn release(&mut self, id: ServiceId) -> Option<ServiceEntry> {
        let service = self.0.get_mut(id)?;
        service.holds -= 1;
        self.take_unused(id)
    }

    /// Notes a slot, which keeps the service from now on.
    pub(super) fn add_slot(&mut self, id: ServiceId, slot: SlotId) {
        if let Some(service) = self.0.get_mut(id) {
            service.slots.push(slot);
        }
    }

    /// Forgets a slot. Returns the same as [`Services::release`].
    #[must_use]
    pub(super) fn remove_slot(&mut self, id: ServiceId, slot: SlotId) -> Option<ServiceEntry> {
        let service = self.0.get_mut(id)?;
        service.slots.retain(|&other| other != slot);
        self.take_unused(id)
    }

    fn take_unused(&mut self, id: ServiceId) -> Option<ServiceEntry> {
        let service = self.0.get(id)?;
        let is_unused = service.holds == 0 && service.slots.is_empty();
        is_unused.then(|| self.0.remove(id))
    }

    /// Has a service go on with another instance. Returns the instance before, and the slots through which
    /// calls may be inside it. If the service is gone, returns `instance` itself, without slots.
    pub(super) fn replace(&mut self, id: ServiceId, instance: Arc<Instance>) -> (Arc<Instance>, Vec<SlotId>) {
        match self.0.get_mut(id) {
            Some(service) => (mem::replace(&mut service.instance, instance), service.slots.clone()),
            None => (instance, Vec::new()),
        }
    }

    /// Has a service count for these providers. Returns those that it counted for before.
    pub(super) fn set_providers(&mut self, id: ServiceId, providers: Vec<ProviderId>) -> Vec<ProviderId> {
        self.0.get_mut(id).map(|service| mem::replace(&mut service.providers, providers)).unwrap_or_default()
    }

    /// Sets the configuration of the next instance of a service.
    pub(super) fn configure(&mut self, id: ServiceId, config: Option<Arc<[u8]>>) {
        if let Some(service) = self.0.get_mut(id) {
            service.config = config;
        }
    }
}
