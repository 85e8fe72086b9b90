//! Each small program checks what it shows, and ends with status 0.
//!
//! Cargo builds the programs and their components before this test; `--built` tells a program to
//! take them as they are.

use std::{env, process::Command};

/// Runs a program that finds all of its parts built, and returns what it printed.
fn run(name: &str) -> String {
    printed(name, &["--built"])
}

/// Runs a program in the root of the workspace, and returns what it printed.
fn printed(name: &str, arguments: &[&str]) -> String {
    let mut program = env::current_exe().unwrap();
    program.pop();
    program.pop();
    program.push("examples");
    program.push(name);
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    let output = Command::new(&program).args(arguments).current_dir(root).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}

#[test]
fn quickstart_keeps_its_count() {
    let printed = run("quickstart");
    assert!(printed.contains("loaded: 2"), "{printed}");
}

#[test]
fn dependencies_names_what_is_missing_and_what_is_ambiguous() {
    let printed = run("dependencies");
    assert_eq!(printed.matches("refused: ").count(), 3, "{printed}");
}

#[test]
fn several_replaces_two_components_in_one_commit() {
    let printed = run("several");
    assert!(printed.contains("sensor 1.0.0 -> sensor 2.0.0, display 1.0.0 -> display 2.0.0"), "{printed}");
}

#[test]
fn migration_hands_over_and_discards_state_by_name() {
    let printed = run("migration");
    assert!(printed.contains("(state v2 discarded)"), "{printed}");
}

#[test]
fn pins_holds_a_version_and_is_named_for_it() {
    let printed = run("pins");
    assert!(printed.contains("holds a pin on generation 3"), "{printed}");
}

#[test]
fn plugins_refuses_one_file_and_serves_the_others() {
    let printed = run("plugins");
    assert!(printed.contains("broken.so") && printed.contains("reverse 1.0.0 -> reverse 2.0.0"), "{printed}");
}

#[test]
fn plugin_logs_writes_what_the_plugin_logs_within_the_spans_of_the_host() {
    let printed = run("plugin_logs");
    assert!(printed.contains("request{id=1}:price{kind=\"apple\"}: plugin_logs_prices: priced"), "{printed}");
    assert!(printed.contains("the caller got: component `prices 1.0.0` panicked"), "{printed}");
}

#[test]
fn callbacks_end_with_the_instance_that_held_them() {
    let printed = run("callbacks");
    assert!(printed.contains("after the replacement: [\"rain\", \"more rain\", \"sun\", \"wind\"]"), "{printed}");
}

#[test]
fn hot_fix_mends_what_clients_are_told_and_takes_it_back_and_no_request_fails() {
    // The command `lcr` is another package's: not every selection of tests builds it.
    let printed = printed("hot_fix", &[]);
    let told: Vec<&str> =
        printed.lines().filter(|line| line.starts_with("clients asked EXISTS fruit fruit: ")).collect();
    assert_eq!(told.len(), 5, "{printed}");
    let is_right = |line: &&str| line.contains(": 0 were told 1,");
    assert_eq!(told.iter().map(is_right).collect::<Vec<_>>(), [true, false, true, false, true], "{printed}");
    let words = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("requests failed 0") && words.contains("acknowledged writes lost 0"), "{printed}");
}
