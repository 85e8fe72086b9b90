//! Methods that return streams: how items cross, who polls, and what holds the instance of a stream.

mod executors;
mod growth;
mod items;
mod linked;
mod replacement;

use std::sync::Arc;

use lcr::{Handle, Runtime};
use lcr_tests::{brook::Brook, component, empty_runtime};

/// A runtime with this brook.
fn open(name: &str) -> (Arc<Runtime>, Handle<dyn Brook>) {
    let rt = Arc::new(empty_runtime());
    rt.load(component(name)).unwrap();
    let brook = rt.service().unwrap();
    (rt, brook)
}
