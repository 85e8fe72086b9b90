//! Processes that are killed ahead of each call that changes a file, and journals that lost bytes.

use std::{fs, path::Path};

use lcr::history::{Entry, Outcome, Reloaded, What};
use lcr_tests::{component, interfaces::Tone, player::player, thorough_or};

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

/// A plan that cannot be recorded ends the program `recorded`, whose runtime still ends in order.
#[test]
fn a_disk_that_fails_from_any_call_on_leaves_what_was_acknowledged_or_says_that_it_is_lost() {
    let mut untouched = 0;
    for at in 1_usize.. {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1"], &[]).unwrap();
        let (printed, ended) = run(directory.path(), &["2", "1"], &[("LCR_FAIL_AT", &at.to_string())]).unwrap();
        // Without a commit of its own, it leaves what the process before it had.
        let acknowledged = *printed[1..].last().unwrap_or(&1);
        let rt = open(directory.path());
        rt.history().unwrap().state().unwrap();
        if version(&rt) != acknowledged {
            // The outcome waited in memory, and the disk did not take it until the end.
            let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
            let plans: Vec<_> = entries.iter().filter(|entry| entry.what == What::Plan).collect();
            let is_of_it = |entry: &&&Entry| {
                let after = entry.members[0].after.as_ref().map(|id| id.version.major);
                after == Some(u64::from(acknowledged))
            };
            let lost = plans.iter().rfind(is_of_it).unwrap_or_else(|| panic!("failed at {at}: {entries:?}"));
            let says_so = matches!(&lost.result, Outcome::Refused { text, .. } if text.contains("ended before"));
            assert!(says_so, "failed at {at}: {printed:?}, then {}: {entries:?}", version(&rt));
        }
        untouched = if ended && printed == [1, 2, 1] && version(&rt) == 1 { untouched + 1 } else { 0 };
        if untouched == 8 {
            assert!(at > 15, "the disk did not fail at all");
            return;
        }
    }
}

#[test]
fn a_process_that_is_killed_while_it_keeps_a_component_keeps_it_with_its_libraries_or_not_at_all() {
    let (_beside, file) = player(1);
    let load = format!("load={}", file.display());
    for at in 1_usize.. {
        let directory = tempfile::tempdir().unwrap();
        let (printed, ended) = run(directory.path(), &[&load], &[("LCR_KILL_AT", &at.to_string())]).unwrap();
        let rt = open(directory.path());
        let history = rt.history().unwrap();
        history.state().unwrap();
        assert!(!matches!(history.reloaded(), Reloaded::Refused { .. }), "killed at {at}: {:?}", history.reloaded());
        let builds = rt.service::<dyn Tone>().ok().map(|tone| tone.builds());
        match builds {
            Some(builds) => assert_eq!(builds, [1; 3], "killed at {at}"),
            None => {
                assert!(printed.len() < 2, "killed at {at}: it was acknowledged");
                rt.load(&file).unwrap();
            }
        }
        assert!(history.verify().unwrap().bad_files.is_empty(), "killed at {at}");
        if ended {
            assert!(at > 20, "the process was not killed at all");
            return;
        }
    }
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
