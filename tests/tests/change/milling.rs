//! A mill of version 1 that a program uses, and plans for its version 2.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{Handle, PlanBuilder, Runtime, canary::CanaryEnd};
use lcr_tests::{
    component, empty_runtime,
    mill::{Barn, Mill, Ways},
};

pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A barn, which the program provides.
#[derive(Default)]
pub(crate) struct Floor {
    flour: AtomicU64,
    pub(crate) is_shut: AtomicBool,
    pub(crate) is_burnt: AtomicBool,
    /// Whoever stores waits.
    pub(crate) is_jammed: AtomicBool,
    /// How often somebody began to store.
    pub(crate) stores: AtomicU64,
    /// How often somebody asked whether it is open.
    pub(crate) looks: AtomicU64,
}

impl Barn for Floor {
    fn store(&self, flour: u64) -> u64 {
        self.stores.fetch_add(1, Ordering::Relaxed);
        while self.is_jammed.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(1));
        }
        if self.is_burnt.load(Ordering::Relaxed) {
            // Without a call of the panic hook.
            panic::resume_unwind(Box::new("the barn has burnt down"));
        }
        self.flour.fetch_add(flour, Ordering::Relaxed) + flour
    }

    fn stock(&self) -> u64 {
        self.flour.load(Ordering::Relaxed)
    }

    fn is_open(&self) -> bool {
        self.looks.fetch_add(1, Ordering::Relaxed);
        !self.is_shut.load(Ordering::Relaxed)
    }
}

pub(crate) fn milling_for(barn: Arc<Floor>) -> (Runtime, Handle<dyn Mill>) {
    milling_with(barn, Ways::default())
}

/// A mill of version 1, in which such calls go wrong.
pub(crate) fn milling_with(barn: Arc<Floor>, ways: Ways) -> (Runtime, Handle<dyn Mill>) {
    let rt = empty_runtime();
    let plan = rt.plan().provide::<dyn Barn, _>("barn", barn).unwrap();
    plan.add(component("mill_1")).configure("mill", &ways).unwrap().commit().unwrap();
    let mill = rt.service().unwrap();
    (rt, mill)
}

/// A plan that replaces the mill by version 2, in which such calls go wrong.
pub(crate) fn second(rt: &Runtime, ways: Ways) -> PlanBuilder<'_> {
    rt.plan().replace(component("mill_2")).configure("mill", &ways).unwrap()
}

pub(crate) fn has_no_mill(rt: &Runtime) -> bool {
    rt.status().components.iter().all(|component| component.id.name != "mill" || component.instances == 0)
}

/// Calls until the canary has ended.
pub(crate) fn call_until_the_end(rt: &Runtime, mut call: impl FnMut()) -> CanaryEnd {
    let number = rt.canary().expect("a canary is under way").number;
    while rt.canary().is_some() {
        (0..20).for_each(|_| call());
    }
    let end = rt.wait_canary(LONG).expect("it has ended");
    assert_eq!(end.number, number);
    end
}

pub(crate) fn is_everything_destroyed(rt: &Runtime, but: u64) -> bool {
    let status = rt.status();
    status.constructed == status.destroyed + but
}
