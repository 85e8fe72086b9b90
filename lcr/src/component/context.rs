//! What a constructor is told: the component's name, its configuration and its dependencies.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::{
    abi::{
        interface::Interface,
        tables::RawContext,
        value::{Abi, sequences::RawSlice},
    },
    error::{Error, ErrorKind, Result},
};

use super::{handle::Handle, image, wire};

/// What a constructor is told: the component's name, its configuration and its dependencies.
///
/// The runtime passes a context to the function of `create = path` and to
/// [`Stateful::restore`](crate::Stateful::restore). The context belongs to that call and stays on its
/// thread; handles and configuration that the constructor takes out of it may be kept. A unit test
/// makes a [`testing::Context`](crate::testing::Context).
#[repr(transparent)]
pub struct Context {
    raw: RawContext,
}

impl Context {
    /// A context that wraps what `raw` points to.
    ///
    /// # Safety
    /// `raw` and what it points to are alive for `'a`.
    pub(crate) unsafe fn from_raw<'a>(raw: *const RawContext) -> &'a Context {
        // SAFETY: `Context` is a transparent wrapper, and the caller vouches for `'a`.
        unsafe { &*raw.cast::<Context>() }
    }

    /// The name of the component under construction.
    pub fn component(&self) -> &str {
        // SAFETY: the host's name outlives the context and is UTF-8.
        unsafe { Abi::from_repr(self.raw.component) }
    }

    /// Whether the component was given a configuration.
    pub fn is_configured(&self) -> bool {
        self.raw.config.len != 0
    }

    /// Reads the configuration as a `T`: that of
    /// [`Runtime::reference`](crate::Runtime::reference) for the instance of a reference, else that of
    /// [`Runtime::configure`](crate::Runtime::configure) or
    /// [`PlanBuilder::configure`](crate::PlanBuilder::configure).
    ///
    /// # Errors
    /// `Invalid` if the component was given no configuration, or one that cannot be read as a `T`.
    pub fn config<T: DeserializeOwned>(&self) -> Result<T> {
        if !self.is_configured() {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!(
                    "component `{}` was given no configuration; give one with Runtime::configure or Runtime::reference",
                    self.component()
                ),
            ));
        }
        // SAFETY: the host's bytes outlive the context.
        let bytes: &[u8] = unsafe { Abi::from_repr(self.raw.config) };
        wire::decode(bytes).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                format!(
                    "the configuration of component `{}` is not a {}: {error}",
                    self.component(),
                    std::any::type_name::<T>()
                ),
            )
        })
    }

    /// A handle on a dependency: an interface in `deps(..)` of the component or of its
    /// interface. The runtime built the dependency before it called this constructor.
    ///
    /// # Errors
    /// `Dependency` if `deps(..)` does not name the interface.
    pub fn dependency<I: ?Sized + Interface>(&self) -> Result<Handle<I>> {
        let interface = RawSlice { at: I::ENCODED.as_ptr(), len: I::ENCODED.len() };
        // SAFETY: a host's table lives as long as the process.
        let host = unsafe { &*self.raw.host };
        // SAFETY: the context is alive for the call.
        let created = unsafe { (host.dependency)(&raw const self.raw, interface) };
        match image::into_slot_result(created) {
            // SAFETY: the host gives us one reference to a slot linked for `I`.
            Ok(slot) => Ok(unsafe { Handle::from_slot(slot) }),
            Err(message) => Err(Error::new(ErrorKind::Dependency, message)),
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (component, is_configured) = (self.component(), self.is_configured());
        f.debug_struct("Context").field("component", &component).field("is_configured", &is_configured).finish()
    }
}
