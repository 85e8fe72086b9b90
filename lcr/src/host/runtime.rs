//! The runtime: what a program holds.

use std::{
    fmt,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    abi::{interface::Interface, tables},
    component::{handle::Handle, wire},
    error::{Error, ErrorKind, Result, Straggler},
};

use super::{
    builder::RuntimeBuilder,
    deadline::Deadline,
    image::manifest::Manifest,
    objects::component::{Component, Implementation},
    service::{inner::RuntimeInner, pin::Pin, shutdown},
    status::Status,
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

impl RuntimeBuilder {
    /// Makes the runtime.
    ///
    /// # Errors
    /// `Io` if the directory for the private store is not there; `BadManifest` if a linked component's
    /// manifest is damaged; `Invalid` inside a loaded component, which cannot host a
    /// runtime of its own.
    pub fn build(self) -> Result<Runtime> {
        let (inner, exports) = self.make()?;
        let runtime = Runtime { inner };
        exports.into_iter().try_for_each(|export| runtime.add_linked(export))?;
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

    /// Begins a runtime with options of its own.
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
        self.inner.status()
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
