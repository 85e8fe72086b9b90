//! Members: what a plan does with one component. [`description`](super::description) says it to others.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind},
    host::{
        ids::ProviderId,
        image::{
            content_hash::ContentHash,
            manifest::{ExportManifest, Manifest},
        },
        objects::{component::Implementation, origin::Origin},
    },
};

/// One component's part of a plan.
#[derive(Default)]
pub(super) struct Member {
    /// The number of the step that the member comes from.
    pub(super) step: usize,
    /// The present component; `None` if the member adds one.
    pub(super) before: Option<ComponentId>,
    /// The new component; `None` if the member removes one.
    pub(super) after: Option<ComponentId>,
    /// The providers that get a new implementation.
    pub(super) replaced: Vec<ReplacedProvider>,
    /// The new component's exports that become providers of their own.
    pub(super) added: Vec<usize>,
    /// The providers that the member removes; they must have no instances.
    pub(super) removed: Vec<ProviderId>,
    /// The interfaces of these, with their versions.
    pub(super) lost: Vec<(String, u32)>,
    /// The implementations that are present: those of `replaced`, then those of `removed`. By them a plan tells whether
    /// it is stale. They do not keep an image from being unmapped.
    pub(super) present: Vec<Weak<Implementation>>,
    /// The content hash of the present component's file.
    pub(super) hash_before: Option<ContentHash>,
    /// The hash of that file together with the libraries that came with it.
    pub(super) whole_before: Option<ContentHash>,
    /// Whether it changes a component that is protected: a present implementation, or what is below a patch.
    pub(super) protected: bool,
    /// The components that need the new one after the commit.
    pub(super) dependents: Vec<ComponentId>,
    /// Further lines for the printed plan.
    pub(super) notes: Vec<String>,
    /// The patches that it brings, and those that stand in the present component.
    pub(super) patches: Vec<PatchPart>,
    /// The number and name of each patch and export of the components that it changes, or brings patches of, in their
    /// order. By them a plan tells whether it is stale.
    pub(super) standing: Vec<(u64, String)>,
    /// Whether the new component is compiled with `panic = "abort"`.
    pub(super) aborts: bool,
    /// Whether the new component is one that a revision kept, with its image.
    pub(super) is_kept: bool,
    /// The file of the new component, as the plan prints it.
    pub(super) source: String,
}

/// A patch that a member brings, or that stands in what the member changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PatchPart {
    /// The export that it is, if the member brings it.
    pub(super) export: Option<usize>,
    pub(super) name: String,
    /// The component that it is for.
    pub(super) component: String,
    pub(super) interface: String,
    pub(super) methods: Vec<String>,
    /// Why it stands no more after the commit.
    pub(super) rests: Option<String>,
}

/// A provider that gets a new implementation.
pub(super) struct ReplacedProvider {
    pub(super) provider: ProviderId,
    /// The export's number in the new component's manifest.
    pub(super) export: usize,
    pub(super) instances: usize,
    pub(super) state: StateChange,
    /// Which way the state would go back.
    pub(super) back: Option<StateBack>,
    /// Why the state, which both sides keep in an `lcr::State`, does not move by pointer.
    pub(super) why_copied: Option<String>,
    /// The interface's name, and its version before and after.
    pub(super) interface: String,
    pub(super) versions: (u32, u32),
    pub(super) protected: bool,
    /// Whether an interface that the provider needs changes with it, so that its handles cannot go on.
    pub(super) breaks_interface: bool,
    /// Whether a provider that shares its objects is behind the gate.
    pub(super) shares_gate: bool,
    /// Its place among the plan's providers; a provider comes after those that it depends on.
    pub(super) rank: usize,
}

/// What becomes of the state of a provider's instances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StateChange {
    /// The instances have no state.
    None,
    /// The state moves to the successors, from the first version to the second, while callers are held.
    HandedOver(u32, u32),
    /// The same, where the present component writes its state as the second, older version.
    Downgraded(u32, u32),
    /// The same, but it is copied while callers go on, who are then held for about this time; `None` for no
    /// limit.
    CopiedAhead(u32, u32, Option<Duration>),
    /// The state moves to the successors by pointer. It has this version, and may point into the images.
    Moved { version: u32, points: bool },
    /// The plan allows the loss of the state, which has this version.
    Discarded(u32),
    /// The successors would take no state, and there is no instance whose state could be lost.
    Absent,
}

/// Which way a state would go back that a plan takes forward.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum StateBack {
    /// By pointer.
    ByPointer(u32),
    /// As it is, since both sides have this version of it.
    AsItIs(u32),
    /// The newer component writes the first version as the second.
    Downgraded(u32, u32),
    /// The older component's `migrate` has to read the first version.
    Migrated(u32, u32),
    /// The older component takes no state.
    Lost(u32),
    /// None, so that a rollback is refused.
    None(u32),
}

impl ReplacedProvider {
    /// Whether the state of its instances is handed over.
    pub(super) fn is_stateful(&self) -> bool {
        use StateChange::*;
        matches!(self.state, HandedOver(..) | Downgraded(..) | CopiedAhead(..) | Moved { .. })
    }

    /// Whether the state of its instances moves by pointer.
    pub(super) fn moves(&self) -> bool {
        matches!(self.state, StateChange::Moved { .. })
    }

    /// Whether the state of its instances is copied while callers go on. If an interface changes that its
    /// successors need, they cannot be constructed before callers are held, and state moves as a whole.
    pub(super) fn is_copied_ahead(&self) -> bool {
        matches!(self.state, StateChange::CopiedAhead(..)) && !self.breaks_interface
    }

    /// Whether its successors are made before its callers wait: what they need does not change with them, and their
    /// state needs no code.
    pub(super) fn is_made_ahead(&self) -> bool {
        !self.breaks_interface && (self.moves() || !self.is_stateful())
    }

    /// Whether its callers wait at the gate until the commit.
    pub(super) fn is_behind_gate(&self) -> bool {
        self.is_stateful() || self.breaks_interface || self.shares_gate
    }
}

impl Member {
    /// The version of the state that the plan loses; `None` if it loses none.
    pub(super) fn discarded_state(&self) -> Option<u32> {
        self.replaced.iter().find_map(|replaced| match replaced.state {
            StateChange::Discarded(version) => Some(version),
            _ => None,
        })
    }

    /// The providers that the member changes or removes.
    pub(super) fn providers(&self) -> impl Iterator<Item = ProviderId> {
        self.replaced.iter().map(|replaced| replaced.provider).chain(self.removed.iter().copied())
    }

    /// Notes an export that becomes a provider of its own.
    pub(super) fn gain(&mut self, export: usize) {
        self.added.push(export);
    }

    /// Notes an implementation that is present and changes.
    pub(super) fn note_present(&mut self, implementation: &Arc<Implementation>) {
        self.present.push(Arc::downgrade(implementation));
        let origin = implementation.component.origin.as_ref();
        self.hash_before = origin.map(|origin| origin.hash);
        self.whole_before = origin.map(Origin::whole);
        self.protected |= implementation.manifest.protected;
    }

    /// Notes that a panic in the new component ends the process.
    pub(super) fn note_abort(&mut self, manifest: &Manifest) {
        self.aborts = manifest.exports.iter().any(|export| export.panic_abort);
        if self.aborts {
            self.notes.push("compiled with panic = \"abort\": a panic in it ends the process".to_owned());
        }
    }

    /// Notes a provider that is removed.
    pub(super) fn lose(&mut self, provider: ProviderId, manifest: &ExportManifest) {
        self.removed.push(provider);
        self.lost.push((manifest.interface.clone(), manifest.interface_version));
    }
}

/// The interface of an implementation, with its version.
pub(super) fn interface(manifest: &ExportManifest) -> String {
    format!("{} v{}", manifest.interface, manifest.interface_version)
}

/// The component of an implementation, with its version, as messages quote it.
pub(super) fn named(manifest: &ExportManifest) -> String {
    format!("`{}`", manifest.component)
}

/// A number of instances.
pub(super) fn counted(instances: usize) -> String {
    match instances {
        1 => "1 instance".to_owned(),
        _ => format!("{instances} instances"),
    }
}

/// The refusal of a plan that would lose the state of an instance without allowing that.
pub(super) fn state_lost(old: &ExportManifest, new: &ExportManifest) -> Error {
    let text = format!(
        "component {} takes no state, and that of {} would be lost; declare \
         #[lcr::component(state)], or let the plan discard it",
        named(new),
        named(old),
    );
    Error::new(ErrorKind::State, text)
}
