//! The gate: callers of slots that are changing hands wait here, with a deadline.
//!
//! A gated slot is closed in the current world.
//! [`gate_word`](crate::host::worlds::gate_word) says who sleeps when; this file adds the deadline, and who is behind the gate.
//!
//! A thread that is inside a member already must not wait for itself: it passes into
//! the world before the gate, where the members' instances are still whole, because the
//! hand-over waits for that very thread.
//!
//! The thread that executes the hand-over passes, too, as long as an instance was not
//! saved: what it says later would be lost, so it is refused, until the successor is
//! there to answer ([`uncommitted`](crate::host::objects::uncommitted)).

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::host::{
    deadline::Deadline,
    ids::{Generation, ProviderId, ServiceId, SlotId, ThreadId},
    sys,
    worlds::{gate_word::Word, records::ThreadRecord, world::World},
};

use super::inner::{RuntimeInner, State};

pub(crate) use crate::host::worlds::gate_word::Look;

/// What waiting callers look at.
pub(crate) struct GateWord {
    word: Word,
    epoch: Instant,
    /// Microseconds after `epoch` at which waiting callers give up.
    deadline: AtomicU64,
}

impl Default for GateWord {
    fn default() -> GateWord {
        GateWord { word: Word::default(), epoch: Instant::now(), deadline: AtomicU64::new(0) }
    }
}

/// A gate that is shut: who is behind it.
pub(crate) struct Gate {
    /// The last world in which the members' slots were open.
    pub(crate) before: Arc<World>,
    /// The members' slots, each with the first world of its instance.
    pub(crate) members: HashMap<SlotId, Generation>,
    /// The members' providers: what a thread inside builds of them is a member, too.
    pub(crate) providers: HashSet<ProviderId>,
    /// The members' instances.
    pub(crate) instances: HashSet<ServiceId>,
    /// Those of them whose state was saved.
    pub(crate) saved: HashSet<ServiceId>,
    /// The thread that executes the transaction.
    pub(crate) thread: ThreadId,
}

impl Gate {
    /// A gate without members, which `thread` passes.
    pub(crate) fn new(before: Arc<World>, thread: ThreadId) -> Gate {
        Gate {
            before,
            members: HashMap::new(),
            providers: HashSet::new(),
            instances: HashSet::new(),
            saved: HashSet::new(),
            thread,
        }
    }
}

impl State {
    /// Whether `thread` has to wait for a transaction before it creates anything of a
    /// provider. A thread that the shut gate waits for does not: it would wait for itself.
    pub(crate) fn is_frozen_for(&self, provider: ProviderId, thread: &ThreadRecord) -> bool {
        let is_frozen =
            self.objects.registry().get(provider).is_some_and(|found| found.is_frozen_for(thread.thread_id()));
        is_frozen && !self.gate.as_ref().is_some_and(|gate| self.is_inside_gate(thread, gate))
    }
}

impl RuntimeInner {
    /// Opens the gate on the instances that are there, if it is shut.
    pub(crate) fn reopen(&self, state: &mut State) {
        let Some(gate) = state.gate.take() else { return };
        // A slot that was released meanwhile stays closed: its instance may be gone.
        let edits: Vec<_> = gate.members.keys().map(|&slot| (slot, state.objects.serving_target(slot))).collect();
        self.publish(state, &edits, 0);
        self.gate.open();
    }
}

/// The deadline of a gate without a limit.
const NEVER: u64 = u64::MAX;

/// How long callers wait behind the transaction's deadline, which opens the gate.
const GRACE: Duration = Duration::from_secs(1);

impl GateWord {
    pub(crate) fn look(&self) -> Look {
        self.word.look()
    }

    /// Before the world with closed slots is published.
    pub(crate) fn shut(&self, deadline: Deadline) {
        let limit = deadline.later(GRACE).since(self.epoch);
        let micros = limit.and_then(|limit| u64::try_from(limit.as_micros()).ok());
        self.deadline.store(micros.unwrap_or(NEVER), Ordering::Relaxed);
        self.word.shut();
    }

    /// After the world with open slots was published.
    pub(crate) fn open(&self) {
        self.word.open(sys::futex_wake);
    }

    /// Sleeps while the gate is as `look` saw it; false once callers should give up.
    pub(crate) fn wait(&self, look: Look) -> bool {
        let limit = match self.deadline.load(Ordering::Relaxed) {
            NEVER => Duration::MAX,
            micros => Duration::from_micros(micros),
        };
        let left = Deadline::after(self.epoch, limit).left();
        if left.is_zero() {
            // A caller that was itself held up may find the gate open all the same.
            return self.look() != look;
        }
        self.word.wait(look, |word, expected| sys::futex_wait(word, expected, left));
        true
    }
}
