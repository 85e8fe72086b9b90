//! What a process begins with.

use std::{fs, sync::Arc};

use lcr::{
    Back, ErrorKind,
    events::EventKind,
    history::{Outcome, Reloaded, What},
};
use lcr_tests::{bank::Clock, component};

use super::*;

#[test]
fn what_was_committed_serves_in_the_next_process_and_the_entries_say_who_and_why() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("counter_v1")).reason("first").commit().unwrap();
    rt.plan().replace(component("counter_v2")).reason("better").commit().unwrap();
    let error = rt.load(component("counter_v2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    drop(rt);

    let rt = open(directory.path());
    assert_eq!(version(&rt), 2);
    let history = rt.history().unwrap();
    assert!(matches!(history.reloaded(), Reloaded::Confirmed { generation: 2, .. }), "{:?}", history.reloaded());
    let entries = history.entries(usize::MAX).unwrap();
    let said: Vec<_> = entries.iter().map(|entry| (entry.what, entry.reason.as_deref())).collect();
    assert_eq!(said[..2], [(What::Plan, Some("first")), (What::Plan, Some("better"))]);
    assert!(matches!(&entries[2].result, Outcome::Refused { kind: ErrorKind::Invalid, .. }), "{:?}", entries[2]);
    assert_eq!(said[3].0, What::Reload);
    assert!(entries.iter().all(|entry| entry.by.pid == std::process::id()));
    assert!(entries.windows(2).all(|pair| pair[0].number < pair[1].number));
    assert_eq!(history.entries(1).unwrap(), entries[3..]);

    let mut exported = Vec::new();
    history.export(&mut exported).unwrap();
    let exported: serde_json::Value = serde_json::from_slice(&exported).unwrap();
    assert_eq!(exported[1]["reason"], "better");
    assert_eq!(exported[1]["result"]["outcome"], "committed");
    for line in journal(directory.path()).lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["record"]["number"].is_u64());
    }
    let verified = history.verify().unwrap();
    assert!(verified.bad_files.is_empty() && verified.files == 2, "{verified:?}");
}

#[test]
fn a_removed_component_stays_removed() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["1"], &[]).unwrap().0, [0, 1]);
    let rt = open(directory.path());
    rt.plan().remove("counter").commit().unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.history().unwrap().reloaded()), (0, Reloaded::Nothing));
}

#[test]
fn a_file_that_is_missing_or_damaged_is_named_and_nothing_is_brought_back() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("counter_v1")).add(component("clock_v1")).commit().unwrap();
    drop(rt);
    let files: Vec<_> =
        fs::read_dir(directory.path().join("files")).unwrap().map(|file| file.unwrap().path()).collect();
    assert_eq!(files.len(), 2);
    let bytes = fs::read(&files[0]).unwrap();
    fs::remove_file(&files[0]).unwrap();
    let refused = |found: &str| {
        let rt = open(directory.path());
        let Reloaded::Refused { why, .. } = rt.history().unwrap().reloaded() else { panic!("it was brought back") };
        assert!(why.contains(found) && why.contains(files[0].to_str().unwrap()), "{why}");
        assert!(rt.status().components.is_empty(), "half of it is there");
        let verified = rt.history().unwrap().verify().unwrap();
        assert!(verified.bad_files.len() == 1 && verified.bad_files[0].contains(found), "{verified:?}");
        rt
    };
    drop(refused("is missing"));
    let mut damaged = bytes.clone();
    damaged[1_000] ^= 1;
    fs::write(&files[0], &damaged).unwrap();
    let rt = refused("is damaged");
    // Mended, it is brought back without a new start.
    fs::write(&files[0], &bytes).unwrap();
    assert!(matches!(rt.history().unwrap().reload().unwrap(), Reloaded::Confirmed { .. }));
    assert_eq!((version(&rt), rt.status().components.len()), (1, 2));
}

#[test]
fn a_commit_before_a_reload_is_not_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["2"], &[]).unwrap();
    let rt = with(History::at(directory.path()).reload_on_start(false));
    assert_eq!((version(&rt), rt.history().unwrap().reloaded()), (0, Reloaded::NotAsked));
    rt.load(component("counter_v1")).unwrap();
    let error = rt.history().unwrap().reload().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(version(&rt), 1);
    drop(rt);
    assert_eq!(run(directory.path(), &[], &[]).unwrap().0, [1], "the commit is the last one");
}

#[test]
fn a_reload_that_is_asked_for_later_is_the_same() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["2"], &[]).unwrap();
    let rt = with(History::at(directory.path()).reload_on_start(false));
    assert!(matches!(rt.history().unwrap().reload().unwrap(), Reloaded::Confirmed { .. }));
    assert_eq!(version(&rt), 2);
}

#[test]
fn an_event_says_what_a_record_that_waits_is_about() {
    let directory = tempfile::tempdir().unwrap();
    let rt = Arc::new(open(directory.path()));
    let mut events = rt.events();
    fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    // The directory was trusted when it was opened, and its files are open.
    rt.load(component("counter_v1")).unwrap();
    let mut kinds = Vec::new();
    while let Some(event) = events.try_next() {
        kinds.push(event.kind);
    }
    assert!(kinds.iter().any(|kind| matches!(kind, EventKind::Committed(_))), "{kinds:?}");
}

#[test]
fn what_an_earlier_process_had_is_gone_back_to_by_its_number_and_that_is_an_entry() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["1", "2"], &[]).unwrap().0, [0, 1, 2]);
    let rt = open(directory.path());
    let counter: Handle<dyn Counter> = rt.service().unwrap();
    assert_eq!((counter.version(), counter.add(7)), (2, 7));
    let history = rt.history().unwrap();
    let first = history.entries(usize::MAX).unwrap()[0].number;
    assert_eq!(history.rollback(first + 1_000, "no such entry").unwrap_err().kind(), ErrorKind::NotFound);
    history.rollback(first, "the older one was better").unwrap();
    assert_eq!((counter.version(), counter.add(1)), (1, 8), "its state went along");
    let last = history.entries(1).unwrap().remove(0);
    assert_eq!((last.what, last.reason.as_deref()), (What::Rollback, Some("the older one was better")));
    assert_eq!(history.rollback(first, "again").unwrap_err().kind(), ErrorKind::Invalid);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(counter.version(), 2, "a rollback can be rolled back");
    drop((counter, rt));
    assert_eq!(run(directory.path(), &[], &[]).unwrap().0, [2]);
}

#[test]
fn a_refused_plan_is_shown_as_what_it_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    let missing = "/no/such/library.so";
    let shown = |result: lcr::Result<lcr::Report>, expected: &str| {
        result.unwrap_err();
        let entry = rt.history().unwrap().entries(1).unwrap().remove(0).to_string();
        assert!(entry.contains(&format!("Z {expected}: refused")), "{entry}");
    };
    shown(rt.replace(component("counter_v1")), "~ counter 1.0.0");
    rt.load(component("counter_v2")).unwrap();
    shown(rt.load(component("counter_v2")), "+ counter 2.0.0");
    shown(rt.replace(component("clock_v1")), "~ clock 1.0.0");
    shown(rt.replace(missing), &format!("~ {missing}"));
    shown(rt.plan().add(missing).commit(), &format!("+ {missing}"));
    shown(rt.plan().replace_component("counter", missing).commit(), &format!("counter 2.0.0 -> {missing}"));
}

#[test]
fn a_patch_library_stands_again_in_the_next_process_and_the_entries_name_it() {
    let clock = |rt: &Runtime| rt.service::<dyn Clock>().map_or(0, |clock| clock.version());
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    rt.plan().replace(component("patch_later_1")).reason("late").commit().unwrap();
    assert_eq!(clock(&rt), 101);
    drop(rt);

    let rt = open(directory.path());
    assert_eq!(clock(&rt), 101);
    let history = rt.history().unwrap();
    let patched = &history.entries(usize::MAX).unwrap()[1];
    let Outcome::Committed { members, .. } = &patched.result else { panic!("{patched:?}") };
    assert_eq!((patched.reason.as_deref(), members[0].after.as_ref().unwrap().name.as_str()), (Some("late"), "later"));
    rt.plan().remove("later").commit().unwrap();
    drop(rt);

    let rt = open(directory.path());
    assert_eq!((clock(&rt), rt.patches()), (1, Vec::new()));
}

#[test]
fn a_patch_of_the_program_is_an_entry_when_it_comes_and_when_it_goes_and_does_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    let patch = rt.patch::<dyn Clock>("double").methods(|m| m.version(|next| next() * 2)).reason("faster");
    let patch = patch.commit().unwrap();
    drop(patch);
    rt.patch::<dyn Clock>("double").methods(|m| m.version(|next| next() * 3)).commit().unwrap().keep();
    let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
    let said: Vec<String> = entries[1..].iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert_eq!(entries[1].reason.as_deref(), Some("faster"));
    let is_committed = |at: usize| matches!(&entries[at].result, Outcome::Committed { .. });
    assert!((1..4).all(is_committed), "{said:#?}");
    let of = |at: usize| (entries[at].members[0].before.is_some(), entries[at].members[0].after.is_some());
    assert_eq!([of(1), of(2), of(3)], [(false, true), (true, false), (false, true)], "{said:#?}");
    assert!(said[0].contains("double 0.0.1+patch") && said[2].contains("double 0.0.2+patch"), "{said:#?}");
    let journal = journal(directory.path());
    assert_eq!(journal.matches("\"is_patch\":true").count(), 6, "what they are about, and what came of it: {journal}");
    drop(rt);

    let rt = open(directory.path());
    assert_eq!((rt.service::<dyn Clock>().unwrap().version(), rt.patches()), (1, Vec::new()));
}

#[test]
fn an_export_of_the_program_is_an_entry_when_it_comes_and_when_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    let chime = || rt.add_export::<fn() -> u8, _>("clock", "chime", || 12);
    drop(chime().reason("noon").commit().unwrap());
    let number = chime().override_protected().commit().unwrap().keep();
    rt.unpatch(number).unwrap();
    let error = rt.add_export::<fn() -> u8, _>("nobody", "chime", || 12).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
    let of = |entry: &lcr::history::Entry| (entry.members[0].before.is_some(), entry.members[0].after.is_some());
    let said: Vec<_> = entries[1..].iter().map(of).collect();
    assert_eq!(said, [(false, true), (true, false), (false, true), (true, false), (false, true)], "{entries:#?}");
    let chimes = entries[1..].iter().all(|entry| entry.to_string().contains("chime 0.0."));
    assert!(chimes && entries[1].reason.as_deref() == Some("noon") && entries[3].overrode_protection, "{entries:#?}");
    assert!(matches!(entries[5].result, Outcome::Refused { kind: ErrorKind::NotFound, .. }), "{entries:#?}");
}

#[test]
fn a_patch_library_whose_component_is_not_there_keeps_nothing_else_from_coming_back() {
    let clock = |rt: &Runtime| rt.service::<dyn Clock>().map_or(0, |clock| clock.version());
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).add(component("counter_v1")).commit().unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    rt.plan().remove("clock").commit().unwrap();
    assert!(rt.patches()[0].rests.is_some());
    drop(rt);

    let rt = open(directory.path());
    assert!(matches!(rt.history().unwrap().reloaded(), Reloaded::Confirmed { .. }));
    let [patch] = &rt.patches()[..] else { panic!("{:?}", rt.patches()) };
    assert!(version(&rt) == 1 && patch.component == "clock" && patch.rests.is_some(), "{patch:?}");
    rt.load(component("clock_v1")).unwrap();
    assert_eq!(clock(&rt), 101);
    drop(rt);

    let rt = open(directory.path());
    assert_eq!((clock(&rt), version(&rt)), (101, 1));
    drop(rt);
}

#[test]
fn patch_libraries_come_back_around_each_other_as_they_stood_and_not_by_their_names() {
    let clock = |rt: &Runtime| rt.service::<dyn Clock>().unwrap().version();
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    rt.replace(component("patch_thrice_1")).unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    assert_eq!(clock(&rt), 103);
    drop(rt);

    let rt = open(directory.path());
    assert_eq!(clock(&rt), 103, "`later` is the outer one");
    let names: Vec<_> = rt.patches().into_iter().map(|patch| patch.name).collect();
    assert_eq!(names, ["thrice", "later"]);
}

#[test]
fn a_rollback_to_an_entry_brings_a_library_back_to_its_component_though_its_file_is_the_same() {
    let on = |rt: &Runtime| rt.patches().into_iter().map(|patch| patch.component).collect::<Vec<_>>();
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    let entry = rt.history().unwrap().entries(1).unwrap()[0].number;
    rt.plan().remove("later").commit().unwrap();
    rt.plan().add(component("clock_other")).bind::<dyn Clock>("sundial").commit().unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    assert_eq!(on(&rt), ["sundial"]);
    rt.rollback(Back::Entry(entry)).unwrap();
    assert_eq!(on(&rt), ["clock"]);
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 101);
    drop(rt);
}

#[test]
fn a_patch_library_comes_back_on_the_component_that_it_was_on_whatever_serves_by_then() {
    let clock = |rt: &Runtime| rt.service::<dyn Clock>().unwrap().version();
    let on = |rt: &Runtime| rt.patches().into_iter().map(|patch| patch.component).collect::<Vec<_>>();
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.plan().add(component("clock_v1")).commit().unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    rt.plan().add(component("clock_other")).bind::<dyn Clock>("sundial").commit().unwrap();
    assert_eq!((clock(&rt), on(&rt)), (5, vec!["clock".to_owned()]));
    rt.plan().remove("later").commit().unwrap();
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((clock(&rt), on(&rt)), (5, vec!["clock".to_owned()]), "a rollback in the same process");
    drop(rt);

    let rt = open(directory.path());
    assert_eq!((clock(&rt), on(&rt)), (5, vec!["clock".to_owned()]), "a start");
    rt.plan().remove("later").commit().unwrap();
    drop(rt);

    let rt = open(directory.path());
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((clock(&rt), on(&rt)), (5, vec!["clock".to_owned()]), "a rollback to an earlier process");
    rt.plan().bind::<dyn Clock>("clock").commit().unwrap();
    assert_eq!(clock(&rt), 101);
}
