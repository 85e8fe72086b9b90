//! A store's directory, and what dead processes left of theirs.
//!
//! ```text
//! base/lcr-1000/          one for each user (0700), gone when the last store in it is
//! base/lcr-1000/Xa81kQ/   a store (0700), locked by the process that it belongs to
//! base/lcr-1000/Xa81kQ/kv-0123456789abcdef-1.so
//! ```
//!
//! A process that is killed leaves its directory behind, so a process that makes one removes what it
//! finds beside it whose process is dead. That a process lives shows in `flock(2)` on the
//! directory itself: the kernel lets go of it with the last descriptor, however the process
//! ends. systemd-tmpfiles(8) leaves a locked directory alone, too.
//!
//! The argument. To *hold* a path is to have locked a directory and to have found, after that,
//! that the path still leads to it.
//! 1. A path is held by one process at most, until that process closes its descriptor: the lock
//!    is exclusive, and two directories are never at one path.
//! 2. A store's directory is used only by who holds it, and only who holds a path empties or
//!    removes what is there. So a living process's store is not touched.
//! 3. A maker cannot lock a directory before it is there. A sweeper that comes in between locks
//!    it first (then the maker takes another name), or has removed it (then the maker finds
//!    nothing at the path, or another's directory, and takes another name).
//! 4. Two sweepers that meet are in the position of 3. One that dies leaves the rest to the next.
//! 5. The user's directory is removed only when it is empty, which the kernel decides. A maker
//!    that meets that starts over.
//!
//! A child of `fork` shares its parent's descriptor, so the parent's directory is held until both
//! are dead. It never removes it, and makes one of its own.
//!
//! What others put in the way does no harm: if `lcr-1000` is a link, is not a directory, is
//! someone else's or open to others, or cannot be locked, a store gets a directory with a name
//! that cannot be guessed, which no process sweeps. Inside a directory that only this user may enter,
//! links and others' files are left where they are. Locks are those of one machine: several must
//! not share a base directory, unless its file system locks for all of them.

#[cfg(test)]
mod tests;

use crate::host::sys;
use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    panic::catch_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

/// How often a maker starts over before it goes elsewhere.
const ATTEMPTS: usize = 16;
/// How many directories a sweep looks at.
const LOOKS: usize = 1024;
/// How many files and directories a sweep removes; the next one goes on.
const REMOVALS: usize = 256;

/// A directory that this process alone uses. Dropping it removes it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Open on the directory, with its lock where there is one.
    held: File,
    /// The user's directory that it is in, if it is in one.
    shared: Option<PathBuf>,
    /// The process that made it.
    process: u32,
    removed: AtomicBool,
}

impl Directory {
    /// A new directory in `base`, which is absolute; then a sweep.
    pub(super) fn make(base: &Path) -> io::Result<Directory> {
        let user = sys::user();
        let shared = base.join(format!("lcr-{user}"));
        for _ in 0..ATTEMPTS {
            if !is_ours(&shared, user)? {
                break;
            }
            match claim(&shared) {
                Ok(Claim::Held(directory)) => {
                    // What another process left costs no load, even where a subscriber panics at the event.
                    drop(catch_unwind(|| sweep(&shared, user)));
                    return Ok(directory);
                }
                Ok(Claim::Lost) => {}
                Ok(Claim::Unlockable) => break,
                // The last store's end took the user's directory with it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        let (path, held) = fresh(base, "lcr-")?;
        Ok(Directory::new(path, held, None))
    }

    fn new(path: PathBuf, held: File, shared: Option<&Path>) -> Directory {
        let shared = shared.map(Path::to_owned);
        Directory { path, held, shared, process: std::process::id(), removed: AtomicBool::new(false) }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this process made it, and not one that this is a child of.
    pub(super) fn is_own(&self) -> bool {
        self.process == std::process::id()
    }

    /// Removes it with all that is in it. What cannot be removed is left.
    pub(super) fn remove(&self) {
        if !self.is_own() || self.removed.swap(true, Ordering::Relaxed) || !leads_to(&self.path, &self.held) {
            return;
        }
        let _ = fs::remove_dir_all(&self.path);
        if let Some(shared) = &self.shared {
            let _ = fs::remove_dir(shared);
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        self.remove();
    }
}

/// What came of trying to hold a directory.
enum Claim {
    Held(Directory),
    /// Another process was faster.
    Lost,
    /// The file system does not lock directories.
    Unlockable,
}

/// Makes a directory in `shared`, and holds it.
fn claim(shared: &Path) -> io::Result<Claim> {
    let (path, held) = fresh(shared, "")?;
    match sys::try_lock(&held) {
        Ok(true) if leads_to(&path, &held) => Ok(Claim::Held(Directory::new(path, held, Some(shared)))),
        Ok(_) => Ok(Claim::Lost),
        Err(_) => {
            // Only an empty one, should another have taken its place.
            let _ = fs::remove_dir(path);
            Ok(Claim::Unlockable)
        }
    }
}

/// A new directory of a name that was not there, open.
fn fresh(within: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    let mut builder = tempfile::Builder::new();
    let path = builder.prefix(prefix).permissions(fs::Permissions::from_mode(0o700)).tempdir_in(within)?.keep();
    let held = open(&path)?;
    Ok((path, held))
}

fn open(directory: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(directory)
}

/// Whether the path is that of the open directory. Its number is not used again while it is open.
fn leads_to(path: &Path, held: &File) -> bool {
    let number = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (fs::symlink_metadata(path), held.metadata()) {
        (Ok(there), Ok(held)) => number(there) == number(held),
        _ => false,
    }
}

/// Makes sure that the directory is there. Whether it is this user's alone.
fn is_ours(shared: &Path, user: u32) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(shared) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match fs::symlink_metadata(shared) {
        Ok(metadata) => Ok(metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o777 == 0o700),
        // It went meanwhile; the caller finds out.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Removes the stores of dead processes, as far as the limits go.
fn sweep(shared: &Path, user: u32) {
    let Ok(entries) = fs::read_dir(shared) else { return };
    let mut removals = REMOVALS;
    for entry in entries.flatten().take(LOOKS) {
        let path = entry.path();
        let is_store = |metadata: fs::Metadata| metadata.is_dir() && metadata.uid() == user;
        if !fs::symlink_metadata(&path).is_ok_and(is_store) {
            continue;
        }
        let Ok(held) = open(&path) else { continue };
        if matches!(sys::try_lock(&held), Ok(true)) && leads_to(&path, &held) && remove(&path, &mut removals) {
            tracing::debug!(directory = %path.display(), "removed the store of a dead process");
        }
        if removals == 0 {
            break;
        }
    }
}

/// Removes a directory that is held, and the files in it; as far as `removals` go.
fn remove(path: &Path, removals: &mut usize) -> bool {
    let Ok(entries) = fs::read_dir(path) else { return false };
    for entry in entries.flatten() {
        if *removals == 0 {
            return false;
        }
        *removals -= 1;
        // Refused for a directory, which no store has; then the next line is, too.
        let _ = fs::remove_file(entry.path());
    }
    *removals = removals.saturating_sub(1);
    fs::remove_dir(path).is_ok()
}
