//! `new`: what it makes builds, runs and passes its test.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::harness::{end, run};

/// The folder of lcr's sources.
pub(crate) fn source() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    path.to_str().expect("the checkout has a path of UTF-8").to_owned()
}

/// The turn of a test to build. Cargo lets one build at a time into the folder that all of them share: without a turn,
/// a test that looks at a command for as long as its limit would see it wait for the builds of all others.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What cargo needs in a workspace that `new` made. It takes the versions of this workspace's lock file, so nothing is
/// fetched, and all such workspaces share what they have built. Whoever builds there has the [`turn`].
pub(crate) fn environment(workspace: &Path) -> [(&'static str, PathBuf); 2] {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    if !workspace.join("Cargo.lock").exists() {
        fs::copy(lock, workspace.join("Cargo.lock")).unwrap();
    }
    let test = env::current_exe().unwrap();
    let target = test.ancestors().nth(3).unwrap();
    [("CARGO_TARGET_DIR", target.join("scaffolds")), ("CARGO", env!("CARGO").into())]
}

/// Cargo in such a workspace.
fn cargo(workspace: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(workspace).arg("--offline").envs(environment(workspace));
    cargo
}

#[test]
fn a_new_workspace_builds_runs_and_passes_its_test() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my-shop");
    run(["new", path.to_str().unwrap(), "--lcr-path", &source()]).with(0);
    let ran = end(cargo(&path).args(["run", "--quiet", "--", "2"])).with(0);
    let last = ran.stdout.lines().last();
    assert_eq!(last, Some("hello, world (2 so far)"), "{ran:?}");
    let tested = end(cargo(&path).args(["test"])).with(0);
    assert!(tested.stdout.contains("a_handle_survives_the_replacement_of_the_component ... ok"), "{tested:?}");
    // What is there is left alone.
    run(["new", path.to_str().unwrap()]).with(64).complains("is there already");
    assert!(path.join("host/src/main.rs").is_file());
}

#[test]
fn a_workspace_from_a_trait_builds_runs_and_passes_its_test() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let source_file = folder.path().join("store.rs");
    let text = "use std::collections::BTreeMap;\n\
                pub struct Key { pub id: u64 }\n\
                pub trait Store { fn all(&self, of: Key) -> BTreeMap<String, u64>; fn len(&self) -> u64 { 0 } }\n";
    fs::write(&source_file, text).unwrap();
    let path = folder.path().join("from_trait");
    let from = format!("{}:Store", source_file.display());
    run(["new", path.to_str().unwrap(), "--from", &from, "--lcr-path", &source()]).with(0);
    let tested = end(cargo(&path).args(["test"])).with(0);
    assert!(tested.stdout.contains("a_handle_survives_the_replacement_of_the_component ... ok"), "{tested:?}");
    end(cargo(&path).args(["run", "--quiet", "--", "1"])).with(0);
}

#[test]
fn what_new_cannot_do_it_refuses_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run(["new", &path("Shop")]).with(64).complains("is no name for a package");
    run(["new", &path("shop"), "--lcr-path", "/nowhere"]).with(66).complains("/nowhere");
    run(["new", &path("shop"), "--from", "/nowhere.rs"]).with(66).complains("/nowhere.rs");
    run(["new", &path("none/shop")]).with(74).complains("cannot be made");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
