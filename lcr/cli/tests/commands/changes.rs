//! Commands that change a running process.

use std::fs;

use crate::{
    harness::{component, unread},
    server::{Place, Server},
};

/// The names and versions of the components.
fn present(place: &Place) -> Vec<String> {
    let status = place.run(["ls", "--json"]).with(0).json();
    let name = |each: &serde_json::Value| format!("{} {}", each["name"], each["version"]).replace('"', "");
    status["components"].as_array().unwrap().iter().map(name).collect()
}

fn started() -> (Place, Server) {
    let place = Place::new();
    let server = place.start(&["till_1"]);
    (place, server)
}

#[test]
fn a_replacement_keeps_the_state_and_says_what_it_did() {
    let (place, mut server) = started();
    assert_eq!(server.tell("sell"), "100");
    place.run(["replace", &component("till_2"), "--reason", "ticket 81"]).with(0).golden("replace.txt", &server);
    assert_eq!((server.tell("sell"), server.tell("title")), ("200".into(), "till, with receipts".into()));
    let report = place.run(["replace", "--json", &component("till_1")]).with(0).json();
    assert_eq!(report["members"][0]["after"]["version"], "1.0.0", "{report}");
    assert_eq!(present(&place), ["till 1.0.0"]);
}

#[test]
fn a_plan_and_a_dry_run_change_nothing_and_say_what_would_happen() {
    let (place, server) = started();
    place.run(["plan", &component("till_2")]).with(0).golden("plan.txt", &server);
    place.run(["replace", "--dry-run", &component("till_2")]).with(0).golden("plan.txt", &server);
    place.run(["plan", &component("till_other")]).with(1).golden("plan_refused.txt", &server);
    unread(place.lcr().args(["plan", &component("till_other")])).with(1);
    unread(place.lcr().args(["check", &component("till_other")])).with(1);
    unread(place.lcr().args(["replace", "--dry-run", &component("till_2")])).with(0);
    let plan = place.run(["plan", "--json", "--remove", "till"]).with(1).json();
    assert_eq!(plan["refusals"].as_array().unwrap().len(), 1, "{plan}");
    place.run(["plan"]).with(1);
    assert_eq!(present(&place), ["till 1.0.0"]);
}

#[test]
fn check_asks_the_process_or_compares_two_files() {
    let (place, server) = started();
    place.run(["check", &component("till_2")]).with(0);
    place.run(["check", &component("clerk")]).with(0).golden("check_adds.txt", &server);
    place.run(["check", &component("till_other")]).with(1);
    place.run(["check", "/nowhere.so"]).with(66);
    drop(server);
    place.run(["check", &component("till_2")]).with(69);
    place.run(["check", &component("till_2"), "--against", &component("till_1")]).with(0).golden("diff_fits.txt", ());
    place.run(["check", &component("till_other"), "--against", &component("till_1")]).with(1);
}

#[test]
fn a_component_that_does_not_fit_is_refused_and_what_serves_goes_on() {
    let (place, mut server) = started();
    place.run(["replace", &component("till_other")]).with(65).complains("would be lost").complains("till");
    place.run(["replace", &component("till_1"), "--timeout", "soon"]).with(64);
    assert_eq!(server.tell("sell"), "100");
    let failed = place.run(["replace", "--json", &component("till_other")]).with(65).json();
    assert!(failed["error"]["kind"].is_string(), "{failed}");
}

#[test]
fn components_are_added_and_removed_and_whoever_holds_one_is_named() {
    let (place, mut server) = started();
    place.run(["add", &component("clerk")]).with(0);
    assert_eq!(present(&place), ["clerk 1.0.0", "till 1.0.0"]);
    // The program holds a handle, and the clerk needs the till.
    place.run(["remove", "till"]).with_any().complains("`clerk` needs shop.till, which `till` serves");
    place.run(["remove", "clerk"]).with(77).complains("protected");
    place.run(["remove", "clerk", "--override-protected"]).with(0);
    place.run(["remove", "no-such"]).with(66).complains("no-such");
    assert_eq!(present(&place), ["till 1.0.0"]);
    assert_eq!(server.tell("sell"), "100");
}

#[test]
fn a_directory_is_brought_in_by_one_change() {
    let (place, server) = started();
    let folder = place.path().join("components");
    fs::create_dir(&folder).unwrap();
    for name in ["till_2", "clerk"] {
        fs::copy(component(name), folder.join(format!("{name}.so"))).unwrap();
    }
    let folder = folder.to_str().unwrap();
    place.run(["sync", "--dry-run", folder]).with(0);
    place.run(["sync", folder]).with(0).golden("sync.txt", &server);
    assert_eq!(present(&place), ["clerk 1.0.0", "till 2.0.0"]);
    place.run(["sync", folder]).with(0).golden("sync_unchanged.txt", &server);
    // Nothing is on trial then, and nothing is waited for.
    for trial in [&["--trial", "1h"][..], &["--trial", "1h", "--wait"]] {
        let words = ["sync", folder].into_iter().chain(trial.iter().copied());
        place.run(words).with(0).golden("sync_unchanged.txt", &server);
    }
    place.run(["trial"]).with(1);
    place.run(["sync", "/nowhere"]).with_any();
}

#[test]
fn a_command_that_the_process_does_not_know_says_so() {
    let (place, _server) = started();
    let ended = place.run(["rehearse", &component("till_2")]);
    assert!(ended.status == 0 || (ended.status == 76 && ended.stderr.contains("does not know")), "{ended:?}");
}
