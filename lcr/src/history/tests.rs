//! Journals as a whole: long ones, and those of clocks that go back.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use crate::{Actor, ComponentId, host::image::content_hash::ContentHash};

use super::{
    disk::Disk,
    journal::Journal,
    ledger, line,
    record::{Change, Committed, FORMAT, Intended, Numbered, Present, Record, Start, What},
    retention,
};

fn id(major: u64) -> ComponentId {
    ComponentId::new("store", semver::Version::new(major, 0, 0))
}

fn intent(major: u64) -> Record {
    let change = Change { before: None, after: Some(id(major)), hash: Some(ContentHash::of(b"code")), source: None };
    Record::Intent(Intended {
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
        of,
        generation: major,
        held_us: 0,
        total_us: 1,
        on_trial: false,
        members: Vec::new(),
        present: vec![Present { id: id(major), hash: Some(ContentHash::of(b"code")), source: None }],
        bindings: Default::default(),
        configurations: Default::default(),
    })
}

/// A directory with a journal of so many commits. Each record is an hour older than the one before it.
fn written(commits: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let start = Start { by: Actor::new(1, 2, "kv"), linked: Vec::new() };
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
