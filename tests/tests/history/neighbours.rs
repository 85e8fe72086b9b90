//! Components with libraries beside them, which the history keeps with the component.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use lcr::{Back, ErrorKind, Trial, TrialOutcome, history::Reloaded, report::ContentHash};
use lcr_tests::{
    interfaces::Tone,
    player::{libraries, player},
};

use super::*;

/// The builds of the libraries that serve.
fn builds(rt: &Runtime) -> [i32; 3] {
    rt.service::<dyn Tone>().expect("a player serves").builds()
}

fn hash(file: &Path) -> ContentHash {
    ContentHash::of(&fs::read(file).unwrap())
}

/// The contents that a history has files of.
fn kept(directory: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(directory.join("files")).unwrap().map(|file| file.unwrap().path());
    let libraries = files.filter(|file| file.extension().is_some_and(|extension| extension == "so"));
    libraries.map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_component_serves_in_the_next_process_with_the_libraries_that_were_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    let (first, file) = player(1);
    rt.plan().add(&file).commit().unwrap();
    let (second, file) = player(2);
    rt.plan().replace(&file).commit().unwrap();
    assert_eq!(builds(&rt), [2; 3]);
    drop((rt, first, second));

    let rt = open(directory.path());
    let reloaded = rt.history().unwrap().reloaded();
    assert!(matches!(reloaded, Reloaded::Confirmed { generation: 2, .. }), "{reloaded:?}");
    assert_eq!((builds(&rt), rt.service::<dyn Tone>().unwrap().next()), ([2; 3], 1));
    // The file of the component is the same; what is beside it is not.
    let history = rt.history().unwrap();
    let number = history.entries(usize::MAX).unwrap()[0].number;
    history.rollback(number, "the first build of the libraries").unwrap();
    assert_eq!(builds(&rt), [1; 3]);
    drop((history, rt));
    assert_eq!(builds(&open(directory.path())), [1; 3], "the rollback is what was confirmed last");
}

#[test]
fn a_library_beside_a_component_that_is_missing_or_damaged_is_named_and_nothing_is_brought_back() {
    let directory = tempfile::tempdir().unwrap();
    let (beside, file) = player(1);
    let rt = open(directory.path());
    rt.plan().add(&file).commit().unwrap();
    drop(rt);
    let refused = |name: &str, file: &Path, found: &str| {
        let rt = open(directory.path());
        let Reloaded::Refused { why, .. } = rt.history().unwrap().reloaded() else { panic!("it was brought back") };
        assert!(why.contains(&format!("library `{name}` beside component `player ")), "{why}");
        assert!(why.contains(found) && why.contains(file.to_str().unwrap()), "{why}");
        assert!(rt.status().components.is_empty());
        let verified = rt.history().unwrap().verify().unwrap();
        assert!(verified.bad_files.len() == 1 && verified.bad_files[0].contains(found), "{verified:?}");
        rt
    };
    for (name, library) in libraries(beside.path()) {
        let bytes = fs::read(&library).unwrap();
        let file = directory.path().join("files").join(format!("{}.so", ContentHash::of(&bytes)));
        let mut damaged = bytes.clone();
        damaged[1_000] ^= 1;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&file, &damaged).unwrap();
        drop(refused(name, &file, "is damaged"));
        fs::remove_file(&file).unwrap();
        let rt = refused(name, &file, "is missing");
        // Mended, it is brought back without a new start.
        fs::write(&file, &bytes).unwrap();
        assert!(matches!(rt.history().unwrap().reload().unwrap(), Reloaded::Confirmed { .. }));
        assert_eq!(builds(&rt), [1; 3]);
    }
}

#[test]
fn retention_counts_the_libraries_beside_a_component() {
    let directory = tempfile::tempdir().unwrap();
    let rt = Runtime::builder().linked(false).revisions(1).history(History::at(directory.path())).build().unwrap();
    rt.history().unwrap().change(|options| options.keep_for = Some(Duration::ZERO)).unwrap();
    let players = [1, 2, 3, 4].map(player);
    let of = |(beside, file): &(_, PathBuf)| -> BTreeSet<String> {
        let beside: &tempfile::TempDir = beside;
        let files = libraries(beside.path()).map(|(_, library)| library);
        files.iter().chain([file]).map(|file| hash(file).to_string()).collect()
    };
    rt.plan().add(&players[0].1).commit().unwrap();
    for (_, file) in &players[1..] {
        rt.plan().replace(file).commit().unwrap();
    }
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|at| of(&players[at]));
    let has = kept(directory.path());
    assert!(has.is_superset(&fourth), "what serves is there");
    assert!(has.is_superset(&third) && has.is_superset(&first), "what can be gone back to is there");
    assert_eq!(has.intersection(&second).count(), 1, "of the second build there is what the others have, too");
    rt.rollback(Back::Steps(1)).unwrap();
    drop((rt, players));
    let rt = open(directory.path());
    assert_eq!(builds(&rt), [3; 3]);
    assert!(rt.history().unwrap().verify().unwrap().bad_files.is_empty());
}

#[test]
fn a_component_whose_library_was_mended_is_another_version_than_the_one_in_quarantine() {
    let directory = tempfile::tempdir().unwrap();
    let rt = open(directory.path());
    let [(_first, served), (_second, bad), (_third, mended)] = [1, 2, 3].map(player);
    assert_eq!(hash(&bad), hash(&mended), "the component's own file is the same");
    rt.plan().add(&served).commit().unwrap();
    let check = || Err("it hums".into());
    rt.plan().replace(&bad).trial(Trial::until_confirmed().check(check)).commit().unwrap();
    assert_eq!(rt.wait_trial(Duration::from_secs(120)).unwrap().outcome, TrialOutcome::RolledBack);
    assert_eq!(builds(&rt), [1; 3]);
    let [file] = &rt.quarantine()[..] else { panic!("{:?}", rt.quarantine()) };
    assert_eq!(file.hash, hash(&bad));
    let whole = file.whole.unwrap();
    let refused = |rt: &Runtime| {
        let error = rt.replace(&bad).unwrap_err();
        assert!(error.kind() == ErrorKind::Quarantined && error.to_string().contains("libraries beside it"), "{error}");
    };
    refused(&rt);
    drop(rt);
    let rt = open(directory.path());
    assert_eq!((builds(&rt), rt.quarantine().len()), ([1; 3], 1));
    refused(&rt);
    rt.replace(&mended).unwrap();
    assert_eq!(builds(&rt), [3; 3]);
    refused(&rt);
    rt.release(&whole).unwrap();
    drop(rt);
    let rt = open(directory.path());
    assert!(rt.quarantine().is_empty());
    rt.replace(&bad).unwrap();
    assert_eq!(builds(&rt), [2; 3]);
}
