//! Where a loaded component came from.

use std::{path::PathBuf, sync::Arc};

use crate::host::image::{
    content_hash::ContentHash,
    library::Image,
    stage::{KeptFile, Neighbour, whole},
};

/// A loaded component's file.
pub(crate) struct Origin {
    pub(crate) source: PathBuf,
    pub(crate) hash: ContentHash,
    /// The libraries that came with it.
    pub(crate) beside: Vec<Neighbour>,
    pub(crate) image: Image,
    /// The file for another load, if the image may be unmapped.
    pub(crate) again: Option<Arc<KeptFile>>,
}

impl Origin {
    /// The hash of the file together with the libraries that came with it.
    pub(crate) fn whole(&self) -> ContentHash {
        whole(self.hash, self.beside.iter().map(Neighbour::part))
    }

    /// The hashes of the libraries that came with it.
    pub(crate) fn hashes_beside(&self) -> Vec<ContentHash> {
        self.beside.iter().map(|beside| beside.hash).collect()
    }
}
