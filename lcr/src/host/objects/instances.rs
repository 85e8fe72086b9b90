//! An [`Instance`]: one constructed object, and its dependencies.
//!
//! Invariants
//! 1. Only a thread of the reaper or of the runtime's end destroys an instance, when it has the last count.
//! 2. The dependencies of an instance outlive it: it holds the service of each.

use std::sync::Arc;

use crate::{
    abi::{
        fault::Outcome,
        value::{Abi, composite::RawResult, sequences::RawVec},
        world::Target,
    },
    error::{Error, ErrorKind, Result},
    host::{
        ids::{Generation, ServiceId, ViewId},
        image::link::Views,
    },
};

use super::{component::Implementation, tracking::Tracking};

/// One constructed object.
pub(crate) struct Instance {
    address: usize,
    implementation: Arc<Implementation>,
    /// The first world that may show it.
    first_generation: Generation,
    /// The services that it depends on, with their interfaces. The instance holds each once.
    needs: Vec<Held>,
    /// Which transaction tracks its state.
    tracking: Tracking,
}

/// A service that an instance or a constructor holds as a dependency.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) interface: String,
    pub(crate) service: ServiceId,
}

impl Instance {
    /// The object at `address`. No world shows it yet.
    pub(in crate::host) fn new(
        address: usize,
        implementation: Arc<Implementation>,
        first_generation: Generation,
        needs: Vec<Held>,
    ) -> Instance {
        Instance { address, implementation, first_generation, needs, tracking: Tracking::default() }
    }

    /// The count of an object of the program that an implementation had, if its instances are one: the caller
    /// retires the instance, and no further one is made.
    pub(in crate::host) fn of_object(implementation: &Arc<Implementation>, generation: Generation) -> Option<Instance> {
        let address = implementation.take_object()?;
        Some(Instance::new(address, Arc::clone(implementation), generation, Vec::new()))
    }

    /// The same object, with `first_generation` as the first world that may show it.
    #[must_use]
    pub(crate) fn shown_since(self, first_generation: Generation) -> Instance {
        Instance { first_generation, ..self }
    }

    pub(in crate::host) fn address(&self) -> usize {
        self.address
    }

    pub(crate) fn implementation(&self) -> &Arc<Implementation> {
        &self.implementation
    }

    /// The first world that may show it.
    pub(crate) fn first_generation(&self) -> Generation {
        self.first_generation
    }

    pub(super) fn tracking(&self) -> &Tracking {
        &self.tracking
    }

    /// The services that it depends on, with their interfaces.
    pub(in crate::host) fn needs(&self) -> &[Held] {
        &self.needs
    }

    /// The target of a slot of `view` that this instance serves.
    ///
    /// # Errors
    /// As for [`Implementation::link`].
    pub(crate) fn target(&self, view: ViewId, views: &Views) -> Result<Target> {
        self.implementation.target(self.address, view, views)
    }

    /// Runs its health check, if it has one: code of the component, on this thread.
    ///
    /// # Errors
    /// `Unhealthy`, with the component's text.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(healthy) = self.implementation.export.healthy else { return Ok(()) };
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { healthy(self.address) };
        verdict::<()>(outcome, ErrorKind::Unhealthy, &self.implementation, "health check")
    }

    /// Saves its state: runs code of the component on this thread.
    ///
    /// # Errors
    /// `State` if the component has no state, refuses, or panics.
    pub(crate) fn save(&self) -> Result<Vec<u8>> {
        let Some(save) = self.implementation.export.save else {
            return Err(Error::new(
                ErrorKind::State,
                format!("component `{}` has no state to save", self.implementation.component),
            ));
        };
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { save(self.address) };
        verdict::<Vec<u8>>(outcome, ErrorKind::State, &self.implementation, "save")
    }
}

/// The value that a component's function returned, or its refusal or panic as an error of `kind`. `verb` is
/// the name of the function for the message.
pub(in crate::host) fn verdict<T: Abi>(
    outcome: Outcome<RawResult<T::Repr, RawVec<u8>>>,
    kind: ErrorKind,
    implementation: &Implementation,
    verb: &str,
) -> Result<T> {
    let component = &implementation.component;
    // SAFETY: an export's functions keep the contract of `Outcome`.
    let raw = unsafe { outcome.into_result() }.map_err(|(_, message, _)| {
        Error::new(kind, format!("component `{component}` panicked in its {verb}: {message}"))
    })?;
    // SAFETY: the outcome is used once.
    let result: Result<T, String> = unsafe { Abi::from_repr(raw) };
    result.map_err(|message| Error::new(kind, format!("component `{component}` refused in its {verb}: {message}")))
}
