//! Disks that take no more: what serves goes on, and nothing is refused for ever.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use lcr::{
    Back, ErrorKind,
    history::{Outcome, Reloaded},
};
use lcr_tests::{component, in_a_process_of_its_own};

use super::*;

/// Whether the disk is full, for the tests below, each of which has a process of its own.
static IS_FULL: AtomicBool = AtomicBool::new(false);

fn full(what: &'static str) -> io::Result<()> {
    let takes_room = ["write", "make", "make a directory", "sync"].contains(&what);
    if takes_room && IS_FULL.load(Ordering::SeqCst) {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

#[test]
fn a_full_disk_refuses_a_plan_and_changes_nothing_and_the_next_try_succeeds() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        let rt = with(History::at(directory.path()).__faults(full));
        rt.load(component("counter_v1")).unwrap();
        IS_FULL.store(true, Ordering::SeqCst);
        let error = rt.replace(component("counter_v2")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::History, "{error}");
        assert!(error.to_string().contains("No space left on device"), "{error}");
        assert_eq!(version(&rt), 1);
        IS_FULL.store(false, Ordering::SeqCst);
        rt.replace(component("counter_v2")).unwrap();
        drop(rt);
        assert_eq!(version(&open(directory.path())), 2);
    });
}

#[test]
fn a_start_on_a_full_disk_brings_back_what_was_confirmed() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1", "2"], &[]).unwrap();
        IS_FULL.store(true, Ordering::SeqCst);
        let rt = with(History::at(directory.path()).__faults(full));
        assert_eq!(version(&rt), 2);
        assert_eq!(rt.history().unwrap().state().unwrap_err().kind(), ErrorKind::History);
    });
}

fn read_only(_: &'static str) -> io::Result<()> {
    match IS_FULL.load(Ordering::SeqCst) {
        true => Err(io::Error::from_raw_os_error(libc::EROFS)),
        false => Ok(()),
    }
}

/// What was confirmed serves on a disk that can only be read, and a plan is refused.
fn can_only_be_read(rt: &Runtime, confirmed: u32) {
    let history = rt.history().unwrap();
    let reloaded = history.reloaded();
    assert!(matches!(reloaded, Reloaded::Confirmed { .. }) && version(rt) == confirmed, "{reloaded:?}");
    for error in [history.state().unwrap_err(), rt.load(component("clock_v1")).unwrap_err()] {
        let (kind, text) = (error.kind(), error.to_string());
        let said = ["can only be read", "nothing is recorded", "Read-only file system"];
        assert!(kind == ErrorKind::History && said.iter().all(|part| text.contains(part)), "{text}");
    }
    assert_eq!(version(rt), confirmed);
    assert!(history.entries(usize::MAX).unwrap().len() >= 2);
}

#[test]
fn a_start_on_a_disk_that_can_only_be_read_serves_what_was_confirmed_and_records_again_once_it_can() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        run(directory.path(), &["1", "2"], &[]).unwrap();
        let before = journal(directory.path());
        IS_FULL.store(true, Ordering::SeqCst);
        let rt = with(History::at(directory.path()).__faults(read_only));
        can_only_be_read(&rt, 2);
        assert_eq!(rt.rollback(Back::Steps(1)).unwrap_err().kind(), ErrorKind::History);
        // What can be read can be gone back to, where that need not be recorded.
        rt.history().unwrap().change(|options| options.allow_unrecorded = true).unwrap();
        rt.rollback(Back::Steps(1)).unwrap();
        assert_eq!((version(&rt), journal(directory.path())), (1, before));
        rt.history().unwrap().change(|options| options.allow_unrecorded = false).unwrap();
        IS_FULL.store(false, Ordering::SeqCst);
        rt.replace(component("counter_v2")).unwrap();
        rt.history().unwrap().state().unwrap();
        // Two steps of this process, and one of the one before it, which began with what this one has brought back.
        rt.rollback(Back::Steps(3)).unwrap();
        assert_eq!(version(&rt), 1);
        rt.replace(component("counter_v2")).unwrap();
        drop(rt);
        assert_eq!(version(&open(directory.path())), 2);
    });
}

#[test]
fn a_history_that_allows_it_lets_unrecorded_plans_through() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        IS_FULL.store(true, Ordering::SeqCst);
        let rt = with(History::at(directory.path()).allow_unrecorded(true).__faults(full));
        rt.load(component("counter_v1")).unwrap();
        assert_eq!(version(&rt), 1);
        rt.history().unwrap().change(|options| options.allow_unrecorded = false).unwrap();
        assert_eq!(rt.replace(component("counter_v2")).unwrap_err().kind(), ErrorKind::History);
    });
}

/// Fails all writes behind the intent, so that the outcome has to wait.
fn fails_after_the_intent(what: &'static str) -> io::Result<()> {
    use std::sync::atomic::AtomicUsize;
    static WRITES: AtomicUsize = AtomicUsize::new(0);
    if IS_FULL.load(Ordering::SeqCst) && what == "write" && WRITES.fetch_add(1, Ordering::SeqCst) > 0 {
        return Err(io::Error::from_raw_os_error(libc::ENOSPC));
    }
    Ok(())
}

#[test]
fn an_outcome_that_cannot_be_written_stands_and_is_written_later() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        let rt = with(History::at(directory.path()).__faults(fails_after_the_intent));
        rt.load(component("counter_v1")).unwrap();
        // Its file is kept already, so the intent is the first write.
        IS_FULL.store(true, Ordering::SeqCst);
        let mut events = rt.events();
        rt.replace(component("counter_v1")).unwrap();
        let mut said = Vec::new();
        while let Some(event) = events.try_next() {
            said.push(event.kind);
        }
        let waits = said.iter().any(|kind| {
            matches!(kind, lcr::events::EventKind::Recorded { problem, .. } if problem.contains("waits to be written"))
        });
        assert!(waits, "{said:?}");
        IS_FULL.store(false, Ordering::SeqCst);
        let entries = rt.history().unwrap().entries(1).unwrap();
        assert!(matches!(entries[0].result, Outcome::Committed { generation: 3, .. }), "{entries:?}");
    });
}

#[test]
fn a_read_only_directory_serves_and_refuses_plans() {
    // SAFETY: the call takes nothing and cannot fail.
    if unsafe { libc::geteuid() } == 0 {
        // Root writes anywhere but on a file system that is read-only.
        println!("skipped: this test runs as root, whom a directory's mode does not bind");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let rt = open(directory.path());
    assert_eq!(rt.load(component("counter_v1")).unwrap_err().kind(), ErrorKind::History);
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    rt.load(component("counter_v1")).unwrap();
}

/// A file system of 2 MiB in memory; `None` if this process may not mount one. It is unmounted at the end.
struct Small(PathBuf);

impl Small {
    fn mount(directory: &Path, options: &str) -> Option<Small> {
        let mut command = Command::new("mount");
        let status = command.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory).output().ok()?.status;
        status.success().then(|| Small(directory.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_file_system_without_room_refuses_plans_until_it_has_room_again() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("small");
    fs::create_dir(&place).unwrap();
    let Some(small) = Small::mount(&place, "size=64m,mode=0700") else {
        println!("skipped: this process may not mount a file system");
        return;
    };
    let rt = open(&place.join("history"));
    rt.load(component("counter_v1")).unwrap();
    let mut filler = Vec::new();
    for number in 0.. {
        let file = place.join(format!("filler{number}"));
        if fs::write(&file, vec![1; 64 << 10]).is_err() {
            filler.push(file);
            break;
        }
        filler.push(file);
    }
    let error = rt.replace(component("counter_v2")).unwrap_err();
    assert!(error.kind() == ErrorKind::History && version(&rt) == 1, "{error}");
    filler.iter().for_each(|file| fs::remove_file(file).unwrap());
    rt.replace(component("counter_v2")).unwrap();
    drop(rt);
    let rt = open(&place.join("history"));
    assert_eq!(version(&rt), 2);
    // Without a way to write at all, what was confirmed serves, and nothing more is recorded.
    drop(rt);
    let remounted = Command::new("mount").args(["-o", "remount,ro"]).arg(&place).status().unwrap();
    if remounted.success() {
        let rt = open(&place.join("history"));
        can_only_be_read(&rt, 2);
        assert!(rt.history().unwrap().verify().unwrap().bad_files.is_empty());
        drop(rt);
    }
    drop(small);
}
