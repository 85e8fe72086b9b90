//! `source`: the text of methods, from files and from processes, and their trees.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use lcr::{
    ErrorKind,
    source::{ComponentSource, MethodSource},
};

use crate::{
    harness::{component, run},
    server::Place,
};

/// The texts of a component's method.
#[track_caller]
fn texts(source: &ComponentSource, method: &str) -> Vec<String> {
    source.of(method).unwrap().into_iter().map(|source| source.text.clone()).collect()
}

#[test]
fn the_text_of_every_kind_of_method_is_that_of_the_author() {
    let file = include_str!("../components/kinds.rs");
    let source = ComponentSource::read(component("kinds")).unwrap();
    let written: Vec<&MethodSource> = source.of("shop.written.given").unwrap();
    let (line, text) = (written[0].line, written[0].text.replace(char::is_whitespace, ""));
    assert_eq!((line, &*text), (None, "fngiven(&self)->u64{40+2}"), "a macro wrote it");

    let of_file: Vec<_> = source.methods.iter().filter(|method| method.line.is_some()).collect();
    assert_eq!(of_file.len(), 9, "{source:#?}");
    for MethodSource { method, file: name, line, text, .. } in of_file {
        assert!(Path::new(name).ends_with("tests/components/kinds.rs"), "{name}");
        let line = usize::try_from(line.unwrap()).unwrap();
        let rest: Vec<&str> = file.split_inclusive('\n').skip(line - 1).collect();
        let rest = rest.concat();
        let at = rest.find(text).unwrap_or_else(|| panic!("{method} is not at line {line}: {text}"));
        assert!(!rest[..at].contains('\n'), "{method} begins behind line {line}: {text}");
        assert!(text.ends_with('}'), "{method}: {text}");
    }
    let alone = |method: &str| texts(&source, method).concat();
    assert_eq!(alone("shop.kinds.beside"), "fn beside(&self) -> u64 { 2 }");
    assert_eq!(alone("shop.kinds.one_line"), "    fn one_line(&self) -> u64 { 1 }");
    assert_eq!(alone("shop.kinds.tabs"), "\tfn tabs(&self) -> u64 {\n\t\t3\n\t}");
    let documented = alone("shop.kinds.documented");
    assert!(
        documented.starts_with("    /// Says what it is: `ä€𝄞`.\n    ///\n    /** And in a block. */"),
        "{documented}"
    );
    assert!(documented.ends_with("+ \"\n    over two lines\"\n    }"), "{documented}");
    assert!(alone("shop.kinds.waits").starts_with("    async fn waits(&self, count: u64)"));
    assert_eq!(texts(&source, "shop.kinds.chosen").len(), 2, "`cfg` chooses between two");
    source.of("shop.kinds.never").unwrap_err();
    assert_eq!(source.lacks.iter().map(ToString::to_string).collect::<Vec<_>>(), ["shop.kinds.lacking"]);
}

#[test]
fn a_file_shows_the_text_of_one_method_or_of_all() {
    let file = component("kinds");
    run(["source", "--file", &file]).with(0).golden("source_all.txt", ());
    run(["source", "shop.kinds.waits", "--file", &file]).with(0).golden("source_one.txt", ());
    run(["source", "shop.kinds.beside", "--file", &file, "--ast"]).with(0).golden("source_tree.txt", ());
    let found = run(["source", "shop.kinds.waits", "--file", &file, "--json", "--ast"]).with(0).json();
    let method = &found["methods"][0];
    assert_eq!((&method["method"], &method["ast"]["fn"]["ident"]), (&"shop.kinds.waits".into(), &"waits".into()));
    assert_eq!(method["ast"]["fn"]["async"], true, "{found}");
}

#[test]
fn what_is_asked_for_and_is_not_there_is_said() {
    let file = component("kinds");
    run(["source", "shop.kinds.lacking", "--file", &file]).with(66).complains("the body that the trait has for it");
    run(["source", "shop.kinds.no", "--file", &file]).with(66).complains("kinds 1.0.0 has no method `shop.kinds.no`");
    run(["source", "--file", "no-such.so"]).with(66).complains("no such file");
    run(["source"]).with(64);
    run(["source", "shop.kinds.plain", "--file", &file, "--pid", "1"]).with(64);
    let place = Place::new();
    let _server = place.start(&["till_1"]);
    place.run(["source", "shop.till.title"]).with(66).complains("the body that the trait has for it");
    place.run(["source", "shop.clerk.sell"]).with(66).complains("no component implements `shop.clerk`");
    place.run(["source", "take"]).with(64).complains("such as kv.store.get");
    place.run(["source", "--component", "clerk"]).with(66).complains("component `clerk` is not present");
}

#[test]
fn a_process_shows_the_text_of_what_serves_now() {
    let place = Place::new();
    let _server = place.start(&["till_1", "kinds"]);
    place.run(["source", "shop.till.take"]).with(0).golden("source_of_process.txt", ());
    let of_file = run(["source", "--file", &component("kinds"), "--json"]).with(0).json();
    assert_eq!(place.run(["source", "--component", "kinds", "--json"]).with(0).json(), of_file);
    let one = ComponentSource::read(component("till_1")).unwrap();
    let two = ComponentSource::read(component("till_2")).unwrap();
    let served = || place.run(["source", "shop.till.take", "--json"]).with(0).json()["methods"][0]["file"].clone();
    assert_eq!(served(), one.of("shop.till.take").unwrap()[0].file);
    place.run(["replace", &component("till_2")]).with(0);
    assert_eq!(served(), two.of("shop.till.take").unwrap()[0].file);
    // What the program was loaded from may be overwritten: it has copies.
    place.run(["rollback"]).with(0);
    assert_eq!(served(), one.of("shop.till.take").unwrap()[0].file);
}

#[test]
fn the_text_of_a_component_that_is_linked_in_is_in_the_program() {
    #[lcr::interface(name = "shop.bell", version = 1)]
    trait Bell {
        fn ring(&self) -> u64;
    }
    #[derive(Default)]
    struct Brass;
    #[lcr::component(name = "bell", version = "1.0.0")]
    impl Bell for Brass {
        fn ring(&self) -> u64 {
            1
        }
    }
    let runtime = lcr::Runtime::new().unwrap();
    let source = runtime.source("bell").unwrap();
    assert_eq!(texts(&source, "shop.bell.ring"), ["        fn ring(&self) -> u64 {\n            1\n        }"]);
    assert_eq!(runtime.source("gong").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn text_that_was_taken_out_of_a_file_is_missed() {
    let Ok(tool) = Command::new("objcopy").arg("--version").output() else {
        eprintln!("SKIPPED: there is no objcopy");
        return;
    };
    assert!(tool.status.success());
    let folder = tempfile::tempdir().unwrap();
    let (stripped, without) = (folder.path().join("stripped.so"), folder.path().join("without.so"));
    let objcopy = |option: &str, to: &Path| {
        assert!(Command::new("objcopy").args([option, &component("till_1")]).arg(to).status().unwrap().success());
    };
    objcopy("--strip-all", &stripped);
    ComponentSource::read(&stripped).unwrap();
    objcopy("--remove-section=.lcr.source", &without);
    let without = without.to_str().unwrap();
    run(["source", "--file", without]).with(66).complains("took it out");
    run(["inspect", without]).with(0);
}

/// Builds the components of the tests without the feature, in a package of their own.
fn built_without(name: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("without_source");
    let lcr = package.parent().expect("the package is in that of the library");
    fs::create_dir_all(scratch.join("src")).unwrap();
    let manifest = format!(
        r#"
[package]
name = "without-source"
edition = "2024"

[workspace]

[lib]
path = {component:?}
crate-type = ["cdylib"]

[dependencies]
lcr = {{ path = {lcr:?}, default-features = false }}

[profile.dev]
debug = false
incremental = false
"#,
        component = package.join("tests/components").join(format!("{name}.rs")),
    );
    fs::write(scratch.join("Cargo.toml"), manifest).unwrap();
    fs::copy(lcr.parent().unwrap().join("Cargo.lock"), scratch.join("Cargo.lock")).unwrap();
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--offline", "--quiet"]).current_dir(&scratch).env("CARGO_TARGET_DIR", scratch.join("target"));
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        cargo.env_remove(name);
    }
    let built = cargo.output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    scratch.join("target/debug/libwithout_source.so")
}

#[test]
fn a_build_without_the_feature_has_no_source_text_and_says_how_to_have_it() {
    let has =
        |file: &Path, text: &str| fs::read(file).unwrap().windows(text.len()).any(|bytes| bytes == text.as_bytes());
    let without = built_without("till_1");
    assert!(has(&without, "shop.till"), "the test looks at the wrong bytes");
    for text in [".lcr.source", "LCRSRCT", "let mut total", "self.total"] {
        assert!(!has(&without, text), "the file has `{text}`");
    }
    assert!(has(Path::new(&component("till_1")), "LCRSRCT"));
    let without = without.to_str().unwrap();
    run(["source", "--file", without]).with(66).complains("build it with feature `source` of lcr");
    let inspected = run(["inspect", "--json", without]).with(0).json();
    assert_eq!(inspected["interfaces"][0]["has_source"], false, "{inspected}");
}
