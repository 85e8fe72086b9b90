//! What the program offers to plugins.

/// Changes text.
#[lcr::interface(name = "plugins.filter", version = 1)]
pub trait Filter {
    /// The text, changed.
    fn apply(&self, text: &str) -> String;
}
