//! One owner of a directory at a time.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use lcr::ErrorKind;
use lcr_tests::{component, program};

use super::*;

#[test]
fn a_second_process_is_told_who_has_the_directory_and_gets_it_when_the_first_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(program("recorded"));
    let mut first = command.arg(directory.path()).args(["1", "wait"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    assert_eq!((lines.next().unwrap().unwrap(), lines.next().unwrap().unwrap()), ("0".into(), "1".into()));

    let rt = open(directory.path());
    let error = rt.history().unwrap().state().unwrap_err();
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::History);
    assert!(text.contains(&format!("process {} (recorded", first.id())), "{text}");
    let refused = rt.load(component("counter_v2")).unwrap_err();
    assert!(refused.kind() == ErrorKind::History && version(&rt) == 0, "{refused}");

    first.kill().unwrap();
    first.wait().unwrap();
    // The next plan takes the directory.
    rt.load(component("counter_v2")).unwrap();
    rt.history().unwrap().state().unwrap();
    drop(rt);
    assert_eq!(run(directory.path(), &[], &[]).unwrap().0, [2]);
}

#[test]
fn a_second_runtime_of_the_same_process_is_refused_until_the_first_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let second = open(directory.path());
    let error = second.history().unwrap().state().unwrap_err();
    assert!(error.to_string().contains("another runtime of this process"), "{error}");
    first.load(component("counter_v1")).unwrap();
    drop(first);
    second.load(component("counter_v2")).unwrap();
}

#[test]
fn a_directory_that_others_may_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let rt = open(directory.path());
    let error = rt.history().unwrap().state().unwrap_err();
    assert!(error.to_string().contains("other users may write"), "{error}");
}

#[test]
fn a_history_is_for_its_user_alone() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("a/b");
    let rt = open(&place);
    rt.load(component("counter_v1")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&place.join("journal.jsonl")), mode(&place.join("files"))), (0o700, 0o600, 0o700));
}
