//! New versions on trial, and their ends.

use std::thread;

use crate::{
    harness::{component, end, unread},
    server::Place,
};

#[test]
fn a_trial_is_shown_and_ends_by_confirmation() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    assert_eq!(place.run(["trial"]).with(1).stdout, "nothing is on trial\n");
    place.run(["confirm"]).with(66);
    place.run(["replace", &component("till_2"), "--trial", "1h"]).with(0).golden("replace_trial.txt", &server);
    let shown = place.run(["trial"]).with(0).stdout;
    assert!(shown.contains("on trial: till 1.0.0 -> till 2.0.0") && shown.contains("0 faults so far"), "{shown}");
    let status = place.run(["ls"]).with(0).stdout;
    assert!(status.contains("on trial"), "{status}");
    place.run(["confirm"]).with(0);
    place.run(["trial"]).with(1);
    assert_eq!(server.tell("title"), "till, with receipts");
}

#[test]
fn a_trial_by_calls_shows_how_many_are_left_and_ends_with_the_last_one() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    let new = component("till_2");
    place.run(["replace", &new, "--trial", "1000"]).with(64);
    place.run(["replace", &new, "--trial", "3calls,2h"]).with(64).complains("within_ms");
    let planned = place.run(["plan", &new, "--trial", "3calls,10m"]).with(0).stdout;
    assert!(planned.contains("on trial for 3 calls, within 600s"), "{planned}");
    let mut command = place.lcr();
    command.args(["replace", &new, "--trial", "3calls,10m", "--wait"]);
    let waiting = thread::spawn(move || end(&mut command));
    while server.tell("title") != "till, with receipts" {}
    let shown = place.run(["trial"]).with(0).stdout;
    assert!(shown.contains("2 calls left, ") && shown.contains(" at most"), "{shown}");
    assert_eq!(place.run(["trial", "--json"]).with(0).json()["trial"]["calls"]["left"], 2);
    server.tell("title");
    server.tell("title");
    let ended = waiting.join().unwrap().with(0);
    assert!(ended.stdout.contains("trial confirmed: 3 calls were answered"), "{ended:?}");
}

#[test]
fn an_operator_abandons_a_trial_and_the_version_before_serves_again() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    place.run(["abandon"]).with(66);
    place.run(["replace", &component("till_2"), "--trial", "1h"]).with(0);
    assert_eq!(server.tell("title"), "till, with receipts");
    place.run(["abandon", "--reason", "ticket 82"]).with(0);
    assert_eq!(server.tell("title"), "till");
    assert_eq!(server.tell("sell"), "100");
}

#[test]
fn a_fault_ends_a_trial_and_the_file_is_in_quarantine_until_it_is_released() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    assert_eq!(place.run(["quarantine"]).with(0).stdout, "nothing is in quarantine\n");
    assert_eq!(server.tell("sell"), "100");
    let bad = component("till_panics");
    let mut command = place.lcr();
    command.args(["replace", &bad, "--trial", "1h", "--wait"]);
    let waiting = thread::spawn(move || end(&mut command));
    // The sale that the bad version serves fails, and those before and after do not.
    let mut sold = 1;
    while server.tell("sell") != "no" {
        sold += 1;
    }
    let ended = waiting.join().unwrap().with(70);
    assert!(ended.stdout.contains("trial rolled back"), "{ended:?}");
    assert_eq!(server.tell("sell"), (100 * (sold + 1)).to_string());
    let listed = place.run(["quarantine", "--json"]).with(0).json();
    let hash = listed["quarantine"][0]["hash"].as_str().unwrap().to_owned();
    place.run(["replace", &bad]).with(77).complains("quarantine");
    place.run(["quarantine", "release", "ffffffff"]).with(66);
    place.run(["quarantine", "release", &hash[..8]]).with(0);
    place.run(["replace", &bad]).with(0);
}

#[test]
fn a_command_that_waits_for_a_trial_waits_on_without_a_reader_and_ends_as_the_trial_does() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    unread(place.lcr().arg("trial")).with(1);
    for json in [&[][..], &["--json"]] {
        let mut command = place.lcr();
        command.args(["replace", &component("till_panics"), "--trial", "1h", "--wait"]).args(json);
        let waiting = thread::spawn(move || unread(&mut command));
        while server.tell("sell") != "no" {}
        waiting.join().unwrap().with(70);
        let listed = place.run(["quarantine", "--json"]).with(0).json();
        let hash = listed["quarantine"][0]["hash"].as_str().unwrap().to_owned();
        unread(place.lcr().args(["quarantine", "release", &hash])).with(0);
    }
    unread(place.lcr().args(["replace", &component("till_2"), "--trial", "10ms", "--wait"])).with(0);
    assert_eq!(server.tell("title"), "till, with receipts");
    place.run(["replace", &component("till_1"), "--wait"]).with(64).complains("--trial");
}
