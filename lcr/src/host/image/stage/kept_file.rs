//! The file of a component, kept so that the component can be loaded again.
//!
//! Two keep files. A component whose image may be unmapped loses its private copy with the image. The kept file is a
//! second name of that copy, which takes no room as long as the image is mapped. And a history has files of its own,
//! for the processes after this one. To load a kept file again it is copied: for an inode that the loader knows, the
//! loader returns the image that it has.
//!
//! What is in the store was accepted by this process, and nobody else can write to it. A history's directory is
//! older than this process: what comes from there meets every check that a file from anywhere meets, under the rules
//! that are in force now.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::image::content_hash::ContentHash,
};

use super::{Neighbour, PrivateCopy, Staged, Store, original::show};

/// A file that can be staged again. Dropping it removes the file, if it is in the store.
#[derive(Debug)]
pub(crate) struct KeptFile {
    /// The path of the original, or of the file that a history has.
    source: PathBuf,
    hash: ContentHash,
    place: Place,
    /// The signature that was verified over the file, if it is in the store.
    pub(super) signature: Option<Box<[u8]>>,
}

#[derive(Debug)]
enum Place {
    /// The file in the store.
    Store(PrivateCopy),
    /// The component comes with libraries beside it. The names of those are written into its copy, so that only the
    /// original can be staged again.
    Original,
    /// A history has the file, and the libraries that came with it.
    History(Vec<Neighbour>),
}

impl KeptFile {
    /// A file that a history has, whose name is not the component's own, with the libraries that came with it.
    #[cfg_attr(not(feature = "history"), allow(dead_code, reason = "a history keeps files"))]
    pub(crate) fn of_history(file: PathBuf, hash: ContentHash, beside: Vec<Neighbour>) -> KeptFile {
        KeptFile { source: file, hash, place: Place::History(beside), signature: None }
    }

    /// The path of the original, or of the file that a history has.
    pub(crate) fn source(&self) -> &Path {
        &self.source
    }

    pub(super) fn is_in_store(&self) -> bool {
        matches!(self.place, Place::Store(_))
    }

    /// The libraries that come with it, if they are not beside it.
    pub(super) fn listed(&self) -> Option<&[Neighbour]> {
        match &self.place {
            Place::History(beside) => Some(beside),
            Place::Store(_) | Place::Original => None,
        }
    }
}

impl Staged {
    /// Keeps the file under a second name.
    ///
    /// # Errors
    /// `Io` if the file system refuses it.
    pub(in crate::host) fn keep(&self) -> Result<KeptFile> {
        let name = self.copy.path.file_name().unwrap_or_default().to_string_lossy();
        let place = match &self.beside[..] {
            [] => Place::Store(self.copy.link(&format!("kept-{name}"))?),
            _ => Place::Original,
        };
        Ok(KeptFile { source: self.source.clone(), hash: self.hash, place, signature: self.copy.signature.clone() })
    }
}

impl Store {
    /// Stages a kept file. That its bytes are still the same is checked.
    ///
    /// # Errors
    /// As for [`Store::stage`]; if the bytes are not the same any more `NotFound`, and `History` for a history's.
    pub(crate) fn stage_again(&self, kept: &KeptFile) -> Result<Staged> {
        let copied = match &kept.place {
            Place::Store(copy) => self.copy_kept(copy),
            Place::Original | Place::History(_) => self.copy(&kept.source),
        };
        let staged = copied.and_then(|(copy, serial)| self.staged(copy, serial, &kept.source, Some(kept)));
        let staged = staged.map_err(|error| error.at(show(&kept.source)))?;
        if staged.hash == kept.hash {
            return Ok(staged);
        }
        let error = match kept.place {
            Place::History(_) => {
                let text = format!("it is damaged: its content has the hash {}, not {}", staged.hash, kept.hash);
                Error::new(ErrorKind::History, text)
            }
            _ => {
                let text = format!(
                    "the file that was loaded before had the hash {}, and is not there any more; the one that is there \
                     has {}",
                    kept.hash.short(),
                    staged.hash.short()
                );
                Error::new(ErrorKind::NotFound, text)
            }
        };
        Err(error.at(show(&kept.source)))
    }

    fn copy_kept(&self, kept: &PrivateCopy) -> Result<(PrivateCopy, u64)> {
        let opened =
            File::open(kept.path()).map_err(|error| Error::io(format!("open {}", show(kept.path())), error))?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let copy = PrivateCopy::make(self.directory()?.path().join(serial.to_string()), opened, self.trust.max_bytes)?;
        Ok((copy, serial))
    }
}
