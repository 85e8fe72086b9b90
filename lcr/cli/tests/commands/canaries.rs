//! New versions that get a share of the calls of a running process, and their ends.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    harness::{component, end},
    server::Place,
};

#[test]
fn a_canary_that_fails_every_second_call_is_withdrawn_and_few_customers_saw_it() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let bad = component("clerk_panics");
    let canary = |options: &[&str]| place.run(["replace", bad.as_str()].into_iter().chain(options.iter().copied()));
    canary(&["--canary", "60%"]).with(64);
    canary(&["--canary", "50%"]).with(77).complains("protected");
    place.run(["replace", &component("till_2"), "--canary", "5%"]).with_any().complains("keeps state");
    canary(&["--wait"]).with(64).complains("--canary");
    let mut command = place.lcr();
    command.args(["replace", &bad, "--canary", "50%", "--override-protected", "--wait"]);
    let is_over = AtomicBool::new(false);
    let (ended, sold, failed) = thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let ended = end(&mut command);
            is_over.store(true, Ordering::Relaxed);
            ended
        });
        let (mut sold, mut failed) = (0, 0);
        while !is_over.load(Ordering::Relaxed) {
            match server.tell("sell").as_str() {
                "no" => failed += 1,
                _ => sold += 1,
            }
        }
        (waiting.join().unwrap(), sold, failed)
    });
    let ended = ended.with(70);
    assert!(ended.stdout.contains("withdrawn: 11 of its 22 calls faulted"), "{ended:?}");
    assert!(ended.stdout.contains("which gets 50 % of the calls"), "{ended:?}");
    assert_eq!(failed, 11, "of {sold}");
    // The till has every sale of both.
    assert_eq!(server.tell("sell"), format!("100 cents, {} in all", 100 * (sold + 1)));
    let listed = place.run(["quarantine"]).with(0).stdout;
    assert!(listed.contains("clerk 2.0.0") && listed.contains("as a canary"), "{listed}");
    canary(&["--override-protected"]).with(77).complains("quarantine");
}

#[test]
fn an_operator_looks_at_a_canary_and_ends_it_by_the_commands_that_end_a_trial() {
    let place = Place::new();
    let mut server = place.start(&["till_1", "clerk"]);
    let new = component("clerk_panics");
    let begin = || place.run(["replace", &new, "--canary", "50%,1000calls,1h", "--override-protected"]).with(0);
    let begun = begin();
    assert!(begun.stdout.contains("`lcr confirm` and `lcr abandon` end it"), "{begun:?}");
    let shown = place.run(["trial"]).with(0).stdout;
    assert!(
        shown.contains("canary: clerk 1.0.0 -> clerk 2.0.0") && shown.contains("1000 of 1000 calls left"),
        "{shown}"
    );
    let status = place.run(["trial", "--json"]).with(0).json();
    assert_eq!((status["canary"]["share"].as_f64(), status["canary"]["enough"].as_u64()), (Some(0.5), Some(11)));
    place.run(["replace", &new, "--override-protected"]).with_any().complains("has a canary");
    let ended = place.run(["abandon", "--reason", "ticket 83"]).with(0);
    assert!(ended.stdout.contains("withdrawn") && ended.stdout.contains("ticket 83"), "{ended:?}");
    place.run(["trial"]).with(1);
    assert_eq!(server.tell("sell"), "100 cents, 100 in all");
    begin();
    let ended = place.run(["confirm"]).with(0);
    assert!(ended.stdout.contains("promoted"), "{ended:?}");
    assert_eq!(server.tell("sell"), "100 cents, 200 in all, with a smile");
    assert_eq!(server.tell("sell"), "no");
}
