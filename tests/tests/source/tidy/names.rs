//! Names that must not come back, fields that only their owner names, and files that are too long.

use std::collections::BTreeSet;

use super::{is_test, sources};

/// Names that the project has given up, each with the folder where it must not stand and with the name that
/// replaced it. The check looks for the whole word, in code and strings and not in comments.
const RETIRED: &[(&str, &str, &str)] = &[
    ("lcr/src", "blame", "component_at, or what is meant"),
    ("lcr/src", "Entered", "SlowEntry"),
    ("lcr/src/host", "ahead", "uncommitted"),
    ("lcr/src", "Ahead", "Uncommitted"),
    ("lcr/src", "Sight", "Visibility"),
    ("lcr/src", "Coming", "Pending"),
    ("lcr/src/host", "seat", "provider"),
    ("lcr/src/change", "seat", "provider, or replacement"),
    ("lcr/src", "reseat", "replace_implementation"),
    ("lcr/src/host", "struct Shared", "RuntimeInner"),
    ("lcr/src", "struct Changing", "TransactionLock"),
    ("lcr/src/host/service", "settled", "changed"),
    ("lcr/src", "Leaving", "Retiring"),
    ("lcr/src", "birth", "first_generation"),
    ("lcr/src", "cool", "reclaim"),
    ("lcr/src", "slow_down", "force_slow_path"),
    ("lcr/src", "is_slow", "uses_slow_path"),
    ("lcr/src/change", "After", "ProjectedGraph"),
    ("lcr/src/change", "Crossing", "Breaking"),
    ("lcr/src/change", "crosses", "breaks_interface"),
    ("lcr/src", "needy", "needs_dependencies"),
    ("lcr/src", "latecomers", "instances_created_since"),
    ("lcr/src", "Fate", "Outcome"),
    ("lcr/src", "Hung", "Stalled"),
    ("lcr/src", "patience", "timeout"),
    ("lcr/src", "Contained", "CatchDrop"),
    ("lcr/src", "Duties", "OwnerHeader"),
    ("lcr/src", "Incarnation", "Instance"),
    ("lcr/src", "let_go", "release"),
    ("lcr-macros/src", "judge", "check_type"),
    ("lcr-macros/src", "blame", "respan"),
    ("lcr-macros/src", "doubtful", "first_unverified"),
    ("sam/src", "deeds", "actions, or children"),
    ("sam/src", "bury", "reap_group"),
    ("sam/src", "living", "instance"),
    ("sam/src", "lean", "file_pages"),
    ("sam/src", "upward", "notify_client"),
    ("sam/src", "downward", "notify_server"),
    ("sam/src", "elders", "preexisting"),
    ("sam/src", "orphans", "subreaper"),
    ("sam/src", "Fresh", "StandbyChild"),
    ("sam/src", "Cells", "BoardLayout"),
    ("sam/src", "Seat", "InstanceFds"),
    ("sam/src", "Desk", "SupervisorClient"),
    ("sam/src", "Drawer", "LocalFds"),
    ("sam/src", "HASTE", "QUIET_AFTER_START"),
    ("sam/src", "GLANCE", "GROUP_POLL"),
    ("sam/src", "MOST", "BATCH"),
    ("sam/src", "leisure", "idle_after"),
    ("sam/src", "outlet", "log_sink"),
    ("sam/src", "Sight", "Reading"),
    ("sam/src", "Ending", "Exit"),
    ("sam/src/app", "Place", "Supervision"),
    ("sam/src/state", "Whom", "SignalTarget"),
    ("sam/src/supervisor", "fn leave", "exit"),
    ("benches/speed", "SITTINGS", "PROCESSES"),
    ("benches/speed", "Errand", "Job"),
    ("benches/speed", "ways", "call_kinds"),
    ("examples/live_kv", "harm", "inject_faults"),
    ("examples/live_kv", "Harm", "FaultInjection"),
    ("examples/live_kv", "Harmed", "Injected"),
    ("examples/live_kv", "site", "setup"),
    ("examples/live_kv", "Doubts", "UncertainWrites"),
    ("examples/live_kv", "Pulse", "Heartbeat"),
    ("examples", "patience", "timeout, or deadline"),
];

/// Files of more than 400 lines, each with the reason why it is not cut.
const LONG: &[(&str, &str)] = &[
    ("lcr/src/abi/tables.rs", "the functions of a host and of an image, side by side with their layouts"),
    (
        "lcr/src/change/handover.rs",
        "the attempts at the gate and the two passes behind it share one argument, which the file begins with",
    ),
    (
        "lcr/src/host/service/shape_calls.rs",
        "one call from its text to its result: the thread, the limits and the state that is held share its types",
    ),
    ("sam/src/builder.rs", "one type, with the documentation of each of its options"),
    ("sam/src/state/tests/histories.rs", "one story after the other, told to one machine"),
    ("sam/src/state/tests/observer/mod.rs", "one model, against which each step of the machine is checked"),
    ("sam/src/state/tests/rules_of_ends.rs", "one rule in each test"),
    ("sam/src/state/tests/rules_of_health.rs", "one rule in each test"),
];

/// The folders whose files are looked at.
const SHORT: [&str; 4] = ["lcr/src", "lcr/cli/src", "lcr-macros/src", "sam/src"];

/// Whether a word is in a text as a whole word.
fn has_word(text: &str, word: &str) -> bool {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_of_word) && !text[at + word.len()..].starts_with(is_of_word))
}

#[test]
fn names_that_were_given_up_do_not_come_back() {
    for (folder, name, instead) in RETIRED {
        for (file, code) in sources(folder) {
            assert!(!has_word(&code, name), "{file} says `{name}`: the word is `{instead}`");
        }
    }
}

#[test]
fn files_of_more_than_400_lines_say_why() {
    let mut long = BTreeSet::new();
    for (file, _) in SHORT.iter().flat_map(|folder| sources(folder)) {
        let lines = std::fs::read_to_string(super::root().join(&file)).unwrap().lines().count();
        if lines > 400 {
            long.insert(file);
        }
    }
    let listed: BTreeSet<String> = LONG.iter().map(|(file, _)| (*file).to_owned()).collect();
    let missing: Vec<_> = long.difference(&listed).collect();
    assert!(missing.is_empty(), "more than 400 lines, and no reason here: {missing:?}");
}

/// The names of the fields of all structs below a folder.
fn fields(folder: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for (_, code) in sources(folder).iter().filter(|(name, _)| !is_test(name)) {
        let mut inside = false;
        for line in code.lines() {
            let text = line.trim_start();
            if text.contains("struct ") && text.ends_with('{') {
                inside = true;
            } else if text.starts_with('}') {
                inside = false;
            } else if inside && !text.starts_with('#') {
                let text = text.strip_prefix("pub").map_or(text, |rest| match rest.split_once(") ") {
                    Some((visibility, rest)) if visibility.starts_with('(') => rest,
                    _ => rest.trim_start(),
                });
                let name = text.split(':').next().unwrap_or_default();
                if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                    fields.insert(name.to_owned());
                }
            }
        }
    }
    fields
}

/// The fields that a text reads or writes: words after a single dot that are no call.
fn fields_named(code: &str) -> BTreeSet<String> {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices('.') {
        let rest = &code[at + 1..];
        let end = rest.find(|c| !is_of_word(c)).unwrap_or(rest.len());
        let is_call = rest[end..].starts_with('(') || rest[end..].starts_with("::<");
        let is_range = code[..at].ends_with('.') || rest.starts_with('.');
        if end > 0 && !is_call && !is_range {
            named.insert(rest[..end].to_owned());
        }
    }
    named
}

#[test]
fn the_floor_change_names_no_field_of_the_hosts_state() {
    let own: BTreeSet<String> = ["lcr/src/change", "lcr/src/host/image"].into_iter().flat_map(fields).collect();
    // Plain data that `change` may read: the description of a component, and a held dependency.
    let data: BTreeSet<String> = ["lcr/src/host/objects/component.rs"]
        .iter()
        .flat_map(|_| ["component", "manifest", "export", "name", "version", "origin", "source", "hash"])
        .map(str::to_owned)
        .collect();
    let rooms = ["lcr/src/host/worlds", "lcr/src/host/objects", "lcr/src/host/service"];
    let state: BTreeSet<String> = rooms.into_iter().flat_map(fields).collect();
    assert!(state.contains("registry") && state.contains("reaper"), "{state:?}");
    for (file, code) in sources("lcr/src/change") {
        for field in fields_named(&code) {
            let is_state = state.contains(&field) && !own.contains(&field) && !data.contains(&field);
            assert!(!is_state, "{file} names `.{field}`, a field of the host's state; call a method");
        }
    }
}

#[test]
fn the_check_of_names_finds_a_name_that_was_given_up() {
    assert!(has_word("fn blame() {}", "blame") && has_word("x.blame", "blame"));
    assert!(!has_word("fn blameless() {}", "blame") && !has_word("to_blame", "blame"));
    let named = fields_named("a.b(c).d; e.f.g::<H>(1..i); j.0");
    assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), ["0", "d", "f"]);
}
