//! The display's interface, which the program calls and which does not change.

/// Shows the temperature.
#[lcr::interface(name = "several.display", version = 1)]
pub trait Display {
    /// Returns the line that the display shows.
    fn line(&self) -> String;
}
