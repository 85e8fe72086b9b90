//! A depot: state that is copied while callers go on.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Numbers by name.
#[lcr::interface(name = "depot", version = 1)]
pub trait Depot {
    /// Sets a number.
    fn put(&self, name: &str, number: u64);
    /// Removes a number, and returns it.
    fn take(&self, name: &str) -> Option<u64>;
    /// A number.
    fn get(&self, name: &str) -> Option<u64>;
    /// How many there are.
    fn count(&self) -> u64;
    /// What keeps them.
    fn kind(&self) -> String;
    /// Calls `f` inside.
    fn inside(&self, f: &dyn Fn());
}

/// What a depot is told to do wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Wrong {
    /// Its constructor returns an error.
    Constructor,
    /// Its constructor panics.
    ConstructorPanics,
    /// It returns an error from the application of changes numbered so.
    Apply(u64),
    /// It panics there.
    ApplyPanics(u64),
    /// It hangs there, until a file is gone.
    ApplyHangs(u64),
    /// Its health check returns an error.
    Health,
    /// It panics when it is tracked.
    TrackPanics,
    /// It returns an error from the look numbered so.
    Look(u64),
    /// It panics there.
    LookPanics(u64),
    /// Each look finds changes that were made meanwhile.
    Endless,
    /// As many changes as this come between two looks.
    Busy(u64),
}

/// The configuration of a depot.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Terms {
    /// What goes wrong.
    pub wrong: Option<Wrong>,
    /// What hangs, hangs as long as this file is there.
    pub hang: PathBuf,
}
