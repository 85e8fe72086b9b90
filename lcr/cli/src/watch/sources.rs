//! The files that make a component: all that lie in the folders of its packages.

use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    time::{Duration, Instant, SystemTime},
};

use crate::exit::{Failure, Status};

/// More files than that are no source of a component.
const FILES: usize = 50_000;

/// What was seen of each file: when it was written, and how long it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

/// Folders that are looked at.
#[derive(Debug)]
pub(super) struct Sources {
    folders: Vec<PathBuf>,
    took: Duration,
}

impl Sources {
    pub(super) fn new(folders: Vec<PathBuf>) -> Sources {
        Sources { folders, took: Duration::ZERO }
    }

    /// How long the last look took.
    pub(super) fn took(&self) -> Duration {
        self.took
    }

    /// Looks at every file. Hidden ones and the folders that cargo writes to do not count, and links are not followed.
    ///
    /// # Errors
    /// If there are too many files.
    pub(super) fn look(&mut self) -> Result<Seen, Failure> {
        let begun = Instant::now();
        let mut seen = Seen::default();
        let mut folders = self.folders.clone();
        while let Some(folder) = folders.pop() {
            // A folder that goes while it is read is one without files.
            let entries: Vec<fs::DirEntry> =
                fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok).collect();
            let is_target = entries.iter().any(|entry| entry.file_name() == "CACHEDIR.TAG");
            for entry in entries.into_iter().filter(|_| !is_target) {
                if entry.file_name().as_encoded_bytes().starts_with(b".") {
                    continue;
                }
                let found: io::Result<fs::Metadata> = entry.metadata();
                let Ok(metadata) = found else { continue };
                if metadata.is_dir() {
                    folders.push(entry.path());
                } else if metadata.is_file() {
                    seen.0.insert(entry.path(), (metadata.modified().ok(), metadata.len()));
                }
            }
            if seen.0.len() > FILES {
                let text =
                    format!("more than {FILES} files in the folders of the packages; move what is no source away");
                return Err(Failure::new(Status::Usage, "invalid", text));
            }
        }
        self.took = begun.elapsed();
        Ok(seen)
    }
}

impl Seen {
    /// When the last of the files that are new or differ was written; `None` if files have only gone.
    pub(super) fn written_since(&self, before: &Seen) -> Option<SystemTime> {
        let changed = self.0.iter().filter(|(path, now)| before.0.get(*path) != Some(now));
        changed.filter_map(|(_, (written, _))| *written).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_and_what_cargo_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("src/lib.rs", "a");
        let mut sources = Sources::new(vec![folder.path().to_owned()]);
        let first = sources.look().unwrap_or_else(|_| panic!());
        assert_eq!(first, sources.look().unwrap_or_else(|_| panic!()));
        write("target/CACHEDIR.TAG", "");
        write("target/debug/a.o", "o");
        write(".git/index", "i");
        assert_eq!(first, sources.look().unwrap_or_else(|_| panic!()));
        write("src/lib.rs", "longer");
        let second = sources.look().unwrap_or_else(|_| panic!());
        assert!(second != first && second.written_since(&first).is_some());
        fs::remove_file(folder.path().join("src/lib.rs")).unwrap();
        let third = sources.look().unwrap_or_else(|_| panic!());
        assert!(third != second && third.written_since(&second).is_none());
    }
}
