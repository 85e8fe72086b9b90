//! What is known of a library that came with a component from beside it, and where such a library is found.
//!
//! A component is the sum of its own file and these: the same file beside other libraries is another component. So
//! whoever keeps the component keeps them all, each with the names under which it is needed.

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::original::unopened;
use crate::{
    error::{Error, ErrorKind, Result},
    host::image::content_hash::ContentHash,
};

/// A library that came with a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Neighbour {
    /// The names under which the component, or another library beside it, needs it. There are several where links
    /// lead to one file, which then is one image.
    pub(crate) names: Vec<String>,
    pub(crate) hash: ContentHash,
    /// The path of the original.
    pub(crate) source: PathBuf,
    /// The signature that was verified over it; `None` if none was asked for.
    pub(crate) signature: Option<Box<[u8]>>,
}

/// The hash of a component's file together with the libraries that came with it, under the names under which they are
/// needed: what tells one version from another. Without any it is the file's own. Histories have it on disk, so it
/// never changes.
///
/// Which of the names are links to one file says nothing: copied with their links followed, the same libraries lie in
/// files of their own, and a version that failed its trial would get out of quarantine by being copied.
pub(crate) fn whole<'a>(
    file: ContentHash,
    beside: impl IntoIterator<Item = (&'a [String], ContentHash)>,
) -> ContentHash {
    let named = |(names, hash): (&'a [String], ContentHash)| names.iter().map(move |name| (name, hash));
    let mut beside: Vec<(&String, ContentHash)> = beside.into_iter().flat_map(named).collect();
    if beside.is_empty() {
        return file;
    }
    // The order in which they were found says nothing.
    beside.sort_unstable();
    let mut text = format!("{file}\n");
    for (name, hash) in beside {
        text += &format!("{hash} {name}\n");
    }
    ContentHash::of(text.as_bytes())
}

impl Neighbour {
    /// Its part of [`whole`].
    pub(crate) fn part(&self) -> (&[String], ContentHash) {
        (&self.names, self.hash)
    }
}

/// Which file a library is, so that two names of one file are one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileId {
    /// Device and number.
    Inode(u64, u64),
    /// Its place in a list. Two files of one content were two images, and are so again.
    Listed(usize),
}

/// Where a library is that a component needs from beside it.
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// Its place in the list that it comes from, and its content.
    listed: Option<(usize, ContentHash)>,
}

impl Place {
    /// A file beside the one that wants it.
    pub(super) fn beside(file: PathBuf) -> Place {
        Place { file, listed: None }
    }

    /// The library of that name in a list; `None` if the list has none.
    pub(super) fn listed(name: &[u8], list: &[Neighbour]) -> Option<Place> {
        let has_name = |neighbour: &Neighbour| neighbour.names.iter().any(|known| known.as_bytes() == name);
        let at = list.iter().position(has_name)?;
        Some(Place { file: list[at].source.clone(), listed: Some((at, list[at].hash)) })
    }

    pub(super) fn id(&self) -> Result<FileId> {
        if let Some((at, _)) = self.listed {
            return Ok(FileId::Listed(at));
        }
        let metadata = Path::metadata(&self.file).map_err(unopened)?;
        Ok(FileId::Inode(metadata.dev(), metadata.ino()))
    }

    /// Refuses a file of a list that has another content than the list says.
    pub(super) fn is_content(&self, found: &ContentHash) -> Result<()> {
        match self.listed {
            Some((_, hash)) if hash != *found => {
                let text = format!("it was kept with the hash {hash}, and is damaged: its content has {found}");
                Err(Error::new(ErrorKind::History, text))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_its_file_and_what_comes_with_it_in_whatever_order() {
        let [file, hum, tone] = [b"file", b"hum ", b"tone"].map(|bytes| ContentHash::of(bytes));
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (one, other) = (names(&["libhum.so", "libhum.so.1"]), names(&["libtone.so"]));
        let of = |beside: &[(&[String], ContentHash)]| whole(file, beside.iter().copied());
        assert_eq!(of(&[]), file, "as journals of earlier versions have it");
        let found = of(&[(&one, hum), (&other, tone)]);
        assert_eq!(of(&[(&other, tone), (&names(&["libhum.so.1", "libhum.so"]), hum)]), found);
        let copied = [names(&["libhum.so.1"]), names(&["libhum.so"])];
        assert_eq!(of(&[(&copied[0], hum), (&other, tone), (&copied[1], hum)]), found, "its links were followed");
        let others = [of(&[(&one, tone), (&other, hum)]), of(&[(&one, hum), (&other, hum)]), of(&[(&one, hum)]), file];
        assert!(!others.contains(&found));
    }
}
