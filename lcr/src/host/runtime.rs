//! The runtime: what a program holds.

use std::{
    fmt, mem,
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
    builder::{Beginning, RuntimeBuilder},
    deadline::Deadline,
    image::{library::Registered, manifest::Manifest},
    objects::component::{Component, Declared, Implementation},
    service::{
        events::{Events, kind::Refused},
        inner::RuntimeInner,
        pin::Pin,
        shutdown,
    },
    status::Status,
};

/// A set of components that can be replaced while they are in use.
///
/// A runtime has the components that are linked into the program, and those that it loads. There is no
/// global runtime. A program may have several; they do not know each other. Share a runtime by
/// reference or in an `Arc`: every method takes `&self` and may be called from any thread.
///
/// **Trust.** Loading a library runs its code with the rights of this process. Before any code of the
/// library runs, the runtime refuses what it can see: files that [`Trust`](crate::Trust) does not accept, damaged or
/// foreign libraries, needs that no component serves, and interfaces that do not match the handles that are held
/// on them. If no handle is held on an interface, [`Runtime::service`] compares it when it is first asked
/// for it, after the library was mapped. The runtime cannot see that a library lies about itself. The
/// page [`soundness`](crate::guide::soundness) says why loading is a safe function nevertheless.
///
/// **Dropping** the runtime waits for the threads that construct instances, revokes all handles, waits for the
/// calls that are inside components, at most for the builder's
/// [`shutdown_timeout`](RuntimeBuilder::shutdown_timeout), and has a thread of its
/// own destroy the instances, dependents first. Handles may outlive the runtime; their calls give faults.
pub struct Runtime {
    inner: Arc<RuntimeInner>,
    /// Whether the program has another one, which ends the runtime.
    is_lent: bool,
}

impl RuntimeBuilder {
    /// Makes the runtime. Does not block: the runtime starts its threads and makes its store when it
    /// first needs them.
    ///
    /// # Errors
    /// `Io` if the directory for the private store does not exist; `BadManifest` if the manifest of a
    /// linked component is damaged; `Invalid` if two linked components of one name implement the same
    /// interface, or if a loaded component calls this: a component cannot host a runtime.
    pub fn build(mut self) -> Result<Runtime> {
        let (beginnings, last) = (mem::take(&mut self.beginnings), mem::take(&mut self.last_beginnings));
        let (inner, exports) = self.make()?;
        let runtime = Runtime { inner, is_lent: false };
        runtime.add_registered(exports)?;
        beginnings.into_iter().chain(last).try_for_each(|Beginning(begin)| begin(&runtime.inner))?;
        Ok(runtime)
    }
}

impl Runtime {
    /// Makes a runtime with the default options.
    ///
    /// # Errors
    /// As for [`RuntimeBuilder::build`].
    pub fn new() -> Result<Runtime> {
        Runtime::builder().build()
    }

    /// The default options, to be changed before the runtime is made.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// The runtime for one of its own threads. Dropping this ends nothing, and the program may end the runtime
    /// meanwhile: then everything is refused with `Closed`.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn lent(inner: Arc<RuntimeInner>) -> Runtime {
        Runtime { inner, is_lent: true }
    }

    pub(crate) fn inner(&self) -> &Arc<RuntimeInner> {
        &self.inner
    }

    /// Adds an implementation with objects of its own that is linked into the program.
    pub(crate) fn add_linked(&self, export: &'static tables::Export) -> Result<()> {
        self.add_registered(vec![Registered { export, object: 0 }])
    }

    fn add_registered(&self, registered: Vec<Registered>) -> Result<()> {
        let mut declared = Vec::with_capacity(registered.len());
        for Registered { export, object } in registered {
            let manifest = Manifest::decode(export.manifest())?;
            if manifest.exports.iter().any(|export| export.patch.is_some()) {
                tracing::warn!(patch = %manifest.component, "a patch that is linked into the program patches nothing; \
                    build it as a library, or put it in with Runtime::patch");
                continue;
            }
            declared.extend(manifest.exports.into_iter().map(|manifest| {
                let component = Component::linked(&manifest);
                Declared { component, manifest, export, object }
            }));
        }
        let mut state = self.inner.state();
        Implementation::of(declared)?
            .into_iter()
            .try_for_each(|implementation| state.objects.registry_mut().add(implementation).map(drop))
    }

    /// Returns a handle on the shared instance that provides `I`.
    ///
    /// The first call constructs the instance, and all that it depends on, on the calling thread. A call
    /// blocks while another thread constructs the instance, or while a transaction is about to replace
    /// its component, at most 60 s. A later call of the same request takes no lock that a thread holds
    /// for longer than a look-up, until the next commit. A constructor may call this.
    ///
    /// # Errors
    /// `NotFound` if no component provides the interface in the version that this program was compiled
    /// against; `Ambiguous` if several components do and none is bound (use [`Runtime::service_of`]);
    /// `Mismatch` if a method cannot be linked; `Dependency` if a component that it needs is missing or
    /// in a cycle; `Construct` if a constructor refuses or panics; `Reentrant` if its own constructor
    /// asks for it; `Busy` if it is under construction or in a hand-over for 60 s.
    pub fn service<I: ?Sized + Interface>(&self) -> Result<Handle<I>> {
        self.service_by(None)
    }

    /// As [`Runtime::service`], but from the named component.
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

    /// Constructs a new instance on the calling thread, and returns the only handle on it. The
    /// constructor reads `config` with [`Context::config`](crate::Context::config). The runtime destroys
    /// the instance, on a thread of its own, after the last clone of the handle was dropped.
    ///
    /// Blocks as [`Runtime::service`] does.
    ///
    /// # Errors
    /// As for [`Runtime::service`]; `Invalid` if `config` cannot be encoded.
    pub fn reference<I: ?Sized + Interface>(&self, config: &(impl Serialize + ?Sized)) -> Result<Handle<I>> {
        self.reference_by(None, config)
    }

    /// As [`Runtime::reference`], but from the named component.
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

    /// Holds the current world for the calling thread: see [`Pin`]. Blocks while the gate of a
    /// replacement is shut; takes no lock that a thread holds for longer than a look at all frames.
    ///
    /// # Errors
    /// `Deadline` if the gate stays shut until the replacement's deadline, or if the calling thread is
    /// inside a component that the very transaction of this thread replaces.
    pub fn pin(&self) -> Result<Pin> {
        Pin::new(&self.inner)
    }

    /// The number of the last commit. A new runtime is at 1. Each commit raises the number by one,
    /// whatever is in the plan; a refused plan, a gate and a new handle leave it as it is. Does not take
    /// the state lock.
    pub fn generation(&self) -> u64 {
        self.inner.serial()
    }

    /// Blocks until every replaced instance is destroyed, at most for `timeout`; `None` sets no limit.
    ///
    /// A thread that is inside a replaced instance, or holds a pin from before the replacement, waits
    /// for itself: it gets `Deadline`, and without a limit it waits for ever.
    ///
    /// # Errors
    /// `Deadline`. Its stragglers are the calls and pins that hold replaced instances, and the
    /// destructors that still run.
    pub fn wait_drained(&self, timeout: impl Into<Option<Duration>>) -> Result<()> {
        let timeout = timeout.into();
        let deadline = Deadline::after(Instant::now(), timeout);
        loop {
            let mut state = self.inner.state();
            if state.retiring.is_empty() && !self.inner.reaper.is_reaping() {
                return Ok(());
            }
            if deadline.has_passed() {
                let mut stragglers = self.inner.all_stragglers(&mut state);
                stragglers.extend(self.inner.reaper.destructors(true));
                return Err(not_drained(state.retiring.len(), timeout.unwrap_or_default(), stragglers));
            }
            drop(state);
            self.inner.wake_reaper();
            thread::sleep(Duration::from_micros(200));
        }
    }

    /// What is present, in use and retained now. Takes the state lock for a few look-ups; runs no code
    /// of a component and waits for none.
    pub fn status(&self) -> Status {
        self.inner.status()
    }

    /// What happens in this runtime from now on: commits, refusals, faults. Does not block.
    ///
    /// ```
    /// let rt = lcr::Runtime::new()?;
    /// let mut events = rt.events();
    /// let refused = rt.load("not_there.so").is_err();
    /// assert!(refused && matches!(events.try_next().unwrap().kind, lcr::events::EventKind::Refused(_)));
    /// # Ok::<(), lcr::Error>(())
    /// ```
    pub fn events(&self) -> Events {
        self.inner.follow()
    }

    /// The pins that are held now, whatever they hold: thread, generation and age of each. Does not take the state
    /// lock.
    pub fn pins(&self) -> Vec<Straggler> {
        self.inner.all_pins()
    }

    /// The last 64 plans that were refused, the oldest first: who asked, when and why, and what the plan was. Does not
    /// block.
    pub fn last_refusals(&self) -> Vec<Refused> {
        self.inner.refusals.all()
    }
}

fn not_drained(count: usize, timeout: Duration, stragglers: Vec<Straggler>) -> Error {
    let names: Vec<String> = stragglers.iter().map(ToString::to_string).collect();
    let text = match (count, &names[..]) {
        (0, []) => format!("replaced instances are still being destroyed after {timeout:?}; wait again"),
        (0, names) => format!(
            "destructors of replaced instances are still running after {timeout:?}: {}; wait again, or have them \
             return",
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
        if self.is_lent {
            return;
        }
        // While everything still serves: what watches has to come to its end, and nobody asks for more.
        self.inner.guest.get().into_iter().for_each(|guest| guest.close());
        self.inner.above().close_socket();
        if let Some(keeper) = self.inner.keeper() {
            keeper.ending();
        }
        self.inner.close();
        shutdown::run(&self.inner);
        self.inner.end_events();
        self.inner.above().end();
        // Another thread may hold the last count of the store when the process ends.
        self.inner.remove_store();
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("generation", &self.generation()).finish_non_exhaustive()
    }
}
