//! A short form of the soaks that `.ci/soak` runs for longer: see `programs/soak.rs`.

use std::process::Command;

use lcr_tests::program;

fn soak(kind: &str, replacements: &str) {
    let output = Command::new(program("soak")).args([kind, replacements]).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&said));
}

#[test]
fn replacements_with_images_retained_take_no_keys_threads_or_descriptors() {
    soak("retained", "60");
}

#[test]
fn replacements_with_images_unmapped_take_nothing() {
    soak("unloaded", "120");
}
