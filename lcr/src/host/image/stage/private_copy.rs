//! A private copy: one file in the store, which no other user can write to.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read},
    os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    error::{Error, Result},
    host::{image::elf, sys},
};

use super::original::{empty, fits, may_write, show};

/// A file in the store. Dropping it removes the file, unless the file is kept.
#[derive(Debug)]
pub(in crate::host) struct PrivateCopy {
    pub(super) path: PathBuf,
    /// Whether the file stays when this value is dropped.
    kept: AtomicBool,
    /// The signature that was verified over the copied bytes.
    pub(super) signature: Option<Box<[u8]>>,
    /// The copies of the libraries that are loaded with it.
    pub(super) beside: Vec<PrivateCopy>,
    /// The process that made the file; a child of `fork` has a copy of this value.
    process: u32,
}

impl PrivateCopy {
    fn new(path: PathBuf, process: u32) -> PrivateCopy {
        PrivateCopy { path, kept: AtomicBool::new(false), signature: None, beside: Vec::new(), process }
    }

    /// Copies all bytes up to the end that it finds, whatever length the file had when it was opened.
    pub(super) fn make(path: PathBuf, file: File, limit: u64) -> Result<PrivateCopy> {
        let failed = |error| Error::io(format!("copy the file to {}", show(&path)), error);
        let mut options = OpenOptions::new();
        let mut to = options.write(true).create_new(true).mode(0o400).open(&path).map_err(failed)?;
        // Up to the process's own limit; the kernel signals only a write beyond it.
        let mut file = file.take(limit.saturating_add(1).min(sys::file_size_limit()));
        let copied = io::copy(&mut file, &mut to).map_err(failed);
        let copy = PrivateCopy::new(path, std::process::id());
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

    /// Maps the whole file.
    pub(super) fn map(&self) -> Result<sys::Mapping> {
        let map = || sys::Mapping::new(&File::open(&self.path)?);
        map().map_err(|error| Error::io(format!("map {}", show(&self.path)), error))
    }

    /// Renames the file, to a name that no file has.
    pub(super) fn rename(&mut self, name: &str) -> Result<()> {
        let path = self.path.with_file_name(name);
        fs::rename(&self.path, &path).map_err(|error| Error::io(format!("rename {}", show(&self.path)), error))?;
        self.path = path;
        Ok(())
    }

    pub(in crate::host) fn path(&self) -> &Path {
        &self.path
    }

    /// Sets whether the file, and the copies that are loaded with it, stay when this value is dropped.
    pub(in crate::host) fn keep(&self, keep: bool) {
        self.kept.store(keep, Ordering::Relaxed);
        self.beside.iter().for_each(|beside| beside.keep(keep));
    }

    /// Links the same file under another name, which no file has.
    pub(super) fn link(&self, name: &str) -> Result<PrivateCopy> {
        let path = self.path.with_file_name(name);
        fs::hard_link(&self.path, &path).map_err(|error| Error::io(format!("link {}", show(&path)), error))?;
        let mut linked = PrivateCopy::new(path, self.process);
        linked.signature = self.signature.clone();
        Ok(linked)
    }

    /// Writes patches into the file.
    pub(super) fn write(&self, patches: &[elf::Patch]) -> io::Result<()> {
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o600))?;
        let file = OpenOptions::new().write(true).open(&self.path)?;
        for (at, bytes) in patches {
            file.write_all_at(bytes, *at)?;
        }
        fs::set_permissions(&self.path, fs::Permissions::from_mode(0o400))
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if !*self.kept.get_mut() && self.process == std::process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}
