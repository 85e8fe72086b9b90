//! Records, spans and panics of components reach the program: its subscribers, its logger, its panic hook.

mod alike;
mod captor;
mod endings;
mod filters;
mod ghosts;
mod logger;
mod panics;
mod threads;

/// The scribe, linked into this test.
#[path = "../../components/scribe/desk.rs"]
mod desk;

use lcr::{Handle, Runtime};
use lcr_tests::{component, empty_runtime, scribe::Scribe};

/// A runtime with the linked scribe, and one with the loaded one.
fn scribes() -> [(Runtime, Handle<dyn Scribe>); 2] {
    let linked = Runtime::new().unwrap();
    let handle = linked.service().unwrap();
    [(linked, handle), loaded("scribe")]
}

/// A runtime with the scribe of that library.
fn loaded(library: &str) -> (Runtime, Handle<dyn Scribe>) {
    let rt = empty_runtime();
    rt.load(component(library)).unwrap();
    let handle = rt.service().unwrap();
    (rt, handle)
}
