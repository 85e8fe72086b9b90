//! Services: what handles are bound to, and who holds them.
//!
//! A [`ServiceEntry`] keeps its slots, its configuration and its dependents over every
//! replacement; one instance after the other serves it. It lives as long as it has slots or is
//! held: by dependents, by threads that are about to make a slot of it, and by a transaction.
//! [`Services::hold`] and [`Services::release`] are the only two ways to change that count.

use std::{mem, sync::Arc};

use crate::{
    error::{Error, ErrorKind, Result},
    host::ids::{Numbered, ProviderId, ServiceId, SlotId},
};

use super::instances::Instance;

/// One service of a provider, whatever instance serves it.
pub(crate) struct ServiceEntry {
    provider: ProviderId,
    instance: Arc<Instance>,
    slots: Vec<SlotId>,
    /// What keeps it beside its slots.
    holds: usize,
    config: Option<Arc<[u8]>>,
}

impl ServiceEntry {
    pub(crate) fn provider(&self) -> ProviderId {
        self.provider
    }

    /// The instance that serves it now.
    pub(crate) fn instance(&self) -> &Arc<Instance> {
        &self.instance
    }

    /// The slots that handles on it point to.
    pub(crate) fn slots(&self) -> &[SlotId] {
        &self.slots
    }

    /// What its instance was configured with, or what its next one will be.
    pub(crate) fn config(&self) -> Option<&Arc<[u8]>> {
        self.config.as_ref()
    }
}

/// The services of a runtime by number.
#[derive(Default)]
pub(crate) struct Services(Numbered<ServiceId, ServiceEntry>);

impl Services {
    /// Adds a service with one hold, which is the caller's.
    pub(super) fn add(
        &mut self,
        provider: ProviderId,
        instance: Arc<Instance>,
        config: Option<Arc<[u8]>>,
    ) -> ServiceId {
        self.0.insert(ServiceEntry { provider, instance, slots: Vec::new(), holds: 1, config })
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

    /// Keeps a service, and its number, until [`Services::release`]. Returns it.
    ///
    /// # Errors
    /// `Closed` if the end of the runtime has taken it out.
    pub(super) fn hold(&mut self, id: ServiceId) -> Result<&ServiceEntry> {
        let service = self.0.get_mut(id).ok_or_else(|| Error::new(ErrorKind::Closed, "the runtime is gone"))?;
        service.holds += 1;
        Ok(service)
    }

    /// Gives up a hold. Returns the service if nothing holds it any more: then it is taken out.
    /// The end of the runtime may have done that already.
    #[must_use]
    pub(super) fn release(&mut self, id: ServiceId) -> Option<ServiceEntry> {
        let service = self.0.get_mut(id)?;
        service.holds -= 1;
        self.take_unused(id)
    }

    /// Notes a slot, which keeps the service.
    pub(super) fn add_slot(&mut self, id: ServiceId, slot: SlotId) {
        if let Some(service) = self.0.get_mut(id) {
            service.slots.push(slot);
        }
    }

    /// Forgets a slot; returns as [`Services::release`] does.
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

    /// Has a service go on with another instance. Returns the one before and the slots through
    /// which calls may be inside that; `instance` itself, without slots, if the service is gone.
    pub(super) fn replace(&mut self, id: ServiceId, instance: Arc<Instance>) -> (Arc<Instance>, Vec<SlotId>) {
        match self.0.get_mut(id) {
            Some(service) => (mem::replace(&mut service.instance, instance), service.slots.clone()),
            None => (instance, Vec::new()),
        }
    }

    /// Sets what the next instance of a service is configured with.
    pub(super) fn configure(&mut self, id: ServiceId, config: Option<Arc<[u8]>>) {
        if let Some(service) = self.0.get_mut(id) {
            service.config = config;
        }
    }
}
