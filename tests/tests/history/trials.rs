//! Trials across the end of a process: what was never confirmed does not serve again.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::Arc,
};

use lcr::{
    ErrorKind,
    canary::Canary,
    history::{End, Reloaded},
};
use lcr_tests::{
    bank::Clock,
    component,
    mill::{Barn, Mill, Ways},
};

use super::*;

/// A process that has done this, and waits.
pub(crate) fn waiting(directory: &Path, arguments: &[&str]) -> Child {
    let mut command = Command::new(program("recorded"));
    let command = command.arg(directory).args(arguments).arg("wait").stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.take(arguments.len() + 1).count(), arguments.len() + 1, "the process has ended");
    child
}

pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_trial_that_takes_its_process_down_is_over_and_its_file_is_in_quarantine_until_it_is_released() {
    let directory = tempfile::tempdir().unwrap();
    kill(waiting(directory.path(), &["1", "trial"]));
    for start in 0..2 {
        let rt = open(directory.path());
        assert_eq!(version(&rt), 1, "start {start}");
        let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
        let trial = entries.iter().find(|entry| entry.trial.is_some()).unwrap();
        assert_eq!(trial.trial, Some(End::Fatal));
        let [file] = &rt.quarantine()[..] else { panic!("{:?}", rt.quarantine()) };
        assert!(file.component.to_string() == "counter 2.0.0" && file.why.contains("ended in the trial"), "{file:?}");
        let error = rt.replace(component("counter_v2")).unwrap_err();
        assert_ne!(error.kind(), ErrorKind::History, "{error}");
        assert_eq!(version(&rt), 1);
    }
    let rt = open(directory.path());
    let hash = rt.quarantine()[0].hash;
    rt.release(&hash).unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert!(rt.quarantine().is_empty());
    rt.replace(component("counter_v2")).unwrap();
}

#[test]
fn a_trial_by_calls_that_takes_its_process_down_is_over_and_the_journal_says_for_how_many_calls_it_was() {
    let directory = tempfile::tempdir().unwrap();
    kill(waiting(directory.path(), &["1", "trial_by_calls"]));
    assert!(journal(directory.path()).contains("for 1000 calls, within 3600s"), "{}", journal(directory.path()));
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.quarantine().len()), (1, 1));
    let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
    assert!(entries.iter().any(|entry| entry.trial == Some(End::Fatal)), "{entries:?}");
}

#[test]
fn a_trial_that_was_confirmed_serves_in_the_next_process() {
    let directory = tempfile::tempdir().unwrap();
    kill(waiting(directory.path(), &["1", "trial", "confirm"]));
    let rt = open(directory.path());
    assert_eq!(version(&rt), 2);
    assert!(rt.quarantine().is_empty());
    let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
    assert!(entries.iter().any(|entry| entry.trial == Some(End::Confirmed)), "{entries:?}");
}

#[test]
fn a_trial_that_an_orderly_end_cuts_off_is_not_confirmed_and_not_a_failure() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["1", "trial"], &[]).unwrap(), (vec![0, 1, 2], true));
    let rt = open(directory.path());
    assert_eq!(version(&rt), 1);
    assert!(rt.quarantine().is_empty(), "{:?}", rt.quarantine());
    assert!(matches!(rt.history().unwrap().reloaded(), Reloaded::Confirmed { .. }));
}

#[test]
fn a_process_that_is_killed_at_any_call_of_a_trial_never_serves_what_was_not_confirmed() {
    for at in 1.. {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1"], &[]).unwrap();
        let variables = [("LCR_KILL_AT", at.to_string())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (printed, ended) = run(directory.path(), &["trial", "confirm"], &variables).unwrap();
        let (served, fine) = run(directory.path(), &[], &[]).unwrap();
        // Three lines: the confirmation was acknowledged.
        let expected: &[u32] = if printed.len() == 3 { &[2] } else { &[1, 2] };
        assert!(fine && expected.contains(&served[0]), "killed at {at}: {printed:?}, then {served:?}");
        let journal = journal(directory.path());
        let is_confirmed = journal.contains("\"end\":\"confirmed\"");
        assert_eq!(served[0] == 2, is_confirmed, "killed at {at}");
        if ended {
            break;
        }
    }
}

#[test]
fn what_was_committed_beside_a_trial_serves_and_what_was_on_trial_does_not() {
    let directory = tempfile::tempdir().unwrap();
    kill(waiting(directory.path(), &["1", "trial", "clock"]));
    for start in 0..2 {
        let rt = open(directory.path());
        assert_eq!(version(&rt), 1, "start {start}");
        assert!(rt.service::<dyn Clock>().is_ok(), "start {start}");
        let [file] = &rt.quarantine()[..] else { panic!("{:?}", rt.quarantine()) };
        assert_eq!(file.component.to_string(), "counter 2.0.0");
        let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.trial == Some(End::Fatal)).count(), 1, "{entries:?}");
    }
}

#[test]
fn what_was_committed_beside_a_trial_that_an_orderly_end_cuts_off_serves_without_it() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["1", "trial", "clock"], &[]).unwrap(), (vec![0, 1, 2, 2], true));
    let rt = open(directory.path());
    assert_eq!(version(&rt), 1);
    assert!(rt.service::<dyn Clock>().is_ok() && rt.quarantine().is_empty(), "{:?}", rt.quarantine());
}

#[test]
fn a_version_whose_process_is_killed_while_it_is_rolled_back_is_in_quarantine() {
    for at in 1.. {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1"], &[]).unwrap();
        let variables = [("LCR_KILL_AT", at.to_string())];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let (printed, ended) = run(directory.path(), &["trial", "clock", "abandon"], &variables).unwrap();
        let rt = open(directory.path());
        assert_eq!(version(&rt), 1, "killed at {at}: {printed:?}");
        assert!(printed.len() < 3 || rt.service::<dyn Clock>().is_ok(), "killed at {at}: {printed:?}");
        let has_end = journal(directory.path()).contains("\"end\":\"rolled_back\"");
        if printed.len() >= 2 && !has_end {
            assert_eq!(rt.quarantine().len(), 1, "killed at {at}: {printed:?}");
        }
        if ended {
            assert!(has_end);
            break;
        }
    }
}

struct Floor;

impl Barn for Floor {
    fn store(&self, flour: u64) -> u64 {
        flour
    }
}

#[test]
fn a_file_that_did_worse_as_a_canary_is_in_quarantine_in_the_next_process_until_it_is_released() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().provide::<dyn Barn, _>("barn", Arc::new(Floor)).unwrap().add(component("mill_1")).commit().unwrap();
    let panics = Ways { panics: 1, ..Ways::default() };
    let plan = rt.plan().replace(component("mill_2")).configure("mill", &panics).unwrap();
    plan.canary(Canary::share(0.5)).unwrap();
    let mill = rt.service::<dyn Mill>().unwrap();
    while rt.canary().is_some() {
        drop(mill.grind(1));
    }
    let held = rt.quarantine();
    assert_eq!((held.len(), held[0].component.to_string()), (1, "mill 2.0.0".to_owned()));
    drop((mill, rt));

    let rt = open(directory.path());
    let [file] = &rt.quarantine()[..] else { panic!("{:?}", rt.quarantine()) };
    assert_eq!((&file.why, file.hash, file.whole), (&held[0].why, held[0].hash, held[0].whole));
    let plan = rt.plan().provide::<dyn Barn, _>("another_barn", Arc::new(Floor)).unwrap().add(component("mill_2"));
    assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Quarantined);
    rt.release(&file.hash).unwrap();
    drop(rt);
    assert_eq!(open(directory.path()).quarantine(), []);
}

#[test]
fn a_history_that_opens_late_brings_its_quarantine() {
    let directory = tempfile::tempdir().unwrap();
    let owner = waiting(directory.path(), &["1", "trial"]);
    let rt = open(directory.path());
    assert!(rt.history().unwrap().state().is_err() && rt.quarantine().is_empty());
    kill(owner);
    rt.load(component("counter_v1")).unwrap();
    let [file] = &rt.quarantine()[..] else { panic!("{:?}", rt.quarantine()) };
    assert_eq!(file.component.to_string(), "counter 2.0.0");
    rt.replace(component("counter_v2")).unwrap_err();
    assert_eq!(version(&rt), 1);
}
