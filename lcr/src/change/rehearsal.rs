//! Rehearsals: a plan is executed up to the gate, the live state is migrated into copies beside it, and all of it is
//! thrown away.
//!
//! A rehearsal is a transaction that is always refused in the end. It loads the files, constructs and checks the new
//! instances, and copies states ahead as a transaction does. Where a transaction would shut the gate, the rehearsal
//! goes on with the gate open: it saves each old instance while its callers go on, restores a new one from the bytes,
//! asks it for its health, and has it save its state again, which shows what it would carry on.
//!
//! 1. No caller is held and no world is published. Threads may wait a moment that create an instance of a member, as
//!    they do in every transaction.
//! 2. `save` runs beside calls, where a transaction runs it when no call is inside. A component whose `save` relies on
//!    that has to lock what it reads, as its methods do.
//! 3. What the code of a component does to others is not undone: what a `save` tells its dependencies is told to those
//!    that serve; and a constructor or `restore` may call components that stay.
//! 4. A state that moves by pointer is not touched. It cannot be lost, and a copy of it would prove nothing.
//! 5. The copies are destroyed as successors of a refused transaction are, by the reaper. The images stay mapped, as
//!    those of a refused transaction do, unless the components allow unloading.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    component::identity::ComponentId,
    error::{Error, ErrorKind, LifecycleStep, Result},
    host::{deadline::Deadline, ids::ServiceId, objects::instances::Instance, serial, service::construct::Creation},
};

use super::{
    downgraded::{Older, creation, refusal},
    execution::{Execution, Successor},
    foreseen::{BehindGate, Moving},
    handover::GRACE,
    report::{Change, PrecopyReport},
    request::Step,
    stop::Stop,
    watch::Phase,
};

/// What a rehearsal of a plan has found. [`Plan::rehearse`](crate::Plan::rehearse) makes one.
///
/// `Display` writes a line for each component, then the expected hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Rehearsal {
    /// The generation on which it ran.
    pub generation: u64,
    /// What it found of each component, in the order of the plan.
    pub members: Vec<RehearsedMember>,
    /// How long callers may expect to be held by the plan's commit: as long as the states took to save and restore, and
    /// the last changes of those that were copied ahead.
    #[serde(rename = "expected_hold_us", with = "serial::micros")]
    pub expected_hold: Duration,
    /// How long the rehearsal took, without staging.
    #[serde(rename = "total_us", with = "serial::micros")]
    pub total: Duration,
}

/// One component's part of a [`Rehearsal`]. Its numbers are sums over the instances.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RehearsedMember {
    /// The present component; `None` if the plan adds one.
    pub before: Option<ComponentId>,
    /// The new component; `None` if the plan removes one.
    pub after: Option<ComponentId>,
    /// How many new instances were made and found healthy.
    pub instances: usize,
    /// How many states would move by pointer. They were not touched.
    pub by_pointer: usize,
    /// How many states were copied into new instances.
    pub copied: usize,
    /// The size of what the old instances saved, or of what was copied ahead, in bytes.
    pub state_bytes: usize,
    /// The size of what the new instances save of that again, in bytes; `None` if none of them saves.
    pub carried_bytes: Option<usize>,
    /// How many of the states that were copied the present component has written as the older version that the new one
    /// has: see [`Stateful::downgrade`](crate::Stateful::downgrade).
    #[serde(default)]
    pub downgraded: usize,
    /// Why a state was not downgraded, although the present component declares it. The new one took it as it was.
    #[serde(default)]
    pub not_downgraded: Option<String>,
    /// The size of what a rollback would bring back, in bytes: the new instances have downgraded what they were given.
    /// `None` if no new instance downgrades.
    #[serde(default)]
    pub back_bytes: Option<usize>,
    /// Why a new instance did not downgrade what it was given, although it declares it.
    #[serde(default)]
    pub no_way_back: Option<String>,
    /// The version of the state that the plan discards.
    pub discarded_state: Option<u32>,
    /// How long the old instances took to save.
    #[serde(rename = "save_us", with = "serial::micros")]
    pub save: Duration,
    /// How long the new instances took to restore, and to check their health.
    #[serde(rename = "restore_us", with = "serial::micros")]
    pub restore: Duration,
    /// How the state was copied ahead, while callers went on.
    pub precopy: Option<PrecopyReport>,
}

/// A state that was saved, on its way into a copy.
struct Saved {
    moving: Moving,
    /// Its version, its bytes, and the same as an older version, if it is to be downgraded; `None` if the instance
    /// hands none over.
    state: Option<(u32, Vec<u8>, Option<Older>)>,
}

impl Execution {
    /// Rehearses the plan. Returns `None` if the caller gave up.
    pub(super) fn rehearse(self, steps: Vec<Step>) -> Option<Result<Rehearsal>> {
        let mut found = None;
        let refused = self.run_phases(|execution| {
            found = Some(execution.rehearsal(steps)?);
            // All of it is thrown away as after a refusal.
            Err(Error::new(ErrorKind::Invalid, "a rehearsal is not committed").into())
        });
        let refused = refused?;
        Some(found.map_or_else(|| refused.map(|_| Rehearsal::default()), Ok))
    }

    fn rehearsal(&mut self, steps: Vec<Step>) -> Result<Rehearsal, Stop> {
        let deadline = Deadline::after(self.started, self.options.timeout);
        self.watch.enter(Phase::Load, self.thread, deadline)?;
        self.load(steps)?;
        self.check_allocators()?;
        self.watch.enter(Phase::Prepare, self.thread, deadline)?;
        self.prepare()?;
        self.thaw()?;
        self.try_configurations()?;
        self.watch.enter(Phase::Precopy, self.thread, deadline.later(GRACE))?;
        self.copy_ahead(deadline)?;
        self.watch.enter(Phase::Rehearse, self.thread, deadline)?;
        let mut members = self.members_found();
        let saved = self.save_copies(&mut members)?;
        self.restore_copies(saved, &mut members)?;
        self.save_again(&mut members)?;
        let generation = self.inner.serial();
        let held = members.iter().map(|member| {
            let last = member.precopy.map_or(Duration::ZERO, |precopy| precopy.expected_hold);
            member.save + member.restore + last
        });
        Ok(Rehearsal { generation, expected_hold: held.sum(), members, total: self.started.elapsed() })
    }

    fn members_found(&self) -> Vec<RehearsedMember> {
        let found = self.members.iter().map(|member| RehearsedMember {
            before: member.before.clone(),
            after: member.after.clone(),
            discarded_state: member.discarded_state(),
            ..RehearsedMember::default()
        });
        let mut found: Vec<RehearsedMember> = found.collect();
        for successor in self.successors.values() {
            let member = &mut found[self.member_of(successor.replacement)];
            member.instances += 1;
            member.by_pointer += usize::from(successor.moves);
        }
        found
    }

    /// The member that a replacement belongs to.
    fn member_of(&self, replacement: usize) -> usize {
        let replacements = self.replacements();
        let providers = &replacements[replacement].providers;
        let has = |member: &super::member::Member| {
            member.replaced.iter().any(|replaced| providers.contains(&replaced.provider))
        };
        self.members.iter().position(has).unwrap_or_default()
    }

    /// Saves the instances whose state a transaction would move behind the gate, dependents first, while callers go on.
    fn save_copies(&mut self, members: &mut [RehearsedMember]) -> Result<Vec<Saved>, Stop> {
        let inner = Arc::clone(&self.inner);
        let BehindGate { moving, .. } = {
            let mut state = inner.state();
            self.watch.check()?;
            let behind_gate = self.find_behind_gate(&state);
            behind_gate.moving.iter().try_for_each(|moving| self.hold(&mut state, moving.id))?;
            // What the old instances call meanwhile are those that serve.
            state.objects_mut().uncommitted_mut().set_saving(self.thread, true);
            behind_gate
        };
        let replacements = self.replacements();
        let mut saved = Vec::with_capacity(moving.len());
        for moving in moving {
            let version = moving.old.implementation().manifest.state_version.filter(|_| moving.is_stateful);
            let is_copied_here = !moving.moves && !self.copies.contains_key(&moving.id);
            let state = match version.filter(|_| is_copied_here) {
                None => None,
                Some(version) => {
                    let begun = Instant::now();
                    let bytes = self.save_one(&moving.old)?;
                    let older =
                        self.downgraded(&moving.old, &replacements[moving.replacement].implementation, &bytes)?;
                    let member = &mut members[self.member_of(moving.replacement)];
                    member.save += begun.elapsed();
                    member.state_bytes += bytes.len();
                    Some((version, bytes, older))
                }
            };
            saved.push(Saved { moving, state });
        }
        self.inner.state().objects_mut().uncommitted_mut().set_saving(self.thread, false);
        Ok(saved)
    }

    fn save_one(&self, instance: &Instance) -> Result<Vec<u8>, Stop> {
        self.watch.step(Arc::clone(&instance.implementation().component) as _, LifecycleStep::Save)?;
        Ok(instance.save(self.watch.unwanted())?)
    }

    /// Makes the copies, dependencies first, and asks each for its health.
    fn restore_copies(&mut self, mut saved: Vec<Saved>, members: &mut [RehearsedMember]) -> Result<(), Stop> {
        saved.sort_unstable_by_key(|saved| (saved.moving.replacement, saved.moving.id));
        let replacements = self.replacements();
        for Saved { moving, mut state } in saved {
            let Moving { id, replacement, moves, config, .. } = moving;
            // Its successor is made ahead, or was built since by a thread of the program.
            if moves || self.successors.contains_key(&id) {
                continue;
            }
            let begun = Instant::now();
            let (instance, precopy) = match self.take_copy(id) {
                Some((instance, precopy)) => (instance, Some(precopy)),
                None => {
                    let implementation = &replacements[replacement].implementation;
                    let (creation, step) = match &state {
                        Some((version, bytes, older)) => {
                            (creation(*version, bytes, older.as_ref()), LifecycleStep::Restore)
                        }
                        None => (Creation::Construct, LifecycleStep::Constructor),
                    };
                    self.watch.step(Arc::clone(&implementation.component) as _, step)?;
                    let made = self.inner.instantiate(implementation, config.as_deref(), self.visibility(), creation);
                    let older = state.as_mut().and_then(|(_, _, older)| older.take());
                    self.note_downgrade(id, older.as_ref());
                    (made.map_err(|error| refusal(error, older))?, None)
                }
            };
            let state_bytes = state.map_or(0, |(_, bytes, _)| bytes.len());
            self.keep(id, Successor { instance, state_bytes, moves: false, replacement, is_foreseen: false, precopy })?;
            let member = &mut members[self.member_of(replacement)];
            member.instances += 1;
            match self.downgrades.of(id) {
                Some(Ok(())) => member.downgraded += 1,
                Some(Err(why)) => member.not_downgraded = Some(why.clone()),
                None => {}
            }
            member.copied += usize::from(state_bytes > 0 || precopy.is_some());
            member.restore += begun.elapsed();
            member.state_bytes += precopy.map_or(0, |precopy| precopy.bytes);
            member.precopy = [member.precopy, precopy].into_iter().flatten().reduce(PrecopyReport::and);
        }
        Ok(())
    }

    /// Has each copy save what it was given, so that the sizes can be compared.
    fn save_again(&self, members: &mut [RehearsedMember]) -> Result<(), Stop> {
        let mut copies: Vec<(&ServiceId, &Successor)> = self.successors.iter().collect();
        copies.sort_unstable_by_key(|(id, successor)| (successor.replacement, **id));
        for (id, successor) in copies {
            let has_state = !successor.moves && (successor.state_bytes > 0 || successor.precopy.is_some());
            if !has_state || !successor.instance.implementation().manifest.can_copy_state() {
                continue;
            }
            let bytes = self.save_one(&successor.instance)?;
            let member = &mut members[self.member_of(successor.replacement)];
            member.carried_bytes = Some(member.carried_bytes.unwrap_or_default() + bytes.len());
            // The way back, of what the copy would have at the commit.
            let before = self
                .inner
                .latest_state()
                .objects()
                .services()
                .get(*id)
                .map(|service| Arc::clone(service.instance().implementation()));
            let Some(before) = before else { continue };
            match self.downgraded(&successor.instance, &before, &bytes)? {
                Some(Ok((_, bytes))) => member.back_bytes = Some(member.back_bytes.unwrap_or_default() + bytes.len()),
                Some(Err(error)) => member.no_way_back = Some(error.to_string()),
                None => {}
            }
        }
        Ok(())
    }
}

impl Default for Rehearsal {
    fn default() -> Rehearsal {
        Rehearsal { generation: 0, members: Vec::new(), expected_hold: Duration::ZERO, total: Duration::ZERO }
    }
}

impl fmt::Display for Rehearsal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rehearsal on generation {}, {:.1?}", self.generation, self.total)?;
        for member in &self.members {
            writeln!(f, "  {member}")?;
        }
        match self.expected_hold {
            Duration::ZERO => write!(f, "  callers would be held for no state to be copied"),
            hold => write!(f, "  callers would be held about {hold:.1?}"),
        }
    }
}

impl fmt::Display for RehearsedMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Change(&self.before, &self.after).fmt(f)?;
        if self.after.is_none() {
            return Ok(());
        }
        write!(f, ": {} healthy", self.instances)?;
        if self.copied > 0 {
            let (bytes, save, restore) = (self.state_bytes, self.save, self.restore);
            write!(f, ", {} copied, {bytes} bytes, save {save:.1?}, restore {restore:.1?}", self.copied)?;
            match self.carried_bytes {
                Some(carried) => write!(f, ", of which the new version saves {carried} bytes again")?,
                None => write!(f, ", the new version saves nothing")?,
            }
        }
        if self.downgraded > 0 {
            write!(f, ", {} downgraded", self.downgraded)?;
        }
        if let Some(why) = &self.not_downgraded {
            write!(f, ", not downgraded ({why})")?;
        }
        if let Some(bytes) = self.back_bytes {
            write!(f, ", {bytes} bytes would come back at a rollback, downgraded")?;
        }
        if let Some(why) = &self.no_way_back {
            write!(f, ", would not be downgraded at a rollback ({why})")?;
        }
        if self.by_pointer > 0 {
            write!(f, ", {} would move by pointer, untouched", self.by_pointer)?;
        }
        match self.discarded_state {
            Some(version) => write!(f, ", state v{version} discarded"),
            None => Ok(()),
        }
    }
}
