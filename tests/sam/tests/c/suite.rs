//! The suite of `tests/sam/c`, run with this library and with corosync's.
//!
//! `tests/sam/c/DIFFERENCES.md` lists each difference with the reason for ours. The test fails if a difference is
//! not listed, or if a listed difference does not exist.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::building::{Link, compile, corosyncs, folder_with, languages, libraries, links, run, skipped, sources};

/// The cases of a program: the name of each, and the reason why it is not run with corosync's library.
fn cases(program: &Path, folder: &Path) -> Vec<(String, String)> {
    let list = run(Command::new(program).env("LD_LIBRARY_PATH", folder));
    let cases = list.lines().map(|line| line.split_once('\t').unwrap());
    cases.map(|(name, reason)| (name.to_owned(), reason.to_owned())).collect()
}

/// Runs cases at one time, because most of them wait, and returns the output of each.
fn run_all(jobs: &[(PathBuf, String)], folder: &Path, patience: u32) -> Vec<String> {
    let (next, results) = (AtomicUsize::new(0), Mutex::new(vec![String::new(); jobs.len()]));
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some((program, case)) = jobs.get(index) else { return };
            let mut command = Command::new(program);
            command.arg(case).env("LD_LIBRARY_PATH", folder).env("SAM_LOG", "0");
            let said = run(command.env("SUITE_PATIENCE", patience.to_string()));
            results.lock().unwrap()[index] = said;
        }
    };
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap()
}

/// The facts of a case that are not as wanted: the fact, what was wanted, and what it was.
fn otherwise(case: &str, said: &str) -> Vec<(String, String, String)> {
    let facts = said.lines().filter_map(|line| line.strip_prefix("no "));
    let parts = facts.map(|fact| {
        let (what, values) = fact.split_once(' ').unwrap().1.rsplit_once(" = ").unwrap();
        let (was, wanted) = values.split_once(", not ").unwrap();
        (format!("{case}: {what}"), wanted.to_owned(), was.to_owned())
    });
    parts.collect()
}

#[test]
fn every_case_holds_in_c99_c17_and_cpp17_linked_in_each_way() {
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&libraries().join("libsam.so"));
    let mut jobs = Vec::new();
    let (languages, links) = (languages(), links());
    for (&language, &link) in languages.iter().flat_map(|language| links.iter().map(move |link| (language, link))) {
        let program = compile(language, link, built.path());
        jobs.extend(cases(&program, folder.path()).into_iter().map(|(case, _)| (program.clone(), case)));
    }
    assert!(jobs.len() >= languages.len() * links.len() * 50, "{} cases", jobs.len());
    for ((program, case), said) in jobs.iter().zip(run_all(&jobs, folder.path(), 60)) {
        let all_well = said.lines().all(|line| line.starts_with("ok "));
        assert!(all_well && said.contains("ok 0 its status = "), "{}, {case}:\n{said}", program.display());
    }
}

#[test]
fn valgrind_finds_no_error_in_a_c_programs_supervisor() {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        return skipped(&format!("there is no valgrind, so nothing was shown with it: {error}"));
    }
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&libraries().join("libsam.so"));
    let program = compile(1, Link::Shared, built.path());
    // The processes are the suite, a supervisor, and the instances that end by themselves.
    for (case, processes) in [
        ("three instances follow each other", 5),
        ("storing NULL erases the data", 4),
        ("a hang is warned by SIGTERM", 3),
    ] {
        let logs = tempfile::tempdir().unwrap();
        let mut command = Command::new("valgrind");
        command.arg("--error-exitcode=99").arg(format!("--log-file={}/%p", logs.path().display()));
        command.arg(&program).arg(case).env("LD_LIBRARY_PATH", folder.path()).env("SAM_LOG", "0");
        let said = run(&mut command);
        assert!(said.lines().all(|line| line.starts_with("ok ")) && said.contains("its status = "), "{case}: {said}");
        // A process that was killed, as a standby child is, has no summary.
        let logs = fs::read_dir(logs.path()).unwrap().map(|log| fs::read_to_string(log.unwrap().path()).unwrap());
        let logs: Vec<_> = logs.filter(|log| log.contains("ERROR SUMMARY")).collect();
        assert!(logs.len() >= processes, "{case}: {logs:#?}");
        assert!(logs.iter().all(|log| log.contains("ERROR SUMMARY: 0 errors")), "{case}: {logs:#?}");
    }
}

#[test]
fn corosyncs_library_differs_from_this_one_exactly_as_listed() {
    let Some(library) = corosyncs() else {
        return skipped("corosync's libsam.so.4 is not installed, so nothing was compared with it");
    };
    let built = tempfile::tempdir().unwrap();
    let folder = folder_with(&library);
    let program = compile(1, Link::Shared, built.path());
    let (own, shared): (Vec<_>, Vec<_>) =
        cases(&program, folder.path()).into_iter().partition(|(_, reason)| !reason.is_empty());
    let jobs: Vec<_> = shared.into_iter().map(|(case, _)| (program.clone(), case)).collect();
    let mut found = BTreeSet::new();
    for ((_, case), said) in jobs.iter().zip(run_all(&jobs, folder.path(), 10)) {
        found.extend(otherwise(case, &said));
    }
    let text = fs::read_to_string(sources().join("DIFFERENCES.md")).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches('`')).collect())
        .collect();
    let differences = rows.iter().filter(|row| row.len() == 4);
    let listed: BTreeSet<_> =
        differences.map(|row| (row[0].to_owned(), row[1].to_owned(), row[2].to_owned())).collect();
    let racy: BTreeSet<_> = rows.iter().filter(|row| row.len() == 4 && row[3].starts_with("now and then: ")).collect();
    let is_racy = |(fact, ..): &&(String, String, String)| racy.iter().any(|row| row[0] == *fact);
    let new: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).filter(|row| !is_racy(row)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "differences that are not listed: {new:#?}\nlisted, but not found: {gone:#?}"
    );
    let not_run: BTreeSet<_> = rows.iter().filter(|row| row.len() == 2).map(|row| (row[0], row[1])).collect();
    let own: BTreeSet<_> = own.iter().map(|(case, reason)| (case.as_str(), reason.as_str())).collect();
    assert_eq!(own, not_run, "the cases that are not run with corosync's library differ from the list");
}
