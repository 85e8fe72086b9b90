//! Processes that are killed ahead of each call that changes a file, and journals that lost bytes.

use std::{fs, path::Path};

use lcr::history::{Outcome, Reloaded};
use lcr_tests::{component, thorough_or};

use super::*;

/// Kills a process ahead of its n-th call that changes a file, for each n until the process ends by itself. `what`
/// comes behind `before`, which other processes have done in the same directory.
fn kill_at_each_call(before: &[&str], what: &[&str]) {
    for at in 1_usize.. {
        let directory = tempfile::tempdir().unwrap();
        let started: Vec<u32> = match before {
            [] => vec![0],
            before => run(directory.path(), before, &[]).unwrap().0,
        };
        let (printed, ended) = run(directory.path(), what, &[("LCR_KILL_AT", &at.to_string())]).unwrap();
        let acknowledged = *printed.last().unwrap_or(started.last().unwrap());
        // What was asked for next, when the process died, may have been committed.
        let next = what.get(printed.len().saturating_sub(1)).and_then(|next| next.parse().ok());
        let next: u32 = next.unwrap_or(acknowledged);
        let (served, fine) = run(directory.path(), &[], &[]).unwrap();
        assert!(fine, "killed at {at}: the next process does not start");
        assert!(
            served == [acknowledged] || served == [next],
            "killed at {at}: {served:?} serves, {acknowledged} was acknowledged and {next} under way"
        );
        // A change goes on from there, and is kept.
        let change = ["1", "2"][usize::from(served != [2])];
        let (printed, fine) = run(directory.path(), &[change], &[]).unwrap();
        assert!(fine && printed.len() == 2, "killed at {at}: no change afterwards: {printed:?}");
        assert_eq!(run(directory.path(), &[], &[]).unwrap().0, printed[1..], "killed at {at}");
        if ended {
            assert!(at > 5, "the process was not killed at all");
            return;
        }
    }
}

#[test]
fn a_process_that_is_killed_at_any_call_leaves_what_it_had_acknowledged() {
    kill_at_each_call(&[], &["1", "2", "1"]);
}

#[test]
fn a_process_that_is_killed_while_it_forgets_leaves_what_was_confirmed() {
    kill_at_each_call(&["1", "2", "1"], &["2", "forget"]);
}

#[test]
fn a_process_that_is_killed_in_its_reload_leaves_what_was_confirmed() {
    kill_at_each_call(&["1", "2"], &[]);
}

/// A history of two changes, and its journal.
fn changed_twice() -> (tempfile::TempDir, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.load(component("counter_v1")).unwrap();
    rt.replace(component("counter_v2")).unwrap();
    let bytes = fs::read(directory.path().join("journal.jsonl")).unwrap();
    drop(rt);
    (directory, bytes)
}

fn put(directory: &Path, bytes: &[u8]) {
    fs::write(directory.join("journal.jsonl"), bytes).unwrap();
}

#[test]
fn a_journal_that_lost_its_last_bytes_serves_what_its_whole_records_confirm() {
    let (directory, bytes) = changed_twice();
    let lines: Vec<usize> =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    // The record of the last commit, byte by byte in part, and cuts in the two records before it.
    let [.., intent, committed] = lines[..] else { panic!("a short journal") };
    let quick = usize::try_from(thorough_or(1, 97)).unwrap();
    let cuts =
        (intent..committed).step_by(quick).chain([intent + 1, committed - 1, committed, intent - 1, intent - 300]);
    for cut in cuts {
        put(directory.path(), &bytes[..cut]);
        let rt = open(directory.path());
        let expected = if cut == committed { 2 } else { 1 };
        assert_eq!(version(&rt), expected, "cut at {cut} of {}", bytes.len());
        rt.history().unwrap().state().unwrap();
    }
}

#[test]
fn a_damaged_journal_is_refused_with_its_place_and_what_is_linked_serves() {
    let (directory, bytes) = changed_twice();
    let quick = usize::try_from(thorough_or(13, 151)).unwrap();
    for at in (0..bytes.len()).step_by(quick) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        put(directory.path(), &damaged);
        let rt = open(directory.path());
        let history = rt.history().unwrap();
        let error = history.state().unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == lcr::ErrorKind::History && text.contains("is damaged at byte"), "{at}: {text}");
        assert!(matches!(history.reloaded(), Reloaded::Refused { why, .. } if why == text), "{at}");
        assert_eq!(version(&rt), 0);
        let refused = rt.load(component("counter_v1")).unwrap_err();
        assert_eq!(refused.kind(), lcr::ErrorKind::History, "{refused}");
        drop(rt);
        assert_eq!(fs::read(directory.path().join("journal.jsonl")).unwrap(), damaged, "nothing is cut");
    }
    // Moved aside, a new one begins.
    fs::rename(directory.path().join("journal.jsonl"), directory.path().join("old")).unwrap();
    let rt = open(directory.path());
    rt.load(component("counter_v1")).unwrap();
}

#[test]
fn a_transaction_whose_process_died_is_named_and_nothing_of_it_serves() {
    let died = (1..).find_map(|at| {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1"], &[]).unwrap();
        let (_, ended) = run(directory.path(), &["2"], &[("LCR_KILL_AT", &at.to_string())]).unwrap();
        assert!(!ended, "no kill left an intent without an outcome");
        let last = journal(directory.path()).lines().last().unwrap_or_default().to_owned();
        (last.contains("\"entry\":\"intent\"") && last.contains("2.0.0")).then_some(directory)
    });
    let directory = died.unwrap();
    let rt = open(directory.path());
    assert_eq!(version(&rt), 1);
    let entries = rt.history().unwrap().entries(10).unwrap();
    let lost = entries
        .iter()
        .find(|entry| matches!(&entry.result, Outcome::Refused { text, .. } if text.contains("ended before")));
    let lost = lost.unwrap_or_else(|| panic!("{entries:?}"));
    assert_eq!(lost.members[0].after.as_ref().unwrap().to_string(), "counter 2.0.0");
}
