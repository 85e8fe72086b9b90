//! Rollbacks to what earlier processes had.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use lcr::{Back, BoxError, Context, ErrorKind, Fault, Report, Stateful, history::What};
use lcr_tests::component;

use super::*;

#[track_caller]
fn refused(result: lcr::Result<Report>, kind: ErrorKind, parts: &[&str]) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(parts.iter().all(|part| error.to_string().contains(part)), "{error}");
}

/// The file that a history keeps of a component.
fn kept(directory: &Path, name: &str) -> PathBuf {
    let hash = lcr::report::ContentHash::of(&fs::read(component(name)).unwrap());
    directory.join("files").join(format!("{hash}.so"))
}

#[test]
fn steps_go_on_in_the_processes_before_and_a_start_is_no_step() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(run(directory.path(), &["1", "2"], &[]).unwrap().0, [0, 1, 2]);
    for _ in 0..2 {
        assert_eq!(run(directory.path(), &[], &[]).unwrap().0, [2], "starts that change nothing");
    }
    let rt = open(directory.path());
    let counter: Handle<dyn Counter> = rt.service().unwrap();
    assert_eq!((counter.version(), counter.add(7)), (2, 7));
    let report = rt.plan().rollback(Back::Steps(1)).reason("the older one was better").commit().unwrap();
    assert_eq!(report.members[0].after.as_ref().unwrap().to_string(), "counter 1.0.0");
    assert_eq!((counter.version(), counter.add(1)), (1, 8), "its state went along");
    let last = rt.history().unwrap().entries(1).unwrap().remove(0);
    assert_eq!((last.what, last.reason.as_deref()), (What::Rollback, Some("the older one was better")));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(counter.version(), 2, "a rollback can be rolled back");
    // Two steps of this process, and one of those before it.
    rt.rollback(Back::Steps(3)).unwrap();
    assert_eq!(counter.version(), 1);
    drop((counter, rt));
    assert_eq!(run(directory.path(), &[], &[]).unwrap().0, [1]);
    // Behind the start of the next process: 1, before it 2, 1, 2, and nothing before that.
    for (steps, found) in [(1, 2), (2, 1), (3, 2)] {
        let copy = tempfile::tempdir().unwrap();
        copy_all(directory.path(), copy.path());
        let rt = open(copy.path());
        match rt.rollback(Back::Steps(steps)) {
            Ok(_) => assert_eq!(version(&rt), found, "{steps} steps"),
            Err(error) => {
                assert!(found == 1 && error.to_string().contains("nothing to roll back"), "{steps} steps: {error}");
            }
        }
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("files")).unwrap();
    let files = fs::read_dir(from.join("files")).unwrap().map(|file| file.unwrap().path());
    for file in files.chain([from.join("journal.jsonl")]) {
        fs::copy(&file, to.join(file.strip_prefix(from).unwrap())).unwrap();
    }
}

#[test]
fn what_the_next_start_gave_back_is_no_step() {
    // In quarantine is what took its process down, and it is not what one step leads to.
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["clock", "1"], &[]).unwrap();
    trials::kill(trials::waiting(directory.path(), &["trial"]));
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.status().components.len(), rt.quarantine().len()), (1, 2, 1));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((version(&rt), rt.status().components.len()), (0, 1), "only the clock was there");
    drop(rt);

    let rt = with(History::at(directory.path()).persist_on_shutdown(false));
    rt.load(component("counter_v1")).unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert_eq!(version(&rt), 0);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(version(&rt), 1, "the one before the last rollback");
}

#[test]
fn what_cannot_be_gone_back_to_is_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1", "2"], &[]).unwrap();
    trials::kill(trials::waiting(directory.path(), &["clock"]));
    let rt = open(directory.path());
    let history = rt.history().unwrap();
    rt.plan().remove("nothing").commit().unwrap_err();
    let entries = history.entries(usize::MAX).unwrap();
    let (first, last) = (entries[0].number, entries[entries.len() - 1].number);
    refused(rt.rollback(Back::Steps(9)), ErrorKind::NotFound, &["9 steps", "reaches back 3 steps", "forgotten"]);
    refused(rt.rollback(Back::Entry(last)), ErrorKind::NotFound, &["was not committed"]);
    refused(rt.rollback(Back::Entry(1_000)), ErrorKind::NotFound, &["entry 1000 of the history is not there"]);
    refused(rt.rollback(Back::To(9)), ErrorKind::NotFound, &["generation 9 of this process is not in its history"]);
    let third = format!("in entry {}, {}", entries[3].number, entries[1].number);
    refused(rt.rollback(Back::To(3)), ErrorKind::NotFound, &["each process counts its own", &third, "--entry"]);

    // Its file is missing, or damaged.
    let file = kept(directory.path(), "counter_v1");
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let named = format!("entry {first} cannot be gone back to");
    refused(rt.rollback(Back::Steps(2)), ErrorKind::History, &[&named, "counter 1.0.0", "is missing"]);
    fs::write(&file, &bytes[1..]).unwrap();
    refused(rt.rollback(Back::Entry(first)), ErrorKind::History, &[&named, "is damaged"]);
    assert_eq!((version(&rt), rt.status().components.len()), (2, 2), "nothing has changed");
    fs::remove_file(&file).unwrap();
    fs::write(&file, &bytes).unwrap();
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!((version(&rt), rt.status().components.len()), (1, 1));

    // Forgotten.
    history.change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    refused(rt.rollback(Back::Entry(first)), ErrorKind::NotFound, &["is older than what the history keeps"]);
    drop((history, rt));

    // In quarantine.
    let directory = tempfile::tempdir().unwrap();
    trials::kill(trials::waiting(directory.path(), &["1", "trial"]));
    let rt = open(directory.path());
    let entries = rt.history().unwrap().entries(usize::MAX).unwrap();
    let tried = entries.iter().find(|entry| entry.trial.is_some()).unwrap().number;
    refused(rt.rollback(Back::Entry(tried)), ErrorKind::Quarantined, &["counter 2.0.0", "in quarantine"]);
    assert_eq!(version(&rt), 1);

    let rt = Runtime::builder().linked(false).build().unwrap();
    refused(rt.rollback(Back::Entry(1)), ErrorKind::NotFound, &["keeps no history"]);
}

/// Has everything forgotten that the next process does not need.
fn forget(rt: &Runtime) {
    let history = rt.history().unwrap();
    history.change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    history.change(|options| options.keep_for = None).unwrap();
}

#[test]
fn steps_end_where_states_were_forgotten_and_the_start_before_them_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    rt.load(component("counter_v1")).unwrap();
    rt.replace(component("counter_v2")).unwrap();
    forget(&rt);
    rt.replace(component("counter_v1")).unwrap();
    rt.replace(component("counter_v2")).unwrap();
    drop(rt);
    let rt = open(directory.path());
    // The first start had nothing, and stays in the journal.
    refused(rt.rollback(Back::Steps(3)), ErrorKind::NotFound, &["reaches back 2 steps", "forgotten"]);
    refused(rt.rollback(Back::Steps(2)), ErrorKind::Invalid, &["nothing to roll back"]);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(version(&rt), 1);
}

#[test]
fn a_process_whose_reload_was_forgotten_did_not_begin_with_what_is_linked() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1", "2"], &[]).unwrap();
    let rt = Runtime::builder().linked(false).revisions(1).history(History::at(directory.path())).build().unwrap();
    rt.replace(component("counter_v1")).unwrap();
    rt.plan().add(component("clock_v1")).commit().unwrap();
    forget(&rt);
    // Two steps of this process, and the next one would be to what served before version 2, with which it began.
    refused(rt.rollback(Back::Steps(3)), ErrorKind::NotFound, &["reaches back 0 steps", "forgotten"]);
    refused(rt.rollback(Back::To(2)), ErrorKind::NotFound, &["generation 2 of this process is not in its history"]);
    assert_eq!((version(&rt), rt.status().components.len()), (1, 2), "nothing has changed");
}

#[test]
fn the_original_is_what_was_loaded_first_by_any_process() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1", "clock", "2"], &[]).unwrap();
    let rt = open(directory.path());
    assert_eq!((version(&rt), rt.status().components.len()), (2, 2));
    rt.rollback(Back::Original).unwrap();
    assert_eq!((version(&rt), rt.status().components.len()), (1, 2), "the clock is its own original");
    refused(rt.rollback(Back::Original), ErrorKind::Invalid, &["nothing to roll back"]);
    rt.replace(component("counter_v2")).unwrap();
    rt.history().unwrap().change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    drop(rt);
    let rt = open(directory.path());
    refused(rt.rollback(Back::Original), ErrorKind::NotFound, &["older than what the history keeps"]);
    assert_eq!(version(&rt), 2);
}

/// Is linked into this binary.
#[derive(Default)]
struct Linked(AtomicU64);

#[lcr::component(name = "counter", version = "0.9.0", state)]
impl Counter for Linked {
    fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Ordering::Relaxed) + n
    }
    fn version(&self) -> u32 {
        9
    }
    fn inside(&self, f: &dyn Fn(u64) -> u64) -> u64 {
        f(self.0.load(Ordering::Relaxed))
    }
    fn fail(&self, text: &str) -> Result<u64, Fault> {
        panic!("{text}")
    }
}

impl Stateful for Linked {
    type State = u64;

    fn save(&self) -> Result<u64, BoxError> {
        Ok(self.0.load(Ordering::Relaxed))
    }

    fn restore(state: u64, _: &Context) -> Result<Linked, BoxError> {
        Ok(Linked(AtomicU64::new(state)))
    }
}

#[test]
fn a_linked_component_comes_back_in_the_process_after_the_one_that_replaced_it() {
    let directory = tempfile::tempdir().unwrap();
    let start = || Runtime::builder().history(History::at(directory.path())).build().unwrap();
    let rt = start();
    assert_eq!(version(&rt), 9);
    rt.replace(component("counter_v1")).unwrap();
    rt.replace(component("counter_v2")).unwrap();
    drop(rt);
    let rt = start();
    let counter: Handle<dyn Counter> = rt.service().unwrap();
    assert_eq!((counter.version(), counter.add(5)), (2, 5));
    refused(rt.rollback(Back::Steps(3)), ErrorKind::NotFound, &["reaches back 2 steps"]);
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!((counter.version(), counter.add(1)), (9, 6));
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!(counter.version(), 1, "one step of this process, and one of the process before");
    rt.rollback(Back::Original).unwrap();
    assert_eq!(counter.version(), 9);
    drop((counter, rt));
    // A program that does not link it says so.
    let rt = open(directory.path());
    assert_eq!(version(&rt), 0);
    refused(rt.rollback(Back::Steps(1)), ErrorKind::Invalid, &["nothing to roll back"]);
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!(version(&rt), 1);
    refused(rt.rollback(Back::Steps(2)), ErrorKind::NotFound, &["counter 0.9.0", "was linked into the program"]);
    assert_eq!(version(&rt), 1);
}

#[test]
fn a_rollback_to_an_earlier_process_takes_back_bindings_and_configurations() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), &["1"], &[]).unwrap();
    let rt = open(directory.path());
    rt.plan().bind::<dyn Counter>("counter").configure("counter", &7_u32).unwrap().commit().unwrap();
    drop(rt);
    let rt = open(directory.path());
    let set = || {
        let journal = journal(directory.path());
        let committed = journal.lines().rfind(|line| line.contains("\"entry\":\"committed\"")).unwrap();
        ["\"bindings\":", "\"configurations\":"].map(|name| committed.contains(name))
    };
    assert_eq!((version(&rt), set()), (1, [true; 2]));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((version(&rt), set()), (1, [false; 2]));
}
