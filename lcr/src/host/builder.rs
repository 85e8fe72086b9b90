//! The options of a runtime, and how it is made.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    abi::{interface::Interface, tables},
    component::image,
    error::{Error, ErrorKind, Result},
};

use super::{
    image::{
        stage::{Store, Trust},
        threads,
    },
    service::{fork, host_table::HOST_TABLE, inner::RuntimeInner},
    sys,
    worlds::records,
};

/// Options of a [`Runtime`](crate::Runtime). Made by [`Runtime::builder`](crate::Runtime::builder).
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
    /// Whether components that are linked into the program are present. Default: true.
    pub fn linked(mut self, linked: bool) -> RuntimeBuilder {
        self.linked = linked;
        self
    }

    /// Whether every call executes a fence, instead of commits running `membarrier`. Where the kernel
    /// lacks or refuses that system call, calls execute fences whatever this says. If a filter refuses
    /// it later, transactions are refused, and calls go on. Default: false.
    pub fn fences(mut self, fences: bool) -> RuntimeBuilder {
        self.fences = fences;
        self
    }

    /// Which files may be loaded. Default: [`Trust::default`], which is strict.
    pub fn trust(mut self, trust: Trust) -> RuntimeBuilder {
        self.trust = trust;
        self
    }

    /// The directory in which the private store is made when the first file is loaded. Its file
    /// system must allow execution, and must not be shared with another machine unless its locks
    /// hold on both. If a process was killed and left its store there, the next process of the same
    /// user removes that store. Default: the system's directory for temporary files.
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

    /// Names the component that provides the interface `I` where several do and the user names none:
    /// to components that need the interface, and to [`Runtime::service`](crate::Runtime::service). The
    /// component may be loaded later. A plan can bind, too, and change this.
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

    /// Makes the parts of the runtime, and returns the exports of the components that are to be present.
    pub(super) fn make(self) -> Result<(Arc<RuntimeInner>, Vec<&'static tables::Export>)> {
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
        let linked = if self.linked { image::exports() } else { &[] };
        Ok((inner, linked.iter().copied().chain(self.exports).collect()))
    }
}
