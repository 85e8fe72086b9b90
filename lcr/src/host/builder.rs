//! The options of a runtime, and how it is made.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    abi::{interface::Interface, tables},
    component::image,
    error::{Error, ErrorKind, Result},
};

use super::{
    image::{
        library::Registered,
        stage::{Store, Trust},
        threads,
    },
    service::{fork, host_table::HOST_TABLE, inner::RuntimeInner, revisions, snapshots},
    sys,
    worlds::records,
};

/// The options of a [`Runtime`](crate::Runtime). [`Runtime::builder`](crate::Runtime::builder) makes
/// one, and [`build`](RuntimeBuilder::build) makes the runtime.
///
/// An option that sets a time takes a [`Duration`], or `None` for no limit.
#[must_use = "options make no runtime until `build` is called"]
#[derive(Debug)]
pub struct RuntimeBuilder {
    linked: bool,
    fences: bool,
    trust: Trust,
    store: Option<PathBuf>,
    shutdown_timeout: Option<Duration>,
    exports: Vec<&'static tables::Export>,
    bindings: BTreeMap<String, String>,
    revisions: usize,
    snapshots: usize,
    pub(super) beginnings: Vec<Beginning>,
    pub(super) last_beginnings: Vec<Beginning>,
}

/// What floor 3 does with a runtime that is complete, before the program gets it.
pub(super) struct Beginning(pub(super) Box<Begin>);

type Begin = dyn FnOnce(&Arc<RuntimeInner>) -> Result<()> + Send + Sync;

impl fmt::Debug for Beginning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Beginning")
    }
}

impl Default for RuntimeBuilder {
    fn default() -> RuntimeBuilder {
        RuntimeBuilder {
            linked: true,
            fences: false,
            trust: Trust::default(),
            store: None,
            shutdown_timeout: Some(Duration::from_secs(10)),
            exports: Vec::new(),
            bindings: BTreeMap::new(),
            beginnings: Vec::new(),
            last_beginnings: Vec::new(),
            revisions: revisions::LIMIT,
            snapshots: snapshots::LIMIT,
        }
    }
}

impl RuntimeBuilder {
    /// Whether the runtime has the components that are linked into the program. With `false` it has only
    /// those that it loads. Default: true.
    pub fn linked(mut self, linked: bool) -> RuntimeBuilder {
        self.linked = linked;
        self
    }

    /// Whether every call executes a memory fence. With `false` no call does, and each commit makes the
    /// system call `membarrier(2)` instead.
    ///
    /// If the kernel lacks or refuses that system call when the runtime is built, calls execute fences
    /// whatever this option says. If a filter of system calls (seccomp) refuses it later, transactions
    /// are refused with `Io`, and calls go on. Default: false.
    pub fn fences(mut self, fences: bool) -> RuntimeBuilder {
        self.fences = fences;
        self
    }

    /// Which files the runtime may load. Default: [`Trust::default`], which is strict.
    pub fn trust(mut self, trust: Trust) -> RuntimeBuilder {
        self.trust = trust;
        self
    }

    /// The directory in which the runtime makes its private store, which holds copies of the files that
    /// it loads. The runtime makes the store when it stages its first file, and removes it when it is
    /// dropped.
    ///
    /// The directory must exist when the runtime is built. Its file system must allow execution (no
    /// `noexec`). Several machines may share it only if file locks hold on all of them. If a process is
    /// killed, its store stays; the next process of the same user that makes a store there removes it.
    /// Default: the system's directory for temporary files ([`std::env::temp_dir`]).
    pub fn store(mut self, directory: impl Into<PathBuf>) -> RuntimeBuilder {
        self.store = Some(directory.into());
        self
    }

    /// How long dropping the runtime waits for constructors and calls that are inside components, and how long for each
    /// destructor. What is still in use then is leaked, not destroyed. `None` sets no limit.
    /// Default: 10 s.
    pub fn shutdown_timeout(mut self, timeout: impl Into<Option<Duration>>) -> RuntimeBuilder {
        self.shutdown_timeout = timeout.into();
        self
    }

    /// Says which component provides the interface `I` if several do and the caller names none. The
    /// callers are components that need the interface, and
    /// [`Runtime::service`](crate::Runtime::service). The component may be loaded later. A plan can
    /// change the binding ([`PlanBuilder::bind`](crate::PlanBuilder::bind)). By default an interface
    /// has no binding, and such a request is refused with `Ambiguous`.
    pub fn bind<I: ?Sized + Interface>(mut self, component: &str) -> RuntimeBuilder {
        self.bindings.insert(I::NAME.to_owned(), component.to_owned());
        self
    }

    /// Has floor 3 do something with the runtime when it is complete, in the order in which it asked.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn begin_with(
        mut self,
        begin: impl FnOnce(&Arc<RuntimeInner>) -> Result<()> + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        self.beginnings.push(Beginning(Box::new(begin)));
        self
    }

    /// As [`begin_with`](RuntimeBuilder::begin_with), behind all that is done so.
    #[allow(dead_code, reason = "only some features ask")]
    pub(crate) fn begin_last_with(
        mut self,
        begin: impl FnOnce(&Arc<RuntimeInner>) -> Result<()> + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        self.last_beginnings.push(Beginning(Box::new(begin)));
        self
    }

    /// How many bytes of states that were saved at hand-overs are kept with the older generations, the newest first,
    /// for
    /// a rollback that [`restore_snapshot`](crate::PlanBuilder::restore_snapshot) allows to use them.
    /// Default: 67,108,864 (64 MiB).
    pub fn snapshots(mut self, bytes: usize) -> RuntimeBuilder {
        self.snapshots = bytes;
        self
    }

    /// How many older generations are kept, so that a rollback can go back to them: see
    /// [`Runtime::rollback`](crate::Runtime::rollback). With 0, only the first version of each component is kept,
    /// which always is. [`Runtime::keep_revisions`](crate::Runtime::keep_revisions) changes the number. Default: 32.
    ///
    /// A kept generation takes a few hundred bytes for each component that its successor changed, and one file in the
    /// store for each of those that may be unloaded.
    pub fn revisions(mut self, count: usize) -> RuntimeBuilder {
        self.revisions = count;
        self
    }

    /// Adds an implementation that is in no image's list of registrations; for benchmarks.
    ///
    /// # Safety
    /// The export's functions are those that its manifest describes, and they take the instances that
    /// its constructor makes, as `#[lcr::component]` generates them.
    #[doc(hidden)]
    pub unsafe fn export(mut self, export: &'static tables::Export) -> RuntimeBuilder {
        self.exports.push(export);
        self
    }

    /// Makes the parts of the runtime, and returns the exports of the components that it begins with.
    pub(super) fn make(self) -> Result<(Arc<RuntimeInner>, Vec<Registered>)> {
        if !image::adopt_host(&raw const HOST_TABLE) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "this image is itself a component of another host and cannot host a runtime; use handles on \
                 dependencies",
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
        drop(inner.state().revisions_mut().set_limit(self.revisions));
        inner.state().revisions_mut().snapshots_mut().set_limit(self.snapshots);
        let linked = image::exports().iter().zip(image::objects()).filter(|_| self.linked);
        let linked = linked.map(|(&export, &object)| Registered { export, object });
        // An export of none of the lists has objects of its own.
        let further = self.exports.into_iter().zip((0..u32::MAX).rev());
        let further = further.map(|(export, object)| Registered { export, object });
        Ok((inner, linked.chain(further).collect()))
    }
}
