//! What the transaction does behind the gate, found before it shuts.
//!
//! To find the instances behind a gate in the order of their dependencies, and the entries of their slots, takes a walk
//! over everything that is present. That walk grows with the number of references, so it is not for the time while
//! callers are held. [`Execution::foresee`] takes it under the same lock under which the gate shuts. Behind the gate
//! the transaction only asks whether anything came or went since ([`Objects::revision`]): a thread inside a member may
//! build instances, and handles may be dropped. Then nothing counts that was foreseen, and the walk is taken again.
//!
//! An entry is foreseen for a successor that is there before the gate shuts. One that cannot serve a slot is left to
//! the commit, which refuses it, or finds that the slot is gone.
//!
//! [`Objects::revision`]: crate::host::objects::owner::Objects::revision

use std::{collections::HashMap, mem, sync::Arc, time::Instant};

use crate::{
    error::Error,
    host::{
        ids::{ProviderId, ServiceId},
        objects::{instances::Instance, slots::Slot},
        service::state::State,
        worlds::world::Edit,
    },
};

use super::{
    execution::{Execution, Replacement},
    stop::Stop,
};

/// An instance whose state is saved, or whose successor is made, behind the gate.
pub(super) struct Moving {
    pub(super) id: ServiceId,
    pub(super) replacement: usize,
    pub(super) old: Arc<Instance>,
    pub(super) is_stateful: bool,
    /// Whether its state moves by pointer.
    pub(super) moves: bool,
    pub(super) config: Option<Arc<[u8]>>,
}

/// The instances behind the gate.
#[derive(Default)]
pub(super) struct BehindGate {
    /// Those whose state moves by pointer to a successor that is there.
    pub(super) ready: Vec<(ServiceId, Arc<Instance>)>,
    /// The others, dependents first.
    pub(super) moving: Vec<Moving>,
}

/// A gate that is shut.
pub(super) struct Shut {
    /// Since when callers are held.
    pub(super) at: Instant,
    pub(super) foreseen: Foreseen,
}

/// What was found before the gate shut.
#[must_use]
pub(super) struct Foreseen {
    /// What was present then. `None` if a successor was still to be constructed: while starts of async calls are held
    /// back, a thread inside a member may have built an instance of another one.
    revision: Option<u64>,
    behind_gate: BehindGate,
    /// The entries of the successors that are marked as foreseen.
    edits: Vec<Edit>,
}

impl Execution {
    /// Finds, under the lock under which the gate shuts, what is behind the gate.
    pub(super) fn foresee(&mut self, state: &State) -> Foreseen {
        let behind_gate = self.find_behind_gate(state);
        let mut edits = Vec::new();
        for (&id, successor) in &mut self.successors {
            let before = edits.len();
            let linked = entries(state, id, &successor.instance, &mut edits, |_, error| Err(error));
            successor.is_foreseen = linked.is_ok();
            if linked.is_err() {
                edits.truncate(before);
            }
        }
        let revision = self.lacks_nothing(state).then(|| state.objects().revision());
        Foreseen { revision, behind_gate, edits }
    }

    /// Whether everything is prepared, and nothing came or went since the gate shut.
    pub(super) fn is_as_foreseen(&self, foreseen: &Foreseen) -> Result<bool, Stop> {
        let state = self.inner.state();
        self.watch.check()?;
        Ok(foreseen.is_of(&state))
    }

    /// The instances behind the gate. Takes them out of what was foreseen.
    pub(super) fn behind_gate(&self, state: &State, foreseen: &mut Foreseen) -> BehindGate {
        if foreseen.is_of(state) { mem::take(&mut foreseen.behind_gate) } else { self.find_behind_gate(state) }
    }

    pub(super) fn find_behind_gate(&self, state: &State) -> BehindGate {
        let all = self.replacements();
        let gated = all.iter().enumerate().filter(|(_, replacement)| replacement.is_behind_gate);
        let replacements: HashMap<ProviderId, (usize, &Replacement)> = gated
            .flat_map(|(number, replacement)| {
                replacement.providers.iter().map(move |&provider| (provider, (number, replacement)))
            })
            .collect();
        let mut found = BehindGate::default();
        for id in state.objects().dependencies_first().into_iter().rev() {
            let Some(service) = state.objects().services().get(id) else { continue };
            let replaced = service.providers().iter().find_map(|provider| replacements.get(provider));
            let Some(&(replacement, &Replacement { is_stateful, moves, .. })) = replaced else { continue };
            let old = Arc::clone(service.instance());
            if moves && self.successors.contains_key(&id) {
                found.ready.push((id, old));
                continue;
            }
            let config = self.config_for(state, id, &all[replacement].implementation);
            found.moving.push(Moving { id, replacement, old, is_stateful, moves, config });
        }
        found
    }

    /// The entries of the new world that differ from the current one. `refuse` decides about each slot that a successor
    /// cannot serve.
    ///
    /// # Errors
    /// That of `refuse`.
    pub(super) fn edits(
        &self,
        state: &State,
        foreseen: Option<Foreseen>,
        mut refuse: impl FnMut(&Slot, Error) -> Result<(), Error>,
    ) -> Result<Vec<Edit>, Stop> {
        let foreseen = foreseen.filter(|foreseen| foreseen.is_of(state));
        let is_any_foreseen = foreseen.is_some();
        let mut edits = foreseen.map_or_else(Vec::new, |foreseen| foreseen.edits);
        for (&id, successor) in &self.successors {
            if !(is_any_foreseen && successor.is_foreseen) {
                entries(state, id, &successor.instance, &mut edits, &mut refuse)?;
            }
        }
        Ok(edits)
    }
}

impl Foreseen {
    fn is_of(&self, state: &State) -> bool {
        self.revision == Some(state.objects().revision())
    }
}

/// Adds the entries of a service's slots when `instance` serves them. A slot that it cannot serve gets a closed one, if
/// `refuse` does not refuse that.
fn entries(
    state: &State,
    id: ServiceId,
    instance: &Instance,
    edits: &mut Vec<Edit>,
    mut refuse: impl FnMut(&Slot, Error) -> Result<(), Error>,
) -> Result<(), Error> {
    let objects = state.objects();
    // An instance whose last handle was dropped meanwhile has no slots.
    let Some(service) = objects.services().get(id) else { return Ok(()) };
    for &slot in service.slots() {
        let Some(found) = objects.slots().get(slot) else { continue };
        let target = match objects.target_on(id, instance, found.view()) {
            Ok(target) => Some(target),
            Err(error) => {
                refuse(found, error)?;
                None
            }
        };
        edits.push((slot, target));
    }
    Ok(())
}
