//! The instance's side of the board.

use std::{
    sync::atomic::{AtomicU32, Ordering, fence},
    time::Duration,
};

use super::{ACTIVE, Board, COUNTED, CheckReading, FREE, GENERATION, KIND, PARKED, nanos};
use crate::{
    shared::{
        clock::{count, now},
        exit_record::ExitRecord,
        label::Label,
        layout::MAIN,
        warning::Warned,
    },
    state::Phase,
    time::Time,
};

/// The instance's side. An index is that of a check that `claim` has begun.
impl Board {
    /// This instance's number; the first is 1.
    pub(crate) fn instance(&self) -> u32 {
        self.layout().instance.load(Ordering::Relaxed)
    }

    /// The policy's interval.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_nanos(self.layout().interval.load(Ordering::Relaxed))
    }

    /// Whether the application is ready only when it says so.
    pub(crate) fn waits_for_ready(&self) -> bool {
        self.layout().waits_for_ready.load(Ordering::Relaxed) != 0
    }

    /// Whether check `index` is active.
    pub(crate) fn is_active(&self, index: usize) -> bool {
        self.layout().checks[index].state.load(Ordering::Relaxed) & KIND == ACTIVE
    }

    /// How the previous instance ended; `None` in the first.
    pub(crate) fn report(&self) -> Option<ExitRecord> {
        self.layout().previous.read()
    }

    /// A check of the previous instance.
    pub(crate) fn past_check(&self, index: usize) -> Option<CheckReading> {
        let past = &self.layout().checks.get(index)?.past;
        let kind = past.kind.load(Ordering::Relaxed);
        (kind == ACTIVE || kind == PARKED).then(|| CheckReading {
            label: past.label.read(),
            parked: kind == PARKED,
            silent: Duration::from_nanos(past.silent.load(Ordering::Relaxed)),
            deadline: Duration::from_nanos(past.deadline.load(Ordering::Relaxed)),
        })
    }

    /// Says that check `index` is alive. No system call, no lock; async-signal-safe.
    #[inline]
    pub(crate) fn beat(&self, index: usize) {
        let layout = self.layout();
        let word = match layout.by_counter.load(Ordering::Relaxed) {
            0 => now().0,
            _ => count() | COUNTED,
        };
        layout.checks[index].last.store(word, Ordering::Relaxed);
    }

    /// The same, with the time that the caller has at hand.
    pub(crate) fn beat_at(&self, index: usize, now: Time) {
        self.layout().checks[index].last.store(now.0, Ordering::Relaxed);
    }

    /// Begins the check in slot `index`, which is free and this caller's alone. The check is active at once.
    pub(crate) fn claim(&self, index: usize, label: &Label, deadline: Duration, now: Time) {
        let layout = self.layout();
        let check = &layout.checks[index];
        check.label.write(label);
        check.deadline.store(nanos(deadline), Ordering::Relaxed);
        self.unpark(index, now);
        layout.used.fetch_max(index as u32 + 1, Ordering::Release);
    }

    /// Parks check `index`: its silence is no failure from now on. The caller's lock orders this with the other
    /// changes of the check.
    pub(crate) fn park(&self, index: usize) {
        transition(&self.layout().checks[index].state, PARKED);
    }

    /// Makes check `index` active again, from `now` on. For locks see `park`; send a `Look` afterwards.
    pub(crate) fn unpark(&self, index: usize, now: Time) {
        self.beat_at(index, now);
        transition(&self.layout().checks[index].state, ACTIVE);
    }

    /// Ends check `index`.
    pub(crate) fn release(&self, index: usize) {
        transition(&self.layout().checks[index].state, FREE);
    }

    /// Says where the instance is in its life. Send a `Look` after a change.
    pub(crate) fn set_phase(&self, phase: Phase) {
        self.layout().phase.0.store(phase as u32, Ordering::Release);
    }

    /// The phase that the instance has said last.
    pub(crate) fn phase(&self) -> Phase {
        match self.layout().phase.0.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            2 => Phase::Running,
            _ => Phase::Stopping,
        }
    }

    /// Says that the instance has failed. Send a `Look` afterwards.
    pub(crate) fn set_failed(&self) {
        self.layout().failed.store(1, Ordering::Release);
    }

    /// Sets the signal that warns this instance; 0 stands for the policy's.
    pub(crate) fn set_warn_signal(&self, signal: i32) {
        self.layout().warn_signal.store(signal as u32, Ordering::Relaxed);
    }

    /// Says whether the supervisor is to ask. Send a `Look` afterwards.
    pub(crate) fn set_by_asking(&self, asking: bool) {
        self.layout().by_asking.store(asking.into(), Ordering::Release);
    }

    /// The newest question that has no answer yet.
    pub(crate) fn asked(&self) -> Option<u64> {
        let asked = self.layout().asked.0.load(Ordering::Acquire);
        (asked != self.layout().answered.load(Ordering::Relaxed)).then_some(asked)
    }

    /// Answers the question of that number, which is a beat, too. Send a `Look` afterwards.
    pub(crate) fn answer(&self, nonce: u64, now: Time) {
        self.beat_at(MAIN, now);
        self.layout().answered.store(nonce, Ordering::Release);
    }

    /// The last warning of this instance.
    pub(crate) fn warned(&self) -> Option<Warned> {
        Warned::of_word(self.layout().warned.load(Ordering::Acquire))
    }

    /// Whether an operator stops this instance.
    pub(crate) fn stop_asked(&self) -> bool {
        self.layout().stop_asked.load(Ordering::Acquire) != 0
    }
}

/// Moves a check's state to its next generation. Only the thread of the instance that holds the lock writes
/// it, so a load and a store are enough.
fn transition(state: &AtomicU32, kind: u32) {
    let next = (state.load(Ordering::Relaxed) & !KIND).wrapping_add(GENERATION) | kind;
    state.store(next, Ordering::Release);
    // The other half of the sequence lock: a reader that sees what the caller writes next (another beat,
    // another name in this slot) sees this change, too.
    fence(Ordering::Release);
}
