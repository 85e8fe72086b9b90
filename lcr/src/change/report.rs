//! What a transaction came to.

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use crate::{component::identity::ComponentId, error::Straggler, host::image::content_hash::ContentHash};

/// A committed transaction.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The number of the commit.
    pub generation: u64,
    /// What changed, in the plan's order.
    pub members: Vec<MemberReport>,
    /// When the transaction began, by the clock of the system.
    pub started: SystemTime,
    /// How long callers of members with state were held at the gate; zero if nothing
    /// had state to hand over.
    pub held: Duration,
    /// How long publishing the new world took.
    pub commit: Duration,
    /// From the start of the transaction to the commit, staging not included.
    pub total: Duration,
    /// Calls that were inside replaced instances right after the commit, and pins that
    /// held them. They go on in the old version, which is destroyed when they have left.
    pub stragglers: Vec<Straggler>,
}

/// One component's part of a [`Report`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MemberReport {
    /// The component before, if one was replaced or removed.
    pub before: Option<ComponentId>,
    /// The component now, if one was added or put in place.
    pub after: Option<ComponentId>,
    /// Instances that have a successor.
    pub instances: usize,
    /// Bytes of state that were handed over.
    pub state_bytes: usize,
    /// The version of the state that was lost, because the plan said that it may be
    /// ([`discard_state`](crate::PlanBuilder::discard_state)).
    pub discarded_state: Option<u32>,
    /// Whether it was protected, and changed because the plan overrode that
    /// ([`override_protected`](crate::PlanBuilder::override_protected)).
    pub overrode_protection: bool,
    /// The file of the component now, as the plan named it; `None` for a removal.
    pub source: Option<PathBuf>,
    /// The content hash of that file; `None` for a removal.
    pub hash: Option<ContentHash>,
    /// The component that is there now is compiled with `panic = "abort"`: a panic in it ends
    /// the process.
    pub panic_abort: bool,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "generation {}: ", self.generation)?;
        for (i, member) in self.members.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{member}")?;
        }
        write!(f, "; held {:?}, {:?} in all", self.held, self.total)
    }
}

impl fmt::Display for MemberReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "{before} -> {after}"),
            (None, Some(after)) => write!(f, "+ {after}"),
            (Some(before), None) => write!(f, "- {before}"),
            (None, None) => write!(f, "nothing"),
        }?;
        if let Some(version) = self.discarded_state {
            write!(f, " (state v{version} discarded)")?;
        }
        f.write_str(if self.overrode_protection { " (protection overridden)" } else { "" })?;
        f.write_str(if self.panic_abort { " (a panic ends the process)" } else { "" })
    }
}
