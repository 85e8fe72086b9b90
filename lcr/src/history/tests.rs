//! Journals as a whole: long ones, and those of clocks that go back.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::{Actor, ComponentId, change::recorder::Sought, host::image::content_hash::ContentHash};

use super::{
    disk::Disk,
    journal::{Journal, Place},
    kind::Kind,
    ledger, line,
    notes::Notes,
    past,
    record::{
        Change, Committed, End, FORMAT, Intended, Numbered, Present, Quarantined, Record, Start, TrialEnd, What,
        Withdrawn,
    },
    retention,
};

fn id(major: u64) -> ComponentId {
    ComponentId::new("store", semver::Version::new(major, 0, 0))
}

fn intent(major: u64) -> Record {
    let hash = Some(ContentHash::of(b"code"));
    let change =
        Change { before: None, after: Some(id(major)), hash, source: None, beside: Vec::new(), replaces: false };
    Record::Intent(Intended {
        is_patch: false,
        by: Actor::new(1, 2, "kv"),
        reason: None,
        what: What::Plan,
        generation: major,
        members: vec![change],
        bindings: Default::default(),
        configurations: Default::default(),
        override_protected: false,
        trial: None,
    })
}

fn committed(of: u64, major: u64) -> Record {
    Record::Committed(Committed {
        is_patch: false,
        of,
        generation: major,
        held_us: 0,
        total_us: 1,
        on_trial: false,
        members: Vec::new(),
        present: vec![Present {
            id: id(major),
            hash: Some(ContentHash::of(b"code")),
            source: None,
            beside: Vec::new(),
            patches: Vec::new(),
        }],
        bindings: Default::default(),
        configurations: Default::default(),
    })
}

/// A directory with a journal of so many commits. Each record is an hour older than the one before it.
fn written(commits: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let start = Start::new(Actor::new(1, 2, "kv"), Vec::new());
    let first = [Record::Journal { format: FORMAT, program: "kv".to_owned() }, Record::Start(start)];
    let commits = (1..=commits).flat_map(|n| [intent(n), committed(2 * n + 1, n)]);
    let now = SystemTime::now();
    let (mut bytes, mut sum) = (Vec::new(), line::FIRST_SUM);
    for (number, record) in (1..).zip(first.into_iter().chain(commits)) {
        let at = now.checked_sub(Duration::from_secs(3_600 * number)).unwrap_or(SystemTime::UNIX_EPOCH);
        let (line, next) = line::line(&sum, &Numbered { number, at, record }.to_text().unwrap());
        bytes.extend(line);
        sum = next;
    }
    fs::write(directory.path().join("journal.jsonl"), bytes).unwrap();
    directory
}

fn open(directory: &tempfile::TempDir) -> Journal {
    Journal::open(directory.path(), Disk::default(), "kv").unwrap()
}

/// Forgets all but so many transactions.
fn forget(journal: &mut Journal, count: usize) {
    let ledger = ledger::read(journal).unwrap();
    let stay = retention::stay(journal, &ledger, count, None, SystemTime::now()).unwrap();
    journal.rewrite(|place| stay.contains(&place.number)).unwrap();
}

fn present(name: &str, major: u64) -> Present {
    let hash = Some(ContentHash::of(format!("{name}{major}").as_bytes()));
    Present {
        id: ComponentId::new(name, semver::Version::new(major, 0, 0)),
        hash,
        source: None,
        beside: Vec::new(),
        patches: Vec::new(),
    }
}

/// Commits a plan behind which this is present. Returns the number of its intent.
fn commit(journal: &mut Journal, on_trial: bool, behind: &[(&str, u64)], bindings: &[(&str, &str)]) -> u64 {
    let Record::Intent(mut intended) = intent(1) else { panic!("no intent") };
    intended.trial = on_trial.then(|| "until it is confirmed".to_owned());
    let of = journal.append(Record::Intent(intended)).unwrap();
    let text = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let committed = Committed {
        of,
        on_trial,
        present: behind.iter().map(|&(name, major)| present(name, major)).collect(),
        bindings: bindings.iter().map(text).collect(),
        ..Committed::default()
    };
    journal.append(Record::Committed(committed)).unwrap();
    of
}

/// Commits a patch of the program, behind which this is present.
fn patch(journal: &mut Journal, behind: &[(&str, u64)]) {
    let Record::Intent(intended) = intent(1) else { panic!("no intent") };
    let of = journal.append(Record::Intent(Intended { is_patch: true, ..intended })).unwrap();
    let present = behind.iter().map(|&(name, major)| present(name, major)).collect();
    journal.append(Record::Committed(Committed { is_patch: true, of, present, ..Committed::default() })).unwrap();
}

fn end_trial(journal: &mut Journal, of: u64, end: End) {
    let end = TrialEnd { of, end, why: "of a test".to_owned(), quarantined: Vec::new() };
    journal.append(Record::TrialEnd(end)).unwrap();
}

fn start(journal: &mut Journal) {
    journal.append(Record::Start(Start::new(Actor::new(1, 2, "kv"), Vec::new()))).unwrap();
}

/// What the next process is to have.
fn confirmed(journal: &Journal) -> Vec<Present> {
    ledger::read(journal).unwrap().confirmed.map_or_else(Vec::new, |(_, committed)| committed.present)
}

#[test]
fn a_commit_beside_a_trial_counts_and_the_trial_does_not_unless_it_was_confirmed() {
    for end in [None, Some(End::Confirmed), Some(End::Failed), Some(End::Interrupted), Some(End::Fatal)] {
        for forgets in [false, true] {
            let directory = written(0);
            let mut journal = open(&directory);
            commit(&mut journal, false, &[("a", 1), ("gone", 1)], &[("x", "old")]);
            let trial = commit(&mut journal, true, &[("a", 2), ("new", 1)], &[("x", "tried"), ("y", "tried")]);
            commit(&mut journal, false, &[("a", 2), ("b", 1), ("new", 1)], &[("x", "tried"), ("y", "tried")]);
            if let Some(end) = end {
                end_trial(&mut journal, trial, end);
            }
            for _ in 0..9 * u32::from(forgets) {
                commit(&mut journal, false, &[("a", 2), ("b", 1), ("new", 1)], &[("x", "tried"), ("y", "tried")]);
            }
            if forgets {
                forget(&mut journal, 2);
            }
            let ledger = ledger::read(&journal).unwrap();
            assert_eq!(ledger.fatal.map(|(of, _)| of), Some(trial).filter(|_| end.is_none()), "{end:?}");
            let (_, committed) = ledger.confirmed.unwrap();
            let bindings: Vec<(&str, &str)> =
                committed.bindings.iter().map(|(x, y)| (x.as_str(), y.as_str())).collect();
            if end == Some(End::Confirmed) {
                assert_eq!(committed.present, [present("a", 2), present("b", 1), present("new", 1)]);
                assert_eq!(bindings, [("x", "tried"), ("y", "tried")]);
            } else {
                assert_eq!(committed.present, [present("a", 1), present("b", 1), present("gone", 1)], "{end:?}");
                assert_eq!(bindings, [("x", "old")], "{end:?}");
            }
        }
    }
}

#[test]
fn a_trial_that_was_rolled_back_takes_nothing_back_that_came_afterwards() {
    let directory = written(0);
    let mut journal = open(&directory);
    commit(&mut journal, false, &[("a", 1)], &[]);
    let trial = commit(&mut journal, true, &[("a", 2)], &[]);
    commit(&mut journal, false, &[("a", 1)], &[]);
    assert_eq!(ledger::read(&journal).unwrap().fatal.unwrap().0, trial, "it was being rolled back");
    assert_eq!(confirmed(&journal), [present("a", 1)]);
    end_trial(&mut journal, trial, End::RolledBack);
    commit(&mut journal, false, &[("a", 2)], &[]);
    let ledger = ledger::read(&journal).unwrap();
    assert!(ledger.fatal.is_none() && ledger.confirmed.unwrap().1.present == [present("a", 2)]);
}

#[test]
fn a_trial_under_way_is_known_as_one_behind_any_retention() {
    let directory = written(3);
    let mut journal = open(&directory);
    commit(&mut journal, false, &[("a", 1)], &[]);
    let trial = commit(&mut journal, true, &[("a", 2)], &[]);
    for _ in 0..20 {
        let refused = journal.append(intent(9)).unwrap();
        let error = crate::ErrorKind::Invalid;
        let refused = super::record::Refused { is_patch: false, of: refused, error, text: String::new() };
        journal.append(Record::Refused(refused)).unwrap();
    }
    forget(&mut journal, 2);
    let ledger = ledger::read(&journal).unwrap();
    assert_eq!(ledger.fatal.unwrap().0, trial);
    assert_eq!(ledger.confirmed.unwrap().1.present, [present("a", 1)]);
    end_trial(&mut journal, trial, End::Confirmed);
    assert_eq!(confirmed(&journal), [present("a", 2)]);
}

#[test]
fn what_was_confirmed_at_the_start_stays_if_what_came_then_does_not_count() {
    let directory = written(0);
    let mut journal = open(&directory);
    commit(&mut journal, false, &[("a", 1)], &[]);
    journal.append(Record::End { persist: true, unload: false }).unwrap();
    for _ in 0..2 {
        start(&mut journal);
        for _ in 0..20 {
            commit(&mut journal, false, &[("a", 2)], &[]);
            forget(&mut journal, 2);
        }
        journal.append(Record::End { persist: false, unload: false }).unwrap();
        assert_eq!(confirmed(&journal), [present("a", 1)]);
        forget(&mut journal, 2);
        assert_eq!(confirmed(&journal), [present("a", 1)]);
    }
    assert!(journal.places().len() < 20);
}

#[test]
fn a_journal_of_ten_thousand_entries_opens_without_parsing_them() {
    let directory = written(10_000);
    let journal = Journal::open(directory.path(), Disk::default(), "kv").unwrap();
    let ledger = ledger::read(&journal).unwrap();
    assert_eq!(journal.places().len(), 20_002);
    assert_eq!(ledger.confirmed.unwrap().1.present[0].id, id(10_000));
    let parsed = journal.parsed.get();
    assert!(parsed < 10, "{parsed} records were parsed");
}

#[test]
fn numbers_order_records_where_the_clock_went_back() {
    let directory = written(5);
    let mut journal = Journal::open(directory.path(), Disk::default(), "kv").unwrap();
    let ledger = ledger::read(&journal).unwrap();
    let (number, last) = ledger.confirmed.as_ref().unwrap();
    assert_eq!((*number, &last.present[0].id), (12, &id(5)), "the oldest by its time, and the last one by its number");
    let next = journal.append(intent(6)).unwrap();
    assert_eq!(next, 13);
    let stay = retention::stay(&journal, &ledger, 2, None, SystemTime::now()).unwrap();
    journal.rewrite(|place| stay.contains(&place.number)).unwrap();
    let numbers: Vec<u64> = journal.places().iter().map(|place| place.number).collect();
    assert_eq!(numbers, [1, 2, 11, 12, 13]);
    journal.verify().unwrap();
    drop(journal);
    let journal = Journal::open(directory.path(), Disk::default(), "kv").unwrap();
    assert_eq!(ledger::read(&journal).unwrap().unfinished.unwrap().0, 13);
}

#[test]
fn a_walk_ends_at_the_first_gap_and_a_reload_behind_it_still_says_what_its_process_began_with() {
    let directory = written(2);
    let mut journal = open(&directory);
    start(&mut journal);
    let gap = journal.append(Record::Options { reload_on_start: true }).unwrap();
    let Record::Intent(mut reload) = intent(2) else { panic!("no intent") };
    reload.what = What::Reload;
    let reload = journal.append(Record::Intent(reload)).unwrap();
    journal.append(committed(reload, 2)).unwrap();
    commit(&mut journal, false, &[("kv", 3)], &[]);
    let notes = Notes { has_start: true, ..Notes::default() };
    let began = Sought::Generation(7);
    let find = |journal: &Journal, sought| past::find(journal, sought, 7, &notes).map(|found| found.title);
    assert_eq!(find(&journal, Sought::Before(1)).unwrap(), "entry 3", "what was reloaded is no step");
    journal.rewrite(|place| place.number != gap).unwrap();
    assert_eq!(find(&journal, began).unwrap(), format!("the start of record {reload}"));
    let error = find(&journal, Sought::Before(1)).unwrap_err();
    assert!(error.to_string().contains("forgotten"), "{error}");
    assert_eq!(find(&journal, Sought::Entry(3)).unwrap(), "entry 3", "an entry is found by its number");
    // Without its reload, nothing says what the process began with.
    journal.rewrite(|place| ![reload, reload + 1].contains(&place.number)).unwrap();
    assert!(find(&journal, began).unwrap_err().to_string().contains("generation 7 of this process"));
}

#[test]
fn a_patch_of_a_process_that_did_not_reload_leaves_what_was_confirmed() {
    let directory = written(0);
    let mut journal = open(&directory);
    let of = commit(&mut journal, false, &[("a", 2)], &[("x", "a")]);
    for _ in 0..3 {
        start(&mut journal);
        patch(&mut journal, &[("a", 1)]);
        journal.append(Record::End { persist: true, unload: false }).unwrap();
    }
    let (number, committed) = ledger::read(&journal).unwrap().confirmed.unwrap();
    assert_eq!(
        (number, committed.of, committed.present, committed.bindings.len()),
        (of + 1, of, vec![present("a", 2)], 1)
    );
    forget(&mut journal, 1);
    assert_eq!(confirmed(&journal), [present("a", 2)]);
}

#[test]
fn a_patch_does_not_count_as_a_reload_that_did_well() {
    let directory = written(1);
    let mut journal = open(&directory);
    for lost in 1..5 {
        start(&mut journal);
        patch(&mut journal, &[]);
        let Record::Intent(intended) = intent(1) else { panic!("no intent") };
        journal.append(Record::Intent(Intended { what: What::Reload, ..intended })).unwrap();
        assert_eq!(ledger::read(&journal).unwrap().lost_reloads, lost);
    }
}

#[test]
fn patches_are_forgotten_by_their_own_count_and_push_out_no_plan() {
    let directory = written(0);
    let mut journal = open(&directory);
    let plans: Vec<u64> = (1..=3).map(|major| commit(&mut journal, false, &[("a", major)], &[])).collect();
    (0..50).for_each(|_| patch(&mut journal, &[("a", 3)]));
    let count = |journal: &Journal, is_patch| journal.places().iter().filter(|one| one.is_patch == is_patch).count();
    forget(&mut journal, 2);
    assert_eq!((count(&journal, true), count(&journal, false)), (4, 6), "the journal, a start and two plans");
    assert!(plans[1..].iter().all(|of| journal.places().iter().any(|place| place.number == *of)));
    drop(journal);
    let journal = open(&directory);
    assert_eq!((count(&journal, true), count(&journal, false)), (4, 6), "also as it is read");
}

#[test]
fn what_is_in_quarantine_and_what_was_released_is_so_behind_any_retention() {
    let file = |name: &str| Quarantined { id: id(2), hash: ContentHash::of(name.as_bytes()), whole: None };
    let directory = written(0);
    let mut journal = open(&directory);
    let of = commit(&mut journal, true, &[("a", 2)], &[]);
    let (why, quarantined) = ("of a test".to_owned(), vec![file("one"), file("other")]);
    journal.append(Record::TrialEnd(TrialEnd { of, end: End::RolledBack, why: why.clone(), quarantined })).unwrap();
    journal.append(Record::Quarantined(Withdrawn { why, quarantined: vec![file("canary")] })).unwrap();
    let then = |journal: &mut Journal, released: &[&str]| {
        for name in released {
            journal.append(Record::Released { hash: ContentHash::of(name.as_bytes()) }).unwrap();
        }
        (0..20).for_each(|_| _ = commit(journal, false, &[("a", 1)], &[]));
        forget(journal, 2);
        ledger::read(journal).unwrap().quarantine.iter().map(|file| file.hash).collect::<Vec<_>>()
    };
    assert_eq!(then(&mut journal, &["one"]), [file("other").hash, file("canary").hash]);
    assert_eq!(then(&mut journal, &["other", "canary"]), []);
    let is_about = |place: &&Place| matches!(place.kind, Kind::TrialEnd | Kind::Quarantined | Kind::Released);
    assert_eq!(journal.places().iter().filter(is_about).count(), 0, "and then it is forgotten");
}

#[test]
fn a_journal_that_a_newer_version_has_written_to_is_told_as_that_and_stays_as_it_is() {
    let directory = written(1);
    let path = directory.path().join("journal.jsonl");
    let bytes = fs::read(&path).unwrap();
    let sum = line::scan(&bytes).unwrap().sum;
    let with = |record: &str| {
        let text = format!("{{\"number\":9,\"at\":\"2026-12-01T00:00:00Z\",\"entry\":{record}}}");
        let bytes = [&bytes[..], &line::line(&sum, &text).0].concat();
        fs::write(&path, &bytes).unwrap();
        bytes
    };
    let refused = |said: &str| {
        let error = Journal::open(directory.path(), Disk::default(), "kv").unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("damaged"), "{error}");
    };
    let newer = with("\"teleported\",\"whither\":1");
    let mine = env!("CARGO_PKG_VERSION");
    refused(&format!("newer version, lcr {mine}: line 5 is a record of kind `teleported`"));
    refused(&format!("use lcr >= {mine}; the journal stays as it is"));
    assert_eq!(fs::read(&path).unwrap(), newer);
    // A kind that is known, with what no earlier version wrote.
    with("\"refused\",\"of\":3,\"error\":\"haunted\",\"text\":\"\"");
    let journal = open(&directory);
    let error = journal.read(journal.places().last().unwrap()).unwrap_err().to_string();
    assert!(error.contains("newer version") && error.contains("haunted") && !error.contains("damaged"), "{error}");
    with("\"End of times\"");
    assert!(Journal::open(directory.path(), Disk::default(), "kv").unwrap_err().to_string().contains("damaged"));
    let first = Record::Journal { format: FORMAT + 1, program: "kv".to_owned() };
    let first = Numbered { number: 1, at: SystemTime::UNIX_EPOCH, record: first }.to_text().unwrap();
    fs::write(&path, line::line(&line::FIRST_SUM, &first).0).unwrap();
    refused(&format!("its form is {}", FORMAT + 1));
    refused(&format!("use lcr > {mine}"));
}
