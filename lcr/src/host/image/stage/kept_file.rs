//! The file of a component whose image may be unmapped, kept so that the component can be loaded again.
//!
//! The private copy of such a file goes with the image. The kept file is a second name of that copy, which takes no
//! room as long as the image is mapped. To load it again it is copied: for an inode that the loader knows, the loader
//! returns the image that it has.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::image::content_hash::ContentHash,
};

use super::{PrivateCopy, Staged, Store, original::show};

/// A file that can be staged again. Dropping it removes the file, if it is in the store.
#[derive(Debug)]
pub(crate) struct KeptFile {
    /// The path of the original.
    source: PathBuf,
    hash: ContentHash,
    /// The file in the store; `None` if the component comes with libraries beside it. The names of those are written
    /// into its copy, so that only the original can be staged again.
    copy: Option<PrivateCopy>,
    /// The signature that was verified over the file.
    pub(super) signature: Option<Box<[u8]>>,
}

impl KeptFile {
    /// The path of the original.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }
}

impl Staged {
    /// Keeps the file under a second name.
    ///
    /// # Errors
    /// `Io` if the file system refuses it.
    pub(in crate::host) fn keep(&self) -> Result<KeptFile> {
        let name = self.copy.path.file_name().unwrap_or_default().to_string_lossy();
        let copy = self.beside.is_empty().then(|| self.copy.link(&format!("kept-{name}"))).transpose()?;
        Ok(KeptFile { source: self.source.clone(), hash: self.hash, copy, signature: self.copy.signature.clone() })
    }
}

impl Store {
    /// Stages a kept file. It was checked when it was first staged, and only this user can change it; that its bytes
    /// are still the same is checked.
    ///
    /// # Errors
    /// As for [`Store::stage`], and `NotFound` if the bytes are not the same any more.
    pub(crate) fn stage_again(&self, kept: &KeptFile) -> Result<Staged> {
        let staged = match &kept.copy {
            None => self.stage_unnamed(&kept.source),
            Some(copy) => {
                self.copy_kept(copy).and_then(|(copy, serial)| self.staged(copy, serial, &kept.source, Some(kept)))
            }
        };
        let staged = staged.map_err(|error| error.at(show(&kept.source)))?;
        if staged.hash == kept.hash {
            return Ok(staged);
        }
        let text = format!(
            "the file that was loaded before had the hash {}, and is not there any more; the one that is there has {}",
            kept.hash.short(),
            staged.hash.short()
        );
        Err(Error::new(ErrorKind::NotFound, text).at(show(&kept.source)))
    }

    fn copy_kept(&self, kept: &PrivateCopy) -> Result<(PrivateCopy, u64)> {
        let opened =
            File::open(kept.path()).map_err(|error| Error::io(format!("open {}", show(kept.path())), error))?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let copy = PrivateCopy::make(self.directory()?.path().join(serial.to_string()), opened, self.trust.max_bytes)?;
        Ok((copy, serial))
    }
}
