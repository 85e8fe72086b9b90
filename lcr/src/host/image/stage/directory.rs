//! A store's directory, and the removal of those that dead processes left.
//!
//! ```text
//! base/lcr-1000/          one for each user (0700), gone with the last store in it
//! base/lcr-1000/Xa81kQ/   a store (0700), locked by the process that it belongs to
//! base/lcr-1000/Xa81kQ/kv-0123456789abcdef-1.so
//! ```
//!
//! A process that is killed leaves its directory behind. So a process that makes a directory removes those beside it
//! whose processes are dead. A living process has its directory locked (`flock(2)`): the kernel releases the lock
//! with the last descriptor, however the process ends. systemd-tmpfiles(8) leaves a locked directory alone, too.
//!
//! The argument. To *hold* a path is to have locked a directory and to have found, after that,
//! that the path still leads to it.
//! 1. A path is held by one process at most, until that process closes its descriptor: the lock
//!    is exclusive, and two directories are never at one path.
//! 2. Only the process that holds a path uses the directory there, empties it or removes it. So no process touches
//!    the store of a living one.
//! 3. A maker cannot lock a directory before the directory is there. A sweeper that comes in between either locks it
//!    first (then the maker takes another name), or has removed it (then the maker finds nothing at the path, or the
//!    directory of another process, and takes another name).
//! 4. Two sweepers that meet are in the position of 3. A sweeper that dies leaves the rest to the next one.
//! 5. The user's directory is removed only when it is empty, which the kernel decides. A maker that meets this
//!    starts over.
//!
//! A child of `fork` shares its parent's descriptor, so the parent's directory is held until both are dead. The child
//! never removes that directory, and makes one of its own.
//!
//! Other users cannot do harm by what they put there. If `lcr-1000` is a link, is not a directory, belongs to another
//! user, is open to others, or cannot be locked, a store gets a directory with a name that cannot be guessed, which
//! no process sweeps. Inside a directory that only this user may enter, a sweep leaves links, and files of other
//! users, where they are. Locks may be those of one machine only: several machines must not share a base directory,
//! unless its file system locks for all of them.

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

/// A directory that only this process uses. Dropping the value removes the directory.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// The open directory, with its lock if it has one.
    held: File,
    /// The user's directory, if this directory is in that.
    shared: Option<PathBuf>,
    /// The process that made the directory.
    process: u32,
    removed: AtomicBool,
}

impl Directory {
    /// Makes a directory in `base`, which is absolute, and sweeps those of dead processes.
    pub(super) fn make(base: &Path) -> io::Result<Directory> {
        let user = sys::user();
        let shared = base.join(format!("lcr-{user}"));
        for _ in 0..ATTEMPTS {
            if !is_ours(&shared, user)? {
                break;
            }
            match claim(&shared) {
                Ok(Claim::Held(directory)) => {
                    // A sweep must not fail a load, even if a subscriber panics at its event.
                    drop(catch_unwind(|| sweep(&shared, user)));
                    return Ok(directory);
                }
                Ok(Claim::Lost) => {}
                Ok(Claim::Unlockable) => break,
                // The end of the last store has removed the user's directory.
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

    /// Whether this process made it, and not the process that this one was forked from.
    pub(super) fn is_own(&self) -> bool {
        self.process == std::process::id()
    }

    /// Removes the directory with all that is in it. What cannot be removed stays.
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

/// The result of trying to hold a directory.
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
            // This removes only an empty directory, in case another one has taken its place.
            let _ = fs::remove_dir(path);
            Ok(Claim::Unlockable)
        }
    }
}

/// Makes and opens a directory under a name that was not there.
fn fresh(within: &Path, prefix: &str) -> io::Result<(PathBuf, File)> {
    let mut builder = tempfile::Builder::new();
    let path = builder.prefix(prefix).permissions(fs::Permissions::from_mode(0o700)).tempdir_in(within)?.keep();
    let held = open(&path)?;
    Ok((path, held))
}

fn open(directory: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(directory)
}

/// Whether the path is that of the open directory. The kernel does not give its inode again while it is open.
fn leads_to(path: &Path, held: &File) -> bool {
    let number = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (fs::symlink_metadata(path), held.metadata()) {
        (Ok(there), Ok(held)) => number(there) == number(held),
        _ => false,
    }
}

/// Makes the directory if it is not there. Returns whether only this user may use it.
fn is_ours(shared: &Path, user: u32) -> io::Result<bool> {
    match DirBuilder::new().mode(0o700).create(shared) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    match fs::symlink_metadata(shared) {
        Ok(metadata) => Ok(metadata.is_dir() && metadata.uid() == user && metadata.mode() & 0o777 == 0o700),
        // It was removed meanwhile; the caller finds that out.
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
        // A store has no directories. One in it cannot be removed here, and then neither can the store.
        let _ = fs::remove_file(entry.path());
    }
    *removals = removals.saturating_sub(1);
    fs::remove_dir(path).is_ok()
}
