//! Reports: what a committed transaction changed, and how long it took.

use std::{
    fmt,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::Straggler,
    host::{actor::Actor, image::content_hash::ContentHash, serial, service::events::kind::PhaseTime},
};

/// What a committed transaction changed, and how long it took.
///
/// `Display` writes it on one line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Report {
    /// Who asked for the change: see [`asked_by`](crate::PlanBuilder::asked_by).
    pub actor: Actor,
    /// The reason that was given for the change.
    pub reason: Option<String>,
    /// The number of the commit, as [`Runtime::generation`](crate::Runtime::generation) counts.
    pub generation: u64,
    /// What became of each component of the plan: a component comes after those that it depends on.
    pub members: Vec<MemberReport>,
    /// When the transaction began, by the system's clock.
    #[serde(with = "serial::moment")]
    pub started: SystemTime,
    /// How long callers were blocked, from the moment at which the gate shut to the moment from which calls enter the
    /// new instances; zero if no gate was needed. Callers that slept meanwhile are woken then. Earlier attempts, after
    /// which the gate opened again, are not counted.
    #[serde(rename = "held_us", with = "serial::micros")]
    pub held: Duration,
    /// How long the publication of the new world took.
    #[serde(rename = "commit_us", with = "serial::micros")]
    pub commit: Duration,
    /// How long the transaction took up to the commit, without staging.
    #[serde(rename = "total_us", with = "serial::micros")]
    pub total: Duration,
    /// How long each phase lasted, in order. A phase that was repeated is one.
    pub phases: Vec<PhaseTime>,
    /// The protected components that the plan changed, replaced, removed, configured, or took callers from by a
    /// binding, because it overrode their protection
    /// ([`override_protected`](crate::PlanBuilder::override_protected)).
    pub overrode_protection_of: Vec<String>,
    /// The calls that were inside replaced instances right after the commit, and the pins that held such
    /// instances. They go on in the old version; the runtime destroys it when they have left.
    pub stragglers: Vec<Straggler>,
}

impl Report {
    /// The report on a commit of which nothing else is known.
    pub(super) fn lost(generation: u64) -> Report {
        Report {
            actor: Actor::this_process(),
            reason: None,
            generation,
            members: Vec::new(),
            started: SystemTime::now(),
            held: Duration::ZERO,
            commit: Duration::ZERO,
            total: Duration::ZERO,
            phases: Vec::new(),
            overrode_protection_of: Vec::new(),
            stragglers: Vec::new(),
        }
    }
}

/// One component's part of a [`Report`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberReport {
    /// The component before the commit; `None` if the plan added one.
    pub before: Option<ComponentId>,
    /// The component since the commit; `None` if the plan removed it.
    pub after: Option<ComponentId>,
    /// How many instances got a successor.
    pub instances: usize,
    /// How much state was copied by serde, in bytes.
    pub state_bytes: usize,
    /// How many instances got the state of their predecessor by pointer, whatever its size.
    pub moved: usize,
    /// The version of the state that was lost, because the plan allowed that
    /// ([`discard_state`](crate::PlanBuilder::discard_state)); `None` if no state was lost.
    pub discarded_state: Option<u32>,
    /// The generation whose snapshot came back in place of the state, because the successor refused the state and the
    /// plan allowed that ([`restore_snapshot`](crate::PlanBuilder::restore_snapshot)). What was written since is lost.
    pub restored_snapshot: Option<u64>,
    /// How many states the newer component has written as the older version that this one has: see
    /// [`Stateful::downgrade`](crate::Stateful::downgrade).
    pub downgraded: usize,
    /// Why a state was not downgraded, although the newer component declares it. Then this one has read it as it was,
    /// or a snapshot came back.
    pub not_downgraded: Option<String>,
    /// Whether the component was protected, and changed because the plan overrode that
    /// ([`override_protected`](crate::PlanBuilder::override_protected)).
    pub overrode_protection: bool,
    /// The file of the new component, as the plan named it; `None` for a removal.
    #[serde(with = "serial::path_or_none")]
    pub source: Option<PathBuf>,
    /// The content hash of that file; `None` for a removal.
    pub hash: Option<ContentHash>,
    /// Whether the new component is compiled with `panic = "abort"`: a panic in it ends the process.
    pub panic_abort: bool,
    /// How its state was copied while callers went on; `None` if it was not. Of several instances: the sums,
    /// and the most rounds.
    pub precopy: Option<PrecopyReport>,
}

/// How state was copied while callers went on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PrecopyReport {
    /// How many rounds there were ahead of the gate.
    pub rounds: u32,
    /// How much was copied in all, in bytes.
    pub bytes: usize,
    /// How much of that was copied while callers were held.
    pub bytes_at_gate: usize,
    /// How long the last round expected callers to be held.
    #[serde(rename = "expected_hold_us", with = "serial::micros")]
    pub expected_hold: Duration,
}

impl PrecopyReport {
    /// The report on two instances.
    #[must_use]
    pub(super) fn and(self, other: PrecopyReport) -> PrecopyReport {
        PrecopyReport {
            rounds: self.rounds.max(other.rounds),
            bytes: self.bytes + other.bytes,
            bytes_at_gate: self.bytes_at_gate + other.bytes_at_gate,
            expected_hold: self.expected_hold.saturating_add(other.expected_hold),
        }
    }
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

/// What becomes of a component, in short: `a 1.0.0 -> a 2.0.0`, `+ a 1.0.0`, `- a 1.0.0`.
pub(crate) struct Change<'a, T>(pub(crate) &'a Option<T>, pub(crate) &'a Option<T>);

impl<T: fmt::Display> fmt::Display for Change<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(before), Some(after)) => write!(f, "{before} -> {after}"),
            (None, Some(after)) => write!(f, "+ {after}"),
            (Some(before), None) => write!(f, "- {before}"),
            (None, None) => write!(f, "nothing"),
        }
    }
}

impl fmt::Display for MemberReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Change(&self.before, &self.after).fmt(f)?;
        if let Some(version) = self.discarded_state {
            write!(f, " (state v{version} discarded)")?;
        }
        if self.downgraded > 0 {
            f.write_str(" (state downgraded)")?;
        }
        if let Some(generation) = self.restored_snapshot {
            write!(f, " (snapshot of generation {generation} restored)")?;
        }
        if let Some(precopy) = self.precopy {
            write!(f, " (copied ahead in {} rounds)", precopy.rounds)?;
        }
        f.write_str(if self.overrode_protection { " (protection overridden)" } else { "" })?;
        f.write_str(if self.panic_abort { " (a panic ends the process)" } else { "" })
    }
}
