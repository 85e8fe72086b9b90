//! An office whose components talk to each other while their state moves.
//!
//! | interface | needs | state |
//! |---|---|---|
//! | [`Seal`] | | none; its list is not handed over |
//! | [`Archive`] | the seal | its lines |
//! | [`Desk`] | the archive | notes that are not filed yet |
//! | [`Porter`] | seal and archive | none |
//! | [`Ledger`] | | its lines |
//! | [`Till`] | the ledger | notes that are not filed yet |
//!
//! An archive has the seal stamp when it is saved. A desk files its notes when it is saved, and files a line
//! when it is restored and when its health is checked. Each object has an [`Epoch`] from its configuration, so
//! a library can replace itself.

use std::path::PathBuf;

use lcr::Handle;

/// The number of a replacement, from 0 for what was loaded first.
pub type Epoch = u32;

/// The configuration of a component of the office.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// Its epoch.
    pub epoch: Epoch,
    /// Whether its health check fails.
    pub unfit: bool,
    /// As long as this file exists, a call of `file` does not return.
    pub hang: Option<PathBuf>,
}

/// Stamps, and keeps a list of its stamps, which is not handed over.
#[lcr::interface(name = "office.seal", version = 1)]
pub trait Seal {
    /// Stamps; returns its epoch.
    fn stamp(&self, what: String) -> Epoch;
    /// Returns the list of its stamps.
    fn stamped(&self) -> Vec<String>;
}

/// Keeps lines, and has each one stamped.
#[lcr::interface(name = "office.archive", version = 1, deps(Seal))]
pub trait Archive {
    /// The epoch of this object.
    fn epoch(&self) -> Epoch;
    /// Keeps a line; returns how many there are.
    fn file(&self, line: String) -> u64;
    /// Everything that is kept.
    fn lines(&self) -> Vec<String>;
    /// Has the archive give the desk a note when the archive is saved, though it does not depend on the desk.
    fn report_to(&self, desk: Handle<dyn Desk>);
}

/// Takes notes, and files them later.
#[lcr::interface(name = "office.desk", version = 1, deps(Archive))]
pub trait Desk {
    /// The epoch of this object.
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
