use super::*;
use std::{
    os::unix::fs::{chown, symlink},
    time::{Duration, Instant},
};
use tempfile::{TempDir, tempdir};

/// A base, and the user's directory in it, which is not made yet.
fn base() -> (TempDir, PathBuf) {
    let base = tempdir().unwrap();
    let shared = base.path().join(format!("lcr-{}", sys::user()));
    (base, shared)
}

/// What a process that was killed leaves.
fn leavings(shared: &Path, name: &str, files: usize) -> PathBuf {
    let path = shared.join(name);
    DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap();
    (0..files).for_each(|file| fs::write(path.join(file.to_string()), b"copy").unwrap());
    path
}

/// Makes directories until what is dead is gone: for a moment, a process that another thread is
/// starting has copies of all descriptors, and so of a lock.
fn sweep_until(base: &Path, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "not within 30 s");
        drop(Directory::make(base).unwrap());
    }
}

fn count(path: &Path) -> usize {
    fs::read_dir(path).unwrap().count()
}

#[test]
fn a_directory_is_in_the_users_and_both_go() {
    let (base, shared) = base();
    let (one, two) = (Directory::make(base.path()).unwrap(), Directory::make(base.path()).unwrap());
    assert_eq!((one.path().parent(), two.path().parent()), (Some(&*shared), Some(&*shared)));
    assert_eq!(fs::metadata(&shared).unwrap().mode() & 0o777, 0o700);
    drop(one);
    assert_eq!(count(&shared), 1);
    two.remove();
    assert_eq!(count(base.path()), 0);
}

#[test]
fn what_is_not_locked_is_removed_and_what_is_locked_is_not() {
    let (base, shared) = base();
    let dead = leavings(&shared, "dead", 3);
    let alive = leavings(&shared, "alive", 3);
    let held = open(&alive).unwrap();
    assert!(sys::try_lock(&held).unwrap());
    let made = Directory::make(base.path()).unwrap();
    assert!(!dead.exists() && count(&alive) == 3 && made.path().exists());
    drop(held);
    sweep_until(base.path(), || !alive.exists());
    assert!(made.path().exists());
    drop(made);
    assert_eq!(count(base.path()), 0);
}

#[test]
fn a_sweep_stops_and_the_next_goes_on() {
    let (base, shared) = base();
    let dead = leavings(&shared, "dead", REMOVALS + 10);
    drop(Directory::make(base.path()).unwrap());
    assert_eq!(count(&dead), 10);
    sweep_until(base.path(), || count(base.path()) == 0);
}

#[test]
fn a_sweep_follows_no_link_and_enters_no_directory() {
    let (base, shared) = base();
    let elsewhere = tempdir().unwrap();
    fs::write(elsewhere.path().join("precious"), b"").unwrap();
    let dead = leavings(&shared, "dead", 1);
    symlink(elsewhere.path(), dead.join("link")).unwrap();
    let odd = leavings(&shared, "odd", 0);
    leavings(&odd, "inner", 1);
    symlink(elsewhere.path(), shared.join("link")).unwrap();
    fs::write(shared.join("file"), b"").unwrap();
    drop(Directory::make(base.path()).unwrap());
    assert!(!dead.exists() && elsewhere.path().join("precious").exists());
    assert!(odd.join("inner/0").exists() && shared.join("file").exists() && shared.join("link").is_symlink());
}

/// Needs root to give a directory away; elsewhere there is nothing to test.
#[test]
fn what_belongs_to_others_is_left() {
    let (base, shared) = base();
    let theirs = leavings(&shared, "theirs", 1);
    if chown(&theirs, Some(12_345), None).is_err() {
        return;
    }
    drop(Directory::make(base.path()).unwrap());
    assert_eq!(count(&theirs), 1);
    chown(&shared, Some(12_345), None).unwrap();
    alone(base.path(), &shared);
}

/// A directory is made outside the user's, and leaves nothing.
fn alone(base: &Path, shared: &Path) {
    let before = count(base);
    let made = Directory::make(base).unwrap();
    assert_eq!(made.path().parent(), Some(base));
    assert_ne!(made.path(), shared);
    assert_eq!(fs::metadata(made.path()).unwrap().mode() & 0o777, 0o700);
    drop(made);
    assert_eq!(count(base), before);
}

#[test]
fn a_users_directory_that_is_not_is_not_used() {
    let (base, shared) = base();
    let elsewhere = tempdir().unwrap();
    symlink(elsewhere.path(), &shared).unwrap();
    alone(base.path(), &shared);
    assert_eq!(count(elsewhere.path()), 0);
    fs::remove_file(&shared).unwrap();
    fs::write(&shared, b"").unwrap();
    alone(base.path(), &shared);
    fs::remove_file(&shared).unwrap();
    DirBuilder::new().mode(0o755).create(&shared).unwrap();
    alone(base.path(), &shared);
}

#[test]
fn a_path_that_leads_elsewhere_now_is_not_removed() {
    let (base, shared) = base();
    let made = Directory::make(base.path()).unwrap();
    let path = made.path().to_owned();
    fs::remove_dir(&path).unwrap();
    let another = leavings(&shared, path.file_name().unwrap().to_str().unwrap(), 1);
    drop(made);
    assert_eq!(count(&another), 1);
}

#[test]
fn makers_and_sweepers_in_many_threads_do_not_touch_each_others() {
    let (base, shared) = base();
    let work = |thread: usize| {
        for round in 0..50 {
            let made = Directory::make(base.path()).unwrap();
            let file = made.path().join("copy");
            fs::write(&file, b"").unwrap();
            assert!(made.path().starts_with(&shared));
            // As a process that was killed leaves it.
            let dead = shared.join(format!("dead-{thread}-{round}"));
            DirBuilder::new().mode(0o700).create(dead).unwrap();
            assert!(file.exists());
        }
    };
    std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || work(thread)))));
    sweep_until(base.path(), || count(base.path()) == 0);
}
