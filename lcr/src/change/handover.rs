//! Gate and hand-over: moving state while callers wait.
//!
//! The members' slots are closed in one world, so that no caller sees one member's new
//! state beside another's old one. Then, when the last call has left, each instance is
//! saved and its successor restored, dependencies first. `save` borrows the old
//! instance: whatever fails, opening the slots again is all there is to undo.

use std::{
    collections::HashMap,
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

impl Execution {
    /// Shuts the slots of instances whose state moves. `None` if there are none.
    pub(super) fn shut(&mut self) -> Result<Option<Instant>, Stop> {
        let stateful: Vec<ProviderId> =
            self.seats().into_iter().filter(|(.., stateful)| *stateful).map(|(provider, ..)| provider).collect();
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        self.watch.check()?;
        let mut members = HashMap::new();
        let mut instances = 0;
        for (_, instance) in &state.instances {
            if stateful.contains(&instance.provider) {
                instances += 1;
                members.extend(instance.slots.iter().map(|&slot| (slot, instance.incarnation.birth)));
            }
        }
        if instances == 0 {
            return Ok(None);
        }
        let shut = Instant::now();
        let edits: Vec<Edit> = members.keys().map(|&slot| (slot, None)).collect();
        let before = Arc::clone(&state.world);
        shared.gate.shut(shut + self.options.deadline);
        shared.publish(&mut state, &edits, 0);
        state.gate = Some(Gate { before, members, thread: self.thread });
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

    /// Saves each old instance and restores its successor, dependencies first.
    pub(super) fn hand_over(&mut self) -> Result<(), Stop> {
        for (seat, (provider, implementation, stateful)) in self.seats().into_iter().enumerate() {
            if !stateful {
                continue;
            }
            for (id, old, config) in self.incarnations_of(provider)? {
                let from = old.implementation.manifest.state_version;
                self.watch.step(Arc::clone(&old.implementation.component) as _, "save")?;
                let bytes = Shared::save(&old)?;
                self.watch.step(Arc::clone(&implementation.component) as _, "restore")?;
                let origin = Origin::Restore(from, &bytes);
                let incarnation = self.shared.incarnate(&implementation, config.as_deref(), self.sight(), origin)?;
                self.keep(id, Successor { incarnation, state_bytes: bytes.len(), seat })?;
            }
        }
        Ok(())
    }

    #[allow(clippy::type_complexity, reason = "a local list")]
    fn incarnations_of(
        &mut self,
        provider: ProviderId,
    ) -> Result<Vec<(InstanceId, Arc<Incarnation>, Option<Arc<[u8]>>)>, Stop> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state();
        self.watch.check()?;
        let own = state.instances.iter().filter(|(_, instance)| instance.provider == provider);
        let own: Vec<_> =
            own.map(|(id, instance)| (id, Arc::clone(&instance.incarnation), instance.config.clone())).collect();
        own.iter().for_each(|&(id, ..)| self.hold(&mut state, id));
        Ok(own)
    }
}
