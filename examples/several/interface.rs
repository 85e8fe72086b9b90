//! What does not change: the display as the program knows it.

/// Shows the temperature.
#[lcr::interface(name = "several.display", version = 1)]
pub trait Display {
    /// The line that is shown.
    fn line(&self) -> String;
}
