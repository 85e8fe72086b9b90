//! From a file that others may change to a private copy that does not change.
//!
//! [`Store::stage`] opens a file once, by directories that are checked on the way ([`approach`]), and looks at its
//! first bytes, so that it copies only what may be a library ([`original`]). Then it has the system copy the file to
//! the store ([`private_copy`]), and from then on uses only the copy: it maps it, checks and hashes the mapped bytes,
//! and the loader maps the same copy. The list of [`hashes`] and the `signature` that a [`Trust`] may demand are held
//! against those mapped bytes, before anything is read from them. So overwriting, truncating or replacing the original
//! does no harm, neither between check and use nor while the image runs. The bytes do not pass through this process's
//! own memory, which for a file of some MiB would cost as much as all the rest.
//!
//! Each staged file gets a path that was never used before, `component-hash-serial.so`: for a path or inode
//! that the loader knows, it returns the image that it has. The file of an image stays there until the store
//! is dropped, so that debuggers and profilers find it.
//!
//! A store that stages nothing leaves no trace. It makes its [`directory`] for the first file, and makes it
//! again if a cleaner of temporary files has removed it, or in the child of a `fork`, since the directory
//! is the parent's.
//!
//! Invariants:
//! 1. No code of a file runs here, and nothing here blocks on a file's peer (FIFO, device).
//! 2. What is staged is what was checked, to the byte: the copy is written before it is looked at, and never
//!    again. Only if a library comes with others ([`beside`]) are names in it written afterwards, and then
//!    it is checked once more.
//! 3. The store's directory is this user's alone (mode 0700), its files are read-only (0400).
//! 4. A refusal leaves no file behind.
//! 5. No file is written beyond what this process may write (`RLIMIT_FSIZE`): the kernel answers
//!    that with a signal that ends the process.

mod approach;
mod beside;
mod directory;
mod hashes;
mod kept_file;
mod neighbour;
mod original;
mod owners;
mod private_copy;
#[cfg(test)]
pub(in crate::host) mod samples;
#[cfg(feature = "minisign")]
mod signature;
#[cfg(test)]
mod tests;
mod trust;

pub(crate) use kept_file::KeptFile;
pub(crate) use neighbour::{Neighbour, whole};
pub(crate) use original::show;
pub(in crate::host) use private_copy::PrivateCopy;
#[cfg(feature = "minisign")]
pub use signature::PublicKey;
pub use trust::Trust;

use directory::Directory;
use original::{fits, look, may_write, open, read};

use super::{
    content_hash::ContentHash,
    elf::{self, Takes},
    manifest::Manifest,
    room::{self, Fits},
};
use crate::{
    abi::{manifest::SECTION, tables::ENTRY},
    error::{Error, ErrorKind, Result},
    host::sys,
};
use std::{
    fs, io, mem,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The place of private copies. Dropping the store removes them; images that are mapped from them stay
/// mapped.
#[derive(Debug)]
pub(crate) struct Store {
    base: PathBuf,
    trust: Trust,
    /// The directories that this store has made; new files go to the last one. The others were removed by a
    /// cleaner, or belong to the processes that this process was forked from. The lock is held for a look
    /// only, never while a directory is made, and across a `fork`.
    directories: Mutex<Vec<Arc<Directory>>>,
    serial: AtomicU64,
}

/// While this value lives, no other thread changes the store: for the time of a `fork`.
pub(in crate::host) struct StoreLock<'a> {
    _directories: MutexGuard<'a, Vec<Arc<Directory>>>,
}

/// A library that may be loaded: checked and copied, with its manifest read. Dropping the value removes the
/// copy, unless an image was made of it.
#[derive(Debug)]
pub(crate) struct Staged {
    /// The path of the original.
    pub(crate) source: PathBuf,
    /// The file's length in bytes.
    pub(crate) len: u64,
    pub(crate) manifest: Manifest,
    /// Bytes of memory that its image takes.
    pub(in crate::host) mapped: usize,
    /// Why its image can never be unmapped; `None` if it can.
    pub(in crate::host) permanent: Option<&'static str>,
    /// The libraries beside it that come with it.
    pub(crate) beside: Vec<Neighbour>,
    /// Bytes of memory that the images of those libraries take.
    pub(in crate::host) mapped_beside: usize,
    pub(in crate::host) takes: Takes,
    /// How many images of its kind fitted into the process when it was staged.
    pub(crate) fits: Fits,
    /// The hash of the file's bytes.
    pub(crate) hash: ContentHash,
    copy: Arc<PrivateCopy>,
}

impl Staged {
    /// The hash of the file together with the libraries that come with it.
    pub(crate) fn whole(&self) -> ContentHash {
        whole(self.hash, self.beside.iter().map(Neighbour::part))
    }
}

impl Store {
    /// Makes a store in `base`. Default: the system's directory for temporary files. The file system must
    /// allow mapping code (no `noexec`).
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if the directory does not exist. Whether this process can write to it shows when
    /// the first file is staged.
    pub(crate) fn new(base: Option<&Path>, trust: Trust) -> Result<Store> {
        let base = base.map_or_else(temporary, Path::to_owned);
        // Absolute, as the process may change its directory before it opens a copy.
        let absolute = match fs::canonicalize(&base) {
            Ok(absolute) if absolute.is_dir() => Ok(absolute),
            Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
            Err(error) => Err(error),
        };
        let base = absolute.map_err(|error| unmade(&base, error))?;
        Ok(Store { base, trust, directories: Mutex::default(), serial: AtomicU64::new(1) })
    }

    fn held(&self) -> MutexGuard<'_, Vec<Arc<Directory>>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps other threads from the store, so that a child of `fork` finds it whole.
    pub(in crate::host) fn lock(&self) -> StoreLock<'_> {
        StoreLock { _directories: self.held() }
    }

    /// This process's directory; made if there is none.
    fn directory(&self) -> Result<Arc<Directory>> {
        let seen = self.held().last().cloned();
        if let Some(found) = seen.as_ref().filter(|found| found.is_own() && found.path().is_dir()) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Directory::make(&self.base).map_err(|error| unmade(&self.base, error))?);
        let mut held = self.held();
        match held.last() {
            // Another thread was faster: the directory that was made here is dropped.
            Some(faster) if seen.is_none_or(|seen| !Arc::ptr_eq(faster, &seen)) => Ok(Arc::clone(faster)),
            _ => {
                held.push(Arc::clone(&made));
                Ok(made)
            }
        }
    }

    /// Checks the file and copies it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Io`], [`ErrorKind::Untrusted`] and those of
    /// [`Manifest::read`]; each names the file.
    pub(crate) fn stage(&self, file: &Path) -> Result<Staged> {
        self.stage_unnamed(file).map_err(|error| error.at(show(file)))
    }

    /// Makes the private copy of a file that may be a library. Returns the copy and its number.
    fn copy(&self, file: &Path) -> Result<(PrivateCopy, u64)> {
        let (opened, metadata) = self.trust.open(file)?;
        fits(metadata.len(), self.trust.max_bytes)?;
        look(&opened, metadata.len())?;
        may_write(metadata.len())?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let copy = PrivateCopy::make(self.directory()?.path().join(serial.to_string()), opened, self.trust.max_bytes)?;
        Ok((copy, serial))
    }

    fn stage_unnamed(&self, file: &Path) -> Result<Staged> {
        let (copy, serial) = self.copy(file)?;
        self.staged(copy, serial, file, None)
    }

    /// Checks a private copy of `file`, and reads its manifest. A file that is kept in the store was accepted before.
    fn staged(&self, mut copy: PrivateCopy, serial: u64, file: &Path, kept: Option<&KeptFile>) -> Result<Staged> {
        let bytes = copy.map()?;
        let hash = ContentHash::of(&bytes);
        copy.signature = match kept.filter(|kept| kept.is_in_store()) {
            Some(kept) => kept.signature.clone(),
            None => self.trust.accept(file, &bytes, &hash)?,
        };
        let elf = elf::read(&bytes, sys::page_size())?;
        let manifest = manifest(&elf)?;
        copy.rename(&format!("{}-{}-{serial}.so", manifest.component.name, hash.short()))?;
        let (len, permanent) = (bytes.len() as u64, elf.permanent);
        let mapped = usize::try_from(elf.mapped).unwrap_or(usize::MAX);
        let found = beside::gather(self, file, &elf, kept.and_then(KeptFile::listed))?;
        let takes = Takes { mappings: elf.takes.mappings + found.mappings, ..elf.takes };
        let fits = room::measure(&takes)?;
        drop(elf);
        drop(bytes);
        let (beside, mapped_beside) = found.join(&mut copy)?;
        Ok(Staged {
            source: file.to_owned(),
            len,
            mapped,
            permanent,
            beside,
            mapped_beside,
            takes,
            fits,
            manifest,
            hash,
            copy: Arc::new(copy),
        })
    }

    /// Removes the directories of this process.
    pub(in crate::host) fn remove(&self) {
        let directories = mem::take(&mut *self.held());
        directories.iter().for_each(|directory| directory.remove());
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.remove();
    }
}

/// The system's directory for temporary files. An empty `TMPDIR` counts as none, as in a shell.
fn temporary() -> PathBuf {
    let named = std::env::temp_dir();
    if named.as_os_str().is_empty() { PathBuf::from("/tmp") } else { named }
}

fn unmade(base: &Path, error: io::Error) -> Error {
    Error::io(format!("create a private directory in {}", show(base)), error)
}

impl Staged {
    pub(in crate::host) fn copy(&self) -> Arc<PrivateCopy> {
        Arc::clone(&self.copy)
    }

    /// The private copy. It has other names written into it than the file if libraries come with it.
    pub(crate) fn copy_path(&self) -> &Path {
        self.copy.path()
    }

    /// The bytes of the signature that was verified over the file; `None` if none was asked for.
    pub(crate) fn signature(&self) -> Option<&[u8]> {
        self.copy.signature.as_deref()
    }
}

impl Manifest {
    /// Reads the manifest of a library file. None of the file's code runs.
    ///
    /// Any user may own the file or write to it; [`Trust`] may still refuse to load it. Blocks while the file
    /// system reads the file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] and [`ErrorKind::NotFound`] from opening it; [`ErrorKind::NotALibrary`],
    /// [`ErrorKind::NoManifest`], [`ErrorKind::BadManifest`] and, for a library of another
    /// version of `lcr`'s binary contract, [`ErrorKind::Mismatch`].
    pub fn read(path: impl AsRef<Path>) -> Result<Manifest> {
        Manifest::read_hashed(path).map(|(manifest, _)| manifest)
    }

    /// Reads the manifest of a library file as [`read`](Manifest::read) does, with the hash of the bytes that it was
    /// read from.
    ///
    /// # Errors
    /// As for [`read`](Manifest::read).
    pub fn read_hashed(path: impl AsRef<Path>) -> Result<(Manifest, ContentHash)> {
        let file = path.as_ref();
        let examine = || {
            let bytes = read_library(file)?;
            Ok((manifest(&elf::read(&bytes, sys::page_size())?)?, ContentHash::of(&bytes)))
        };
        examine().map_err(|error: Error| error.at(show(file)))
    }

    /// The manifest that a checked file holds.
    pub(in crate::host) fn of(elf: &elf::Elf<'_>) -> Result<Manifest> {
        manifest(elf)
    }
}

/// Reads a file that may be a library, whoever owns it.
pub(in crate::host) fn read_library(file: &Path) -> Result<Vec<u8>> {
    let (opened, metadata) = open(file)?;
    look(&opened, metadata.len())?;
    read(opened, metadata.len(), Trust::default().max_bytes)
}

/// Whether the loader may have a file of these bytes, whatever its manifest says.
#[cfg(feature = "fuzzing")]
pub(crate) fn read_elf(bytes: &[u8]) -> bool {
    let _ = elf::look(&bytes[..bytes.len().min(elf::FIRST)], bytes.len() as u64);
    let elf = elf::read(bytes, sys::page_size());
    elf.map(|elf| drop((manifest(&elf), elf.rename(|name| Some(name.to_vec()), None, None)))).is_ok()
}

fn manifest(elf: &elf::Elf<'_>) -> Result<Manifest> {
    // A linker merges sections of one name, unless their flags differ.
    let manifest = Manifest::decode(&elf.sections(SECTION).collect::<Vec<_>>().concat())?;
    if !elf.exports(ENTRY) {
        let text = format!("it does not export {ENTRY}; link it without a version script that hides it");
        return Err(Error::new(ErrorKind::BadManifest, text));
    }
    Ok(manifest)
}
