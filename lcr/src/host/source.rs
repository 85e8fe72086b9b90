//! The source text of a component that a runtime has.
//!
//! What to look for is noted under the state lock; the file is read without it.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

use super::{
    image::source_text::{ComponentSource, Wanted, of_mapped},
    runtime::Runtime,
};

/// The program's own file, also if another one has taken its name.
const PROGRAM: &str = "/proc/self/exe";

impl Runtime {
    /// The source text of a component that is present, as its author wrote it: of the version that serves now. It is
    /// read from the file of the component's image, or from that of the program if the component is linked into it.
    ///
    /// Runs no code of the component. Blocks while the file system reads the file.
    ///
    /// # Errors
    /// `NotFound` if no component of that name is present, or if it was built without feature `source` of `lcr`: the
    /// text says how to build it; `Io` if the file is gone; and those of
    /// [`ComponentSource::read`](crate::source::ComponentSource::read).
    pub fn source(&self, component: &str) -> Result<ComponentSource> {
        let state = self.inner().state();
        let registry = state.objects.registry();
        let present = registry.committed().map(|(_, provider)| provider.implementation());
        let present: Vec<_> = present.filter(|present| present.component.id.name == component).collect();
        let Some(first) = present.first() else {
            let text = format!("component `{component:.200}` is not present; `status` names those that are");
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        let id = first.component.id.clone();
        let origin = first.component.origin.as_ref();
        let file = origin.map_or_else(|| PathBuf::from(PROGRAM), |origin| origin.image.path().to_owned());
        let wanted = Wanted::all(present.iter().map(|present| &*present.manifest));
        drop(state);
        of_mapped(&file, &id, &wanted)
    }
}
