//! Gate and hand-over: moving state while callers wait.
//!
//! The members' slots are closed in one world, so that no caller sees one member's new
//! state beside another's old one. Then, when the last call has left, the state moves in
//! two passes:
//!
//! 1. Every old instance is *saved*, dependents first, in the order of the instances that
//!    they hold. A dependent may finish its work by calls to its dependencies, which are
//!    saved later, so nothing of that is lost. After a refusal it is where it belongs: in
//!    the old dependency.
//! 2. Every successor is *restored* and asked for its health, dependencies first, in the
//!    order of the new implementations' seats, which may be another one. What it says to
//!    its dependencies is said to their successors, so nothing of that is lost either; a
//!    refusal destroys them, and the old world has not heard of it.
//!
//! A member without state is behind the gate, too, if an interface that it needs changes
//! with it ([`crossing`](super::crossing)): its successor is constructed in the second
//! pass, when what it needs is there.
//!
//! The saved bytes of all instances are in memory between the passes.
//!
//! A call that fits in neither (into an instance that was saved and has no successor yet,
//! by a handle that is no declared dependency) is a fault, and usually a refusal.
//! `save` borrows the old instance: whatever fails, opening the slots again is all there
//! is to undo.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, ErrorKind},
    host::{
        gate::Gate,
        instances::{Incarnation, InstanceId, Origin},
        registry::ProviderId,
        shared::Shared,
        world::Edit,
    },
};

use super::execute::{Execution, Stop, Successor};

/// An instance whose successor is made behind the gate.
struct Moving {
    id: InstanceId,
    seat: usize,
    old: Arc<Incarnation>,
    is_stateful: bool,
    config: Option<Arc<[u8]>>,
}

/// The same, saved.
struct Saved {
    id: InstanceId,
    seat: usize,
    /// Its state and the version of that, if it is handed over.
    state: Option<(u32, Vec<u8>)>,
    config: Option<Arc<[u8]>>,
}

impl Execution {
    /// Shuts the slots of instances whose successors are made behind the gate. `None` if
    /// there are none.
    pub(super) fn shut(&mut self) -> Result<Option<Instant>, Stop> {
        let gated: Vec<ProviderId> =
            self.seats().into_iter().filter(|seat| seat.is_behind_gate).map(|seat| seat.provider).collect();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        self.watch.check()?;
        let (mut members, mut instances) = (HashMap::new(), HashSet::new());
        for (id, instance) in &state.instances {
            if gated.contains(&instance.provider) {
                instances.insert(id);
                members.extend(instance.slots.iter().map(|&slot| (slot, instance.incarnation.birth)));
            }
        }
        if instances.is_empty() {
            return Ok(None);
        }
        let shut = Instant::now();
        let edits: Vec<Edit> = members.keys().map(|&slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        shared.gate.shut(shut + self.options.deadline);
        shared.publish(&mut state, &edits, 0);
        state.gate = Some(Gate { members, instances, ..Gate::new(before, self.thread) });
        Ok(Some(shut))
    }

    /// Waits until no call and no older pin is inside a member.
    pub(super) fn wait_until_empty(&self, shut: Instant, deadline: Instant) -> Result<(), Stop> {
        let mut round = 0_u32;
        loop {
            let mut state = self.shared.state();
            self.watch.check()?;
            let stragglers = state.behind_gate(shut.elapsed());
            drop(state);
            if stragglers.is_empty() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let names: Vec<String> = stragglers.iter().map(ToString::to_string).collect();
                let text = format!(
                    "callers did not leave within {:?}: {}; the old version serves on, try again when they have left",
                    self.options.deadline,
                    names.join("; ")
                );
                return Err(Error::new(ErrorKind::Deadline, text).with_stragglers(stragglers).into());
            }
            round += 1;
            match round {
                0..100 => thread::yield_now(),
                _ => thread::sleep(Duration::from_micros(50)),
            }
        }
    }

    /// Saves every old instance, then restores every successor.
    pub(super) fn hand_over(&mut self) -> Result<(), Stop> {
        let saved = self.save()?;
        self.restore(saved)
    }

    /// Saves every old instance, dependents first.
    fn save(&mut self) -> Result<Vec<Saved>, Stop> {
        let moving = self.moving()?;
        let mut saved = Vec::with_capacity(moving.len());
        for Moving { id, seat, old, is_stateful, config } in moving {
            if !is_stateful {
                saved.push(Saved { id, seat, state: None, config });
                continue;
            }
            self.watch.step(Arc::clone(&old.implementation.component) as _, "save")?;
            let bytes = Shared::save(&old)?;
            let mut state = self.shared.state();
            self.watch.check()?;
            state.gate.iter_mut().for_each(|gate| _ = gate.saved.insert(id));
            let version = old.implementation.manifest.state_version;
            saved.push(Saved { id, seat, state: Some((version, bytes)), config });
        }
        if let Some(ahead) = self.shared.state().ahead.get_mut(&self.thread) {
            ahead.set_saving(false);
        }
        Ok(saved)
    }

    /// The instances behind the gate, held, those first that depend on others.
    fn moving(&mut self) -> Result<Vec<Moving>, Stop> {
        let gated = self.seats().into_iter().enumerate().filter(|(_, seat)| seat.is_behind_gate);
        let seats: HashMap<ProviderId, (usize, bool)> =
            gated.map(|(number, seat)| (seat.provider, (number, seat.is_stateful))).collect();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        self.watch.check()?;
        if let Some(ahead) = state.ahead.get_mut(&self.thread) {
            ahead.set_saving(true);
        }
        let order = state.dependencies_first().into_iter().rev();
        let moving: Vec<Moving> = order
            .filter_map(|id| {
                let instance = &state.instances[id];
                let (seat, is_stateful) = *seats.get(&instance.provider)?;
                let old = Arc::clone(&instance.incarnation);
                Some(Moving { id, seat, old, is_stateful, config: instance.config.clone() })
            })
            .collect();
        moving.iter().for_each(|moving| self.hold(&mut state, moving.id));
        Ok(moving)
    }

    /// Restores or constructs every successor, dependencies first.
    fn restore(&mut self, mut saved: Vec<Saved>) -> Result<(), Stop> {
        saved.sort_unstable_by_key(|saved| (saved.seat, saved.id));
        let seats = self.seats();
        for Saved { id, seat, state, config } in saved {
            let implementation = &seats[seat].implementation;
            let (origin, step, state_bytes) = match &state {
                Some((version, bytes)) => (Origin::Restore(*version, bytes), "restore", bytes.len()),
                None => (Origin::Create, "constructor", 0),
            };
            self.watch.step(Arc::clone(&implementation.component) as _, step)?;
            let incarnation = self.shared.incarnate(implementation, config.as_deref(), self.sight(), origin)?;
            self.keep(id, Successor { incarnation, state_bytes, seat })?;
        }
        Ok(())
    }
}
