//! Plans of one step, in one call.

use std::path::Path;

use crate::{error::Result, host::runtime::Runtime};

use super::report::Report;

impl Runtime {
    /// Adds the component in `library`: `plan().add(library).commit()`.
    ///
    /// This runs the code of the library, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// As for [`Plan::commit`](crate::Plan::commit).
    pub fn load(&self, library: impl AsRef<Path>) -> Result<Report> {
        self.plan().add(library).commit()
    }

    /// Replaces a component by the one in `library`: `plan().replace(library).commit()`.
    ///
    /// This runs the code of the library, and is a safe function: the page
    /// [`soundness`](crate::guide::soundness) says why, and what remains an author's word.
    ///
    /// # Errors
    /// As for [`Plan::commit`](crate::Plan::commit).
    pub fn replace(&self, library: impl AsRef<Path>) -> Result<Report> {
        self.plan().replace(library).commit()
    }
}
