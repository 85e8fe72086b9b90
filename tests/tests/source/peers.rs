//! Checks that the table of faults of other systems names a test for each line, and that each test is there.

use std::{collections::BTreeMap, fs, ops::RangeInclusive, path::Path};

use super::named_tests::has_test;

/// The lines that are about supervision.
const LINES: [RangeInclusive<u32>; 2] = [1..=17, 48..=60];

/// The tests that each line names: the file, and the name of the test in it.
fn table<'a>(text: &'a str) -> BTreeMap<u32, Vec<(&'a str, &'a str)>> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let numbered = rows.filter_map(|cells| Some((cells[0].parse().ok()?, *cells.get(2)?)));
    // A test stands between backticks, with its file.
    let names = |cell: &'a str| cell.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect();
    let mut lines = BTreeMap::new();
    for (line, cell) in numbered {
        assert!(lines.insert(line, names(cell)).is_none(), "line {line} is there twice");
    }
    lines
}

#[test]
fn every_line_about_supervision_names_tests_that_are_there() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sam");
    let lines = table(include_str!("../../sam/PEERS.md"));
    assert_eq!(lines.keys().copied().collect::<Vec<_>>(), LINES.into_iter().flatten().collect::<Vec<_>>());
    for (line, tests) in lines {
        assert!(!tests.is_empty(), "line {line} names no test");
        for (file, name) in tests {
            let source =
                fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("line {line}, {file}: {error}"));
            assert!(has_test(&source, name), "line {line}: {file} has no test {name}");
        }
    }
}

/// That the tests of the other document are there is checked with the rest of it.
#[test]
fn every_line_about_changing_a_running_system_has_a_row_with_tests() {
    let text = include_str!("../../README.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    let names_tests = |line: u32| {
        let is_its = |cells: &&Vec<&str>| cells[0].split(", ").any(|number| number.parse() == Ok(line));
        rows.iter().find(is_its).and_then(|cells| cells.get(2)).is_some_and(|tests| tests.contains('`'))
    };
    // The exceptions are named below the table.
    let missing: Vec<u32> =
        (19..=47).chain(61..=66).filter(|line| ![23, 63, 64].contains(line) && !names_tests(*line)).collect();
    assert!(missing.is_empty(), "lines {missing:?} name no test");
}

#[test]
fn the_check_of_peers_finds_a_test_that_is_not_there() {
    assert!(has_test("#[test]\nfn a_stop() {\n", "a_stop") && has_test("\t{ \"a stop\", a_stop, 0, NULL },", "a stop"));
    assert!(!has_test("fn a_stop() {\n", "a_stop") && !has_test("#[test]\nfn a_stop_too() {\n", "a_stop"));
    let lines = table("| line | there |\n|---|---|\n| 7 | x | `f.rs::a`, `g.c::b c` (not `this`) |\n| 8 | y | none |");
    assert_eq!(lines, BTreeMap::from([(7, vec![("f.rs", "a"), ("g.c", "b c")]), (8, vec![])]));
}
