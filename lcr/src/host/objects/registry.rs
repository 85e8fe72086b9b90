//! The registry: the providers by component and by interface, and the component that each interface is bound
//! to.
//!
//! Only the registry changes a [`Provider`], so that a provider is always found under the names of its
//! implementation.

use std::{
    collections::{BTreeMap, HashMap},
    mem,
    sync::Arc,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Numbered, ProviderId, ServiceId, ThreadId, TransactionId},
        image::manifest::ExportManifest,
    },
};

use super::{
    component::{Component, Implementation},
    provider::{Committed, Pending, Provider, Use, Visibility},
};

/// Everything that is present.
#[derive(Default)]
pub(crate) struct Registry {
    providers: Numbered<ProviderId, Provider>,
    /// By component name.
    components: HashMap<String, Vec<ProviderId>>,
    /// By interface name.
    interfaces: HashMap<String, Vec<ProviderId>>,
    /// The component that an interface is bound to, for callers that name no component.
    bindings: BTreeMap<String, String>,
    /// The bindings that the running transaction sets, or takes back, at its commit.
    pending_bindings: BTreeMap<String, Option<String>>,
    /// How many transactions there were.
    transactions: u64,
}

impl Registry {
    /// A provider by its number.
    pub(crate) fn get(&self, id: ProviderId) -> Option<&Provider> {
        self.providers.get(id)
    }

    /// The implementation that serves a provider now.
    ///
    /// # Panics
    /// If the provider was removed.
    pub(crate) fn implementation(&self, id: ProviderId) -> &Arc<Implementation> {
        self.providers[id].implementation()
    }

    /// How many instances a provider has; 0 if it was removed.
    pub(crate) fn instances_of(&self, id: ProviderId) -> usize {
        self.get(id).map_or(0, Provider::instances)
    }

    /// The providers that every thread sees.
    pub(crate) fn committed(&self) -> impl Iterator<Item = (ProviderId, &Provider)> {
        self.providers.iter().filter(|(_, provider)| provider.is_committed())
    }

    /// The implementations of all providers, including those that a transaction has not committed.
    pub(in crate::host) fn implementations(&self) -> impl Iterator<Item = &Arc<Implementation>> {
        self.providers.iter().map(|(_, provider)| provider.implementation())
    }

    /// Whether an implementation serves a provider, including those that a transaction has not committed.
    pub(crate) fn is_present(&self, implementation: &Arc<Implementation>) -> bool {
        self.providers.iter().any(|(_, provider)| Arc::ptr_eq(provider.implementation(), implementation))
    }

    /// Adds a provider that every thread sees.
    ///
    /// # Errors
    /// `Invalid` if its component implements the interface already.
    pub(in crate::host) fn add(&mut self, implementation: Arc<Implementation>) -> Result<ProviderId> {
        self.refuse_double(&implementation.manifest)?;
        Ok(self.insert(Provider::present(implementation)))
    }

    /// Adds a provider that only a transaction sees until it commits.
    pub(crate) fn add_pending(
        &mut self,
        implementation: Arc<Implementation>,
        by: TransactionId,
        config: Option<Arc<[u8]>>,
    ) -> ProviderId {
        self.insert(Provider::adding(implementation, by, config))
    }

    fn insert(&mut self, provider: Provider) -> ProviderId {
        let component = provider.implementation().component.id.name.clone();
        let interface = provider.implementation().manifest.interface.clone();
        let id = self.providers.insert(provider);
        self.components.entry(component).or_default().push(id);
        self.interfaces.entry(interface).or_default().push(id);
        id
    }

    /// Refuses a second implementation of an interface by one component.
    ///
    /// # Errors
    /// `Invalid` if its component implements the interface already.
    pub(crate) fn refuse_double(&self, manifest: &ExportManifest) -> Result<()> {
        let double = self.of_component(&manifest.component.name).iter().any(|&id| {
            let provider = &self.providers[id];
            provider.is_committed() && provider.implementation().manifest.interface == manifest.interface
        });
        if !double {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "component `{}` already implements {}; replace it, or give one of the two another name",
                manifest.component.name, manifest.interface
            ),
        ))
    }

    fn remove(&mut self, id: ProviderId) -> Provider {
        let provider = self.providers.remove(id);
        let implementation = provider.implementation();
        strike(&mut self.components, &implementation.component.id.name, id);
        strike(&mut self.interfaces, &implementation.manifest.interface, id);
        provider
    }

    fn remove_ended(&mut self, id: ProviderId, is_used: Use) {
        match is_used {
            Use::Stays => {}
            Use::Ended => drop(self.remove(id)),
        }
    }

    /// Binds each of these interfaces to a component.
    pub(in crate::host) fn bind(&mut self, bindings: BTreeMap<String, String>) {
        self.bindings.extend(bindings);
    }

    /// The component that each interface is bound to, by the interface's name.
    pub(crate) fn bindings(&self) -> &BTreeMap<String, String> {
        &self.bindings
    }

    /// Begins a transaction that sets these bindings, or takes them back, at its commit.
    pub(crate) fn begin_transaction(&mut self, bindings: BTreeMap<String, Option<String>>) -> TransactionId {
        self.pending_bindings = bindings;
        TransactionId::next(&mut self.transactions)
    }

    /// Announces what becomes of a provider at a transaction's commit; the transaction's thread sees it from
    /// now on.
    ///
    /// # Errors
    /// `Closed` if the provider is gone.
    pub(crate) fn announce(&mut self, id: ProviderId, by: TransactionId, pending: Pending) -> Result<()> {
        let is_announced = self.providers.get_mut(id).is_some_and(|provider| provider.announce(by, pending));
        if is_announced { Ok(()) } else { Err(Error::new(ErrorKind::Closed, "the runtime is gone")) }
    }

    /// Lets only the thread of a transaction create instances and slots of a provider that the
    /// transaction changes.
    pub(crate) fn freeze(&mut self, id: ProviderId, thread: ThreadId) {
        if let Some(provider) = self.providers.get_mut(id) {
            provider.freeze(thread);
        }
    }

    /// Lets every thread create instances and slots again.
    pub(crate) fn thaw(&mut self) {
        self.providers.iter_mut().for_each(|(_, provider)| provider.thaw());
    }

    /// Carries out what a transaction has announced. Returns the implementations that were replaced or
    /// removed, and the components that no provider has any more, each once.
    pub(crate) fn commit(&mut self, by: TransactionId) -> (Vec<Arc<Implementation>>, Vec<Arc<Component>>) {
        let mut implementations = Vec::new();
        let ids: Vec<ProviderId> = self.providers.iter().map(|(id, _)| id).collect();
        for id in ids {
            match self.providers[id].commit(by) {
                Committed::Unchanged | Committed::Added => {}
                Committed::Replaced(before) => {
                    let name = &self.providers[id].implementation().component.id.name;
                    if before.component.id.name != *name {
                        let name = name.clone();
                        strike(&mut self.components, &before.component.id.name, id);
                        self.components.entry(name).or_default().push(id);
                    }
                    implementations.push(before);
                }
                Committed::Removed => implementations.push(Arc::clone(self.remove(id).implementation())),
            }
        }
        let components = implementations.iter().map(|implementation| Arc::clone(&implementation.component));
        let mut left: Vec<_> = components.collect();
        let pending = mem::take(&mut self.pending_bindings);
        self.bindings.retain(|interface, _| !pending.contains_key(interface));
        self.bindings.extend(pending.into_iter().filter_map(|(interface, component)| Some((interface, component?))));
        left.sort_by_key(|component| Arc::as_ptr(component).addr());
        left.dedup_by(|a, b| Arc::ptr_eq(a, b));
        left.retain(|component| !self.uses(component));
        (implementations, left)
    }

    fn uses(&self, component: &Arc<Component>) -> bool {
        self.providers.iter().any(|(_, provider)| Arc::ptr_eq(&provider.implementation().component, component))
    }

    /// Forgets what a transaction has announced that will not commit. Removes the providers that it added and
    /// that have no instances; the others become orphans. Returns what was announced, which the caller
    /// drops when it holds no lock: it may have the last count of an object of the program.
    #[must_use]
    pub(crate) fn abandon(&mut self) -> Vec<Arc<Implementation>> {
        self.pending_bindings.clear();
        let announced = self.providers.iter().filter_map(|(_, provider)| provider.announced().cloned()).collect();
        let ids: Vec<ProviderId> = self.providers.iter().map(|(id, _)| id).collect();
        for id in ids {
            let is_used = self.providers[id].abandon();
            self.remove_ended(id, is_used);
        }
        announced
    }

    /// Notes that `thread` constructs the shared instance of a provider.
    pub(super) fn begin_shared(&mut self, id: ProviderId, thread: ThreadId) {
        if let Some(provider) = self.providers.get_mut(id) {
            provider.begin_shared(thread);
        }
    }

    /// Notes that `thread` does not construct the shared instance of a provider any more.
    pub(super) fn end_building(&mut self, id: ProviderId, thread: ThreadId) {
        if let Some(provider) = self.providers.get_mut(id) {
            provider.end_building(thread);
        }
    }

    /// Makes a service the shared instance of a provider that has none.
    pub(super) fn share(&mut self, id: ProviderId, service: ServiceId) {
        if let Some(provider) = self.providers.get_mut(id) {
            provider.share(service);
        }
    }

    /// The shared instance of a provider, if it was built.
    pub(super) fn shared(&self, id: ProviderId) -> Option<ServiceId> {
        self.get(id)?.shared()
    }

    /// The provider whose instances will serve what `id` provides, if a transaction adds `id` and puts an
    /// implementation that shares its objects in the place of another one; else `id`.
    pub(in crate::host) fn in_place_of(&self, id: ProviderId) -> ProviderId {
        let Some(added) = self.get(id).filter(|provider| !provider.is_committed()) else { return id };
        let shares = |(_, provider): &(ProviderId, &Provider)| {
            let successor = provider.successor();
            successor.is_some_and(|successor| successor.shares_objects_with(added.implementation()))
        };
        self.providers.iter().find(shares).map_or(id, |(id, _)| id)
    }

    /// A provider and the others whose implementations share its objects.
    pub(crate) fn sharing_objects(&self, id: ProviderId) -> Vec<ProviderId> {
        let Some(provider) = self.get(id) else { return Vec::new() };
        let own = provider.implementation();
        let component = self.of_component(&own.component.id.name).iter().copied();
        component.filter(|&other| self.providers[other].implementation().shares_objects_with(own)).collect()
    }

    /// In the child of a fork: keeps only the forking thread, which has the number `now` there.
    pub(super) fn keep_builder(&mut self, forking: ThreadId, now: ThreadId) {
        self.providers.iter_mut().for_each(|(_, provider)| provider.keep_builder(forking, now));
    }

    /// Counts one more instance of a provider.
    pub(super) fn gain_instance(&mut self, id: ProviderId) {
        if let Some(provider) = self.providers.get_mut(id) {
            provider.gain_instance();
        }
    }

    /// Counts one instance of a provider less. An orphan goes with its last instance.
    pub(super) fn lose_instance(&mut self, id: ProviderId, service: ServiceId) {
        if let Some(provider) = self.providers.get_mut(id) {
            let is_used = provider.lose_instance(service);
            self.remove_ended(id, is_used);
        }
    }

    /// Sets the configuration of the shared instance that is built next. Returns the present shared instance.
    pub(super) fn configure(&mut self, id: ProviderId, config: Option<&Arc<[u8]>>) -> Option<ServiceId> {
        let provider = self.providers.get_mut(id)?;
        provider.configure(config);
        provider.shared()
    }

    /// The component that an interface is bound to.
    fn bound(&self, interface: &str, visibility: Visibility) -> Option<&String> {
        let pending = self.pending_bindings.get(interface).filter(|_| visibility != Visibility::Committed);
        pending.map_or_else(|| self.bindings.get(interface), Option::as_ref)
    }

    /// The providers of an interface.
    pub(crate) fn of_interface(&self, interface: &str) -> &[ProviderId] {
        self.interfaces.get(interface).map_or(&[], Vec::as_slice)
    }

    /// The providers of a component.
    pub(crate) fn of_component(&self, component: &str) -> &[ProviderId] {
        self.components.get(component).map_or(&[], Vec::as_slice)
    }

    /// The provider that serves `version` of an interface, of `component` if that is given.
    ///
    /// # Errors
    /// `NotFound` if there is none; `Ambiguous` if there are several, and none is named or bound.
    pub(crate) fn choose(
        &self,
        interface: &str,
        version: u32,
        component: Option<&str>,
        visibility: Visibility,
    ) -> Result<ProviderId> {
        // A component has few providers, an interface may have many.
        let candidates = component.map_or_else(|| self.of_interface(interface), |name| self.of_component(name));
        let mut fitting = candidates.iter().copied().filter(|&id| {
            let provider = &self.providers[id];
            let seen = provider.seen(visibility);
            seen.is_some_and(|seen| seen.manifest.interface == interface && seen.serves(version))
        });
        let Some(first) = fitting.next() else { return Err(self.not_found(interface, version, component)) };
        let Some(second) = fitting.next() else { return Ok(first) };
        let is_bound = |id: &ProviderId| {
            let seen = self.providers[*id].seen(visibility);
            self.bound(interface, visibility)
                .is_some_and(|bound| seen.is_some_and(|seen| seen.component.id.name == *bound))
        };
        if let Some(bound) = [first, second].into_iter().chain(fitting).find(is_bound) {
            return Ok(bound);
        }
        let names = self.of_interface(interface).iter();
        let names = few(names.map(|&id| format!("`{}`", self.implementation(id).component)), ", ");
        Err(Error::new(
            ErrorKind::Ambiguous,
            format!(
                "interface {interface} v{version} is provided by {names}; name the one you mean \
                 (service_of, reference_of), or bind it for all callers: bind::<dyn ..>(\"component\") of the \
                 runtime's builder or of a plan"
            ),
        ))
    }

    #[cold]
    fn not_found(&self, interface: &str, version: u32, component: Option<&str>) -> Error {
        let others = self
            .of_interface(interface)
            .iter()
            .map(|&id| &self.providers[id])
            .filter(|provider| provider.is_committed())
            .map(|provider| {
                let implementation = provider.implementation();
                format!("`{}` provides v{}", implementation.component, implementation.manifest.interface_version)
            });
        let others = few(others, ", ");
        let of = component.map_or(String::new(), |name| format!(" of component `{name}`"));
        let found = if others.is_empty() { "nothing provides it".to_owned() } else { others };
        let text =
            format!("interface {interface} v{version}{of} is not present: {found}; load a component that provides it");
        let text = if component.is_none() && self.of_interface(interface).is_empty() {
            text + ", or, if it is in a crate that the program depends on, link that in: `use the_crate as _;`"
        } else {
            text
        };
        Error::new(ErrorKind::NotFound, text)
    }
}

/// The first eight of many names, and how many more there are, for a message of readable length.
pub(crate) fn few(names: impl Iterator<Item = String>, separator: &str) -> String {
    let mut names = names.fuse();
    let mut shown: Vec<String> = names.by_ref().take(8).collect();
    let more = names.count();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(separator)
}

fn strike(map: &mut HashMap<String, Vec<ProviderId>>, name: &str, id: ProviderId) {
    if let Some(ids) = map.get_mut(name) {
        ids.retain(|&other| other != id);
        if ids.is_empty() {
            map.remove(name);
        }
    }
}
