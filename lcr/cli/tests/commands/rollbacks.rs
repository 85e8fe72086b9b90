//! The way back, and what can be gone back to.

use crate::{
    harness::{Named, component},
    server::Place,
};

#[test]
fn a_rollback_goes_back_by_steps_to_a_generation_and_to_the_original() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    assert_eq!(server.tell("sell"), "100");
    place.run(["replace", &component("till_2")]).with(0);
    place.run(["replace", &component("till_panics")]).with(0);
    assert_eq!(server.tell("sell"), "no");
    place.run(["rollback", "--dry-run"]).with(0).golden("rollback_plan.txt", &server);
    place.run(["rollback", "--reason", "it panics"]).with(0).golden("rollback.txt", &server);
    // The state comes back with the version, and a rollback can be rolled back.
    assert_eq!((server.tell("sell"), server.tell("title")), ("200".into(), "till, with receipts".into()));
    place.run(["rollback", "--original"]).with(0);
    assert_eq!(server.tell("title"), "till");
    place.run(["rollback", "--to", "3"]).with(0);
    assert_eq!((server.tell("sell"), server.tell("title")), ("300".into(), "till, with receipts".into()));
    // PEERS 25, 26: a refused rollback changes nothing, and the next edit works.
    place.run(["rollback", "99"]).with_any();
    place.run(["rollback", "--to", "1000"]).with_any();
    place.run(["rollback", "1", "--original"]).with(64);
    place.run(["replace", &component("till_1")]).with(0);
    assert_eq!((server.tell("sell"), server.tell("title")), ("400".into(), "till".into()));
}

#[test]
fn history_and_log_list_what_was_changed() {
    let place = Place::new();
    let _server = place.start(&["till_1"]);
    place.run(["replace", &component("till_2"), "--reason", "ticket 81"]).with(0);
    let text = place.run(["history"]).with(0).stdout;
    assert!(text.contains("till 1.0.0") && text.contains("till 2.0.0"), "{text}");
    assert_eq!(place.run(["log"]).with(0).stdout, text);
    place.run(["history", "--json"]).with(0).json();
}

/// A history, whose entries have their moments.
struct Entries;

impl Named for Entries {
    fn replace(&self, text: &str) -> String {
        const FORM: &[u8] = b"0000-00-00 00:00:00";
        let is_digit_or =
            |(found, form): (&u8, &u8)| if *form == b'0' { found.is_ascii_digit() } else { found == form };
        let mut text = text.to_owned();
        while let Some(at) = text.as_bytes().windows(FORM.len()).position(|part| part.iter().zip(FORM).all(is_digit_or))
        {
            text.replace_range(at..at + FORM.len(), "MOMENT");
        }
        text
    }
}

#[test]
fn a_history_on_disk_lists_what_earlier_processes_did() {
    let place = Place::new();
    let mut server = place.start_with_history();
    let (good, other) = (component("till_2"), component("till_other"));
    place.run(["replace", &good, "--reason", "ticket 81"]).with(0);
    place.run(["replace", &other, "--reason", "ticket 82"]).with_any();
    place.run(["rollback", "--reason", "ticket 83"]).with(0);
    place.run(["replace", &good, "--trial", "1h", "--reason", "ticket 84"]).with(0);
    place.run(["abandon", "--reason", "ticket 85"]).with(0);
    server.kill();
    let mut server = place.start_with_history();
    assert_eq!(server.tell("title"), "till", "what was confirmed last serves");
    place.run(["history"]).with(0).golden("history.txt", Entries);
    let entries = place.run(["history", "--json", "-c", "2"]).with(0).json();
    assert_eq!(entries["on_disk"], true, "{entries}");
    let said: Vec<_> = entries["entries"].as_array().unwrap().iter().map(|entry| &entry["what"]).collect();
    assert_eq!(said, ["rollback", "reload"], "{entries}");
}

#[test]
fn a_rollback_after_a_restart_goes_back_in_the_history_on_disk() {
    let place = Place::new();
    let mut server = place.start_with_history();
    place.run(["replace", &component("till_2")]).with(0);
    assert_eq!(server.tell("sell"), "100");
    server.kill();
    let mut server = place.start_with_history();
    assert_eq!(server.tell("title"), "till, with receipts", "what was confirmed last serves");
    place.run(["rollback", "--dry-run"]).with(0);
    let back = place.run(["rollback", "--reason", "ticket 91", "--json"]).with(0).json();
    assert_eq!(back["members"][0]["after"]["version"], "1.0.0", "{back}");
    assert_eq!(server.tell("title"), "till");
    let entries = place.run(["history", "--json"]).with(0).json();
    let numbers: Vec<u64> =
        entries["entries"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    // What was added, what replaced it, the start, and the rollback.
    let [added, replaced, _, _] = numbers[..] else { panic!("{entries}") };
    place.run(["rollback", "--entry", &replaced.to_string()]).with(0);
    assert_eq!(server.tell("title"), "till, with receipts");
    place.run(["rollback", "--original"]).with(0);
    assert_eq!(server.tell("title"), "till");
    // What it cannot reach it says, and nothing has changed.
    place.run(["rollback", "50"]).with(66).complains("more than the history has");
    place.run(["rollback", "--entry", "1000"]).with(66).complains("is not there");
    place.run(["rollback", "--entry", &added.to_string()]).with_any().complains("nothing to roll back");
    place.run(["rollback", "--entry", "1", "--original"]).with(64);
    assert_eq!(server.tell("title"), "till");
}

#[test]
fn the_options_of_a_history_are_shown_and_changed() {
    let place = Place::new();
    let mut server = place.start(&["till_1"]);
    place.run(["options"]).with(66).complains("keeps no history");
    server.kill();
    let _server = place.start_with_history();
    let shown = place.run(["options"]).with(0).stdout;
    assert!(shown.contains("keep_for_s") && shown.contains("none"), "{shown}");
    let changed = place.run(["options", "keep=7", "keep_for_s=90", "unload_on_shutdown=true", "--json"]).with(0).json();
    assert_eq!((&changed["keep"], &changed["keep_for_s"]), (&7.into(), &90.into()), "{changed}");
    let changed = place.run(["options", "keep_for_s=none", "--json"]).with(0).json();
    assert!(changed["keep_for_s"].is_null() && changed["keep"] == 7, "{changed}");
    for wrong in ["keep", "keep=many", "no_such_option=1", "keep=0"] {
        place.run(["options", wrong]).with(64);
    }
}
