//! A crate through which others get `lcr` and `sam`: they depend on neither.

pub use {lcr, sam};
