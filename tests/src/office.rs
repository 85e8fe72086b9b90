//! An office whose components talk to each other while their state moves.
//!
//! | interface | needs | state |
//! |---|---|---|
//! | [`Seal`] | | none; forgets whom it stamped |
//! | [`Archive`] | the seal | its lines |
//! | [`Desk`] | the archive | notes that are not filed yet |
//! | [`Porter`] | seal and archive | none |
//! | [`Ledger`] | | as the archive |
//! | [`Till`] | the ledger | as the desk |
//!
//! An archive has it stamped that it is saved. A desk files its notes when it is saved, and says so when it is restored and when it
//! is asked for its health. Each object is of an [`Epoch`], which it takes from its
//! configuration; so one library is its own replacement.

use std::path::PathBuf;

use lcr::Handle;

/// The number of a replacement, from 0 for what was loaded first.
pub type Epoch = u32;

/// The configuration of a component of the office.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether it says that it is not healthy.
    pub unfit: bool,
    /// As long as there is such a file, files hold up whoever files something.
    pub hang: Option<PathBuf>,
}

/// Stamps, and keeps a list of what it stamped that nobody hands over.
#[lcr::interface(name = "office.seal", version = 1)]
pub trait Seal {
    /// Stamps; returns its epoch.
    fn stamp(&self, what: String) -> Epoch;
    /// What it stamped.
    fn stamped(&self) -> Vec<String>;
}

/// Keeps lines, and has each one stamped.
#[lcr::interface(name = "office.archive", version = 1, deps(Seal))]
pub trait Archive {
    /// Which replacement this is.
    fn epoch(&self) -> Epoch;
    /// Keeps a line; returns how many there are.
    fn file(&self, line: String) -> u64;
    /// Everything that is kept.
    fn lines(&self) -> Vec<String>;
    /// Has a desk take a note when this is saved, though this does not depend on it.
    fn report_to(&self, desk: Handle<dyn Desk>);
}

/// Takes notes, and files them later.
#[lcr::interface(name = "office.desk", version = 1, deps(Archive))]
pub trait Desk {
    /// Which replacement this is.
    fn epoch(&self) -> Epoch;
    /// Takes a note.
    fn note(&self, text: String);
}

/// Reports to seal and archive when it is constructed.
#[lcr::interface(name = "office.porter", version = 1, deps(Seal, Archive))]
pub trait Porter {
    /// The epoch of the seal that it reported to.
    fn seal(&self) -> Epoch;
}

/// Keeps lines.
#[lcr::interface(name = "office.ledger", version = 1)]
pub trait Ledger {
    /// Keeps a line; returns how many there are.
    fn file(&self, line: String) -> u64;
    /// Everything that is kept.
    fn lines(&self) -> Vec<String>;
}

/// Takes notes, and files them later.
#[lcr::interface(name = "office.till", version = 1, deps(Ledger))]
pub trait Till {
    /// Takes a note.
    fn note(&self, text: String);
}
