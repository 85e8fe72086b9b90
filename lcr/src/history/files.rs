//! The files of components, by their content.
//!
//! `files/HASH.so` is a library, `files/HASH.so.minisig` the signature that it came with. A file is written under
//! another name, synced and renamed, so under its own name it is whole or absent; it is read-only, and never written
//! again. A file is hashed each time before it is used, since disks lose bits: [`Files::verified`] never returns one
//! with other bytes than its name says.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    change::recorder::text_of,
    error::{Error, ErrorKind, Result},
    host::image::{
        content_hash::ContentHash,
        stage::{KeptFile, Neighbour},
    },
};

use super::{
    disk::Disk,
    record::{Beside, Present},
};

/// The files of a history.
#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: PathBuf,
    disk: Disk,
}

impl Files {
    /// The files in a history's directory.
    pub(super) fn of(history: &Path, disk: Disk) -> Files {
        Files { directory: history.join("files"), disk }
    }

    fn path(&self, hash: &ContentHash) -> PathBuf {
        self.directory.join(format!("{hash}.so"))
    }

    fn signature(&self, hash: &ContentHash) -> PathBuf {
        self.directory.join(format!("{hash}.so.minisig"))
    }

    /// Keeps the file of this content, and its signature.
    ///
    /// # Errors
    /// `Io`; `History` if `from` has other bytes than the hash says.
    pub(super) fn keep(&self, hash: &ContentHash, from: &Path, signature: Option<&[u8]>) -> Result<()> {
        let failed = |error| Error::io(format!("keep a file in {}", self.directory.display()), error);
        self.disk.make_directory(&self.directory).map_err(failed)?;
        // A transaction that was given up may still be writing the same file.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.directory.join(format!(".{hash}.{number}.new"));
        if self.verified(hash).is_err() {
            let bytes = fs::read(from).map_err(|error| Error::io(format!("read {}", from.display()), error))?;
            if ContentHash::of(&bytes) != *hash {
                let text = format!(
                    "{} has changed since it was staged, and so cannot be kept; build and plan once more",
                    from.display()
                );
                return Err(Error::new(ErrorKind::History, text));
            }
            self.disk.put(&self.path(hash), &temporary, &bytes).map_err(failed)?;
        }
        let path = self.signature(hash);
        if let Some(signature) = signature.filter(|&signature| fs::read(&path).ok().as_deref() != Some(signature)) {
            self.disk.put(&path, &temporary, signature).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes what a crash has left of files that were being kept. Nobody keeps one meanwhile.
    pub(super) fn remove_rest(&self) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_some_and(|extension| extension == "new") {
                let _ = self.disk.remove(&path);
            }
        }
    }

    /// The path of the file of this content, whose bytes were hashed just now.
    ///
    /// # Errors
    /// `History` if it is missing or damaged; the text names it.
    pub(super) fn verified(&self, hash: &ContentHash) -> Result<PathBuf> {
        let path = self.path(hash);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::new(ErrorKind::History, format!("the file {} is missing", path.display())));
            }
            Err(error) => return Err(Error::io(format!("read {}", path.display()), error)),
        };
        let found = ContentHash::of(&bytes);
        if found != *hash {
            let text = format!("the file {} is damaged: its content has the hash {found}", path.display());
            return Err(Error::new(ErrorKind::History, text));
        }
        Ok(path)
    }

    /// The file of a component, and the libraries that came with it, all of them hashed just now.
    ///
    /// # Errors
    /// `History` if some are missing or damaged; the text names them all.
    pub(super) fn of_component(&self, one: &Present) -> Result<KeptFile> {
        let Some(hash) = one.hash else {
            let text = format!("component `{}` came from no file", one.id);
            return Err(Error::new(ErrorKind::History, text));
        };
        let mut missing = Vec::new();
        let file = self.verified(&hash);
        let file = file.map_err(|error| missing.push(format!("component `{}`: {}", one.id, text_of(&error)))).ok();
        let mut beside = Vec::new();
        for Beside { names, hash } in &one.beside {
            match self.verified(hash) {
                Ok(source) => beside.push(Neighbour { names: names.clone(), hash: *hash, source, signature: None }),
                Err(error) => missing.push(format!(
                    "library `{}` beside component `{}`: {}",
                    names.join("`, `"),
                    one.id,
                    text_of(&error)
                )),
            }
        }
        match file {
            Some(file) if missing.is_empty() => Ok(KeptFile::of_history(file, hash, beside)),
            _ => Err(Error::new(ErrorKind::History, missing.join("; "))),
        }
    }

    /// Removes the files of all other contents. What cannot be removed stays.
    pub(super) fn keep_only(&self, hashes: &HashSet<ContentHash>) {
        let Ok(entries) = fs::read_dir(&self.directory) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let hash = name.get(..64).and_then(|digits| digits.parse::<ContentHash>().ok());
            if hash.is_some_and(|hash| !hashes.contains(&hash)) {
                let _ = self.disk.remove(&path);
            }
        }
    }

    /// How many files there are.
    pub(super) fn count(&self) -> usize {
        let entries = fs::read_dir(&self.directory).map_or_else(|_| Vec::new(), |entries| entries.flatten().collect());
        let is_library = |entry: &&fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "so");
        entries.iter().filter(is_library).count()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_kept_read_only_and_a_damaged_one_is_never_used() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("libkv.so");
        fs::write(&source, b"code").unwrap();
        let files = Files::of(directory.path(), Disk::default());
        let hash = ContentHash::of(b"code");
        files.keep(&hash, &source, Some(b"signed")).unwrap();
        let path = files.verified(&hash).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
        assert_eq!(fs::read(files.signature(&hash)).unwrap(), b"signed");
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"cold").unwrap();
        let error = files.verified(&hash).unwrap_err();
        assert!(error.to_string().contains("is damaged"), "{error}");
        files.keep(&hash, &source, None).unwrap();
        files.verified(&hash).unwrap();
        let rest = directory.path().join("files").join(format!(".{hash}.7.new"));
        fs::write(&rest, b"co").unwrap();
        files.remove_rest();
        assert!(!rest.exists() && files.verified(&hash).is_ok());
        files.keep_only(&HashSet::new());
        assert!(files.verified(&hash).unwrap_err().to_string().contains("is missing"));
    }

    #[test]
    fn a_file_that_has_changed_is_not_kept() {
        let directory = tempfile::tempdir().unwrap();
        let source = directory.path().join("libkv.so");
        fs::write(&source, b"other").unwrap();
        let error = Files::of(directory.path(), Disk::default()).keep(&ContentHash::of(b"code"), &source, None);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::History);
    }
}
