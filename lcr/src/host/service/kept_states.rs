//! States of an earlier process: which wait for their component, and which were restored.
//!
//! A state waits until the shared instance of its component is built, which then begins with the state instead of by
//! its constructor. Nothing is lost silently:
//!
//! 1. A state that waits, that was refused or that is set aside stays here, with the reason, and is part of what is
//!    saved next.
//! 2. A refused state refuses each construction of its component, until a version takes it or the program forgets it:
//!    an instance without its state would be saved over it.
//! 3. A state that is set aside is restored to nothing; the one of a component is kept.

use std::sync::Arc;

use crate::host::{image::manifest::ExportManifest, state_bytes::SavedState};

/// A state that an earlier process saved, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptState {
    /// The component's name.
    pub component: String,
    /// The version of the component that saved the state.
    pub version: String,
    /// The version of the state.
    pub state_version: u32,
    /// Its size in bytes.
    pub bytes: usize,
    /// What became of it.
    pub stage: KeptStage,
}

/// What became of a state of an earlier process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeptStage {
    /// No instance of the component was built yet, or none that has state.
    Waiting,
    /// The component's instance began with it.
    Restored,
    /// The component refused it: nothing is built of the component before a version takes the state, or
    /// [`Runtime::forget_state`](crate::Runtime::forget_state).
    #[non_exhaustive]
    Refused {
        /// Why.
        why: String,
    },
    /// It is kept, and the component began without it.
    #[non_exhaustive]
    SetAside {
        /// Why.
        why: String,
    },
}

/// The states of an earlier process.
#[derive(Default)]
pub(crate) struct KeptStates(Vec<(SavedState, KeptStage)>);

impl KeptStates {
    /// Takes states of an earlier process. Those of the components `without` are set aside, because of
    /// `why`.
    pub(crate) fn set(&mut self, states: Vec<SavedState>, without: &[String], why: &str) {
        self.0 = Vec::with_capacity(states.len());
        for mut state in states {
            let stage = if state.is_aside {
                KeptStage::SetAside { why: "it was set aside before".to_owned() }
            } else if without.contains(&state.component) {
                state.is_aside = true;
                KeptStage::SetAside { why: why.to_owned() }
            } else {
                KeptStage::Waiting
            };
            if state.is_aside {
                // The newest comes last.
                self.0.retain(|(other, _)| !(other.is_aside && same(other, &state)));
            }
            self.0.push((state, stage));
        }
    }

    /// The state with which the shared instance of an implementation begins.
    pub(super) fn of(&self, manifest: &ExportManifest) -> Option<SavedState> {
        manifest.state_version?;
        let mut own = self.0.iter().filter(|(state, stage)| {
            let waits = matches!(stage, KeptStage::Waiting | KeptStage::Refused { .. });
            waits && state.component == manifest.component.name && state.interface == manifest.interface
        });
        let first = own.clone().next().map(|(state, _)| state.clone());
        own.find(|(state, _)| state.interface_version == manifest.interface_version)
            .map(|(state, _)| state.clone())
            .or(first)
    }

    /// Notes what became of a state. Its bytes are given up once it is restored.
    pub(super) fn note(&mut self, state: &SavedState, stage: KeptStage) {
        let found =
            self.0.iter_mut().find(|(other, _)| !other.is_aside && other.bytes.as_ptr() == state.bytes.as_ptr());
        let Some((found, at)) = found else { return };
        if stage == KeptStage::Restored {
            found.bytes = Arc::default();
        }
        *at = stage;
    }

    /// Forgets the states of a component that were not restored. Returns how many there were.
    pub(crate) fn forget(&mut self, component: &str) -> usize {
        let before = self.0.len();
        self.0.retain(|(state, stage)| state.component != component || *stage == KeptStage::Restored);
        before - self.0.len()
    }

    /// The states that were not restored: part of what is saved next.
    pub(crate) fn unrestored(&self) -> impl Iterator<Item = &SavedState> {
        self.0.iter().filter(|(_, stage)| *stage != KeptStage::Restored).map(|(state, _)| state)
    }

    /// What became of each.
    pub(crate) fn all(&self) -> Vec<KeptState> {
        let kept = |(state, stage): &(SavedState, KeptStage)| KeptState {
            component: state.component.clone(),
            version: state.version.clone(),
            state_version: state.state_version,
            bytes: state.bytes.len(),
            stage: stage.clone(),
        };
        self.0.iter().map(kept).collect()
    }
}

/// Whether two states are of one instance, in whatever versions.
fn same(one: &SavedState, two: &SavedState) -> bool {
    (&one.component, &one.interface) == (&two.component, &two.interface)
}
