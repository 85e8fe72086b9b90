//! What an event says: plain data that owns its texts, and that serde writes in a stable form.
//!
//! The form is an object with the field `event`, which names what happened (`committed`, `fault`), beside the fields of
//! that. Later versions may add events and fields.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::{ErrorKind, Straggler},
    host::{actor::Actor, image::content_hash::ContentHash, serial},
};

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// A plan was refused. Nothing changed.
    Refused(Box<Refused>),
    /// A transaction was committed.
    Committed(Box<Committed>),
    /// A commit has put earlier versions back.
    #[non_exhaustive]
    RolledBack {
        /// The generation of that commit.
        generation: u64,
        /// The generation whose components serve again.
        to: u64,
        /// Why.
        why: String,
    },
    /// New versions are on trial.
    #[non_exhaustive]
    TrialBegan {
        /// The generation of the commit that began it.
        generation: u64,
        /// The components on trial.
        members: Vec<ComponentId>,
        /// The number of calls that it waits for; `None` if it is no trial by calls.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        calls: Option<u64>,
    },
    /// A trial is over.
    #[non_exhaustive]
    TrialEnded {
        /// The generation of the commit that began the trial.
        generation: u64,
        /// How it ended: `confirmed`, `rolled_back` or `failed`.
        outcome: String,
        /// Why.
        why: String,
    },
    /// A new version gets a share of the calls beside the old one.
    #[non_exhaustive]
    CanaryBegan {
        /// The number of the canary in its runtime.
        number: u64,
        /// The old version.
        before: ComponentId,
        /// The candidate.
        after: ComponentId,
        /// The share of the calls; of those that match, if it is of these.
        share: f64,
        /// Whether it is only of calls that match ([`Canary::matching`](crate::canary::Canary::matching)).
        #[serde(default)]
        is_matching: bool,
        /// Whether it is of whole requests ([`Canary::of_requests`](crate::canary::Canary::of_requests)), and `wanted`
        /// their number.
        #[serde(default)]
        of_requests: bool,
        /// Whether it gets copies of calls, and serves nobody.
        #[serde(default)]
        is_shadow: bool,
        /// After how many calls the candidate takes the old version's place.
        wanted: u64,
    },
    /// A canary is over.
    #[non_exhaustive]
    CanaryEnded {
        /// The number of the canary in its runtime.
        number: u64,
        /// How it ended: `promoted`, `withdrawn` or `interrupted`.
        outcome: String,
        /// Why.
        why: String,
    },
    /// A call of a component ended in a panic of that component, or of a callback of another one. Of each method the
    /// first panic is told, the tenth, the hundredth and so on;
    /// [`ComponentStatus::faults`](crate::report::ComponentStatus::faults) counts all.
    #[non_exhaustive]
    Fault {
        /// The component that served the call; `None` if that is not known any more.
        component: Option<ComponentId>,
        /// The interface that was called.
        interface: String,
        /// The method that was called.
        method: Option<String>,
        /// The component in which the fault began, with its version, if that is another one: one that the called
        /// component had called itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<String>,
        /// What the fault says; at most 4,096 bytes.
        message: String,
    },
    /// The last instance of a replaced or removed component was destroyed. There is no such event of a component that
    /// serves again before that, nor of what the end of the runtime destroys.
    #[non_exhaustive]
    Retired {
        /// The component.
        component: ComponentId,
        /// The number of the commit that took it out of use.
        generation: u64,
        /// How long it took from that commit on: until the calls inside it had left, and its destructors had returned.
        #[serde(rename = "took_us", with = "serial::micros")]
        took: Duration,
    },
    /// A file is refused from now on, until it is released.
    #[non_exhaustive]
    Quarantined {
        /// The component in it.
        component: ComponentId,
        /// The file's content.
        hash: ContentHash,
        /// Why.
        why: String,
    },
    /// A file is not refused any more.
    #[non_exhaustive]
    Released {
        /// The file's content.
        hash: ContentHash,
    },
    /// A patch was put in or taken off.
    #[non_exhaustive]
    Patched {
        /// The generation that began with it.
        generation: u64,
        /// The patch's name; the last part of the version is its number.
        patch: ComponentId,
        /// The component.
        component: String,
        /// The interface.
        interface: String,
        /// The methods.
        methods: Vec<String>,
        /// Whether it was put in; else it was taken off.
        stands: bool,
        /// Who asked.
        actor: Actor,
        /// The reason that was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An export was [added](crate::Runtime::add_export) or taken off.
    #[non_exhaustive]
    Exported {
        /// The generation that began with it.
        generation: u64,
        /// The export's name; the last part of the version is its number.
        export: ComponentId,
        /// The component.
        component: String,
        /// The name and type, as Rust writes them.
        signature: String,
        /// Whether it was added; else it was taken off.
        stands: bool,
        /// Who asked.
        actor: Actor,
        /// The reason that was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What happened could not be recorded, or was found damaged.
    #[non_exhaustive]
    Recorded {
        /// What is wrong, and where.
        problem: String,
    },
}

impl EventKind {
    /// The name of the event, as its serialised form has it.
    pub fn name(&self) -> &'static str {
        match self {
            EventKind::Refused(_) => "refused",
            EventKind::Committed(_) => "committed",
            EventKind::RolledBack { .. } => "rolled_back",
            EventKind::TrialBegan { .. } => "trial_began",
            EventKind::TrialEnded { .. } => "trial_ended",
            EventKind::CanaryBegan { .. } => "canary_began",
            EventKind::CanaryEnded { .. } => "canary_ended",
            EventKind::Fault { .. } => "fault",
            EventKind::Retired { .. } => "retired",
            EventKind::Quarantined { .. } => "quarantined",
            EventKind::Released { .. } => "released",
            EventKind::Patched { .. } => "patched",
            EventKind::Exported { .. } => "exported",
            EventKind::Recorded { .. } => "recorded",
        }
    }
}

/// A plan that was refused, or whose rehearsal was. [`Runtime::last_refusals`](crate::Runtime::last_refusals) has the
/// last 64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refused {
    /// When, by the system's clock.
    #[serde(rename = "refused_at", with = "serial::moment")]
    pub at: SystemTime,
    /// Who asked.
    pub actor: Actor,
    /// The reason that was given for the plan.
    pub reason: Option<String>,
    /// The class of the refusal.
    pub kind: ErrorKind,
    /// Why, with the causes.
    pub text: String,
    /// The plan, as it prints itself; at most 64 KiB.
    pub plan: String,
    /// Whether the plan was rehearsed, and not to be committed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_rehearsal: bool,
    /// The calls, pins and steps that were still running when a deadline passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stragglers: Vec<Straggler>,
}

/// A transaction that was committed, in short. The whole is in its [`Report`](crate::Report).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Committed {
    /// The number of the commit.
    pub generation: u64,
    /// Who asked.
    pub actor: Actor,
    /// The reason that was given for the plan.
    pub reason: Option<String>,
    /// What became of each component.
    pub members: Vec<CommittedMember>,
    /// How long callers were held.
    #[serde(rename = "held_us", with = "serial::micros")]
    pub held: Duration,
    /// How long the transaction took up to the commit.
    #[serde(rename = "total_us", with = "serial::micros")]
    pub total: Duration,
    /// How long each phase of the transaction lasted, in order.
    #[serde(default)]
    pub phases: Vec<PhaseTime>,
}

/// How long one phase of a transaction lasted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PhaseTime {
    /// The name of the phase: `load`, `prepare`, `pre-copy`, `drain`, `gate` or `hand-over`.
    pub phase: String,
    /// How long it lasted; a phase that was repeated lasted as long as all of them.
    #[serde(rename = "took_us", with = "serial::micros")]
    pub took: Duration,
}

/// One component's part of a [`Committed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CommittedMember {
    /// The component before; `None` if it was added.
    pub before: Option<ComponentId>,
    /// The component since; `None` if it was removed.
    pub after: Option<ComponentId>,
    /// The content hash of the new component's file; `None` if there is no file.
    pub hash: Option<ContentHash>,
    /// How many instances got a successor.
    pub instances: usize,
    /// How much state was copied, in bytes.
    pub state_bytes: usize,
    /// How many instances got their state by pointer.
    pub moved: usize,
    /// The version of the state that was lost.
    pub discarded_state: Option<u32>,
    /// Whether protection was overridden.
    pub overrode_protection: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_rehearsal { "rehearsal refused" } else { "refused" };
        write!(f, "{what} ({}): {}; asked by {}", self.kind, self.text, self.actor)?;
        match &self.reason {
            Some(reason) => write!(f, ", because {reason:?}"),
            None => Ok(()),
        }
    }
}
