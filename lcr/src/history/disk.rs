//! Every call by which a history changes files. There is no other way to the disk, so that a test can end the process
//! ahead of each of them.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

/// What a test is told ahead of each call that changes a file.
pub(super) type Fault = fn(&'static str) -> io::Result<()>;

/// The way to the disk.
#[derive(Clone, Copy, Default)]
pub(super) struct Disk {
    fault: Option<Fault>,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disk")
    }
}

impl Disk {
    pub(super) fn with_faults(fault: Fault) -> Disk {
        Disk { fault: Some(fault) }
    }

    fn ahead_of(self, what: &'static str) -> io::Result<()> {
        self.fault.map_or(Ok(()), |fault| fault(what))
    }

    /// Makes a directory, with those above it, for this user alone.
    pub(super) fn make_directory(self, directory: &Path) -> io::Result<()> {
        if directory.is_dir() {
            return Ok(());
        }
        self.ahead_of("make a directory")?;
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        match directory.parent() {
            Some(above) if !above.as_os_str().is_empty() => self.sync_directory(above),
            _ => Ok(()),
        }
    }

    /// Opens a file for appending, which is made if there is none.
    pub(super) fn open(self, file: &Path) -> io::Result<File> {
        self.ahead_of("open")?;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(file)
    }

    /// Opens the file that a lock is on, which is made if there is none.
    pub(super) fn open_lock(self, file: &Path) -> io::Result<File> {
        self.ahead_of("open the lock")?;
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        options.custom_flags(libc::O_NOFOLLOW).open(file)
    }

    /// Makes a file that did not exist.
    pub(super) fn make(self, file: &Path) -> io::Result<File> {
        self.ahead_of("make")?;
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)
    }

    pub(super) fn write(self, mut file: &File, bytes: &[u8]) -> io::Result<()> {
        self.ahead_of("write")?;
        file.write_all(bytes)
    }

    pub(super) fn cut(self, file: &File, len: u64) -> io::Result<()> {
        self.ahead_of("cut")?;
        file.set_len(len)
    }

    pub(super) fn sync(self, file: &File) -> io::Result<()> {
        self.ahead_of("sync")?;
        file.sync_all()
    }

    pub(super) fn make_read_only(self, file: &File) -> io::Result<()> {
        self.ahead_of("make read-only")?;
        file.set_permissions(Permissions::from_mode(0o400))
    }

    pub(super) fn rename(self, from: &Path, to: &Path) -> io::Result<()> {
        self.ahead_of("rename")?;
        fs::rename(from, to)
    }

    pub(super) fn remove(self, file: &Path) -> io::Result<()> {
        self.ahead_of("remove")?;
        fs::remove_file(file)
    }

    /// Syncs the names in a directory.
    pub(super) fn sync_directory(self, directory: &Path) -> io::Result<()> {
        self.ahead_of("sync a directory")?;
        File::open(directory)?.sync_all()
    }

    /// Puts a file of these bytes in the place of `file`: other processes, and this one after a crash, find either
    /// all of the old file or all of the new one. `temporary` is a name in the same directory, which nothing else uses.
    pub(super) fn put(self, file: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
        if temporary.exists() {
            self.remove(temporary)?;
        }
        let written = self.make(temporary).and_then(|made| {
            self.write(&made, bytes)?;
            self.make_read_only(&made)?;
            self.sync(&made)?;
            self.rename(temporary, file)
        });
        if let Err(error) = written {
            let _ = fs::remove_file(temporary);
            return Err(error);
        }
        match file.parent() {
            Some(directory) => self.sync_directory(directory),
            None => Ok(()),
        }
    }
}
