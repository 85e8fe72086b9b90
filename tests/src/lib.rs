//! Code that the tests of this package share: interfaces, set-ups, and the paths of components.

pub mod bank;
pub mod brook;
pub mod chorus;
pub mod courier;
pub mod crowd;
pub mod depot;
pub mod executor;
pub mod gauge;
pub mod ghost;
pub mod guarded;
pub mod guest;
pub mod hoard;
pub mod inn;
pub mod interfaces;
pub mod keeper;
pub mod kitchen;
pub mod larder;
pub mod ledger;
pub mod manifests;
pub mod mill;
pub mod office;
pub mod orchard;
mod own_process;
pub mod parcels;
pub mod player;
pub mod rail;
pub mod safe;
pub mod scribe;
pub mod script;
pub mod service;
pub mod shelf;
pub mod till;
pub mod tone;
pub mod values;
pub mod zoo;

use lcr::{PlanBuilder, Runtime};
pub use own_process::in_a_process_of_its_own;
use std::{
    env,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

/// The library of a component in `components/`, which cargo built before it ran the test.
///
/// # Panics
/// If the file is not there.
pub fn component(name: &str) -> PathBuf {
    built(&format!("lib{name}.so"))
}

/// A program in `programs/`, which cargo built before it ran the test.
///
/// # Panics
/// If the file is not there.
pub fn program(name: &str) -> PathBuf {
    built(name)
}

fn built(file: &str) -> PathBuf {
    let mut directory = env::current_exe().expect("a test binary has a path");
    directory.pop();
    // The path is that of a test, or of a program beside those that it runs.
    if directory.ends_with("deps") || directory.ends_with("examples") {
        directory.pop();
    }
    let path = directory.join("examples").join(file);
    assert!(path.exists(), "{} is missing: `cargo build -p lcr-tests --examples` makes it", path.display());
    path
}

/// A runtime without the components that are linked into the test binary, which are there for other tests. It
/// has only what the test loads.
///
/// # Panics
/// If there is no temporary directory.
pub fn empty_runtime() -> Runtime {
    Runtime::builder().linked(false).build().expect("a runtime can be made")
}

/// Returns `thorough` in an optimised build or where `LCR_TESTS_THOROUGH` is set, else `quick`.
pub fn thorough_or(thorough: u64, quick: u64) -> u64 {
    let is_thorough = cfg!(not(debug_assertions)) || env::var_os("LCR_TESTS_THOROUGH").is_some();
    if is_thorough { thorough } else { quick }
}

/// The parts of a straggler: its thread's name, the component, and what the thread does in it.
#[must_use]
pub fn names(straggler: &lcr::Straggler) -> [String; 3] {
    let doing = match &straggler.held_by {
        lcr::report::HeldBy::Call { method, .. } | lcr::report::HeldBy::AsyncCall { method, .. } => {
            method.as_ref().map(ToString::to_string)
        }
        lcr::report::HeldBy::Step { step, .. } => Some(step.to_string()),
        _ => None,
    };
    let component = straggler.component().map(ToString::to_string);
    [straggler.thread.clone(), component, doing].map(Option::unwrap_or_default)
}

/// Longer than any machine stands still: the limit of what is meant to come.
pub const LONG: Duration = Duration::from_secs(120);

/// The timeout of a plan that is meant to end while something hangs. Files are read and checked by then, also on a
/// machine with more to do and under a sanitizer.
pub const GIVES_UP: Duration = Duration::from_secs(4);

/// A plan that is meant to be committed while others call: neither a machine that stands still behind the gate nor one
/// where the transaction's thread gets no processor for a second ends it.
pub fn patient(rt: &Runtime) -> PlanBuilder<'_> {
    rt.plan().deadline(LONG).timeout(LONG)
}

/// Waits until `condition` holds.
///
/// # Panics
/// If `condition` does not hold within [`LONG`].
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within {LONG:?}");
        thread::sleep(Duration::from_millis(1));
    }
}
