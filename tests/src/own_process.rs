//! Tests that change or count what belongs to the whole process.
//!
//! This file is also a module of `sam-tests`.

use std::{any, env, process::Command};

/// Runs the body of a test in a process of its own. The body is a closure of the test itself.
///
/// The child is this test binary with the test's name as its filter. What the child prints is printed
/// here.
///
/// # Panics
/// If the test fails in the child.
pub fn in_a_process_of_its_own<F: FnOnce()>(body: F) {
    const CHILD: &str = "TEST_IN_ITS_OWN_PROCESS";
    // `binary::module::test::{{closure}}`. The check below that the child ran one test shows that this is so.
    let path = any::type_name::<F>().trim_end_matches("::{{closure}}");
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    if env::var(CHILD).is_ok_and(|child| child == name) {
        return body();
    }
    let program = env::current_exe().expect("a test binary has a path");
    let output = Command::new(program)
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, name)
        .output()
        .expect("the test binary can be run");
    let (status, told) = (output.status, [output.stdout, output.stderr].concat());
    let told = String::from_utf8_lossy(&told);
    assert!(status.success() && told.contains("1 passed"), "{name}: {status}: {told}");
    print!("{told}");
}
