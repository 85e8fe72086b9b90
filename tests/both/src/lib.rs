//! A component crate that tests use in two ways: linked as an rlib, and loaded as a cdylib. The source does not
//! depend on the way.

mod notebook;
mod paper;

use lcr::{Fault, Handle};

/// The paper of notebooks.
#[lcr::interface(name = "both.paper", version = 1)]
pub trait Paper {
    /// Takes sheets, and returns how many were taken in all.
    fn take(&self, sheets: u32) -> u64;
}

/// Why a note was not written.
#[derive(Clone, Debug, PartialEq, lcr::Abi)]
pub enum Refusal {
    /// The notebook holds no more than this.
    Full {
        /// Its limit in notes.
        limit: u64,
    },
    /// The call did not return.
    Fault(Fault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

/// Keeps notes by their title.
#[lcr::interface(name = "both.notebook", version = 1, deps(Paper))]
pub trait Notebook {
    /// Writes a note, and returns the number of notes.
    fn write(&self, title: &str, text: &[u8]) -> Result<u64, Refusal>;
    /// Reads a note.
    fn read(&self, title: &str) -> Option<Vec<u8>>;
    /// Shows each note in the order of titles until `visit` returns `false`, and returns how many were shown.
    fn each(&self, visit: &dyn Fn(&str, &[u8]) -> bool) -> u64;
    /// Keeps a callback, which [`Notebook::ring`] calls.
    fn remind(&self, call: Box<dyn Fn(String) -> String + Send>);
    /// Calls the callback that was kept last, if there is one.
    fn ring(&self, text: String) -> Option<String>;
    /// Copies the notes of another notebook, and returns the number of notes.
    fn copy(&self, other: Handle<dyn Notebook>) -> u64;
    /// The paper of this notebook.
    fn paper(&self) -> Handle<dyn Paper>;
    /// Panics.
    fn tear(&self, text: &str) -> Result<(), Fault>;
    /// Panics; the result has no error for the fault.
    fn burn(&self);
    /// A method that this component leaves to the trait.
    fn colour(&self) -> String {
        "white".to_owned()
    }
}

/// The configuration of a notebook.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Binding {
    /// How many notes it holds.
    pub limit: u64,
}
