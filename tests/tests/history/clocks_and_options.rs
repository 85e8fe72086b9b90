//! Clocks that go back, retention, and options that change while the program runs.

use std::time::Duration;

use lcr::history::{Outcome, Reloaded};
use lcr_tests::component;

use super::*;

#[test]
fn the_options_of_an_orderly_end_decide_what_the_next_process_has() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1"], &[]).unwrap();
    let rt = with(History::at(directory.path()).persist_on_shutdown(false));
    rt.replace(component("counter_v2")).unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert_eq!(version(&rt), 1, "the commits of the last process do not count");
    // Changed while it runs.
    rt.replace(component("counter_v2")).unwrap();
    rt.history().unwrap().change(|options| options.unload_on_shutdown = true).unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.history().unwrap().reloaded()), (0, Reloaded::Nothing));
    assert_eq!(rt.history().unwrap().options(), lcr::history::Options::default());
}

#[test]
fn whether_the_next_start_reloads_can_be_said_while_the_program_runs() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1"], &[]).unwrap();
    let rt = open(directory.path());
    rt.history().unwrap().change(|options| options.reload_on_start = Some(false)).unwrap();
    drop(rt);
    assert_eq!(open(directory.path()).history().unwrap().reloaded(), Reloaded::NotAsked);
    let rt = with(History::at(directory.path()).reload_on_start(true));
    assert_eq!(version(&rt), 1, "the program's own word comes first");
}

#[test]
fn retention_keeps_the_last_transactions_and_never_forgets_what_serves() {
    let directory = tempfile::tempdir().unwrap();
    let rt = with(History::at(directory.path()).keep(5));
    rt.load(component("counter_v1")).unwrap();
    for _ in 0..60 {
        rt.plan().remove("nothing").commit().unwrap_err();
    }
    let history = rt.history().unwrap();
    history.change(|options| options.keep = 4).unwrap();
    rt.load(component("clock_v1")).unwrap();
    history.change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    let entries = history.entries(usize::MAX).unwrap();
    assert!(entries.len() <= 5, "{} entries", entries.len());
    let last = entries.last().unwrap();
    assert!(matches!(last.result, Outcome::Committed { generation: 3, .. }), "{last:?}");
    history.verify().unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.status().components.len()), (1, 2));
}

#[test]
fn a_plan_that_is_refused_leaves_no_file_or_one_that_is_forgotten_with_its_entry() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.load(component("counter_v1")).unwrap();
    let files = || std::fs::read_dir(directory.path().join("files")).unwrap().count();
    assert_eq!(files(), 1);
    // Refused before it begins: the component is present.
    rt.load(component("counter_v2")).unwrap_err();
    assert_eq!(files(), 1);
    // Refused while it runs: the journal names the file for as long as it has the entry.
    let counter: Handle<dyn Counter> = rt.service().unwrap();
    counter.add(13);
    let refused = rt.replace(component("counter_deadly")).unwrap_err();
    assert!(refused.to_string().contains("13 brings bad luck") && files() == 2, "{refused}");
    rt.plan().replace(component("counter_v2")).commit().unwrap();
    let history = rt.history().unwrap();
    history.change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    assert_eq!(files(), 2, "the version that serves, and the one before it");
    assert!(history.verify().unwrap().bad_files.is_empty());
}
