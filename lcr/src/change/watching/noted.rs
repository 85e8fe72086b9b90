//! What a watch tells of the methods that it watches, and where its hooks write.

use std::sync::Arc;

use serde::Serialize;

use crate::host::watching::{Switch, fail::Share, lines::Lines, slow::Slowest, stats::Counts};

/// A method that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WatchedMethod {
    /// `kv.store.get`
    pub method: String,
    /// The component that implements it, with its version.
    pub component: String,
    /// The content hash of the component's file, in 64 digits; `None` if it is linked into the program.
    pub hash: Option<String>,
    /// The signature, as Rust writes it, and behind it the structs and enums of its types.
    pub signature: String,
    /// The names of the arguments; empty if they are not known.
    pub arguments: Vec<String>,
    /// Whether its author says that a call changes nothing.
    pub is_pure: bool,
    /// Why calls cannot be made again from their record; `None` if they can.
    pub cannot_be_replayed: Option<String>,
}

/// A method that a pattern means and that cannot be watched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LeftOut {
    /// `kv.store.wait`
    pub method: String,
    /// Why.
    pub why: String,
}

/// What the hooks of a watch write.
#[derive(Clone)]
pub(super) struct Notes {
    pub(super) switch: Arc<Switch>,
    pub(super) lines: Arc<Lines>,
    pub(super) slowest: Arc<Slowest>,
    pub(super) share: Arc<Share>,
    pub(super) counts: Vec<Arc<Counts>>,
}
