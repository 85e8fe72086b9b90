//! What the tests of this package share: interfaces, and where the components are.

pub mod bank;
pub mod chorus;
pub mod crowd;
pub mod guarded;
pub mod guest;
pub mod interfaces;
pub mod keeper;
pub mod ledger;
pub mod office;
pub mod rail;
pub mod script;
pub mod service;
pub mod shelf;
pub mod till;
pub mod tone;
pub mod values;
pub mod zoo;

use std::{
    env,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// The library of a component in `components/`, which cargo built before it ran the test.
///
/// # Panics
/// If it is not there.
pub fn component(name: &str) -> PathBuf {
    built(&format!("lib{name}.so"))
}

/// A program in `programs/`, which cargo built before it ran the test.
///
/// # Panics
/// If it is not there.
pub fn program(name: &str) -> PathBuf {
    built(name)
}

fn built(file: &str) -> PathBuf {
    let mut directory = env::current_exe().expect("a test has a path");
    directory.pop();
    // Of a test, or of a program beside those that it runs.
    if directory.ends_with("deps") || directory.ends_with("examples") {
        directory.pop();
    }
    let path = directory.join("examples").join(file);
    assert!(path.exists(), "{} is not there: run `cargo test` or `cargo build --examples`", path.display());
    path
}

/// Runs `test`, the body of the test of that name, in a process of its own: for tests that change the
/// whole process.
///
/// # Panics
/// If it fails there.
pub fn in_a_process_of_its_own(name: &str, test: impl FnOnce()) {
    const CHILD: &str = "LCR_TESTS_OWN_PROCESS";
    if env::var(CHILD).is_ok_and(|child| child == name) {
        return test();
    }
    let program = env::current_exe().expect("a test has a path");
    let output =
        Command::new(program).args([name, "--exact", "--nocapture"]).env(CHILD, name).output().expect("it is run");
    let (status, told) = (output.status, [output.stdout, output.stderr].concat());
    let told = String::from_utf8_lossy(&told);
    assert!(status.success() && told.contains("1 passed"), "{status}: {told}");
}

/// What a straggler says: its thread's name, the component, and what the thread does in it.
#[must_use]
pub fn names(straggler: &lcr::Straggler) -> [String; 3] {
    let doing = match &straggler.held_by {
        lcr::HeldBy::Call { method, .. } => method.as_ref().map(ToString::to_string),
        lcr::HeldBy::Step { step, .. } => Some(step.to_string()),
        _ => None,
    };
    let component = straggler.component().map(ToString::to_string);
    [straggler.thread.clone(), component, doing].map(Option::unwrap_or_default)
}

/// Waits until `condition` holds.
///
/// # Panics
/// If it does not within 30 s.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        thread::sleep(Duration::from_millis(1));
    }
}
