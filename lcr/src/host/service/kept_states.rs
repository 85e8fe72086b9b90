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
//! 4. An instance that began with a state may go before a program ever reached it: what asked for it was not built, or
//!    its plan was refused. Until then the bytes are here, and the state waits again when the instance goes.

use std::{collections::HashSet, mem, sync::Arc};

use crate::host::{
    ids::ServiceId,
    image::manifest::ExportManifest,
    objects::{owner::Objects, slots::Slot},
    state_bytes::SavedState,
};

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

/// A state of an earlier process, and the service that began with it and that no program has reached, if there is one.
pub(crate) type Unsaved = (Option<ServiceId>, SavedState);

/// The states of an earlier process.
#[derive(Default)]
pub(crate) struct KeptStates {
    states: Vec<(SavedState, KeptStage)>,
    /// The services that began with a state and that no program has reached yet, with the bytes of that state.
    unreached: Vec<(ServiceId, Arc<[u8]>)>,
}

impl KeptStates {
    /// Takes states of an earlier process. Those of the components `without` are set aside, because of
    /// `why`.
    pub(crate) fn set(&mut self, states: Vec<SavedState>, without: &[String], why: &str) {
        self.states = Vec::with_capacity(states.len());
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
                self.states.retain(|(other, _)| !(other.is_aside && same(other, &state)));
            }
            self.states.push((state, stage));
        }
    }

    /// The state with which the shared instance of an implementation begins.
    pub(super) fn of(&self, manifest: &ExportManifest) -> Option<SavedState> {
        let version = manifest.state_version?;
        let own = self.states.iter().map(|(state, stage)| (state, stage)).filter(|(state, stage)| {
            let waits = matches!(stage, KeptStage::Waiting | KeptStage::Refused { .. });
            waits && state.component == manifest.component.name && state.interface == manifest.interface
        });
        // The first of those that fit best. There are several if the process before died while a version was on trial.
        let misfit =
            |state: &SavedState| (state.interface_version != manifest.interface_version, state.state_version > version);
        own.map(|(state, _)| state).min_by_key(|state| misfit(state)).cloned()
    }

    /// Notes that a state was refused.
    pub(super) fn note_refused(&mut self, state: &SavedState, why: String) {
        if let Some((_, stage)) = self.find(&state.bytes) {
            *stage = KeptStage::Refused { why };
        }
    }

    /// Notes that a service begins with a state. Its bytes are given up once a program reaches the service.
    pub(super) fn note_restored(&mut self, state: &SavedState, service: ServiceId) {
        if let Some((found, stage)) = self.find(&state.bytes) {
            *stage = KeptStage::Restored;
            let bytes = Arc::clone(&found.bytes);
            self.unreached.push((service, bytes));
        }
    }

    /// Notes the end of a service. If no program has reached it, its state waits again.
    pub(super) fn note_ended(&mut self, service: ServiceId) {
        let Some(at) = self.unreached.iter().position(|(unreached, _)| *unreached == service) else { return };
        let (_, bytes) = self.unreached.swap_remove(at);
        if let Some((_, stage)) = self.find(&bytes) {
            *stage = KeptStage::Waiting;
        }
    }

    /// Notes that programs reach these services, and all that they need: the bytes of their states are given up.
    pub(super) fn note_reached(&mut self, objects: &Objects, services: impl IntoIterator<Item = ServiceId>) {
        if self.unreached.is_empty() {
            return;
        }
        let mut open: Vec<ServiceId> = services.into_iter().collect();
        let mut reached = HashSet::new();
        while let Some(id) = open.pop() {
            if reached.insert(id) {
                let needs = objects.services().get(id).map(|service| service.instance().needs());
                open.extend(needs.into_iter().flatten().map(|need| need.service));
            }
        }
        let unreached = mem::take(&mut self.unreached);
        let (reached, unreached): (Vec<_>, Vec<_>) = unreached.into_iter().partition(|(id, _)| reached.contains(id));
        self.unreached = unreached;
        reached.iter().for_each(|(_, bytes)| self.give_up(bytes));
    }

    /// Gives up the bytes of a state that its instance has, and has no other state of it wait: older ones go, and newer
    /// ones, which its version does not take, are set aside.
    fn give_up(&mut self, bytes: &Arc<[u8]>) {
        let is_it = |(state, _): &(SavedState, KeptStage)| !state.is_aside && Arc::ptr_eq(&state.bytes, bytes);
        let Some(at) = self.states.iter().position(is_it) else { return };
        self.states[at].0.bytes = Arc::default();
        let it = self.states[at].0.clone();
        let is_other = |state: &SavedState, stage: &KeptStage| {
            let waits = matches!(stage, KeptStage::Waiting | KeptStage::Refused { .. });
            let form = (&it.version, it.state_version) != (&state.version, state.state_version);
            waits && form && same(state, &it) && state.interface_version == it.interface_version
        };
        for (state, stage) in &mut self.states[..at] {
            if is_other(state, stage) {
                state.is_aside = true;
                let why = format!("{} began with the state v{} of {}", it.component, it.state_version, it.version);
                *stage = KeptStage::SetAside { why };
            }
        }
        let mut place = 0;
        self.states.retain(|(state, stage)| {
            place += 1;
            place <= at || !is_other(state, stage)
        });
    }

    /// As [`note_reached`](KeptStates::note_reached), for all services that programs have handles on.
    pub(crate) fn note_commit(&mut self, objects: &Objects) {
        if self.unreached.is_empty() {
            return;
        }
        let slots = objects.slots();
        let of_programs = slots.numbers().filter_map(|number| slots.get(number)).filter(|slot| slot.is_of(None));
        self.note_reached(objects, of_programs.map(Slot::service).collect::<Vec<_>>());
    }

    fn find(&mut self, bytes: &Arc<[u8]>) -> Option<&mut (SavedState, KeptStage)> {
        self.states.iter_mut().find(|(state, _)| !state.is_aside && Arc::ptr_eq(&state.bytes, bytes))
    }

    /// Forgets the states of a component that were not restored. Returns how many there were.
    pub(crate) fn forget(&mut self, component: &str) -> usize {
        let before = self.states.len();
        self.states.retain(|(state, stage)| state.component != component || *stage == KeptStage::Restored);
        before - self.states.len()
    }

    /// What is part of what is saved next: the states that were not restored; and those that were, each with its
    /// service, if no program has reached that and its own state is not saved.
    pub(crate) fn unsaved(&self) -> Vec<Unsaved> {
        let of_state = |(state, stage): &(SavedState, KeptStage)| {
            let unreached = self.unreached.iter().find(|(_, bytes)| Arc::ptr_eq(bytes, &state.bytes));
            let service = unreached.map(|(service, _)| *service);
            (service.is_some() || *stage != KeptStage::Restored).then(|| (service, state.clone()))
        };
        self.states.iter().filter_map(of_state).collect()
    }

    /// Whether a service began with a state that is here until a program reaches the service.
    pub(crate) fn is_unreached(&self, service: ServiceId) -> bool {
        self.unreached.iter().any(|(unreached, _)| *unreached == service)
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
        self.states.iter().map(kept).collect()
    }
}

/// Whether two states are of one instance, in whatever versions.
fn same(one: &SavedState, two: &SavedState) -> bool {
    (&one.component, &one.interface) == (&two.component, &two.interface)
}
