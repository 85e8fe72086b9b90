//! The runtime: what a program holds.

use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    abi::{interface::Interface, tables},
    component::{handle::Handle, identity::ComponentId, image, wire},
    error::{Error, ErrorKind, Result, Straggler},
};

use super::{
    deadline::Deadline,
    image::{
        content_hash::ContentHash,
        manifest::Manifest,
        stage::{Store, Trust},
        threads,
    },
    objects::component::{Component, Implementation},
    service::{fork, host_table::HOST_TABLE, inner::RuntimeInner, pin::Pin, shutdown},
    sys,
    worlds::records,
};

/// A set of components that can be replaced while they are in use.
///
/// A runtime sees the components that are linked into the program, and those that it
/// loads. There is no global one; several do not know each other. Share it by reference
/// or in an `Arc`: every method takes `&self`, from any thread.
///
/// **Trust.** Loading a library runs its code with the rights of this process. The
/// runtime refuses what it can see (files that others may write, damaged or foreign
/// libraries, interfaces that do not match) before any code of the library runs, but it
/// cannot see a library that lies about itself. Why loading is safe nevertheless is on the
/// page [`soundness`](crate::guide::soundness).
///
/// **Dropping** it revokes all handles, waits for calls that are inside (up to the
/// builder's `shutdown_timeout`), and destroys the instances, dependents first, on a thread of
/// its own. Handles may outlive it; their calls give faults.
pub struct Runtime {
    inner: Arc<RuntimeInner>,
}

/// Options of a [`Runtime`]. Made by [`Runtime::builder`].
#[must_use = "options make no runtime until `build` is called"]
#[derive(Debug)]
pub struct RuntimeBuilder {
    linked: bool,
    fences: bool,
    trust: Trust,
    store: Option<PathBuf>,
    shutdown_timeout: Duration,
    exports: Vec<&'static tables::Export>,
    bindings: BTreeMap<String, String>,
}

impl Default for RuntimeBuilder {
    fn default() -> RuntimeBuilder {
        RuntimeBuilder {
            linked: true,
            fences: false,
            trust: Trust::default(),
            store: None,
            shutdown_timeout: Duration::from_secs(10),
            exports: Vec::new(),
            bindings: BTreeMap::new(),
        }
    }
}

impl RuntimeBuilder {
    /// Whether the components that are linked into the program are present. Default: yes.
    pub fn linked(mut self, linked: bool) -> RuntimeBuilder {
        self.linked = linked;
        self
    }

    /// Makes every call execute a fence instead of having commits run `membarrier`.
    /// Where the kernel lacks or refuses that call this happens by itself. If a filter refuses it
    /// later, transactions are refused, and calls go on.
    pub fn fences(mut self, fences: bool) -> RuntimeBuilder {
        self.fences = fences;
        self
    }

    /// Which files may be loaded. Default: [`Trust::default`], which is strict.
    pub fn trust(mut self, trust: Trust) -> RuntimeBuilder {
        self.trust = trust;
        self
    }

    /// The directory in which the private store is made when the first file is loaded; the
    /// system's directory for temporary files unless this says otherwise. Its file system
    /// must allow execution, and must not be shared with another machine unless it locks
    /// for both. A store that a killed process left there is removed by the next one of
    /// that user.
    pub fn store(mut self, directory: impl Into<PathBuf>) -> RuntimeBuilder {
        self.store = Some(directory.into());
        self
    }

    /// How long dropping the runtime waits for calls that are inside components, and for each
    /// destructor. What is still in use then is leaked, not destroyed. `Duration::MAX` sets no
    /// limit. Default: 10 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> RuntimeBuilder {
        self.shutdown_timeout = timeout;
        self
    }

    /// Names the component that provides the interface `I` to whoever does not name one, if
    /// several do: to components that need it, and to [`Runtime::service`]. It may be loaded
    /// later. A plan can bind, too, and change this.
    pub fn bind<I: ?Sized + Interface>(mut self, component: &str) -> RuntimeBuilder {
        self.bindings.insert(I::NAME.to_owned(), component.to_owned());
        self
    }

    /// Adds an implementation that registered nowhere; for benchmarks.
    ///
    /// # Safety
    /// The export's functions are those that its manifest describes, and its constructor's
    /// instances are what they take: as `#[lcr::component]` makes them.
    #[doc(hidden)]
    pub unsafe fn export(mut self, export: &'static tables::Export) -> RuntimeBuilder {
        self.exports.push(export);
        self
    }

    /// Makes the runtime.
    ///
    /// # Errors
    /// `Io` if the directory for the private store is not there; `BadManifest` if a linked component's
    /// manifest is damaged; `Invalid` inside a loaded component, which cannot host a
    /// runtime of its own.
    pub fn build(self) -> Result<Runtime> {
        if !image::adopt_host(&raw const HOST_TABLE) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "this image is itself a component of another host and cannot host a runtime; use handles on dependencies",
            ));
        }
        threads::settle_soon_by(records::take_slow_path_once);
        let fenced = self.fences || !sys::register_membarrier();
        let inner = RuntimeInner::new(
            &HOST_TABLE,
            fenced,
            Store::new(self.store.as_deref(), self.trust)?,
            self.shutdown_timeout,
        );
        fork::register(&inner);
        inner.state().objects.registry_mut().bind(self.bindings);
        let runtime = Runtime { inner };
        let linked = if self.linked { image::exports() } else { &[] };
        for export in linked.iter().copied().chain(self.exports) {
            runtime.add_linked(export)?;
        }
        Ok(runtime)
    }
}

impl Runtime {
    /// A runtime with the default options.
    ///
    /// # Errors
    /// As for [`RuntimeBuilder::build`].
    pub fn new() -> Result<Runtime> {
        Runtime::builder().build()
    }

    /// The options of a runtime, to be [built](RuntimeBuilder::build).
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    pub(crate) fn inner(&self) -> &Arc<RuntimeInner> {
        &self.inner
    }

    pub(crate) fn add_linked(&self, export: &'static tables::Export) -> Result<()> {
        let manifest = Manifest::decode(export.manifest())?;
        let mut state = self.inner.state();
        for export_manifest in manifest.exports {
            let component = Component::linked(&export_manifest);
            let implementation = Implementation::new(component, export_manifest, export);
            state.objects.registry_mut().add(implementation)?;
        }
        Ok(())
    }

    /// A handle on the one shared instance that provides `I`, built on first use.
    ///
    /// # Errors
    /// `NotFound` if nothing provides the interface in the version that this program
    /// was compiled against, `Ambiguous` if several components do (then use
    /// [`Runtime::service_of`]), `Mismatch` if a method cannot be linked, `Dependency`,
    /// `Construct` if it could not be built.
    pub fn service<I: ?Sized + Interface>(&self) -> Result<Handle<I>> {
        self.service_by(None)
    }

    /// As [`Runtime::service`], of the named component.
    ///
    /// # Errors
    /// As for [`Runtime::service`].
    pub fn service_of<I: ?Sized + Interface>(&self, component: &str) -> Result<Handle<I>> {
        self.service_by(Some(component))
    }

    fn service_by<I: ?Sized + Interface>(&self, component: Option<&str>) -> Result<Handle<I>> {
        let slot = self.inner.service_handle(I::ENCODED, component)?;
        // SAFETY: the slot was linked for `I::ENCODED`, and its reference is ours.
        Ok(unsafe { Handle::from_slot(slot) })
    }

    /// A handle on a new instance that is its own, constructed with `config`, which the
    /// constructor reads with `Context::config`. It is destroyed when the last clone of
    /// the handle is dropped.
    ///
    /// # Errors
    /// As for [`Runtime::service`]; `Invalid` if `config` cannot be encoded.
    pub fn reference<I: ?Sized + Interface>(&self, config: &(impl Serialize + ?Sized)) -> Result<Handle<I>> {
        self.reference_by(None, config)
    }

    /// As [`Runtime::reference`], of the named component.
    ///
    /// # Errors
    /// As for [`Runtime::reference`].
    pub fn reference_of<I: ?Sized + Interface>(
        &self,
        component: &str,
        config: &(impl Serialize + ?Sized),
    ) -> Result<Handle<I>> {
        self.reference_by(Some(component), config)
    }

    fn reference_by<I: ?Sized + Interface>(
        &self,
        component: Option<&str>,
        config: &(impl Serialize + ?Sized),
    ) -> Result<Handle<I>> {
        let slot = self.inner.own_handle(I::ENCODED, component, Some(encode(config)?))?;
        // SAFETY: the slot was linked for `I::ENCODED`, and its reference is ours.
        Ok(unsafe { Handle::from_slot(slot) })
    }

    /// Sets the configuration that the constructors of a component's shared instances
    /// read. It holds for instances that are built later, replacements included.
    ///
    /// Any value that can be encoded is taken: a component's manifest does not say what type its
    /// constructor asks for, and only running that constructor would tell, beside the instance that
    /// serves and with all that it does. So a value of the wrong type shows when the next instance
    /// is built. [`PlanBuilder::configure`](crate::PlanBuilder::configure) runs it before the
    /// commit, also for a component that the plan does not replace, and changes nothing if it refuses.
    ///
    /// # Errors
    /// `NotFound` if no such component is present, `Invalid` if `config` cannot be encoded.
    pub fn configure(&self, component: &str, config: &(impl Serialize + ?Sized)) -> Result<()> {
        let config = encode(config)?;
        let mut state = self.inner.state();
        if state.objects.configure(component, &config) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("component `{component}` is not present; load it first")))
    }

    /// Holds the current world for the calling thread: see [`Pin`].
    ///
    /// # Errors
    /// `Deadline` if the gate of a replacement stays shut until its deadline.
    pub fn pin(&self) -> Result<Pin> {
        Pin::new(&self.inner)
    }

    /// The number of the last commit. A new runtime is at 1; each commit raises it by one, whatever
    /// is in the plan. A refused plan, a gate and a new handle leave it as it is.
    pub fn generation(&self) -> u64 {
        self.inner.serial()
    }

    /// Waits until every replaced instance is destroyed, at most `timeout`.
    ///
    /// # Errors
    /// `Deadline`, naming the calls that are still inside, and the destructors that still run.
    pub fn wait_drained(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(Instant::now(), timeout);
        loop {
            let mut state = self.inner.state();
            if state.retiring.is_empty() && !self.inner.reaper.is_reaping() {
                return Ok(());
            }
            if deadline.has_passed() {
                let mut stragglers = self.inner.all_stragglers(&mut state);
                stragglers.extend(self.inner.reaper.destructors(true));
                return Err(not_drained(state.retiring.len(), timeout, stragglers));
            }
            drop(state);
            self.inner.wake_reaper();
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// What is present, in use and retained now.
    pub fn status(&self) -> Status {
        let mut state = self.inner.state();
        let mut stragglers = self.inner.all_stragglers(&mut state);
        stragglers.extend(self.inner.reaper.destructors(false));
        let objects = &state.objects;
        let mut components: Vec<ComponentStatus> = objects
            .registry()
            .committed()
            .map(|(_, provider)| {
                let implementation = provider.implementation();
                let origin = implementation.component.origin.as_ref();
                ComponentStatus {
                    id: implementation.component.id.clone(),
                    hash: origin.map(|origin| origin.hash),
                    source: origin.map(|origin| origin.source.clone()),
                    interface: implementation.manifest.interface.clone(),
                    interface_version: implementation.manifest.interface_version,
                    instances: provider.instances(),
                    image_bytes: origin.map(|origin| origin.image.mapped_bytes()),
                }
            })
            .collect();
        components.sort_by(|a, b| (&a.id.name, &a.interface).cmp(&(&b.id.name, &b.interface)));
        Status {
            generation: state.serial(),
            components,
            instances: objects.services().len(),
            handles: objects.slots().numbers().count(),
            pins: self.inner.pins.count(),
            constructed: state.tally.constructed(),
            destroyed: state.tally.destroyed(),
            leaving: state.retiring.len() + self.inner.reaper.destroying(),
            stragglers,
            is_gate_shut: state.gate.is_some(),
            retired_worlds: state.retired.count(),
            world_bytes: state.world.bytes() + state.retired.worlds().map(|world| world.bytes()).sum::<usize>(),
            retained_images: state.images.count(),
            retained_image_bytes: state.images.bytes(),
        }
    }
}

fn not_drained(count: usize, timeout: Duration, stragglers: Vec<Straggler>) -> Error {
    let names: Vec<String> = stragglers.iter().map(ToString::to_string).collect();
    let text = match (count, &names[..]) {
        (0, []) => format!("replaced instances are still being destroyed after {timeout:?}; wait again"),
        (0, names) => format!(
            "destructors of replaced instances are still running after {timeout:?}: {}; wait again, or have them return",
            names.join("; ")
        ),
        (_, []) => format!(
            "{count} replaced instances are still in use after {timeout:?}, though no caller is inside; \
             a destructor or an abandoned transaction must end first"
        ),
        (_, names) => format!(
            "{count} replaced instances are still in use after {timeout:?}: {}; wait again, or have them leave",
            names.join("; ")
        ),
    };
    Error::new(ErrorKind::Deadline, text).with_stragglers(stragglers)
}

pub(crate) fn encode(config: &(impl Serialize + ?Sized)) -> Result<Arc<[u8]>> {
    wire::encode(config)
        .map(Into::into)
        .map_err(|error| Error::new(ErrorKind::Invalid, "the configuration cannot be encoded").with_source(error))
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.inner.close();
        shutdown::run(&self.inner);
        // Not left to the last count, which another thread may hold when the process ends.
        self.inner.remove_store();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("generation", &self.generation()).finish_non_exhaustive()
    }
}

/// What a runtime holds at one moment. Sizes are in bytes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Status {
    /// The number of the last commit.
    pub generation: u64,
    /// The implementations that are present, by component and interface.
    pub components: Vec<ComponentStatus>,
    /// Instances that are held by handles or dependents.
    pub instances: usize,
    /// Slots with handles.
    pub handles: usize,
    /// Pins that are held.
    pub pins: usize,
    /// Objects constructed since the runtime began.
    pub constructed: u64,
    /// Objects destroyed since the runtime began.
    pub destroyed: u64,
    /// Objects that were replaced or released and are not destroyed yet.
    pub leaving: usize,
    /// Calls that are inside them, and their destructors that do not return (`destructor` for a
    /// method).
    pub stragglers: Vec<Straggler>,
    /// Whether callers of some component are held now, while its state moves.
    pub is_gate_shut: bool,
    /// Worlds that were replaced and are not freed yet.
    pub retired_worlds: usize,
    /// Size of the current world's table and those of retired ones.
    pub world_bytes: usize,
    /// Images of replaced or removed components, which stay mapped.
    pub retained_images: usize,
    /// Their size in memory.
    pub retained_image_bytes: usize,
}

/// One implementation that is present.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ComponentStatus {
    /// The component and its version.
    pub id: ComponentId,
    /// The file that it was loaded from; `None` if it is linked into the program.
    pub source: Option<PathBuf>,
    /// The content hash of that file; `None` if the component is linked into the program.
    pub hash: Option<ContentHash>,
    /// The interface.
    pub interface: String,
    /// The interface's version.
    pub interface_version: u32,
    /// Its instances.
    pub instances: usize,
    /// The size of its image in memory, in bytes; `None` if it is linked into the program.
    pub image_bytes: Option<usize>,
}
