//! Async methods: how their calls cross, who polls and wakes them, and what holds their instance.

mod executors;
mod gate;
mod growth;
mod linked;
mod replacement;
mod rooms;
mod streams;
mod values;
mod wakers;

use lcr::{Handle, Runtime};
use lcr_tests::{component, empty_runtime, kitchen::Kitchen};

/// A runtime with the first kitchen.
fn open() -> (Runtime, Handle<dyn Kitchen>) {
    let rt = empty_runtime();
    rt.load(component("kitchen_1")).unwrap();
    let kitchen = rt.service().unwrap();
    (rt, kitchen)
}
