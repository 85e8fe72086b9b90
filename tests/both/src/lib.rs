//! One component crate that the tests use both ways: linked as an rlib, loaded as a
//! cdylib. Nothing in it says which.

mod notebook;
mod paper;

use lcr::{Fault, Handle};

/// Where notebooks are bought: holds sheets.
#[lcr::interface(name = "both.paper", version = 1)]
pub trait Paper {
    /// Takes sheets; returns how many were taken in all.
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
    /// The call did not come to an end.
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
    /// Writes a note; returns the number of notes.
    fn write(&self, title: &str, text: &[u8]) -> Result<u64, Refusal>;
    /// Reads a note.
    fn read(&self, title: &str) -> Option<Vec<u8>>;
    /// Shows each note in the order of titles until `visit` says no; returns how many.
    fn each(&self, visit: &dyn Fn(&str, &[u8]) -> bool) -> u64;
    /// Keeps a function, called by [`Notebook::ring`].
    fn remind(&self, call: Box<dyn Fn(String) -> String + Send>);
    /// Calls what it was given last, if anything.
    fn ring(&self, text: String) -> Option<String>;
    /// Copies the notes of another one; returns the number of notes.
    fn copy(&self, other: Handle<dyn Notebook>) -> u64;
    /// The paper that it is made of.
    fn paper(&self) -> Handle<dyn Paper>;
    /// Panics.
    fn tear(&self, text: &str) -> Result<(), Fault>;
    /// Panics, with no error to say so.
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
