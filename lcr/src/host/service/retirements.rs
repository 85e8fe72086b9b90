//! Retirements: the components that were replaced or removed and still have instances. The reaper finds the end of
//! each, and tells it.
//!
//! An instance counts with its component until its destructor has returned. So a component is retired when nothing
//! counts any more, whatever held its instances: calls, pins, futures, destructors. A component that serves again, by a
//! rollback, is not retired at all.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use crate::{component::identity::ComponentId, host::objects::component::Component};

/// The components that are being retired.
#[derive(Default)]
pub(crate) struct Retirements(Vec<Retirement>);

/// One component that is being retired.
struct Retirement {
    component: ComponentId,
    /// The count of its instances. A count of the component itself would keep its image from being unmapped.
    uses: Weak<()>,
    generation: u64,
    since: Instant,
}

/// A component of which no instance is left.
pub(super) struct Ended {
    pub(super) component: ComponentId,
    pub(super) generation: u64,
    pub(super) took: Duration,
}

impl Retirements {
    /// A commit has taken the component out of use.
    pub(crate) fn begin(&mut self, component: &Component, generation: u64) {
        self.0.push(Retirement {
            component: component.id.clone(),
            uses: Arc::downgrade(component.uses()),
            generation,
            since: Instant::now(),
        });
    }

    /// The component serves again.
    pub(crate) fn call_off(&mut self, component: &Component) {
        self.0.retain(|retirement| retirement.uses.as_ptr() != Arc::as_ptr(component.uses()));
    }

    /// Whether instances are left.
    pub(super) fn are_waiting(&self) -> bool {
        !self.0.is_empty()
    }

    /// Takes out the components of which no instance is left.
    pub(super) fn take_ended(&mut self) -> Vec<Ended> {
        let ended = self.0.extract_if(.., |retirement| retirement.uses.strong_count() <= 1);
        let ended = ended.map(|Retirement { component, generation, since, .. }| Ended {
            component,
            generation,
            took: since.elapsed(),
        });
        ended.collect()
    }
}
