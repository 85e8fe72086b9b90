//! A house with a guest: a runtime with one component, to which tests offer files that it must refuse.
//!
//! ```text
//! house/files/    the files that a test offers
//! house/lcr-*/*/  the runtime's private store
//! house/mark      written by the initialiser of a marked library, wherever that was mapped from
//! ```

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime, Trust};
use tempfile::TempDir;

use crate::component;

/// The interface of every guest.
#[lcr::interface(name = "test.guest", version = 1)]
pub trait Guest {
    /// Which version this is.
    fn version(&self) -> u32;
    /// Bytes that the guest's image owns.
    fn bytes(&self) -> lcr::Bytes;
    /// Leaves a value with a destructor in a thread-local of the calling thread.
    fn settle(&self);
}

/// An interface that no component provides.
#[lcr::interface(name = "test.nowhere", version = 3)]
pub trait Nowhere {
    /// Never called.
    fn never(&self);
}

/// A runtime in which a guest serves a caller that calls without a pause.
pub struct House {
    /// The guest.
    pub guest: Handle<dyn Guest>,
    /// The runtime.
    pub rt: Runtime,
    caller: JoinHandle<u64>,
    stop: Arc<AtomicBool>,
    directory: TempDir,
}

impl House {
    /// A house with `guest_1`.
    pub fn open() -> House {
        House::open_to(Trust::default(), "guest_1")
    }

    /// A house with some guest and some trust in files.
    pub fn open_to(trust: Trust, guest: &str) -> House {
        House::begin(trust, &component(guest))
    }

    /// A house with the guest in a file and some trust in files.
    pub fn begin(trust: Trust, guest: &Path) -> House {
        let directory = tempfile::tempdir().expect("a directory can be made");
        fs::create_dir(directory.path().join("files")).expect("a directory for files can be made");
        let rt = Runtime::builder()
            .linked(false)
            .store(directory.path())
            .trust(trust)
            .build()
            .expect("a runtime can be made");
        rt.load(guest).expect("the guest is loaded");
        let guest: Handle<dyn Guest> = rt.service().expect("the guest serves");
        let stop = Arc::new(AtomicBool::new(false));
        let (called, stopped) = (guest.clone(), Arc::clone(&stop));
        let caller = thread::spawn(move || {
            let mut calls = 0;
            while !stopped.load(Ordering::Relaxed) {
                assert!(called.version() > 0 && called.bytes().starts_with(b"of version "));
                calls += 2;
                thread::sleep(Duration::from_micros(100));
            }
            calls
        });
        House { guest, rt, caller, stop, directory }
    }

    /// The path of a file that is offered.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join("files").join(name)
    }

    /// Writes a file that no other user may write to, over the one that is there, if any.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.file(name);
        fs::write(&path, bytes).expect("the file can be written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file's mode can be set");
        path
    }

    /// Offers a file that must be refused without any of its code run, and leave nothing
    /// behind. Returns the text.
    ///
    /// # Panics
    /// If the file is accepted, or if one of these does not hold.
    pub fn refuse(&self, file: &Path, kind: ErrorKind) -> String {
        let before = (self.rt.generation(), self.stored(), self.guest.version(), self.has_mark());
        let error = self.rt.replace(file).expect_err("the file is refused");
        let text = error.to_string();
        assert_eq!(error.kind(), kind, "{text}");
        let name = file.file_name().and_then(|name| name.to_str()).expect("a file with a name");
        // A dependency that a plan lacks is no fault of a file, so there the error names the component.
        let name = if kind == ErrorKind::Dependency { "component `guest" } else { name };
        assert!(text.contains(name) && !text.contains('\n'), "the file is named in one line: {text}");
        assert!(text.contains("; ") || kind == ErrorKind::NotFound, "the text says what to do: {text}");
        let after = (self.rt.generation(), self.stored(), self.guest.version(), self.has_mark());
        assert_eq!(after, before, "the refusal changed something: {text}");
        assert!(!self.caller.is_finished(), "the caller is served");
        text
    }

    /// Offers a file that must be accepted. Returns the version that serves then.
    ///
    /// # Panics
    /// If it is not.
    pub fn accept(&self, file: &Path) -> u32 {
        self.rt.replace(file).expect("the file is accepted");
        self.guest.version()
    }

    /// Whether code of a marked library has run.
    pub fn has_mark(&self) -> bool {
        self.directory.path().join("mark").exists()
    }

    /// The files in the private store.
    pub fn stored(&self) -> Vec<PathBuf> {
        let entries = |path: &Path| {
            let entries = fs::read_dir(path).expect("the directory can be read");
            entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
        };
        let is_user =
            |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"lcr-"));
        let users = entries(self.directory.path()).into_iter().filter(is_user);
        let mut files: Vec<_> = users.flat_map(|user| entries(&user)).flat_map(|store| entries(&store)).collect();
        // What a revision keeps for another load is a second name.
        files.retain(|file| !file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"kept-")));
        files.sort();
        files
    }

    /// The files of this house that are mapped, deleted ones too.
    pub fn mapped(&self) -> Vec<PathBuf> {
        let maps = fs::read_to_string("/proc/self/maps").expect("the maps of this process");
        let house = self.directory.path().canonicalize().expect("the house is there");
        let paths = maps.lines().filter_map(|line| line.find('/').map(|at| PathBuf::from(&line[at..])));
        let mut files: Vec<_> = paths.filter(|path| path.starts_with(&house)).collect();
        files.sort();
        files.dedup();
        files
    }

    /// Closes the house: the next good file is accepted, everything is destroyed, and the
    /// store is gone.
    ///
    /// # Panics
    /// If one of that does not hold, or if a call failed.
    pub fn close(self) {
        self.close_by(&component("guest_3"));
    }

    /// As [`close`](House::close), by another file with `guest_3`.
    ///
    /// # Panics
    /// As `close`.
    pub fn close_by(self, guest: &Path) {
        assert_eq!(self.accept(guest), 3);
        self.stop.store(true, Ordering::Relaxed);
        let calls = self.caller.join().expect("no call fails");
        assert!(calls > 0);
        drop(self.guest);
        self.rt.wait_drained(Duration::from_secs(30)).expect("every guest leaves");
        let status = self.rt.status();
        assert_eq!(status.constructed, status.destroyed, "{status:#?}");
        drop(self.rt);
        let left = fs::read_dir(self.directory.path())
            .expect("the house is there")
            .map(|entry| entry.expect("an entry").file_name());
        let left: Vec<_> = left.filter(|name| name != "files" && name != "mark").collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// The bytes of a library in `components/`, without debug information if `strip` is installed, because tests
/// write many copies.
///
/// # Panics
/// If it is not there.
pub fn library(name: &str) -> Vec<u8> {
    let source = component(name);
    let directory = tempfile::tempdir().expect("a directory can be made");
    let small = directory.path().join("small.so");
    let stripped = Command::new("strip").arg("--strip-debug").arg("-o").arg(&small).arg(&source).status();
    let is_stripped = stripped.is_ok_and(|status| status.success());
    fs::read(if is_stripped { small } else { source }).expect("the library is read")
}
