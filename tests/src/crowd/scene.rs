//! A runtime with the crowd's components.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use lcr::{Handle, PlanBuilder, Report, Result, Runtime, RuntimeBuilder};

use super::{Census, Counts, Epoch};
use crate::{component, wait_until};

/// How long callers are held at most.
const HELD: Duration = Duration::from_secs(30);

/// A runtime with a census and some components that are replaced all together.
pub struct Scene {
    /// The runtime.
    pub rt: Runtime,
    census: Handle<dyn Census>,
    cast: &'static [&'static str],
    epoch: AtomicU64,
}

impl Scene {
    /// Loads the census and the `cast`, at epoch 0.
    ///
    /// # Panics
    /// If that fails.
    pub fn open(builder: RuntimeBuilder, cast: &'static [&'static str]) -> Scene {
        let rt = builder.linked(false).build().expect("a runtime can be made");
        rt.load(component("crowd_census")).expect("the census is loaded");
        let plan = cast.iter().fold(rt.plan(), |plan, name| plan.add(component(name)));
        plan.commit().expect("the cast is loaded");
        let census = rt.service().expect("the census serves");
        Scene { rt, census, cast, epoch: AtomicU64::new(0) }
    }

    /// Replaces the cast in one commit, each by the same library mapped anew, for the
    /// next epoch. For one thread at a time.
    ///
    /// # Errors
    /// The errors of the commit.
    ///
    /// # Panics
    /// If a component cannot be configured.
    pub fn replace(&self) -> Result<Report> {
        self.replace_only(self.cast)
    }

    /// Replaces as [`Scene::replace`] does, with the gate shut at once and for as long as callers stay.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn replace_and_hold(&self) -> Result<Report> {
        self.plan_for(self.cast).deadline(HELD).gate_wait(HELD).commit()
    }

    /// Replaces some components of the cast as [`Scene::replace`] does.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// As there.
    pub fn replace_only(&self, names: &[&str]) -> Result<Report> {
        self.plan_for(names).commit()
    }

    fn plan_for(&self, names: &[&str]) -> PlanBuilder<'_> {
        let epoch = self.epoch.fetch_add(1, Ordering::Relaxed) + 1;
        let mut plan = self.rt.plan();
        for name in names {
            self.rt.configure(name, &epoch).expect("the cast is configured");
            plan = plan.replace(component(name));
        }
        // Where a machine has much else to do, a caller that holds a pin gets no time to leave in less, and the
        // transaction's own thread may wait for more than the second that callers are held at most.
        plan.gate_wait(Duration::from_millis(700)).deadline(HELD).timeout(Duration::from_secs(300))
    }

    /// The epoch of the last replacement.
    pub fn epoch(&self) -> Epoch {
        self.epoch.load(Ordering::Relaxed)
    }

    /// The counts of the census.
    pub fn counts(&self) -> Counts {
        self.census.counts()
    }

    /// Ends the scene, of which the caller holds no handle any more. Checks that every constructed object was
    /// destroyed once, and that the runtime has no instances left.
    ///
    /// # Panics
    /// If something is left.
    pub fn close(self) -> Counts {
        let Scene { rt, census, .. } = self;
        wait_until("every object is destroyed but the census", || {
            let status = rt.status();
            status.constructed == status.destroyed + 1
        });
        let counts = census.counts();
        assert_eq!((counts.born, counts.wrong), (counts.died, 0), "{counts:?}");
        assert_eq!(rt.status().constructed, counts.born + 1);
        drop(census);
        wait_until("nothing is left", || {
            let status = rt.status();
            (status.constructed, status.retired_worlds) == (status.destroyed, 0)
        });
        let status = rt.status();
        let left = (status.instances, status.handles, status.pins, status.retiring, status.stragglers.len());
        assert_eq!(left, (0, 0, 0, 0, 0), "{status:#?}");
        counts
    }
}
