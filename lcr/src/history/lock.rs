//! One owner of a directory at a time.
//!
//! The lock is a record lock of POSIX on the file `lock`. The kernel ends it when the process ends, however that
//! happens; a child of `fork` does not inherit it, and neither does a program that `exec` starts. It also says which
//! process has the lock, which a lock of `flock` does not. Its weakness is that it ends when its process closes *any*
//! descriptor of the file, and does not hold against its own process: so nothing else here opens the file, and a list
//! of the directories that this process owns comes first.
//!
//! The list is exchanged and never locked. A child of `fork` may come from the middle of another thread's change; it
//! finds the list from before or from behind that, and can have a history of its own.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    process,
    sync::Arc,
};

use arc_swap::ArcSwapOption;

use crate::{
    error::{Error, ErrorKind, Result},
    host::sys::{self, Owned},
};

use super::disk::Disk;

/// The directories that this process owns, by device and inode, each with the process that took it: a child of
/// `fork` has the list, but not the locks.
static OWNED: ArcSwapOption<HashMap<(u64, u64), u32>> = ArcSwapOption::const_empty();

/// A place in that list. Dropping it frees the place.
#[derive(Debug)]
struct Listed {
    directory: (u64, u64),
    process: u32,
}

impl Listed {
    /// Puts a directory into the list.
    ///
    /// # Errors
    /// `History` if this process has it there already.
    fn of(directory: &Path) -> Result<Listed> {
        let metadata = fs::metadata(directory).map_err(|error| failed(directory, error))?;
        let listed = Listed::new((metadata.dev(), metadata.ino()));
        listed.ok_or_else(|| taken(directory, "another runtime of this process"))
    }

    /// Puts a directory into the list; `None` if this process has it there already.
    fn new(directory: (u64, u64)) -> Option<Listed> {
        let process = process::id();
        let mut is_new = false;
        OWNED.rcu(|owned| {
            let mut owned = owned.as_deref().cloned().unwrap_or_default();
            is_new = owned.insert(directory, process) != Some(process);
            Some(Arc::new(owned))
        });
        // Made only then: dropping one frees the place.
        is_new.then(|| Listed { directory, process })
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        if self.process != process::id() {
            return;
        }
        OWNED.rcu(|owned| {
            let mut owned = owned.as_deref().cloned().unwrap_or_default();
            owned.remove(&self.directory);
            Some(Arc::new(owned))
        });
    }
}

/// The ownership of a directory. Dropping it gives the directory up: first the lock, then the place in the list.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
    _listed: Listed,
}

impl Lock {
    /// Takes a directory.
    ///
    /// # Errors
    /// `History` if another process, or another runtime of this one, has it; the text says which. `Io` if the file
    /// cannot be made or locked.
    pub(super) fn take(directory: &Path, disk: Disk) -> Result<Lock> {
        let failed = |error| failed(directory, error);
        let listed = Listed::of(directory)?;
        let file = disk.open_lock(&directory.join("lock")).map_err(failed)?;
        match sys::own(&file).map_err(failed)? {
            Owned::Here => Ok(Lock { _file: file, _listed: listed }),
            Owned::By(pid) => Err(taken(directory, &owner(pid))),
        }
    }

    /// Requires that nobody has a directory, in which this process cannot write.
    ///
    /// # Errors
    /// As for [`take`](Lock::take).
    pub(super) fn is_free(directory: &Path) -> Result<()> {
        let failed = |error| failed(directory, error);
        // Closing the file ends the locks of this process.
        let _listed = Listed::of(directory)?;
        let mut options = OpenOptions::new();
        let file = match options.read(true).custom_flags(libc::O_NOFOLLOW).open(directory.join("lock")) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        match sys::owner(&file).map_err(failed)? {
            Some(Owned::By(pid)) => Err(taken(directory, &owner(pid))),
            _ => Ok(()),
        }
    }
}

fn failed(directory: &Path, error: io::Error) -> Error {
    Error::io(format!("lock {}", directory.join("lock").display()), error)
}

/// The owner, as a message names it.
fn owner(pid: Option<u32>) -> String {
    let Some(pid) = pid else { return "a process that this one cannot see".to_owned() };
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let program = program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let program = program.or_else(|| {
        let name: io::Result<String> = fs::read_to_string(format!("/proc/{pid}/comm"));
        name.ok().map(|name| name.trim_end().to_owned())
    });
    match program {
        Some(program) => format!("process {pid} ({program})"),
        None => format!("process {pid}"),
    }
}

fn taken(directory: &Path, owner: &str) -> Error {
    let text = format!(
        "the history in {} belongs to {owner}; end that, or give this one a directory of its own",
        directory.display()
    );
    Error::new(ErrorKind::History, text)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_owner_until_it_is_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let take = || Lock::take(directory.path(), Disk::default());
        Lock::is_free(directory.path()).unwrap();
        let lock = take().unwrap();
        for error in [take().unwrap_err(), Lock::is_free(directory.path()).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::History);
            assert!(error.to_string().contains("another runtime of this process"), "{error}");
        }
        drop(lock);
        Lock::is_free(directory.path()).unwrap();
        take().unwrap();
    }
}
