//! Who may have written a file that is about to become part of this process.

use super::show;
use crate::error::{Error, ErrorKind, Result};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What must hold of a file before it is loaded.
///
/// Strict by default: whoever can write to the file can run code as this user. OpenSSH's
/// `StrictModes` asks the same of its files.
///
/// ```
/// let mut trust = lcr::Trust::default();
/// trust.mode = false; // a shared build directory with umask 002
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trust {
    /// The file belongs to root or to the user that this process acts as.
    pub owner: bool,
    /// Neither the file's group nor others may write to it.
    pub mode: bool,
    /// Others may not replace it: its directory is not writable by everyone, or is sticky as
    /// `/tmp` is. For a symbolic link, both directories count.
    pub directory: bool,
    /// The largest file that is read, in bytes; by default 1 GiB.
    pub limit: u64,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust { owner: true, mode: true, directory: true, limit: 1 << 30 }
    }
}

impl Trust {
    /// Accepts anybody's file.
    pub fn anyone() -> Trust {
        Trust { owner: false, mode: false, directory: false, ..Trust::default() }
    }

    /// Checks an open file; `metadata` is of its descriptor, `user` the one we act as.
    pub(super) fn check(&self, file: &Path, metadata: &Metadata, user: u32) -> Result<()> {
        if self.owner && !matches!(metadata.uid(), owner if owner == user || owner == 0) {
            let owner = metadata.uid();
            return Err(untrusted(format!("it belongs to user {owner}, not to root or user {user}; chown it")));
        }
        if self.mode && metadata.mode() & 0o022 != 0 {
            let mode = metadata.mode() & 0o7777;
            return Err(untrusted(format!("others may write to it (mode {mode:o}); chmod go-w it")));
        }
        if self.directory {
            for directory in directories(file) {
                check_directory(&directory)?;
            }
        }
        Ok(())
    }
}

fn untrusted(text: String) -> Error {
    Error::new(ErrorKind::Untrusted, text)
}

/// Where the path's last name is, and where it leads to.
fn directories(file: &Path) -> Vec<PathBuf> {
    let parent = |path: &Path| match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Some(PathBuf::from(".")),
        parent => parent.map(Path::to_owned),
    };
    let real = fs::canonicalize(file).ok();
    let mut directories: Vec<_> = parent(file).into_iter().chain(real.as_deref().and_then(parent)).collect();
    directories.dedup();
    directories
}

fn check_directory(directory: &Path) -> Result<()> {
    let metadata = fs::metadata(directory)
        .map_err(|error| Error::io(format!("its directory {} cannot be examined", show(directory)), error))?;
    let (mode, sticky) = (metadata.mode() & 0o7777, 0o1000);
    if mode & 0o002 != 0 && mode & sticky == 0 {
        let directory = show(directory);
        let text = format!("everyone may replace it in {directory} (mode {mode:o}); chmod o-w that directory");
        return Err(untrusted(text));
    }
    Ok(())
}
