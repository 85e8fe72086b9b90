//! `edit`: another text for a method, of a process or of a library file.

use std::{fs, path::Path};

use crate::{
    harness::{Ended, component, end, run},
    scaffold,
    server::Place,
};

#[test]
fn a_statement_or_an_arm_is_put_into_the_text_of_a_process_or_of_a_file() {
    let place = Place::new();
    let _server = place.start(&["till_1", "kinds"]);
    let edit = |method: &str, how: [&str; 3]| place.run(["edit", method, "--print"].into_iter().chain(how)).with(0);
    edit("shop.till.take", ["--inject", "after", "result += 1"]).golden("edit_after.txt", ());
    edit("shop.till.take", ["--inject", "2", "assert!(purchase.cents > 0);"]).golden("edit_index.txt", ());
    edit("shop.kinds.waits", ["--clause", "2", "41 => Ok(42)"]).golden("edit_clause.txt", ());
    let file = component("kinds");
    let arguments = ["edit", "shop.kinds.waits", "--print", "--library", &file, "--clause", "2", "41 => Ok(42)"];
    run(arguments).with(0).golden("edit_clause.txt", ());
}

#[test]
fn a_text_of_a_file_must_have_the_same_signature() {
    let folder = tempfile::tempdir().unwrap();
    let (library, file) = (component("till_1"), folder.path().join("take.rs"));
    let file = file.to_str().unwrap();
    let edit = || run(["edit", "shop.till.take", "--library", &library, "--print", "--json", "--file", file]);
    let new = "/// New.\nfn take(&self, purchase: Purchase) -> u64 {\n    purchase.cents\n}";
    fs::write(file, format!("{new}\n")).unwrap();
    let edited = edit().with(0).json();
    assert_eq!(edited["text"], new, "{edited}");
    assert!(edited["was"].as_str().unwrap().contains("let mut total = self.total.write();"), "{edited}");
    fs::write(file, "fn take(&self, purchase: Purchase) -> u32 { 1 }").unwrap();
    edit().with(65).complains("and is `fn take(&self, purchase: Purchase) -> u32`");
    fs::write(file, "fn take(").unwrap();
    edit().with(65).complains("is no method");
}

#[test]
fn what_cannot_be_edited_is_refused_with_the_reason() {
    let (till, kinds) = (component("till_1"), component("kinds"));
    let edit = |method: &str, library: &str, how: [&str; 3]| {
        run(["edit", method, "--library", library, "--print"].into_iter().chain(how))
    };
    edit("shop.till.take", &till, ["--clause", "1", "1 => 2"]).with(65).complains("does not end with a match");
    edit("shop.till.take", &till, ["--inject", "9", "a()"]).with(65).complains("the body has 3, so up to 3 fit");
    edit("shop.till.take", &till, ["--inject", "0", "a()"]).with(64).complains("the first is 1");
    edit("shop.till.title", &till, ["--inject", "before", "a()"]).with(66);
    edit("shop.kinds.chosen", &kinds, ["--inject", "before", "a()"]).with(64).complains("`#[cfg(..)]` chooses");
    run(["edit", "shop.till.take", "--library", &till, "--inject", "before", "a()"]).with(64);
    run(["edit", "shop.till.take", "--library", &till, "--print"]).with(64);
}

/// A workspace whose interface crate declares the tests' interfaces, of which the till's can be patched.
fn workspace(place: &Place) -> std::path::PathBuf {
    let workspace = place.path().join("edited");
    place.run(["new", workspace.to_str().unwrap(), "--lcr-path", &scaffold::source()]).with(0);
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/components/contract.rs");
    fs::copy(contract, workspace.join("interface/src/lib.rs")).unwrap();
    workspace
}

#[test]
fn an_edit_is_built_and_serves_and_is_taken_off_and_errors_are_in_lines_of_the_users_text() {
    let _turn = scaffold::turn();
    let place = Place::new();
    let workspace = workspace(&place);
    let mut server = place.start(&["till_1", "kinds"]);
    let edit = |arguments: &[&str], editor: &str| -> Ended {
        let mut command = place.lcr();
        command.args(arguments).args(["--manifest-path", workspace.to_str().unwrap(), "--", "--offline"]);
        command.envs(scaffold::environment(&workspace)).env("EDITOR", editor).env_remove("VISUAL");
        end(&mut command)
    };
    let take = |how: &[&str]| edit(&[&["edit", "shop.till.take"], how].concat(), "false");
    let dry = take(&["--inject", "after", "result += 1000", "--dry-run"]).with(0);
    assert!(dry.stdout.contains("stands around take of shop.till in component `till`"), "{dry:?}");
    assert_eq!(server.tell("sell"), "100");
    let put = take(&["--inject", "after", "result += 1000", "--reason", "late"]).with(0);
    assert!(put.stdout.contains("edit-shop.till.take 0.0.1"), "{put:?}");
    assert_eq!(server.tell("sell"), "1200");
    let listed = place.run(["ls"]).with(0);
    assert!(listed.stdout.contains("stands around take of shop.till in `till`"), "{listed:?}");

    take(&["--inject", "before", "let n = 1;\n    nonsense(n)"])
        .with(1)
        .complains("error[E0425]: cannot find function `nonsense`")
        .complains("--> --inject:2:")
        .complains("not built; what serves goes on serving");
    assert_eq!(server.tell("sell"), "1300");

    // What an editor leaves takes the place of the first edit.
    let text = place.path().join("take.rs");
    fs::write(&text, "fn take(&self, purchase: Purchase) -> u64 {\n    self.take(purchase) + 5\n}\n").unwrap();
    let put = edit(&["edit", "shop.till.take"], &format!("cp {}", text.display())).with(0);
    assert!(put.stdout.contains("0.0.1 -> edit-shop.till.take 0.0.2"), "{put:?}");
    assert_eq!(server.tell("sell"), "405");
    edit(&["edit", "shop.till.take"], "true").with(1).complains("the text is as it was");
    place.run(["remove", "edit-shop.till.take"]).with(0);
    assert_eq!(server.tell("sell"), "500");

    // What a patch cannot do.
    take(&["--inject", "2", "assert!(purchase.cents > 0);"]).with(65).complains("`self.total`: a patch library");
    let waits = ["edit", "shop.kinds.waits", "--clause", "2", "41 => Ok(42)"];
    edit(&waits, "false").with(65).complains("an async method cannot be patched");
    let plain = ["edit", "shop.kinds.plain", "--inject", "after", "result += 1"];
    edit(&plain, "false").with(65).complains("shop.kinds cannot be patched: declare it with `patches`");
}
