//! What a runtime offers for changing it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, ErrorKind, Result},
    host::runtime::Runtime,
};

use super::{
    plan::{Plan, PlanBuilder},
    report::Report,
};

/// What [`Runtime::load_directory`] found.
#[must_use = "it says which files were refused"]
#[derive(Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// The commit, if anything was added.
    pub report: Option<Report>,
    /// Files that were refused, each with its reason.
    pub refused: Vec<(PathBuf, Error)>,
}

impl Runtime {
    /// Begins a plan: what one transaction is to change.
    pub fn plan(&self) -> PlanBuilder<'_> {
        PlanBuilder::new(self)
    }

    /// Adds the component in `library`: `plan().add(library).commit()`.
    ///
    /// This runs the code of the library, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// As for [`Plan::commit`].
    pub fn load(&self, library: impl AsRef<Path>) -> Result<Report> {
        self.plan().add(library).commit()
    }

    /// Replaces a component by the one in `library`: `plan().replace(library).commit()`.
    ///
    /// This runs the code of the library, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// As for [`Plan::commit`].
    pub fn replace(&self, library: impl AsRef<Path>) -> Result<Report> {
        self.plan().replace(library).commit()
    }

    /// Adds the components in every `*.so` file of a directory, in one commit, so that
    /// they may depend on each other. Of several versions of a component the highest is
    /// taken. A file that is refused does not stand in the way of the others, unless they
    /// need it; components that are present already are among the refused.
    ///
    /// This runs the code of the libraries, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// `Io` if the directory cannot be read; as for [`Plan::commit`] if what remains
    /// cannot be committed.
    pub fn load_directory(&self, directory: impl AsRef<Path>) -> Result<Loaded> {
        let directory = directory.as_ref();
        let unreadable = |error| {
            Error::new(ErrorKind::Io, format!("directory {} cannot be read", directory.display())).with_source(error)
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "so") {
                files.push(path);
            }
        }
        files.sort();
        let plan = files.into_iter().fold(self.plan(), PlanBuilder::add);
        let (plan, refused) = plan.build().without_refused();
        let report = plan.map(Plan::commit).transpose()?;
        Ok(Loaded { report, refused })
    }
}
