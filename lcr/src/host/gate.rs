//! The gate: callers of slots that are changing hands wait here, with a deadline.
//!
//! A gated slot is closed in the current world. The word is odd while the gate is shut.
//! **Shutting**: the word becomes odd, then the world with closed slots is published.
//! **Opening**: a world with open slots is published, then the word becomes even and
//! every waiter is woken.
//!
//! A caller reads the word, then enters. If its slot is closed and the word was odd, it
//! sleeps for as long as the word has that value. If the gate opened in between, the
//! word has changed and it does not sleep; if the word was even and is unchanged after
//! the caller saw a closed slot, no gate was involved: the slot is withdrawn.
//!
//! A thread that is inside a member already must not wait for itself: it passes into
//! the world before the gate, where the members' instances are still whole, because the
//! hand-over waits for that very thread.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{sys, world::World};

/// What waiting callers look at.
pub(crate) struct GateWord {
    word: AtomicU32,
    epoch: Instant,
    /// Microseconds after `epoch` at which waiting callers give up.
    deadline: AtomicU64,
}

impl Default for GateWord {
    fn default() -> GateWord {
        GateWord { word: AtomicU32::new(0), epoch: Instant::now(), deadline: AtomicU64::new(0) }
    }
}

/// A gate that is shut: who is behind it.
pub(crate) struct Gate {
    /// The last world in which the members' slots were open.
    pub(crate) before: Arc<World>,
    /// The members' slots, each with the first world of its instance.
    pub(crate) members: HashMap<usize, u64>,
    /// The thread that executes the transaction.
    pub(crate) thread: u32,
}

/// What a caller saw of the gate before it entered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look(u32);

impl Look {
    pub(crate) fn is_shut(self) -> bool {
        self.0 % 2 == 1
    }
}

/// How long callers wait behind the transaction's deadline, which opens the gate.
const GRACE: Duration = Duration::from_secs(1);

impl GateWord {
    pub(crate) fn look(&self) -> Look {
        Look(self.word.load(Ordering::Acquire))
    }

    /// Before the world with closed slots is published.
    pub(crate) fn shut(&self, deadline: Instant) {
        let limit = (deadline + GRACE).saturating_duration_since(self.epoch);
        self.deadline.store(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.word.fetch_or(1, Ordering::AcqRel);
    }

    /// After the world with open slots was published.
    pub(crate) fn open(&self) {
        let word = self.word.load(Ordering::Relaxed);
        if word % 2 == 1 {
            self.word.store(word.wrapping_add(1), Ordering::Release);
            sys::futex_wake(&self.word);
        }
    }

    /// Sleeps while the gate is as `look` saw it; false once callers should give up.
    pub(crate) fn wait(&self, look: Look) -> bool {
        let limit = self.epoch + Duration::from_micros(self.deadline.load(Ordering::Relaxed));
        let left = limit.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        sys::futex_wait(&self.word, look.0, left);
        true
    }
}
