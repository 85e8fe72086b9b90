//! `edit`: another text for a method, of a process or of a library file.

use std::fs;

use crate::{
    harness::{component, run},
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
