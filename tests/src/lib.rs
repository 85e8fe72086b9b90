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

/// Whether this is a process of the calling test's own; if it is not, runs the test in one and
/// answers when it has passed. For tests that change the whole process.
///
/// # Panics
/// If the test of that name fails there.
pub fn is_own_process(test: &str) -> bool {
    const OWN: &str = "LCR_TEST_OWN_PROCESS";
    if env::var_os(OWN).is_some() {
        return true;
    }
    let program = env::current_exe().expect("a test has a path");
    let output = Command::new(program).args(["--exact", test]).env(OWN, "").output().expect("it is run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    false
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
