//! A `fork` while a history is open: the journal and the lock are the parent's, whatever the child does.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use lcr::{ErrorKind, Runtime, history::History};
use lcr_tests::{component, in_a_process_of_its_own, interfaces::Counter};

use super::child::in_child;

fn open(directory: &Path) -> Runtime {
    let builder = Runtime::builder().linked(false).history(History::at(directory));
    builder.build().expect("a history never keeps a runtime from starting")
}

fn version(rt: &Runtime) -> u32 {
    rt.service::<dyn Counter>().map_or(0, |counter| counter.version())
}

/// The files of a history with what is in them; but for the lock, which ends when its process closes a descriptor of
/// that file.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = [directory.to_owned(), directory.join("files")].map(|place| fs::read_dir(place).unwrap());
    let files = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && !path.ends_with("lock"));
    files.map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

#[test]
fn a_child_changes_nothing_of_its_parents_history_and_the_parent_goes_on() {
    in_a_process_of_its_own(|| {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut rt = Some(open(directory.path()));
        let parent = std::process::id();
        rt.as_ref().unwrap().load(component("counter_v1")).unwrap();
        let before = contents(directory.path());
        in_child(|| {
            let mine = rt.as_ref().unwrap();
            let history = mine.history().unwrap();
            assert_eq!(version(mine), 1);
            // Whatever is to be recorded is refused, and so is the plan that asks for it.
            let error = mine.replace(component("counter_v2")).unwrap_err();
            assert_eq!((error.kind(), version(mine)), (ErrorKind::History, 1), "{error}");
            assert!(error.to_string().contains("forked from"), "{error}");
            mine.plan().remove("nothing").commit().unwrap_err();
            assert_eq!(history.state().unwrap_err().kind(), ErrorKind::History);
            assert_eq!(history.entries(1).unwrap_err().kind(), ErrorKind::History);
            history.change(|options| options.reload_on_start = Some(false)).unwrap_err();
            history.change(|options| options.keep_for = Some(std::time::Duration::ZERO)).unwrap();
            // The directory is its parent's, and another one can be its own.
            let error = open(directory.path()).history().unwrap().state().unwrap_err();
            assert!(error.to_string().contains(&format!("process {parent} (")), "{error}");
            let own = open(other.path());
            own.load(component("counter_v2")).unwrap();
            drop((own, history));
            drop(rt.take());
        });
        assert_eq!(contents(directory.path()), before);
        let rt = rt.unwrap();
        rt.replace(component("counter_v2")).unwrap();
        assert_eq!(rt.history().unwrap().entries(usize::MAX).unwrap().len(), 2);
        drop(rt);
        assert_eq!((version(&open(directory.path())), version(&open(other.path()))), (2, 2));
    });
}

/// A process, which is killed in the end.
struct Running(libc::pid_t);

impl Drop for Running {
    fn drop(&mut self) {
        // SAFETY: the child is ours, and was not waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: as above; nothing is written.
        unsafe { libc::waitpid(self.0, std::ptr::null_mut(), 0) };
    }
}

/// A child of `fork` that does nothing.
fn idle() -> Running {
    // SAFETY: the child only waits.
    match unsafe { libc::fork() } {
        0 => loop {
            // SAFETY: the call takes nothing.
            unsafe { libc::pause() };
        },
        child => {
            assert!(child > 0, "fork: {}", std::io::Error::last_os_error());
            Running(child)
        }
    }
}

/// A child of `fork` that became another program.
fn another_program() -> Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

#[test]
fn children_that_live_on_hold_no_lock_of_their_parents_history() {
    in_a_process_of_its_own(|| {
        let directory = tempfile::tempdir().unwrap();
        let rt = open(directory.path());
        rt.load(component("counter_v1")).unwrap();
        let (_idle, mut other) = (idle(), another_program());
        // It has no descriptor of the history, either.
        let descriptors = fs::read_dir(format!("/proc/{}/fd", other.id())).unwrap();
        let open_there: Vec<PathBuf> =
            descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect();
        assert!(!open_there.iter().any(|file| file.starts_with(directory.path())), "{open_there:?}");
        drop(rt);
        let rt = open(directory.path());
        rt.history().unwrap().state().unwrap();
        assert_eq!(version(&rt), 1);
        other.kill().unwrap();
        other.wait().unwrap();
        rt.replace(component("counter_v2")).unwrap();
    });
}

#[test]
fn a_child_asks_for_the_history_whatever_other_threads_did_to_it_at_the_fork() {
    in_a_process_of_its_own(|| {
        let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (rt, stop) = (open(directory.path()), AtomicBool::new(false));
        let history = rt.history().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    rt.plan().remove("nothing").commit().unwrap_err();
                }
            });
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    history.change(|options| options.keep = 50).unwrap();
                }
            });
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    drop(open(other.path()));
                }
            });
            for _ in 0..30 {
                in_child(|| {
                    assert_eq!(history.options().keep.min(50), 50);
                    assert_eq!(history.state().unwrap_err().kind(), ErrorKind::History);
                    assert_eq!(history.entries(1).unwrap_err().kind(), ErrorKind::History);
                    let own = tempfile::tempdir().unwrap();
                    let mine = open(own.path());
                    mine.history().unwrap().state().unwrap();
                });
            }
            stop.store(true, Ordering::Relaxed);
        });
        history.verify().unwrap();
    });
}
