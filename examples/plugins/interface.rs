//! The interface that each plugin implements.

/// Changes a text.
#[lcr::interface(name = "plugins.filter", version = 1)]
pub trait Filter {
    /// Returns the changed text.
    fn apply(&self, text: &str) -> String;
}
