//! Loading all components of a directory.

use std::{fs, os::unix::fs::symlink, path::Path};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    bank::{Branch, Clock},
    component, empty_runtime,
};
use tempfile::TempDir;

/// A directory with copies of these components.
fn directory(components: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for name in components {
        fs::copy(component(name), directory.path().join(format!("{name}.so"))).unwrap();
    }
    directory
}

/// What was refused: the file's name, the kind, and the text after the file's path.
fn refused(loaded: &lcr::Loaded, directory: &Path) -> Vec<(String, ErrorKind, String)> {
    let mut refused: Vec<_> = loaded
        .refused
        .iter()
        .map(|(path, error)| {
            let place = format!("{}: ", path.display());
            let text = error.to_string();
            let text = text.strip_prefix(&place).unwrap_or(&text);
            (path.strip_prefix(directory).unwrap().display().to_string(), error.kind(), text.to_owned())
        })
        .collect();
    refused.sort_by(|a, b| a.0.cmp(&b.0));
    refused
}

fn names(rt: &Runtime) -> Vec<String> {
    rt.status().components.iter().map(|found| found.id.to_string()).collect()
}

#[test]
fn components_that_need_each_other_are_loaded_in_one_commit() {
    let directory = directory(&["branch_v1", "teller_v1", "vault_v1"]);
    let rt = empty_runtime();
    let generation = rt.generation();
    let loaded = rt.load_directory(directory.path()).unwrap();
    let report = loaded.report.unwrap();
    let order: Vec<_> = report.members.iter().map(|member| member.after.as_ref().unwrap().to_string()).collect();
    assert_eq!(order, ["vault 1.0.0", "teller 1.0.0", "branch 1.0.0"]);
    assert_eq!((report.generation, loaded.refused.len()), (generation + 1, 0));
    assert_eq!(rt.service::<dyn Branch>().unwrap().deposit(7), 7);
}

#[test]
fn a_refused_file_of_a_directory_keeps_out_only_the_components_that_need_it() {
    // A teller without a vault, and so a branch without a teller; two clocks of one name; and files that
    // are no components.
    let directory = directory(&["branch_v1", "teller_v1", "clock_v1", "clock_v3", "guard"]);
    let path = directory.path();
    fs::write(path.join("text.so"), "no library").unwrap();
    fs::write(path.join("notes.txt"), "not looked at").unwrap();
    fs::create_dir(path.join("folder.so")).unwrap();
    symlink(path.join("nothing"), path.join("dangling.so")).unwrap();
    let rt = empty_runtime();
    let loaded = rt.load_directory(path).unwrap();
    assert_eq!(names(&rt), ["clock 3.0.0", "clock 3.0.0", "guard 7.0.0"]);
    assert_eq!(loaded.report.as_ref().unwrap().members.len(), 2);
    let refused = refused(&loaded, path);
    let files: Vec<_> = refused.iter().map(|(file, kind, _)| (file.as_str(), *kind)).collect();
    use ErrorKind::*;
    assert_eq!(
        files,
        [
            ("branch_v1.so", Dependency),
            ("clock_v1.so", Invalid),
            ("dangling.so", NotFound),
            ("folder.so", NotALibrary),
            ("teller_v1.so", Dependency),
            ("text.so", NotALibrary),
        ]
    );
    assert_eq!(refused[1].2, "component `clock` is here in version 3.0.0, too; the higher one is taken");
    assert_eq!(
        refused[4].2,
        "component `teller 1.0.0` needs bank.vault v1, which nothing would provide; add a component that does to the plan"
    );
}

#[test]
fn a_directory_may_be_loaded_again_for_files_that_were_added() {
    let directory = directory(&["clock_v1"]);
    let rt = empty_runtime();
    let _loaded = rt.load_directory(directory.path()).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    fs::copy(component("vault_v1"), directory.path().join("vault.so")).unwrap();
    let loaded = rt.load_directory(directory.path()).unwrap();
    assert_eq!(names(&rt), ["clock 1.0.0", "vault 1.0.0"]);
    let text = "component `clock 1.0.0` is present already; replace it instead".to_owned();
    assert_eq!(refused(&loaded, directory.path()), [("clock_v1.so".to_owned(), ErrorKind::Invalid, text)]);
    // If there is nothing to add, nothing is committed.
    let generation = rt.generation();
    let loaded = rt.load_directory(directory.path()).unwrap();
    assert!(loaded.report.is_none() && loaded.refused.len() == 2);
    assert_eq!((rt.generation(), clock.version()), (generation, 1));
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error() {
    let directory = directory(&[]);
    let rt = empty_runtime();
    assert!(rt.load_directory(directory.path()).unwrap().report.is_none());
    let missing = directory.path().join("missing");
    let error = rt.load_directory(&missing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert_eq!(error.to_string(), format!("directory {} cannot be read", missing.display()));
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No such file"), "{error:?}");
}
