//! `inspect` and `diff`, which read files and run nothing.

use std::fs;

use crate::harness::{component, lcr, run, unread};

#[test]
fn inspect_shows_what_a_library_says_of_its_component() {
    run(["inspect", "--types", &component("till_1")]).with(0).golden("inspect.txt", ());
    run(["inspect", &component("clerk")]).with(0).golden("inspect_clerk.txt", ());
}

#[test]
fn inspect_prints_the_same_as_json() {
    let found = run(["inspect", "--json", &component("till_1")]).with(0).json();
    assert_eq!((&found["component"], &found["version"]), (&"till".into(), &"1.0.0".into()), "{found}");
    assert_eq!(found["hash"].as_str().map(str::len), Some(64), "{found}");
    let interface = &found["interfaces"][0];
    assert_eq!(interface["methods"][0]["signature"], "fn take(&self, purchase: Purchase) -> u64", "{found}");
    assert_eq!(interface["methods"][2]["has_default"], true, "{found}");
    assert_eq!(interface["state"]["by_pointer"], true, "{found}");
}

#[test]
fn files_that_are_no_component_are_refused_with_the_status_of_the_fault() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    let text = text.to_str().unwrap();
    run(["inspect", text]).with(65).complains("text.so");
    run(["inspect", "no-such.so"]).with(66).complains("no such file");
    run(["inspect", env!("CARGO_BIN_EXE_lcr")]).with(65);
    let refused = run(["--json", "inspect", text]).with(65).json();
    assert_eq!(refused["error"]["kind"], "not-a-library", "{refused}");
    run(["diff", &component("till_1"), text]).with(65);
}

#[test]
fn diff_says_what_fits_and_what_does_not() {
    run(["diff", &component("till_1"), &component("till_2")]).with(0).golden("diff_fits.txt", ());
    run(["diff", &component("till_1"), &component("till_other")]).with(1).golden("diff_does_not_fit.txt", ());
    run(["diff", &component("till_1"), &component("till_1")]).with(0).golden("diff_same.txt", ());
    run(["diff", &component("till_1"), &component("clerk")]).with(1).golden("diff_another.txt", ());
}

#[test]
fn diff_prints_the_same_as_json() {
    let found = run(["diff", "--json", &component("till_1"), &component("till_other")]).with(1).json();
    assert_eq!(found["fits"], false, "{found}");
    let methods = found["interfaces"][0]["methods"].as_array().unwrap();
    let changes: Vec<_> = methods.iter().map(|method| method["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["differs", "missing", "default", "comes"], "{found}");
    assert_eq!(found["interfaces"][0]["state"]["way"], "lost", "{found}");
    let found = run(["diff", "--json", &component("till_1"), &component("till_2")]).with(0).json();
    assert_eq!(found["interfaces"][0]["state"]["way"], "pointer", "{found}");
}

#[test]
fn colours_are_for_terminals_and_can_be_forced_and_forbidden() {
    let file = component("till_1");
    let has_colours = |text: &str| text.contains('\x1b');
    assert!(!has_colours(&run(["inspect", &file]).stdout));
    assert!(has_colours(&run(["inspect", "--color", "always", &file]).stdout));
    assert!(!has_colours(&run(["inspect", "--color", "always", "--json", &file]).stdout));
}

#[test]
fn a_no_is_a_no_without_a_reader() {
    let (old, new) = (component("till_1"), component("till_other"));
    unread(lcr().args(["diff", &old, &new])).with(1);
    unread(lcr().args(["check", &new, "--against", &old])).with(1);
    unread(lcr().args(["diff", &old, &component("till_2")])).with(0);
    unread(lcr().args(["inspect", "/nowhere.so", "--json"])).with(66);
}

#[test]
fn a_reader_that_has_gone_is_no_fault() {
    use std::io::Read as _;
    // The reading end is closed before the command writes.
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = lcr();
    command.args(["completions", "bash"]).stdout(writer).stderr(std::process::Stdio::piped());
    let mut first = [0; 1];
    let child = command.spawn().unwrap();
    drop(command);
    reader.read_exact(&mut first).unwrap();
    drop(reader);
    let ended = child.wait_with_output().unwrap();
    assert_eq!((ended.status.code(), ended.stderr.len()), (Some(0), 0), "{ended:?}");
}
