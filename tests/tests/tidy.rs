//! Invariants of the source text: `lcr/ARCHITECTURE.md` numbers them.

use std::{
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, by its path from the root, without the lines of
/// comments and what follows `#[cfg(test)]`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "{folder} has no sources");
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    let code = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.collect::<Vec<_>>().join("\n")
    };
    files.iter().map(|path| (name(path), code(path))).collect()
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.contains("/samples") || name.contains("model")
}

/// The files of `lcr` in which `word` occurs, tests left out.
fn files_with(word: &str) -> Vec<String> {
    let files = sources("lcr/src").into_iter().filter(|(name, _)| !is_test(name));
    files.filter(|(_, code)| code.contains(word)).map(|(name, _)| name).collect()
}

#[test]
fn floors_import_only_downwards() {
    let above = [
        ("lcr/src/abi", &["component", "host", "change", "error"][..]),
        ("lcr/src/component", &["host", "change"]),
        ("lcr/src/host", &["change"]),
    ];
    for (folder, forbidden) in above {
        for (name, code) in sources(folder).iter().filter(|(name, _)| !is_test(name)) {
            for floor in forbidden {
                let in_list = code.lines().any(|line| line.trim_start().starts_with(&format!("{floor}::")));
                let named = ["crate::", "crate::{", "super::super::"]
                    .iter()
                    .any(|from| code.contains(&format!("{from}{floor}")));
                assert!(!in_list && !named, "{name} imports {floor}, which is above it");
            }
        }
    }
}

#[test]
fn the_abi_uses_core_and_alloc_only() {
    for (name, code) in sources("lcr/src/abi").iter().filter(|(name, _)| !is_test(name)) {
        assert!(!code.contains("std::"), "{name} uses std");
    }
}

#[test]
fn the_door_for_generated_code_has_names_only() {
    let files = sources("lcr/src");
    let (_, code) = files.iter().find(|(name, _)| name == "lcr/src/private.rs").unwrap();
    for word in ["fn ", "impl ", "struct ", "enum ", "trait ", "const ", "type ", "macro_rules!", "*"] {
        assert!(!code.contains(word), "lcr/src/private.rs has a `{word}` of its own");
    }
}

#[test]
fn libraries_are_mapped_and_unmapped_in_one_file() {
    for word in ["libloading", "dlopen", "dlclose", "Library::open"] {
        let files: Vec<_> =
            files_with(word).into_iter().filter(|name| !name.starts_with("lcr/src/host/image/library/")).collect();
        assert!(files.is_empty(), "{word} is named in {files:?}");
    }
}

#[test]
fn the_current_world_is_written_in_one_file() {
    assert_eq!(files_with("current.store"), ["lcr/src/abi/frame.rs"]);
    assert_eq!(files_with("core.publish("), ["lcr/src/host/worlds/world.rs"]);
    assert_eq!(files_with("ArcSwap"), ["lcr/src/host/worlds/world.rs"]);
}

#[test]
fn unsafe_code_is_only_where_it_is_listed() {
    let allowed = [
        "lcr/src/abi/",
        "lcr/src/component/",
        "lcr/src/host/service/construct.rs",
        "lcr/src/host/service/destroyers.rs",
        "lcr/src/host/service/shortcuts.rs",
        "lcr/src/host/service/handles.rs",
        "lcr/src/host/service/host_table.rs",
        "lcr/src/host/service/fork.rs",
        "lcr/src/host/objects/instances.rs",
        "lcr/src/host/image/library/",
        "lcr/src/host/image/link.rs",
        "lcr/src/host/service/pin.rs",
        "lcr/src/host/service/reaper.rs",
        "lcr/src/host/worlds/records.rs",
        "lcr/src/host/runtime.rs",
        "lcr/src/host/objects/slots.rs",
        "lcr/src/host/sys.rs",
        // In the C library's place: keys, thread-locals and threads of images.
        "lcr/src/host/image/threads.rs",
        "lcr/src/host/service/unload.rs",
        "lcr/src/host/worlds/world.rs",
    ];
    for word in ["unsafe {", "unsafe impl", "unsafe fn"] {
        for file in files_with(word) {
            assert!(allowed.iter().any(|prefix| file.starts_with(prefix)), "{file} has unsafe code; see the list here");
        }
    }
}

#[test]
fn the_floors_of_sam_import_only_downwards() {
    let floors = ["state", "shared", "wire", "app", "supervisor"];
    for (below, floor) in floors.iter().enumerate() {
        for (name, code) in sources(&format!("sam/src/{floor}")).iter().filter(|(name, _)| !is_test(name)) {
            for above in &floors[below + 1..] {
                let in_list = code.lines().any(|line| line.trim_start().starts_with(&format!("{above}::")));
                assert!(!in_list && !code.contains(&format!("crate::{above}")), "{name} imports {above}, above it");
            }
        }
    }
}

#[test]
fn the_supervisor_takes_no_lock_and_starts_no_thread() {
    for floor in ["state", "shared", "wire", "supervisor"] {
        for (name, code) in sources(&format!("sam/src/{floor}")).iter().filter(|(name, _)| !is_test(name)) {
            for word in ["Mutex", "RwLock", "OnceLock", "Condvar", "thread::"] {
                assert!(!code.contains(word), "{name} names {word}");
            }
        }
    }
}

#[test]
fn the_state_machine_of_sam_is_pure() {
    for (name, code) in sources("sam/src/state").iter().filter(|(name, _)| !is_test(name)) {
        for word in ["unsafe", "std::fs", "std::io", "std::env", "nix::", "Instant", "SystemTime"] {
            assert!(!code.contains(word), "{name} names {word}");
        }
    }
}

#[test]
fn the_library_never_prints() {
    for folder in ["lcr/src", "lcr-macros/src"] {
        for (name, code) in sources(folder).iter().filter(|(name, _)| !is_test(name)) {
            for word in ["println!", "print!", "eprintln!", "eprint!", "dbg!"] {
                let prints =
                    code.match_indices(word).any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric()));
                assert!(!prints, "{name} prints with {word}");
            }
        }
    }
}

#[test]
fn the_top_level_has_nothing_but_what_the_design_lists() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "lcr",
        "lcr-macros",
        "sam",
        "examples",
        "tests",
        "benches",
        "README.md",
        "CHANGELOG.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        "target",
    ];
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.starts_with('.') || allowed.contains(&name.as_str()), "{name} is not part of the layout");
    }
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
fn has_test(source: &str, name: &str) -> bool {
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
fn a_test_that_is_not_there_is_found_out() {
    assert!(has_test("#[test]\nfn a_stop() {\n", "a_stop"));
    assert!(has_test("    /// Says why.\n    #[test]\n    #[cfg(unix)]\n    fn a_stop(x: u8) {\n", "a_stop"));
    assert!(!has_test("fn a_stop() {\n", "a_stop"));
    assert!(!has_test("#[test]\nfn a_stop_too() {\n", "a_stop"));
    assert!(!has_test("#[test]\nfn another() {}\nfn a_stop() {\n", "a_stop"));
    assert_eq!(cases("| case | a | b | c | d |\n| A1 | a | `f.rs::b` | c | d |"), [("A1", "`f.rs::b`")]);
}
