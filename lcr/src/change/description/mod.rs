//! What a plan says of itself, as data: one description, which `Display` writes for people and serde for programs.
//!
//! A plan makes its description from what resolving has found. [`Plan::describe`](super::plan::Plan::describe) adds
//! what takes longer to find or changes by itself: how signatures differ, and who is inside. A description is plain
//! data; it holds nothing of the runtime, and nothing of a component.
//!
//! In documents, times are whole microseconds in fields whose names end in `_us`, and absent limits are null.

pub(super) mod of;
mod text;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::{ErrorKind, Straggler},
    host::{actor::Actor, image::content_hash::ContentHash, serial},
};

/// What a plan would do, as data. [`Plan::describe`](crate::Plan::describe) makes one.
///
/// `Display` lists it line by line, as the [`Plan`](crate::Plan) does; the page
/// [`operating`](crate::guide::operating) reads such a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlanDescription {
    /// The generation that the plan was made for.
    pub generation: u64,
    /// Who asks for the change.
    pub actor: Actor,
    /// The reason that was given for it.
    pub reason: Option<String>,
    /// What becomes of each component, in the order of the commit: a component comes after those that it depends on.
    pub members: Vec<MemberDescription>,
    /// The component that each interface is bound to by the plan, by the interface's name.
    pub bindings: BTreeMap<String, String>,
    /// The components that the plan configures.
    pub configured: Vec<String>,
    /// The interfaces whose bindings are taken back, by a rollback.
    #[serde(default)]
    pub unbound: Vec<String>,
    /// The components whose configurations are taken back, by a rollback.
    #[serde(default)]
    pub unconfigured: Vec<String>,
    /// By which rules the new versions are on trial behind the commit; `None` if they are not.
    #[serde(default)]
    pub trial: Option<TrialDescription>,
    /// How long callers may expect to be held.
    pub hold: HoldDescription,
    /// The calls and pins that a hand-over would have to wait for at this moment; of short calls it may miss some. Only
    /// [`describe`](crate::Plan::describe) looks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Straggler>,
    /// The limits and permissions of the plan.
    pub options: OptionsDescription,
    /// Why the plan would be refused now; empty if it would be executed.
    pub refusals: Vec<RefusalDescription>,
}

/// One component's part of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MemberDescription {
    /// The present component; `None` if the plan adds one.
    pub before: Option<ComponentId>,
    /// The content hash of its file; `None` if it has none.
    pub hash_before: Option<ContentHash>,
    /// The new component; `None` if the plan removes one.
    pub after: Option<ComponentId>,
    /// The content hash of its file; `None` if it has none.
    pub hash_after: Option<ContentHash>,
    /// The file of the new component, as the plan was given it.
    pub file: Option<String>,
    /// The size of that file, in bytes.
    pub file_bytes: Option<u64>,
    /// Where the new component comes from, in words.
    pub origin: String,
    /// What becomes of each of its interfaces.
    pub interfaces: Vec<InterfaceDescription>,
    /// The components that use it after the commit: those that stay and those of the plan.
    pub dependents: Vec<ComponentId>,
    /// The patches that it brings, and those that stand in the present component.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<PatchDescription>,
    /// Whether the present component is protected: a plan needs
    /// [`override_protected`](crate::PlanBuilder::override_protected) to change it.
    pub protected: bool,
    /// Whether the new component is compiled with `panic = "abort"`: a panic in it ends the process.
    pub panic_abort: bool,
    /// What else there is to say, in words.
    pub notes: Vec<String>,
}

/// A patch that a plan brings, or that stands in a component that the plan changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PatchDescription {
    /// Its name; with its version, if the plan brings it.
    pub name: String,
    /// Whether the plan brings it.
    pub is_new: bool,
    /// The component that it is for.
    pub component: String,
    /// The interface.
    pub interface: String,
    /// The methods that it stands around.
    pub methods: Vec<String>,
    /// Why it falls off: it rests until a version comes that it fits. `None` if it stands after the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests: Option<String>,
}

/// What becomes of one interface of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterfaceDescription {
    /// The interface's name.
    pub interface: String,
    /// Its version in the present component; `None` if that does not implement it.
    pub version_before: Option<u32>,
    /// Its version in the new component; `None` if that does not implement it.
    pub version_after: Option<u32>,
    /// How many instances get a successor.
    pub instances: usize,
    /// What becomes of their state.
    pub state: StateDescription,
    /// Which way their state would go at a rollback of this plan; `None` if the new component has no state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back: Option<StateBackDescription>,
    /// Why the state, which both sides keep in an `lcr::State`, does not move by pointer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_by_pointer: Option<String>,
    /// Whether callers are held while the successors are made.
    pub holds_callers: bool,
    /// Whether the present implementation is protected.
    pub protected: bool,
    /// How the signatures of the new component differ, one line for each method; at most 64. Only
    /// [`describe`](crate::Plan::describe) compares them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

/// What becomes of the state of a component's instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StateDescription {
    /// There is none.
    None,
    /// It moves by pointer: nothing is copied, and nothing is lost.
    #[non_exhaustive]
    ByPointer {
        /// Its version.
        version: u32,
        /// Whether it may point into the images, which then stay mapped.
        points: bool,
    },
    /// It is copied while callers go on, who are then held for the last changes.
    #[non_exhaustive]
    CopiedAhead {
        /// Its version in the present component.
        from: u32,
        /// Its version in the new component.
        to: u32,
        /// How long callers may be expected to be held for the last changes; `None` for no limit.
        #[serde(rename = "hold_us", with = "serial::micros_or_none")]
        hold: Option<Duration>,
    },
    /// It is saved and restored while callers are held. What the new component does not take is for it to say: the plan
    /// cannot know, and [`rehearse`](crate::Plan::rehearse) tries it.
    #[non_exhaustive]
    Copied {
        /// Its version in the present component.
        from: u32,
        /// Its version in the new component.
        to: u32,
    },
    /// It is saved while callers are held, the present component writes it as the older version that the new one has,
    /// and the new one restores that. See [`Stateful::downgrade`](crate::Stateful::downgrade).
    #[non_exhaustive]
    Downgraded {
        /// Its version in the present component.
        from: u32,
        /// Its version in the new component.
        to: u32,
    },
    /// All of it is lost, because the plan allows that.
    #[non_exhaustive]
    Discarded {
        /// Its version.
        version: u32,
    },
    /// The new component takes none, and no instance has one that could be lost.
    Absent,
}

/// By which rules the new versions of a plan are on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrialDescription {
    /// After how long the trial confirms by itself; `None` if calls or an operator end it.
    #[serde(rename = "time_us", with = "serial::micros_or_none")]
    pub time: Option<Duration>,
    /// After how many calls the trial confirms by itself; `None` if time or an operator ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<u64>,
    /// How long it waits for these calls; `None` if it waits for none.
    #[serde(default, rename = "within_us", with = "serial::micros_or_none", skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// How many panics the new versions may give.
    pub faults_allowed: u64,
    /// Whether the program checks the new versions, too.
    pub has_check: bool,
}

/// Which way the state of a component's instances would go at a rollback of the plan, as far as manifests tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "way", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StateBackDescription {
    /// By pointer: nothing is copied, and nothing is lost.
    #[non_exhaustive]
    ByPointer {
        /// Its version.
        version: u32,
    },
    /// As it is: both components have this version of it.
    #[non_exhaustive]
    AsItIs {
        /// Its version.
        version: u32,
    },
    /// The new component writes it as the version that the present one has.
    #[non_exhaustive]
    Downgraded {
        /// Its version in the new component.
        from: u32,
        /// Its version in the present component.
        to: u32,
        /// Whether this plan saves a snapshot that can come back if that fails. What was written since is lost then.
        snapshot: bool,
    },
    /// It is offered to `migrate` of the present component. No manifest says whether that reads it.
    #[non_exhaustive]
    Migrated {
        /// Its version in the new component.
        from: u32,
        /// Its version in the present component.
        to: u32,
        /// Whether this plan saves a snapshot that can come back if that fails. What was written since is lost then.
        snapshot: bool,
    },
    /// It is lost: the present component takes no state.
    #[non_exhaustive]
    Lost {
        /// Its version.
        version: u32,
    },
    /// It goes no way, so that a rollback is refused which does not discard it.
    #[non_exhaustive]
    Refused {
        /// Its version.
        version: u32,
    },
}

/// How long callers may expect to be held at the commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HoldDescription {
    /// What they wait for.
    pub by: HoldCause,
    /// About how long; `None` if that depends on the code of components, as `save`, `restore` and constructors do.
    #[serde(rename = "about_us", with = "serial::micros_or_none")]
    pub about: Option<Duration>,
    /// After how long the old version serves on and the plan is refused; `None` for no limit.
    #[serde(rename = "at_most_us", with = "serial::micros_or_none")]
    pub at_most: Option<Duration>,
}

/// What callers wait for at the commit: the longest of what the plan's components need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldCause {
    /// No caller is held.
    Nothing,
    /// States move by pointer, in moments that do not grow with them.
    Pointers,
    /// The last changes of states that were copied ahead.
    LastChanges,
    /// Constructors of components whose dependencies change with them.
    Constructors,
    /// `save`, and `migrate` or `restore`, of whole states.
    WholeStates,
}

/// The limits and permissions of a plan, as its builder was given them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OptionsDescription {
    /// How long callers may be blocked.
    #[serde(rename = "deadline_us", with = "serial::micros_or_none")]
    pub deadline: Option<Duration>,
    /// How long a shut gate waits for calls.
    #[serde(rename = "gate_wait_us", with = "serial::micros_or_none")]
    pub gate_wait: Option<Duration>,
    /// How long the transaction may take while all callers are served.
    #[serde(rename = "timeout_us", with = "serial::micros_or_none")]
    pub timeout: Option<Duration>,
    /// Whether protected components may change.
    pub override_protected: bool,
    /// Whether a component that aborts on a panic may replace one that unwinds.
    pub allow_panic_abort: bool,
    /// Whether the plan is refused if a patch that stands would fall off.
    #[serde(default)]
    pub require_patches: bool,
    /// The components whose state may be lost.
    pub discard_state: Vec<String>,
    /// The components that may get the state of an older generation in place of the present one.
    #[serde(default)]
    pub restore_snapshot: Vec<String>,
    /// In how many rounds state may be copied ahead.
    pub precopy_rounds: u32,
    /// How long callers may be expected to be held for the last changes.
    #[serde(rename = "precopy_hold_us", with = "serial::micros_or_none")]
    pub precopy_hold: Option<Duration>,
    /// How many changes a state may note while it is copied.
    pub precopy_backlog: usize,
}

/// Why a plan would be refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RefusalDescription {
    /// The class of the refusal.
    pub kind: ErrorKind,
    /// What is refused, what was found, and what to do.
    pub text: String,
}

impl PlanDescription {
    /// Whether the plan would be refused now.
    pub fn is_refused(&self) -> bool {
        !self.refusals.is_empty()
    }
}
