//! From a file that others may change to a private copy that does not change.
//!
//! [`Store::stage`] opens a file once, looks at its first bytes, so that what is no library is not
//! copied, has the system copy it to the store, and from then on looks only at the copy: that is
//! what it checks and hashes, mapped, and what the loader maps.
//! So overwriting, truncating or replacing the original does no harm, neither between check and
//! use nor while the image runs. The bytes pass through no memory of this process's own, which
//! for a file of some MiB would cost as much as all the rest.
//!
//! Each staged file gets a path that was never used before, `component-hash-serial.so`: the
//! loader answers a path or inode it knows with the image it has. The file of an image stays
//! there until the store is dropped, so that debuggers and profilers find it.
//!
//! A store that stages nothing leaves no trace: its [`directory`] is made for the first file,
//! and made again should it go (a cleaner of temporary files may take it), or should this be
//! the child of a `fork`, whose parent's it is.
//!
//! Invariants:
//! 1. No code of a file runs here, and nothing here blocks on a file's peer (FIFO, device).
//! 2. What was checked is what is staged, to the byte: the copy is written before it is looked
//!    at, and never again; but for names, where a library comes with others ([`beside`]), and then
//!    it is checked once more.
//! 3. The store's directory is this user's alone (mode 0700), its files are read-only (0400).
//! 4. A refusal leaves no file behind.
//! 5. No file is written beyond what this process may write (`RLIMIT_FSIZE`): the kernel answers
//!    that with a signal that ends the process.

mod beside;
mod directory;
#[cfg(test)]
pub(in crate::host) mod samples;
#[cfg(test)]
mod tests;
mod trust;

pub use trust::Trust;

use directory::Directory;

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
    fs::{self, File, OpenOptions},
    io::{self, Read},
    mem,
    os::unix::fs::{FileExt, FileTypeExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// Where private copies go. Dropping or removing it removes them; images that are mapped from
/// them stay mapped.
#[derive(Debug)]
pub(crate) struct Store {
    base: PathBuf,
    trust: Trust,
    /// Where files go now comes last, made for the first file; before it what was taken away, and
    /// those of the processes that this is a child of. Locked for a look only, and across a `fork`.
    directories: Mutex<Vec<Arc<Directory>>>,
    serial: AtomicU64,
}

/// Keeps the store as it is while it is held.
pub(in crate::host) struct StoreLock<'a> {
    _directories: MutexGuard<'a, Vec<Arc<Directory>>>,
}

/// A library that may be loaded: checked, copied, its manifest read. Dropping it removes the copy
/// unless an image was made of it.
#[derive(Debug)]
pub(crate) struct Staged {
    /// Where it came from.
    pub(crate) source: PathBuf,
    /// The file's length in bytes.
    pub(crate) len: u64,
    pub(crate) manifest: Manifest,
    /// Bytes of memory that its image takes.
    pub(in crate::host) mapped: usize,
    /// Why its image can never be unmapped, if it cannot.
    pub(in crate::host) permanent: Option<&'static str>,
    /// The libraries beside it that come with it, by the names by which it needs them.
    pub(crate) beside: Vec<String>,
    /// Bytes of memory that these take.
    pub(in crate::host) mapped_beside: usize,
    pub(in crate::host) takes: Takes,
    /// How many images of its kind fitted into the process when it was staged.
    pub(crate) fits: Fits,
    /// The hash of the file's bytes.
    pub(crate) hash: ContentHash,
    copy: Arc<PrivateCopy>,
}

/// A file in the store.
#[derive(Debug)]
pub(in crate::host) struct PrivateCopy {
    path: PathBuf,
    kept: AtomicBool,
    /// What is loaded with it.
    beside: Vec<PrivateCopy>,
    /// The process whose file it is; a child of `fork` has a copy of this value.
    process: u32,
}

impl Store {
    /// A new store in `base`, by default the system's directory for temporary files. The file
    /// system must allow mapping code (no `noexec`).
    ///
    /// # Errors
    /// [`ErrorKind::Io`] if that is not there. Whether it can be written to shows when the
    /// first file is staged.
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

    /// This process's directory, made if it is not there.
    fn directory(&self) -> Result<Arc<Directory>> {
        let seen = self.held().last().cloned();
        if let Some(found) = seen.as_ref().filter(|found| found.is_own() && found.path().is_dir()) {
            return Ok(Arc::clone(found));
        }
        let made = Arc::new(Directory::make(&self.base).map_err(|error| unmade(&self.base, error))?);
        let mut held = self.held();
        match held.last() {
            // Another thread was faster, and what was made here goes.
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

    /// The private copy of a file that may be a library, and its number.
    fn copy(&self, file: &Path) -> Result<(PrivateCopy, u64)> {
        let (opened, metadata) = open(file)?;
        self.trust.check(file, &metadata, sys::user())?;
        fits(metadata.len(), self.trust.limit)?;
        look(&opened, metadata.len())?;
        may_write(metadata.len())?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let copy = PrivateCopy::make(self.directory()?.path().join(serial.to_string()), opened, self.trust.limit)?;
        Ok((copy, serial))
    }

    fn stage_unnamed(&self, file: &Path) -> Result<Staged> {
        let (mut copy, serial) = self.copy(file)?;
        let bytes = copy.map()?;
        let elf = elf::read(&bytes, sys::page_size())?;
        let manifest = manifest(&elf)?;
        let hash = ContentHash::of(&bytes);
        copy.rename(&format!("{}-{}-{serial}.so", manifest.component.name, hash.short()))?;
        let (len, permanent) = (bytes.len() as u64, elf.permanent);
        let mapped = usize::try_from(elf.mapped).unwrap_or(usize::MAX);
        let found = beside::gather(self, file, &elf)?;
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

    /// Removes the directory.
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
}

impl PrivateCopy {
    /// Copies all bytes up to the end as it is found, whatever length the file had when it was
    /// opened.
    fn make(path: PathBuf, file: File, limit: u64) -> Result<PrivateCopy> {
        let failed = |error| Error::io(format!("copy the file to {}", show(&path)), error);
        let mut options = OpenOptions::new();
        let mut to = options.write(true).create_new(true).mode(0o400).open(&path).map_err(failed)?;
        // Up to the process's own limit, at which the kernel says nothing yet.
        let mut file = file.take(limit.saturating_add(1).min(sys::file_size_limit()));
        let copied = io::copy(&mut file, &mut to).map_err(failed);
        let copy = PrivateCopy { path, kept: AtomicBool::new(false), beside: Vec::new(), process: std::process::id() };
        match copied? {
            0 => Err(empty()),
            len => {
                fits(len, limit)?;
                let has_more =
                    file.into_inner().read(&mut [0]).map_err(|error| Error::io("the file cannot be read", error))? > 0;
                may_write(len.saturating_add(has_more.into()))?;
                Ok(copy)
            }
        }
    }

    fn map(&self) -> Result<sys::Mapping> {
        let map = || sys::Mapping::new(&File::open(&self.path)?);
        map().map_err(|error| Error::io(format!("map {}", show(&self.path)), error))
    }

    /// Gives it another name, which is not taken.
    fn rename(&mut self, name: &str) -> Result<()> {
        let path = self.path.with_file_name(name);
        fs::rename(&self.path, &path).map_err(|error| Error::io(format!("rename {}", show(&self.path)), error))?;
        self.path = path;
        Ok(())
    }

    pub(in crate::host) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file stays until the store is dropped, from now on.
    pub(in crate::host) fn keep(&self, keep: bool) {
        self.kept.store(keep, Ordering::Relaxed);
        self.beside.iter().for_each(|beside| beside.keep(keep));
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if !*self.kept.get_mut() && self.process == std::process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Manifest {
    /// Reads the manifest of a library file. None of the file's code runs.
    ///
    /// The file may belong to anyone; loading it may still be refused for that.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] and [`ErrorKind::NotFound`] from opening it; [`ErrorKind::NotALibrary`],
    /// [`ErrorKind::NoManifest`], [`ErrorKind::BadManifest`] and, for a library of another
    /// version of `lcr`'s binary contract, [`ErrorKind::Mismatch`].
    pub fn read(path: impl AsRef<Path>) -> Result<Manifest> {
        let file = path.as_ref();
        let examine = || {
            let (opened, metadata) = open(file)?;
            look(&opened, metadata.len())?;
            let bytes = read(opened, metadata.len(), Trust::default().limit)?;
            manifest(&elf::read(&bytes, sys::page_size())?)
        };
        examine().map_err(|error| error.at(show(file)))
    }
}

/// Whether a file of these bytes is one that the loader may have, whatever its manifest.
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

/// Opens a regular file. Others are refused before they are opened, since that alone may block
/// (FIFO) or act (a watchdog device); and once more after, should they have changed places.
fn open(file: &Path) -> Result<(File, fs::Metadata)> {
    regular(&fs::metadata(file).map_err(unopened)?)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(file).map_err(unopened)?;
    let metadata = opened.metadata().map_err(unopened)?;
    regular(&metadata)?;
    Ok((opened, metadata))
}

fn unopened(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound => Error::new(ErrorKind::NotFound, "no such file").with_source(error),
        _ => Error::io("the file cannot be opened", error),
    }
}

fn regular(metadata: &fs::Metadata) -> Result<()> {
    let kind = metadata.file_type();
    let found = match () {
        () if kind.is_file() => return Ok(()),
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_char_device() || kind.is_block_device() => "a device",
        () => "no regular file",
    };
    Err(Error::new(ErrorKind::NotALibrary, format!("{found}, not a shared library; give the path of one")))
}

/// All bytes up to the end as it is found, whatever length the file had when it was opened.
fn read(file: File, expected: u64, limit: u64) -> Result<Vec<u8>> {
    fits(expected, limit)?;
    let failed = |error| Error::io("the file cannot be read", error);
    let mut bytes = Vec::new();
    let capacity = usize::try_from(expected).unwrap_or(usize::MAX).saturating_add(1);
    bytes.try_reserve_exact(capacity).map_err(|error| failed(error.into()))?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 {
        0 => Err(empty()),
        len => fits(len, limit).map(|()| bytes),
    }
}

fn fits(len: u64, limit: u64) -> Result<()> {
    if len <= limit {
        return Ok(());
    }
    let text = format!("a file of {len} bytes, the limit is {limit}; raise Trust::limit");
    Err(Error::new(ErrorKind::NotALibrary, text))
}

/// Refuses a file of `len` bytes that this process may not write.
fn may_write(len: u64) -> Result<()> {
    let limit = sys::file_size_limit();
    if len <= limit {
        return Ok(());
    }
    let text = format!(
        "a file of {len} bytes, and this process may write none of more than {limit} (RLIMIT_FSIZE); \
         raise that limit (ulimit -f, LimitFSIZE=)"
    );
    Err(Error::new(ErrorKind::Io, text))
}

/// Looks at the first bytes, which stay unread. A file that says that it is empty may be one of
/// `/proc`, and is looked at when it has been read.
fn look(file: &File, len: u64) -> Result<()> {
    if len == 0 {
        return Ok(());
    }
    let mut first = [0; elf::FIRST];
    let mut seen = 0;
    while seen < first.len() {
        match file.read_at(&mut first[seen..], seen as u64) {
            Ok(0) => break,
            Ok(more) => seen += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("the file cannot be read", error)),
        }
    }
    elf::look(&first[..seen], len)
}

fn empty() -> Error {
    Error::new(ErrorKind::NotALibrary, "an empty file; copy or build it again")
}

/// A path for a message of one line.
pub(crate) fn show(path: &Path) -> String {
    path.to_string_lossy().replace(char::is_control, "?")
}
