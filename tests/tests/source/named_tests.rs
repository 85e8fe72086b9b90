//! Checks that documents name only tests that are there.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The rows of the table of cases: the case's name, and the cell that names its tests.
fn cases(text: &str) -> Vec<(&str, &str)> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.map(|row| row.split(" | ").collect::<Vec<_>>());
    let rows = rows.filter(|cells| cells.len() == 5 && cells[0].starts_with(['A', 'B', 'C', 'D', 'E']));
    rows.map(|cells| (cells[0], cells[2])).collect()
}

/// Whether a source has a test of that name: a function below `#[test]`, or a case of the
/// suite in C.
pub fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let names_it = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("fn ").and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with('('))
    };
    let is_marked = |at: usize| {
        let above = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        above.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    };
    (0..lines.len()).any(|at| names_it(lines[at]) && is_marked(at)) || source.contains(&format!("\t{{ \"{name}\","))
}

#[test]
fn every_case_that_broke_it_names_tests_that_are_there_or_says_that_it_is_open() {
    let table = fs::read_to_string(root().join("tests/CASES.md")).unwrap();
    let numbered = [("A", 6), ("B", 14), ("C", 19), ("D", 21)];
    let mut expected: Vec<_> =
        numbered.iter().flat_map(|(part, last)| (1..=*last).map(move |number| format!("{part}{number}"))).collect();
    expected.push("E".to_owned());
    let rows = cases(&table);
    assert_eq!(rows.iter().map(|(case, _)| *case).collect::<Vec<_>>(), expected);
    for (case, cell) in rows {
        if cell.starts_with("open: ") {
            continue;
        }
        let tests: Vec<_> = cell.split('`').skip(1).step_by(2).filter_map(|name| name.split_once("::")).collect();
        assert!(!tests.is_empty(), "{case} names no test and is not open");
        for (file, name) in tests {
            let source =
                fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{case}, {file}: {error}"));
            assert!(has_test(&source, name), "{case}: {file} has no test {name}");
        }
    }
}

#[test]
fn the_argument_of_soundness_names_tests_that_are_there() {
    let text = fs::read_to_string(root().join("lcr/docs/soundness.md")).unwrap();
    let named: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|name| name.split_once("::"))
        .filter(|(file, _)| file.ends_with(".rs"))
        .collect();
    assert!(named.len() > 20, "{named:?}");
    for (file, name) in named {
        let source = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(has_test(&source, name), "{file} has no test {name}");
    }
}

#[test]
fn the_map_of_the_tests_names_tests_that_are_there() {
    let folder = root().join("tests");
    let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
    let text = [read("README.md"), read("INVARIANTS.md")].concat();
    let pieces = text.split('`').skip(1).step_by(2);
    let named: Vec<_> = pieces.filter_map(|piece| piece.split_once("::")).collect();
    assert!(named.len() > 50, "{named:?}");
    for (file, name) in named {
        let source = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(has_test(&source, name), "{file} has no test {name}");
    }
}

#[test]
fn the_check_of_documents_finds_a_test_that_is_not_there() {
    assert!(has_test("#[test]\nfn a_stop() {\n", "a_stop"));
    assert!(has_test("    /// Says why.\n    #[test]\n    #[cfg(unix)]\n    fn a_stop(x: u8) {\n", "a_stop"));
    assert!(!has_test("fn a_stop() {\n", "a_stop"));
    assert!(!has_test("#[test]\nfn a_stop_too() {\n", "a_stop"));
    assert!(!has_test("#[test]\nfn another() {}\nfn a_stop() {\n", "a_stop"));
    assert_eq!(cases("| case | a | b | c | d |\n| A1 | a | `f.rs::b` | c | d |"), [("A1", "`f.rs::b`")]);
}
