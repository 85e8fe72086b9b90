//! A [`Kept`] component: what a revision needs of a component that was present, so that the component can be put
//! in place again.
//!
//! By default an image stays mapped, and a kept component has its implementations: to go back costs no file and no
//! mapping. Three kinds of components are kept in another way:
//!
//! - The image of a component that opted in to `unload` is unmapped once nothing holds it, and a count of an
//!   implementation would hold it for ever. So the file is kept ([`KeptFile`]), and going back loads it anew.
//! - A component of an earlier process is not mapped, and a history has its file.
//! - An object of the program is given back to the program when it is replaced. A kept object has no count of it that
//!   counts: going back works for as long as the program holds the object.

use std::{path::PathBuf, sync::Arc};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind, Result},
    host::image::{content_hash::ContentHash, manifest::Manifest, stage::KeptFile},
};

use super::{
    component::Implementation,
    origin::Origin,
    patch_libraries::{Standing, are_on_same},
};

/// A component that was present, for the way back to it.
pub(crate) struct Kept {
    pub(crate) id: ComponentId,
    /// The content hash of its file; `None` if it has none.
    pub(crate) hash: Option<ContentHash>,
    /// The content hashes of the libraries that came with it.
    pub(crate) beside: Vec<ContentHash>,
    /// The configuration of its shared instances when it was replaced or removed.
    pub(crate) config: Option<Arc<[u8]>>,
    /// Where its patches stood, if it is a library of patches.
    pub(crate) patches: Vec<Standing>,
    /// Whether it had a state.
    has_state: bool,
    form: Form,
}

enum Form {
    Mapped(Vec<Arc<Implementation>>),
    File(Arc<KeptFile>),
}

/// How a kept component comes back.
pub(crate) enum Again {
    /// Its implementations take their place again.
    Mapped(Box<Returning>),
    /// Its file is loaded anew.
    File(Arc<KeptFile>),
}

/// The implementations of a component that come back as they are.
#[derive(Clone)]
pub(crate) struct Returning {
    pub(crate) manifest: Manifest,
    implementations: Vec<Arc<Implementation>>,
    /// The file that the component was loaded from; `None` if it is linked into the program, or an object of it.
    pub(crate) source: Option<PathBuf>,
}

impl Returning {
    /// In the order of the manifest's exports.
    pub(crate) fn implementations(&self) -> &[Arc<Implementation>] {
        &self.implementations
    }
}

impl Returning {
    /// The hash of the file that the component was loaded from, and that of the file together with the libraries that
    /// came with it.
    pub(crate) fn hashes(&self) -> Option<(ContentHash, ContentHash)> {
        self.origin().map(|origin| (origin.hash, origin.whole()))
    }

    fn origin(&self) -> Option<&Origin> {
        self.implementations.first()?.component.origin.as_ref()
    }
}

impl Kept {
    /// Keeps a component that is present, with its implementations; `None` if it has none.
    pub(crate) fn of(implementations: Vec<Arc<Implementation>>, config: Option<Arc<[u8]>>) -> Option<Kept> {
        let component = &implementations.first()?.component;
        let (id, origin) = (component.id.clone(), component.origin.as_ref());
        let hash = origin.map(|origin| origin.hash);
        let beside = origin.map_or_else(Vec::new, Origin::hashes_beside);
        let has_state = implementations.iter().any(|implementation| implementation.manifest.state_version.is_some());
        let form = match origin.and_then(|origin| origin.again.clone()) {
            Some(file) => Form::File(file),
            None => Form::Mapped(implementations),
        };
        Some(Kept { id, hash, beside, config, patches: Vec::new(), has_state, form })
    }

    /// A component that was not present in this process, or is not remembered, and is loaded from a file.
    pub(crate) fn of_file(
        id: ComponentId,
        hash: Option<ContentHash>,
        beside: Vec<ContentHash>,
        file: KeptFile,
    ) -> Kept {
        // Its manifest was not read, so it is not known to lose a state.
        Kept { id, hash, beside, config: None, patches: Vec::new(), has_state: true, form: Form::File(Arc::new(file)) }
    }

    /// The same, whose patches stood there.
    pub(crate) fn standing(self, patches: Vec<Standing>) -> Kept {
        Kept { patches, ..self }
    }

    /// Whether these implementations, whose patches stand there, are what is kept.
    pub(crate) fn is(&self, present: &[&Arc<Implementation>], standing: &[Standing]) -> bool {
        match &self.form {
            Form::Mapped(kept) => {
                let has = |present: &&Arc<Implementation>| kept.iter().any(|kept| kept.is_same(present));
                let is_named = present.first().is_some_and(|present| present.component.id == self.id);
                is_named && kept.len() == present.len() && present.iter().all(has)
            }
            Form::File(_) => present.first().is_some_and(|present| {
                let origin = present.component.origin.as_ref();
                let is_same = |origin: &Origin| Some(origin.hash) == self.hash && origin.hashes_beside() == self.beside;
                let is_file = present.component.id == self.id && origin.map_or(self.hash.is_none(), is_same);
                is_file && are_on_same(standing, &self.patches)
            }),
        }
    }

    /// Whether these implementations have a state, and the kept ones have none.
    pub(crate) fn loses_state_of(&self, present: &[&Arc<Implementation>]) -> bool {
        !self.has_state && present.iter().any(|implementation| implementation.manifest.state_version.is_some())
    }

    /// How the component comes back. Not under a lock: an object of the program may end here.
    ///
    /// # Errors
    /// `NotFound` if it is an object that the program has dropped.
    pub(crate) fn again(&self) -> Result<Again> {
        let implementations = match &self.form {
            Form::File(file) => return Ok(Again::File(Arc::clone(file))),
            Form::Mapped(implementations) => implementations,
        };
        let implementations: Option<Vec<_>> =
            implementations.iter().map(|implementation| implementation.again()).collect();
        let Some(implementations) = implementations else {
            let text = format!(
                "the object `{}` was given back to the program, which has dropped it; provide it again",
                self.id
            );
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let exports = implementations.iter().map(|implementation| (*implementation.manifest).clone()).collect();
        let source = implementations
            .iter()
            .find_map(|implementation| implementation.component.origin.as_ref().map(|origin| origin.source.clone()));
        let manifest = Manifest { component: self.id.clone(), exports };
        Ok(Again::Mapped(Box::new(Returning { manifest, implementations, source })))
    }
}
