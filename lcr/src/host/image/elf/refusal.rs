//! The errors of files that are no libraries, or damaged ones.

use crate::error::{Error, ErrorKind, Result};

#[cold]
pub(super) fn refused(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::NotALibrary, text)
}

#[cold]
pub(super) fn executable() -> Error {
    refused("an executable, not a shared library; build it with crate-type = [\"cdylib\"]")
}

#[cold]
pub(super) fn damaged(found: impl std::fmt::Display) -> Error {
    refused(format!("damaged library: {found}; copy or build it again"))
}

/// For `map_err` on errors of the `object` crate.
pub(super) fn broken(what: &'static str) -> impl FnOnce(object::read::Error) -> Error {
    move |error| damaged(format_args!("{what} cannot be read")).with_source(error)
}

/// Refuses a file as damaged, unless `holds`.
pub(super) fn ensure<D: std::fmt::Display>(holds: bool, found: impl FnOnce() -> D) -> Result<()> {
    if holds { Ok(()) } else { Err(damaged(found())) }
}
