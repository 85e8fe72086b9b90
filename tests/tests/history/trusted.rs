//! What a process brings back must pass its own trust, not that of the process which committed it.
//!
//! What is brought back is `guest_2_leaves_a_mark`, whose initialiser leaves a mark beside the private store.

use std::{
    fs,
    io::Cursor,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use lcr::{PublicKey, Trust, history::Reloaded, report::ContentHash};
use lcr_tests::{
    guest::{Guest, library},
    interfaces::Tone,
    player,
};
use minisign::KeyPair;
use tempfile::TempDir;

use super::*;

/// A directory for a private store, in which a marked library leaves its mark.
fn store() -> TempDir {
    let store = tempfile::tempdir().unwrap();
    fs::create_dir(store.path().join("files")).unwrap();
    store
}

/// A runtime with that history and trust, and its private store in a directory.
fn trusting(history: &Path, store: &Path, trust: Trust) -> Runtime {
    let builder = Runtime::builder().linked(false).store(store).trust(trust);
    builder.history(History::at(history)).build().expect("a history never keeps a runtime from starting")
}

/// The next process brings nothing back, says why, and has run no code of what it refused.
#[track_caller]
fn refuses(history: &Path, trust: Trust, said: &str) {
    let store = store();
    let rt = trusting(history, store.path(), trust);
    let reloaded = rt.history().unwrap().reloaded();
    let Reloaded::Refused { why, .. } = reloaded else { panic!("{reloaded:?}, and not refused: {said}") };
    assert!(why.contains(said), "{why}");
    assert!(rt.status().components.is_empty(), "{why}");
    // It may have been mapped from the store, or from the history itself.
    let has_mark = [store.path(), history].iter().any(|place| place.join("mark").exists());
    assert!(!has_mark, "code of the file has run: {why}");
}

/// The next process brings everything back, and its code runs.
#[track_caller]
fn serves(history: &Path, trust: Trust) {
    let store = store();
    let rt = trusting(history, store.path(), trust);
    let reloaded = rt.history().unwrap().reloaded();
    assert!(matches!(reloaded, Reloaded::Confirmed { generation: 2, .. }), "{reloaded:?}");
    assert_eq!(rt.service::<dyn Guest>().unwrap().version(), 2);
    assert!(store.path().join("mark").exists(), "a mark shows that code has run");
}

/// Writes a file that no other user may write to.
fn put(directory: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Commits a file with a trust.
fn commit(history: &Path, trust: Trust, file: &Path) {
    let store = tempfile::tempdir().unwrap();
    trusting(history, store.path(), trust).load(file).unwrap();
}

/// Signs bytes as `minisign -S` does.
fn sign(pair: &KeyPair, bytes: &[u8]) -> String {
    minisign::sign(Some(&pair.pk), &pair.sk, Cursor::new(bytes), Some("of a test"), None).unwrap().into_string()
}

fn signed_by(pair: &KeyPair) -> Trust {
    let key: PublicKey = pair.pk.to_base64().parse().unwrap();
    Trust::default().signed_by(key)
}

/// The file of that content in a history.
fn kept(history: &Path, bytes: &[u8]) -> PathBuf {
    history.join("files").join(format!("{}.so", ContentHash::of(bytes)))
}

#[test]
fn a_file_whose_hash_is_not_listed_any_more_is_not_brought_back() {
    let (history, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = library("guest_2_leaves_a_mark");
    let (file, list) = (put(&files, "guest.so", &bytes), files.path().join("trusted.b3"));
    let write = |text: &str| put(&files, "trusted.b3", text.as_bytes());
    let line = format!("{}  guest.so\n", ContentHash::of(&bytes));
    let trust = || Trust::default().hashes_in(&list);
    write(&line);
    commit(history.path(), trust(), &file);
    write("# nothing\n");
    refuses(history.path(), trust(), "is not among the hashes");
    refuses(history.path(), Trust::default().hashes([ContentHash::of(b"another")]), "is not among the hashes");
    fs::remove_file(&list).unwrap();
    refuses(history.path(), trust(), "trusted.b3");
    write(&line);
    serves(history.path(), trust());
}

#[test]
fn a_signed_file_is_brought_back_by_its_own_signature_and_the_key_that_is_trusted_now() {
    let [ours, others] = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let (history, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = library("guest_2_leaves_a_mark");
    let file = put(&files, "guest.so", &bytes);
    put(&files, "guest.so.minisig", sign(&ours, &bytes).as_bytes());
    commit(history.path(), signed_by(&ours), &file);
    drop(files);
    serves(history.path(), signed_by(&ours));
    refuses(history.path(), signed_by(&others), "it is made by another key than RW");

    let kept = kept(history.path(), &bytes);
    let signature = kept.with_extension("so.minisig");
    let good = fs::read(&signature).unwrap();
    let replace = |bytes: &[u8]| {
        fs::remove_file(&signature).unwrap();
        fs::write(&signature, bytes).unwrap();
    };
    replace(sign(&ours, b"another file").as_bytes());
    refuses(history.path(), signed_by(&ours), "does not fit the file");
    replace(sign(&others, &bytes).as_bytes());
    refuses(history.path(), signed_by(&ours), "it is made by another key than RW");
    replace(&good[..good.len() / 2]);
    refuses(history.path(), signed_by(&ours), "no signature of minisign");
    fs::remove_file(&signature).unwrap();
    refuses(history.path(), signed_by(&ours), "it has no signature");
    fs::write(&signature, &good).unwrap();
    serves(history.path(), signed_by(&ours));
    // A file that was changed with its name is damaged before it is anything else.
    let mut changed = bytes;
    *changed.last_mut().unwrap() ^= 1;
    fs::remove_file(&kept).unwrap();
    fs::write(&kept, &changed).unwrap();
    refuses(history.path(), signed_by(&ours), "is damaged");
}

#[test]
fn a_file_that_was_committed_without_a_signature_is_not_brought_back_where_one_is_demanded() {
    let ours = KeyPair::generate_unencrypted_keypair().unwrap();
    let (history, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = put(&files, "guest.so", &library("guest_2_leaves_a_mark"));
    commit(history.path(), Trust::default(), &file);
    refuses(history.path(), signed_by(&ours), "it has no signature");
    serves(history.path(), Trust::default());
}

#[test]
fn a_file_that_others_could_have_put_there_is_not_brought_back() {
    let (history, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bytes = library("guest_2_leaves_a_mark");
    commit(history.path(), Trust::default(), &put(&files, "guest.so", &bytes));
    let set_mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let (directory, file) = (history.path().join("files"), kept(history.path(), &bytes));
    set_mode(&directory, 0o777);
    refuses(history.path(), Trust::default(), "everyone may replace it");
    set_mode(&directory, 0o700);
    set_mode(&file, 0o646);
    refuses(history.path(), Trust::default(), "everyone may write to it");
    set_mode(&file, 0o400);
    serves(history.path(), Trust::default());
}

#[test]
fn the_libraries_beside_a_component_are_brought_back_by_their_own_signatures() {
    let [ours, others] = [(); 2].map(|()| KeyPair::generate_unencrypted_keypair().unwrap());
    let (history, (files, player)) = (tempfile::tempdir().unwrap(), player::player(1));
    let libraries = player::libraries(files.path()).map(|(_, library)| library);
    for file in libraries.iter().chain([&player]) {
        let signature = sign(&ours, &fs::read(file).unwrap());
        fs::write(format!("{}.minisig", file.display()), signature).unwrap();
    }
    commit(history.path(), signed_by(&ours), &player);
    refuses(history.path(), signed_by(&others), "it is made by another key than RW");
    let rt = trusting(history.path(), &std::env::temp_dir(), signed_by(&ours));
    assert_eq!(rt.service::<dyn Tone>().unwrap().builds(), [1; 3]);
    drop(rt);
    for file in &libraries {
        let signature = kept(history.path(), &fs::read(file).unwrap()).with_extension("so.minisig");
        let good = fs::read(&signature).unwrap();
        fs::remove_file(&signature).unwrap();
        refuses(history.path(), signed_by(&ours), "it has no signature");
        fs::write(&signature, good).unwrap();
    }
}
