//! From a path to the implementations of a component, for one runtime: staging into its store, then
//! loading.

use std::{path::Path, sync::Arc};

use crate::{
    error::Result,
    host::{
        image::{
            allocator::Request,
            library::Refused,
            stage::{KeptFile, Staged},
        },
        objects::component::{Component, Implementation},
    },
};

use super::inner::RuntimeInner;

impl RuntimeInner {
    /// Copies a file into the store and checks it.
    ///
    /// # Errors
    /// Those of [`Store::stage`].
    pub(crate) fn stage(&self, path: &Path) -> Result<Staged> {
        self.store.stage(path)
    }

    /// Stages a kept file for another load.
    ///
    /// # Errors
    /// Those of [`Store::stage_again`].
    pub(crate) fn stage_again(&self, file: &KeptFile) -> Result<Staged> {
        self.store.stage_again(file)
    }

    /// Maps a staged library, whose initialisers run. The implementations come in the order of its
    /// manifest.
    ///
    /// # Errors
    /// Those of [`Component::load`]. What was mapped stays mapped, unused, and is counted.
    pub(crate) fn load_component(&self, staged: &Staged) -> Result<Vec<Arc<Implementation>>> {
        Component::load(staged, self.host).map_err(|Refused { error, mapped }| {
            if let Some(bytes) = mapped {
                self.state().images_mut().retain_refused(bytes);
            }
            error
        })
    }

    /// The first request that shows that the images of two components have different allocators; `None` if they have
    /// one.
    pub(crate) fn allocator_difference(&self, one: &Component, other: &Component) -> Option<Request> {
        let image = |component: &Component| (component.whose(), component.allocator());
        self.host_allocated.difference([image(one), image(other)])
    }
}
