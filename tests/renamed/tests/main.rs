//! `#[sam::main(crate = path)]`, run.

use std::process::Command;

#[test]
fn a_program_with_a_renamed_sam_is_supervised() {
    let output = Command::new(env!("CARGO_BIN_EXE_lcr-tests-renamed")).env_remove("SAM_DISABLE").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "instance 1\n", "an instance runs the body, once");
}
