//! Which files may become part of this process: who may have written them, and what they must be.

#[cfg(feature = "minisign")]
use super::{PublicKey, signature};
use super::{approach, hashes::Hashes, original, owners::Owners};
use crate::{
    error::Result,
    host::{image::content_hash::ContentHash, sys},
};
#[cfg(feature = "minisign")]
use std::sync::Arc;
use std::{
    fs::{File, Metadata},
    path::{Path, PathBuf},
};

/// What must hold of a file before the runtime loads it. A file that fails a check is refused with
/// `Untrusted`, or for its size with `NotALibrary`, before any of its code runs.
///
/// A user who can write to the file, or to a directory that leads to it, can run code as the user of this process. So
/// every check of owners and modes is on by default. OpenSSH's `StrictModes` asks the same of its files; on Debian it
/// makes the same exception for the owner's private group, which grants no other user anything.
///
/// Beyond that, a program can demand that a file's hash is [listed](Trust::hashes), or that the file is
#[cfg_attr(feature = "minisign", doc = "[signed](Trust::signed_by);")]
#[cfg_attr(not(feature = "minisign"), doc = "signed (`Trust::signed_by`, feature `minisign`);")]
/// if it demands both, both must hold. They are held against the runtime's private copy of the file, which is what
/// the loader maps, and they hold for the libraries that come with a component, too.
///
/// ```
/// let mut trust = lcr::Trust::default();
/// trust.check_mode = false; // a build directory that a group of several users writes to
/// ```
///
/// **Limits.** A component that was accepted runs with all rights of the process. The checks know owners, modes and
/// POSIX's access control lists; lists of another kind (NFSv4), capabilities, and who may write to the device below a
/// file system, they do not see. A signature says who made a file, not that it is the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trust {
    /// Whether the file, and with [`check_directory`](Trust::check_directory) every directory that leads to it, must
    /// belong to root or to the user that this process acts as. Default: true.
    pub check_owner: bool,
    /// Whether others must not be able to write to the file, and groups of several users neither to the file nor,
    /// with [`check_directory`](Trust::check_directory), to a directory that leads to it. The owner's *private
    /// group* may: the group that has the number of its one user, and no other member in `/etc/group` and
    /// `/etc/passwd`; but not where an access control list may name others. Systems with such groups set umask 002,
    /// so the group may write to what cargo builds there. Default: true.
    pub check_mode: bool,
    /// Whether others must not be able to replace the file: not everyone may write to a directory that leads to it,
    /// from the root on, or that directory is sticky as `/tmp` is. Where a symbolic link is on the way, the
    /// directories that lead to the link and those that lead to the file both count. Default: true.
    pub check_directory: bool,
    /// The largest file that the runtime reads, and the most that it and the libraries that come with it
    /// may have together, in bytes. Default: 1 GiB.
    pub max_bytes: u64,
    pub(super) hashes: Option<Hashes>,
    #[cfg(feature = "minisign")]
    pub(super) keys: Option<Arc<[PublicKey]>>,
}

impl Default for Trust {
    fn default() -> Trust {
        Trust {
            check_owner: true,
            check_mode: true,
            check_directory: true,
            max_bytes: 1 << 30,
            hashes: None,
            #[cfg(feature = "minisign")]
            keys: None,
        }
    }
}

impl Trust {
    /// Accepts files that any user owns, may write or may replace. The limit stays 1 GiB.
    #[must_use]
    pub fn anyone() -> Trust {
        Trust { check_owner: false, check_mode: false, check_directory: false, ..Trust::default() }
    }

    /// Demands that a file's hash is one of these, or of those that were given before. With none at all, every file
    /// is refused.
    ///
    /// ```
    /// use lcr::{Trust, report::ContentHash};
    ///
    /// let hash: ContentHash = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262".parse()?;
    /// let trust = Trust::default().hashes([hash]);
    /// # Ok::<(), lcr::report::NoContentHash>(())
    /// ```
    #[must_use]
    pub fn hashes(mut self, hashes: impl IntoIterator<Item = ContentHash>) -> Trust {
        self.hashes.get_or_insert_default().listed.extend(hashes);
        self
    }

    /// Demands that a file's hash is in this list, or among those that were given otherwise.
    ///
    /// The list is text, as `b3sum` prints it: on each line 64 hexadecimal digits and, after white space, a name for
    /// people. Empty lines, and lines that begin with `#`, say nothing. It has 8 MiB at most. The runtime reads it
    /// at each load, so it may grow while the program runs; replace it by renaming. It must pass the checks of owners
    /// and modes that a library must pass. While the list cannot be read, every file is refused.
    #[must_use]
    pub fn hashes_in(mut self, list: impl Into<PathBuf>) -> Trust {
        self.hashes.get_or_insert_default().files.push(list.into());
        self
    }

    /// Demands a signature by this key, or by one that was given before, which minisign has written to `FILE.minisig`
    /// beside the file (`minisign -Sm FILE`). A file that is reached by a symbolic link has its signature beside the
    /// link.
    #[cfg(feature = "minisign")]
    #[must_use]
    pub fn signed_by(mut self, key: PublicKey) -> Trust {
        let keys = self.keys.iter().flat_map(|keys| keys.iter().cloned());
        self.keys = Some(keys.chain([key]).collect());
        self
    }

    /// Opens a file, if the checks of owners and modes allow it.
    pub(super) fn open(&self, file: &Path) -> Result<(File, Metadata)> {
        let owners = Owners { check_owner: self.check_owner, check_mode: self.check_mode, user: sys::user() };
        let (opened, metadata) =
            if self.check_directory { approach::open(file, owners)? } else { original::open(file)? };
        owners.check(&opened, &metadata)?;
        Ok((opened, metadata))
    }

    /// Holds the lists and keys against the bytes of the private copy of `file`. Returns the signature, if one is
    /// asked for.
    pub(super) fn accept(&self, file: &Path, bytes: &[u8], hash: &ContentHash) -> Result<Option<Box<[u8]>>> {
        if let Some(hashes) = &self.hashes {
            hashes.check(hash, |list| self.open(list))?;
        }
        #[cfg(feature = "minisign")]
        if let Some(keys) = &self.keys {
            return signature::verify(file, bytes, keys).map(Some);
        }
        let _ = (file, bytes);
        Ok(None)
    }
}
