//! An [`Instance`]: one constructed object, and what it depends on.
//!
//! Invariants
//! 1. An instance is destroyed by the reaper, when the last count of it is its own.
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

use super::component::Implementation;

/// One constructed object.
pub(crate) struct Instance {
    address: usize,
    implementation: Arc<Implementation>,
    /// The first world that may show it.
    first_generation: Generation,
    /// The services that it depends on, each held once, and their interfaces.
    needs: Vec<Held>,
}

/// A dependency that is built and held.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) interface: String,
    pub(crate) service: ServiceId,
}

impl Instance {
    /// The object at `address`, which no world shows yet.
    pub(in crate::host) fn new(
        address: usize,
        implementation: Arc<Implementation>,
        first_generation: Generation,
        needs: Vec<Held>,
    ) -> Instance {
        Instance { address, implementation, first_generation, needs }
    }

    /// The same object, shown by no world before this one.
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

    /// The services that it depends on, and their interfaces.
    pub(in crate::host) fn needs(&self) -> &[Held] {
        &self.needs
    }

    /// What a slot of a view holds while this instance serves it.
    ///
    /// # Errors
    /// As for [`Implementation::link`].
    pub(crate) fn target(&self, view: ViewId, views: &Views) -> Result<Target> {
        self.implementation.target(self.address, view, views)
    }

    /// Asks it for its health, if it has a check. Runs the component's code on this thread.
    ///
    /// # Errors
    /// `Unhealthy`, with what the component says.
    pub(crate) fn check(&self) -> Result<()> {
        let Some(healthy) = self.implementation.export.healthy else { return Ok(()) };
        // SAFETY: the borrow keeps the object alive.
        let outcome = unsafe { healthy(self.address) };
        verdict::<()>(outcome, ErrorKind::Unhealthy, &self.implementation, "health check")
    }

    /// Saves its state. Runs the component's code on this thread.
    ///
    /// # Errors
    /// `State` if the component has none, or refuses.
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

/// The value of a component's fallible function.
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
