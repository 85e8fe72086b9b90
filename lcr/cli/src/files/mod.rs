//! Commands of library files. They need no process, and no code of a file runs.

pub(crate) mod fit;
pub(crate) mod inspect;
