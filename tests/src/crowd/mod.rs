//! A crowd: many threads that call a few components which are replaced meanwhile.
//!
//! Each object of these components knows its [`Epoch`], the number of the replacement
//! that it was made for, and gives it in every answer. It holds a [`Life`]: every method
//! makes sure that the object was not destroyed, and a census counts births and deaths.
//! A [`Scene`] is a runtime with such components; [`Crew`] are the threads.
//!
//! | component | implements | has state |
//! |---|---|---|
//! | `crowd_census` | [`Census`] | never replaced |
//! | `crowd_lower` | [`Lower`] | no |
//! | `crowd_upper` | [`Upper`] | no |
//! | `crowd_ledger` | [`Lower`] | its sum |
//! | `crowd_clerk` | [`Upper`] | how often it was called |

#![allow(clippy::type_complexity, reason = "an interface writes its results out")]

mod crew;
mod life;
mod scene;

pub use crew::{Crew, crew_size};
pub use life::Life;
pub use scene::Scene;

use lcr::{Fault, Handle};

/// The number of a replacement, from 0 for what was loaded first.
pub type Epoch = u64;

/// The counts of the census.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, lcr::Abi)]
pub struct Counts {
    /// Objects that were constructed.
    pub born: u64,
    /// Objects that were destroyed.
    pub died: u64,
    /// Objects that were destroyed twice, or that were never born.
    pub wrong: u64,
}

/// Counts the objects of the other components.
#[lcr::interface(name = "crowd.census", version = 1)]
pub trait Census {
    /// Notes that an object was constructed, and returns its number.
    fn born(&self) -> Result<u64, Fault>;
    /// Notes that the object of this number is being destroyed.
    fn died(&self, number: u64) -> Result<(), Fault>;
    /// The counts until now.
    fn counts(&self) -> Counts;
}

/// The interface that the upper component depends on.
#[lcr::interface(name = "crowd.lower", version = 1, deps(Census))]
pub trait Lower {
    /// Which replacement this object is of.
    fn epoch(&self) -> Epoch;
    /// Adds if the component has state, and returns the epoch with the sum.
    fn add(&self, n: u64) -> (Epoch, u64);
    /// Calls back with the epoch while inside.
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64;
    /// Calls back, and then panics if the callback did not.
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault>;
}

/// The interface of the component that depends on the lower one.
#[lcr::interface(name = "crowd.upper", version = 1, deps(Census, Lower))]
pub trait Upper {
    /// Which replacement this object is of.
    fn epoch(&self) -> Epoch;
    /// This object's epoch, and that of the lower component as seen from inside.
    fn both(&self) -> (Epoch, Epoch);
    /// Adds to the lower component; this object's epoch, the lower one's, and the sum.
    fn add(&self, n: u64) -> (Epoch, Epoch, u64);
    /// Calls the lower component, which calls back from inside.
    fn inside(&self, f: &dyn Fn(Epoch) -> u64) -> u64;
    /// Has the lower component fail while inside, and returns its fault.
    fn fail(&self, f: &dyn Fn()) -> Result<u64, Fault>;
    /// Calls another lower component by the handle that is passed, and gives the handle back.
    fn visit(&self, other: Handle<dyn Lower>) -> Result<(Epoch, Handle<dyn Lower>), Fault>;
}
