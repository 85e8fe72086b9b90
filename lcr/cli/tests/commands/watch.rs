//! `watch` in a terminal: an edit of a component serves in the running process.

use std::{fs, path::Path};

use crate::{scaffold, server::Place, terminal::Terminal};

#[test]
fn an_edit_is_built_and_serves_and_errors_of_the_compiler_are_shown() {
    let _turn = scaffold::turn();
    let place = Place::new();
    let workspace = place.path().join("watched");
    place.run(["new", workspace.to_str().unwrap(), "--lcr-path", &scaffold::source()]).with(0);
    let mut server = place.start(&["till_1"]);
    // A component of the same interface as the program has.
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/components");
    let source = workspace.join("component/src/lib.rs");
    fs::copy(contract.join("contract.rs"), workspace.join("component/src/contract.rs")).unwrap();
    let text = fs::read_to_string(contract.join("till_2.rs")).unwrap();
    fs::write(&source, &text).unwrap();

    let mut command = place.lcr();
    command.args(["watch", workspace.join("component").to_str().unwrap(), "--", "--offline"]);
    for (name, value) in scaffold::environment(&workspace) {
        command.env(name, value);
    }
    let terminal = Terminal::run(&mut command);
    terminal.wait_for("watching watched-component");
    terminal.wait_for("till 1.0.0 -> till 2.0.0");
    assert_eq!(server.tell("title"), "till, with receipts");

    fs::write(&source, text.replace("till, with receipts", "till, edited").replace("2.0.0", "2.0.1")).unwrap();
    terminal.wait_for("s after the edit");
    assert_eq!(server.tell("title"), "till, edited");

    fs::write(&source, text.replace("fn total", "fn totall")).unwrap();
    terminal.wait_for("not built; what serves goes on serving");
    assert!(terminal.written().contains("E0407"), "{}", terminal.written());
    assert_eq!(server.tell("title"), "till, edited");
}

#[test]
fn what_is_no_component_is_refused_at_the_start() {
    let place = Place::new();
    place.run(["watch", "/nowhere"]).with(66).complains("/nowhere");
    place.run(["watch", env!("CARGO_MANIFEST_DIR")]).with(65).complains("cdylib");
}
