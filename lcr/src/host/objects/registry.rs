//! What is present: components, their implementations, and who provides an interface.
//!
//! A [`Component`] is one loaded (or linked) component; an [`Implementation`] is one of
//! its exports. A [`Provider`] is the seat that implementations of one component's
//! interface take in turn: a replacement puts a new implementation on the seat, and the
//! seat's instances stay.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    abi::tables,
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Numbered, ProviderId, ServiceId, ThreadId, TransactionId, ViewId},
        image::{
            library::{Image, Refused},
            link::{Functions, View, link},
            manifest::ExportManifest,
            stage::Staged,
        },
    },
};

/// A component that was loaded from a file or is linked into the host.
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) version: semver::Version,
    /// Where its file came from, and the file's content hash; `None` if it is linked
    /// into the host.
    pub(crate) origin: Option<Origin>,
    /// Whether all of its implementations opted in to be unmapped.
    pub(crate) unload: bool,
}

/// A loaded component's file.
pub(crate) struct Origin {
    pub(crate) source: PathBuf,
    pub(crate) hash: String,
    pub(crate) image: Image,
}

impl Component {
    /// Maps a staged library, whose initialisers run. The implementations come in the
    /// order of its manifest.
    ///
    /// # Errors
    /// Those of [`Image::open`].
    pub(crate) fn load(staged: &Staged) -> Result<Vec<Arc<Implementation>>, Refused> {
        let (image, exports) = Image::open(staged)?;
        let manifest = &staged.manifest;
        let origin = Origin { source: staged.source.clone(), hash: staged.hash(), image };
        let (name, version) = (manifest.component.clone(), manifest.version.clone());
        let unload = manifest.exports.iter().all(|export| export.unload);
        let component = Arc::new(Component { name, version, origin: Some(origin), unload });
        let implementations = manifest.exports.iter().zip(exports);
        Ok(implementations
            .map(|(manifest, export)| Implementation::new(Arc::clone(&component), manifest.clone(), export))
            .collect())
    }

    /// The size of its image in memory, in bytes; 0 if it is linked.
    pub(crate) fn image_bytes(&self) -> usize {
        self.origin.as_ref().map_or(0, |origin| origin.image.mapped_bytes())
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// One implementation of one interface by one component.
pub(crate) struct Implementation {
    pub(crate) component: Arc<Component>,
    pub(crate) manifest: ExportManifest,
    pub(crate) export: &'static tables::Export,
    functions: Mutex<HashMap<ViewId, Arc<Functions>>>,
}

impl Implementation {
    pub(crate) fn new(
        component: Arc<Component>,
        manifest: ExportManifest,
        export: &'static tables::Export,
    ) -> Arc<Implementation> {
        Arc::new(Implementation { component, manifest, export, functions: Mutex::default() })
    }

    /// The implementation's functions in the order of `view`, linked on first use.
    ///
    /// # Errors
    /// `Mismatch` if the implementation cannot serve the view.
    pub(crate) fn functions(&self, id: ViewId, view: &View) -> Result<Arc<Functions>> {
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = functions.get(&id) {
            return Ok(Arc::clone(found));
        }
        let places = link(view, &self.manifest)?;
        let linked = Arc::new(Functions::new(&places, self.export));
        functions.insert(id, Arc::clone(&linked));
        Ok(linked)
    }

    /// Whether handles of this version of the interface may be served.
    pub(crate) fn serves(&self, version: u32) -> bool {
        self.manifest.interface_version == version || self.manifest.replaces.contains(&version)
    }
}

/// A component's seat for one interface.
pub(crate) struct Provider {
    pub(crate) implementation: Arc<Implementation>,
    /// How many instances it has.
    pub(crate) instances: usize,
    /// The shared instance, once somebody asked for it.
    pub(crate) service: Option<ServiceId>,
    /// The thread that is building the shared instance.
    pub(crate) building: Option<ThreadId>,
    /// The transaction that adds it and has not committed: nobody else sees it.
    pub(crate) pending: Option<TransactionId>,
    /// Its transaction failed: it goes with its last instance.
    pub(crate) orphan: bool,
    /// What a running transaction makes of it at its commit.
    pub(crate) coming: Option<Coming>,
    /// The thread of a transaction that is about to commit: nobody else creates
    /// instances or slots.
    pub(crate) frozen: Option<ThreadId>,
    /// The configuration of the shared instance.
    pub(crate) config: Option<Arc<[u8]>>,
}

/// What a transaction makes of a seat.
pub(crate) enum Coming {
    /// It gets this implementation.
    Successor(Arc<Implementation>),
    /// It is given up.
    Nothing,
}

impl Provider {
    /// The implementation that somebody with this sight sees here.
    fn seen(&self, visibility: Visibility) -> Option<&Arc<Implementation>> {
        match (self.pending, visibility) {
            (Some(adding), Visibility::Transaction(transaction)) => {
                (adding == transaction && !self.orphan).then_some(&self.implementation)
            }
            (Some(_), Visibility::Committed) => None,
            (None, Visibility::Committed) => Some(&self.implementation),
            (None, Visibility::Transaction(_)) => match &self.coming {
                None => Some(&self.implementation),
                Some(Coming::Successor(successor)) => Some(successor),
                Some(Coming::Nothing) => None,
            },
        }
    }

    /// The implementation that a running transaction puts here.
    pub(in crate::host) fn successor(&self) -> Option<&Arc<Implementation>> {
        match &self.coming {
            Some(Coming::Successor(successor)) => Some(successor),
            Some(Coming::Nothing) | None => None,
        }
    }

    /// What an object of the present implementation sees, if whoever builds it sees
    /// `sight`: one that a transaction replaces is of the world before.
    pub(in crate::host) fn visibility_of_present(&self, visibility: Visibility) -> Visibility {
        if self.coming.is_some() { Visibility::Committed } else { visibility }
    }

    /// Whether `thread` has to wait for a transaction before it creates anything here.
    pub(crate) fn is_frozen_for(&self, thread: ThreadId) -> bool {
        self.frozen.is_some_and(|changer| changer != thread)
    }
}

/// Who may see pending providers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Visibility {
    /// Everybody: committed providers only.
    Committed,
    /// The transaction of this number: what will be there when it commits.
    Transaction(TransactionId),
}

/// Everything that is present.
#[derive(Default)]
pub(crate) struct Registry {
    pub(crate) providers: Numbered<ProviderId, Provider>,
    /// By component name.
    pub(crate) components: HashMap<String, Vec<ProviderId>>,
    /// By interface name.
    interfaces: HashMap<String, Vec<ProviderId>>,
    /// The component that provides an interface to whoever names none, if several do.
    pub(crate) bindings: BTreeMap<String, String>,
    /// What a running transaction makes of them at its commit.
    pub(crate) pending_bindings: BTreeMap<String, String>,
    /// How many transactions there were.
    transactions: u64,
}

impl Registry {
    /// The number of a transaction that begins now.
    pub(crate) fn begin_transaction(&mut self) -> TransactionId {
        TransactionId::next(&mut self.transactions)
    }

    /// Adds a provider for an implementation.
    pub(crate) fn add(&mut self, implementation: Arc<Implementation>, pending: Option<TransactionId>) -> ProviderId {
        let component = implementation.component.name.clone();
        let interface = implementation.manifest.interface.clone();
        let id = self.providers.insert(Provider {
            implementation,
            instances: 0,
            service: None,
            building: None,
            pending,
            orphan: false,
            coming: None,
            frozen: None,
            config: None,
        });
        self.components.entry(component).or_default().push(id);
        self.interfaces.entry(interface).or_default().push(id);
        id
    }

    /// The component that an interface is bound to.
    fn bound(&self, interface: &str, visibility: Visibility) -> Option<&String> {
        let pending = match visibility {
            Visibility::Transaction(_) => self.pending_bindings.get(interface),
            Visibility::Committed => None,
        };
        pending.or_else(|| self.bindings.get(interface))
    }

    /// Has the bindings of a transaction hold for everybody.
    pub(crate) fn bind_pending(&mut self) {
        self.bindings.append(&mut self.pending_bindings);
    }

    /// Refuses a second implementation of an interface by one component.
    pub(crate) fn refuse_double(&self, manifest: &ExportManifest) -> Result<()> {
        let double = self.of_component(&manifest.component).iter().any(|&id| {
            let provider = &self.providers[id];
            provider.pending.is_none() && provider.implementation.manifest.interface == manifest.interface
        });
        if !double {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "component `{}` already implements {}; replace it, or give one of the two another name",
                manifest.component, manifest.interface
            ),
        ))
    }

    /// Whether a component has a seat.
    pub(crate) fn uses(&self, component: &Arc<Component>) -> bool {
        self.providers.iter().any(|(_, provider)| Arc::ptr_eq(&provider.implementation.component, component))
    }

    /// Removes a provider without instances.
    pub(crate) fn remove(&mut self, id: ProviderId) -> Provider {
        let provider = self.providers.remove(id);
        let implementation = &provider.implementation;
        strike(&mut self.components, &implementation.component.name, id);
        strike(&mut self.interfaces, &implementation.manifest.interface, id);
        provider
    }

    /// Ends what a transaction that will not come back had announced and frozen.
    pub(crate) fn settle(&mut self) {
        self.pending_bindings.clear();
        for (_, provider) in self.providers.iter_mut() {
            provider.frozen = None;
            provider.coming = None;
            provider.orphan |= provider.pending.is_some();
        }
    }

    /// Puts a new implementation on a seat, maybe of another component.
    pub(crate) fn replace_implementation(
        &mut self,
        id: ProviderId,
        implementation: Arc<Implementation>,
    ) -> Arc<Implementation> {
        let provider = &mut self.providers[id];
        provider.coming = None;
        let before = std::mem::replace(&mut provider.implementation, implementation);
        let name = provider.implementation.component.name.clone();
        if before.component.name != name {
            strike(&mut self.components, &before.component.name, id);
            self.components.entry(name).or_default().push(id);
        }
        before
    }

    /// The providers of an interface.
    pub(crate) fn of_interface(&self, interface: &str) -> &[ProviderId] {
        self.interfaces.get(interface).map_or(&[], Vec::as_slice)
    }

    /// The providers of a component.
    fn of_component(&self, component: &str) -> &[ProviderId] {
        self.components.get(component).map_or(&[], Vec::as_slice)
    }

    /// The provider that serves `version` of an interface; of `component`, if given.
    ///
    /// # Errors
    /// `NotFound`, or `Ambiguous` if several components do and none is named or bound.
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
                .is_some_and(|bound| seen.is_some_and(|seen| seen.component.name == *bound))
        };
        if let Some(bound) = [first, second].into_iter().chain(fitting).find(is_bound) {
            return Ok(bound);
        }
        let names = self.of_interface(interface).iter();
        let names = few(names.map(|&id| format!("`{}`", self.providers[id].implementation.component)), ", ");
        Err(Error::new(
            ErrorKind::Ambiguous,
            format!(
                "interface {interface} v{version} is provided by {names}; name the one you mean (service_of, reference_of), \
                 or bind it for everybody: bind::<dyn ..>(\"component\") of the runtime's builder or of a plan"
            ),
        ))
    }

    #[cold]
    fn not_found(&self, interface: &str, version: u32, component: Option<&str>) -> Error {
        let others = self
            .of_interface(interface)
            .iter()
            .map(|&id| &self.providers[id])
            .filter(|provider| provider.pending.is_none())
            .map(|provider| {
                let implementation = &provider.implementation;
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

/// The first of many names, and how many more there are: a message is for people.
pub(crate) fn few(names: impl Iterator<Item = String>, separator: &str) -> String {
    const SHOWN: usize = 8;
    let mut names = names.fuse();
    let mut shown: Vec<String> = names.by_ref().take(SHOWN).collect();
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
