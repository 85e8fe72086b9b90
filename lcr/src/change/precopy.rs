//! Pre-copy: copying state in rounds while callers go on, so that only the last changes move behind the
//! gate.
//!
//! It is how virtual machines move between hosts (Clark et al., NSDI 2005). The successor is constructed
//! ahead of the gate, and the old instance tracks its state. The first round copies all of it; each further
//! one copies what has changed during the one before. A round is many *looks*: each takes the next changes
//! from the old instance, with its state locked for about a millisecond, and makes them in the successor, which
//! no caller sees.
//!
//! Rounds get shorter as long as changes are copied faster than they are made. They end when callers would be held for
//! a fourth of what the plan allows ([`precopy_hold`]), or when they get no shorter, and the hold is still allowed. A
//! plan whose rounds are used up otherwise is refused ([`precopy_rounds`]). The expected hold is what is left, times
//! the time that an item has taken so far, and the time of a look that finds next to nothing. A round ends with such a
//! look. What is left behind the look before is not known: as long as its items are made in the successor, callers make
//! further changes.
//!
//! Rounds run twice an attempt at the gate: ahead of the drain, which may take long, and when everything
//! else is ready. Behind the gate the last looks are taken where other members are saved, in the same order,
//! and their changes are made where others are restored, which is also where the successor's health is
//! asked for. So what a dependent tells a pre-copied member in its `save` is not lost.
//!
//! 1. The old instance stays as it is, but for its record of changes. Whatever fails, it serves on, and the
//!    transaction's thread ends the tracking. If that thread hangs in the component, the record is bounded
//!    ([`precopy_backlog`]): the state forgets what it has recorded.
//! 2. At least one look is taken behind the gate, and after the last one nothing is left. So a successor is
//!    complete, however many rounds there were.
//! 3. An instance that a thread inside the gate builds has no copy: it is saved and restored as a whole.
//! 4. No state lock is held while the component's code runs.
//!
//! [`precopy_hold`]: super::plan::PlanBuilder::precopy_hold
//! [`precopy_rounds`]: super::plan::PlanBuilder::precopy_rounds
//! [`precopy_backlog`]: super::plan::PlanBuilder::precopy_backlog

use std::{collections::BTreeSet, mem, sync::Arc, time::Duration};

use crate::{
    error::{Error, ErrorKind, LifecycleStep},
    host::{
        deadline::Deadline,
        ids::ServiceId,
        objects::instances::Instance,
        service::{construct::Creation, inner::AUTHORS_STACK},
        sys,
    },
};

use super::{
    copying::Copying,
    execution::Execution,
    report::PrecopyReport,
    rounds::{Progress, Rounds},
    stop::Stop,
};

impl Execution {
    /// Copies the states that are copied ahead of the gate until little is left of them, at most until
    /// `deadline`. Refuses the transaction if callers would be held too long for the rest.
    pub(super) fn copy_ahead(&mut self, deadline: Deadline) -> Result<(), Stop> {
        self.begin_copies()?;
        if self.copies.is_empty() {
            return Ok(());
        }
        let mut rounds = Rounds::new(self.options.precopy_rounds, self.options.precopy_hold);
        loop {
            for copying in self.copies.values_mut() {
                copying.round(&self.watch, deadline)?;
            }
            let hold = self.copies.values().map(Copying::expected_hold).fold(Duration::ZERO, Duration::saturating_add);
            tracing::debug!(round = rounds.count() + 1, ?hold, "state was copied ahead of the gate");
            match rounds.end_round(hold) {
                Progress::Ready => break,
                Progress::Again if !deadline.has_passed() => {}
                Progress::Again | Progress::UsedUp => return Err(self.never_ready(rounds.count(), hold)),
            }
        }
        for copying in self.copies.values_mut() {
            copying.expect_hold();
        }
        Ok(())
    }

    /// Constructs successors for the instances that are copied ahead and have none, and tracks the old ones.
    fn begin_copies(&mut self) -> Result<(), Stop> {
        let Some(transaction) = self.number else { return Ok(()) };
        let replacements = self.replacements();
        let mut missing = Vec::new();
        {
            let inner = Arc::clone(&self.inner);
            let mut state = inner.state();
            self.watch.check()?;
            let instances_of = state.objects().services_by_provider();
            for (number, replacement) in replacements.iter().enumerate().filter(|(_, with)| with.is_copied_ahead) {
                let own = replacement.providers.iter().filter_map(|provider| instances_of.get(provider)).flatten();
                // An instance that serves several interfaces counts for the provider of each.
                let own: BTreeSet<ServiceId> = own.copied().collect();
                for id in own.into_iter().filter(|id| !self.copies.contains_key(id)) {
                    let Some(service) = state.objects().services().get(id) else { continue };
                    let config = self.config_for(&state, id, &replacement.implementation);
                    missing.push((id, number, Arc::clone(service.instance()), config));
                }
            }
            missing.iter().try_for_each(|&(id, ..)| self.hold(&mut state, id))?;
        }
        for (id, number, old, config) in missing {
            let implementation = &replacements[number].implementation;
            self.watch.step(Arc::clone(&implementation.component) as _, LifecycleStep::Constructor)?;
            let successor =
                self.inner.instantiate(implementation, config.as_deref(), self.visibility(), Creation::Construct)?;
            let copying = Copying::new(old, successor, transaction);
            let copying = self.copies.entry(id).insert_entry(copying).into_mut();
            self.tracked.push(Arc::clone(copying.old()));
            copying.track(&self.watch, self.options.precopy_backlog as u64)?;
        }
        Ok(())
    }

    /// The last changes of a member's state, taken behind the gate; `None` if it is not copied ahead.
    pub(super) fn last_changes(&mut self, id: ServiceId) -> Result<Option<Vec<Vec<u8>>>, Stop> {
        self.copies.get_mut(&id).map(|copying| copying.last_looks(&self.watch)).transpose()
    }

    /// Makes the last changes in a successor that was copied ahead. Returns it with the report on it; `None` if
    /// there is no such successor.
    pub(super) fn complete(
        &mut self,
        id: ServiceId,
        changes: &[Vec<u8>],
    ) -> Result<Option<(Instance, PrecopyReport)>, Stop> {
        // Until the changes are made, the transaction finds the successor among its copies if it fails.
        let Some(copying) = self.copies.get(&id) else { return Ok(None) };
        changes.iter().try_for_each(|bytes| copying.apply(&self.watch, bytes))?;
        Ok(self.copies.remove(&id).map(Copying::into_successor))
    }

    /// Takes a successor that was copied ahead, with the report on it, as the rounds have left it.
    pub(super) fn take_copy(&mut self, id: ServiceId) -> Option<(Instance, PrecopyReport)> {
        self.copies.remove(&id).map(Copying::into_successor)
    }

    /// Ends what is left of the copies, when the transaction has failed: destroys the successors, and has a thread
    /// end the tracking of the old instances. The transaction does not wait for that thread, since it waits for
    /// the lock of the state, which a caller may hold.
    pub(super) fn end_copies(&mut self) {
        for (_, copying) in self.copies.drain() {
            let (successor, _) = copying.into_successor();
            self.inner.discard(self.inner.state(), successor);
        }
        let tracked = mem::take(&mut self.tracked);
        let Some(transaction) = self.number.filter(|_| !tracked.is_empty()) else { return };
        let inner = Arc::clone(&self.inner);
        let started = sys::start(c"lcr-untrack", AUTHORS_STACK, move || {
            tracked.iter().for_each(|old| old.untrack(transaction));
            drop(tracked);
            inner.wake_reaper();
        });
        if let Err(error) = started {
            // The record is bounded, and the next transaction begins another one.
            tracing::warn!("a state is still tracked, because no thread could be started: {error}");
        }
    }

    /// The refusal if callers would be held too long for what is left.
    fn never_ready(&self, rounds: u32, hold: Duration) -> Stop {
        let most = self.copies.values().max_by_key(|copying| copying.expected_hold());
        let (component, left) = most.map_or((String::new(), 0), |copying| {
            (copying.old().implementation().component.to_string(), copying.left())
        });
        let (rounds, left) = (numbered(rounds.into(), "round"), numbered(left, "change"));
        let text = format!(
            "the state of component `{component}` changes faster than it is copied: after {rounds} {left} were left, \
             and callers would be held about {hold:.1?}, which is more than the plan's precopy_hold; the old version \
             serves on; try again when fewer calls change the state, raise precopy_hold, precopy_rounds or timeout, or \
             set precopy_rounds to 0, which copies everything while callers are held",
        );
        Error::new(ErrorKind::Deadline, text).into()
    }
}

fn numbered(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
