//! Events: what happens in a runtime, for whoever follows it.
//!
//! All followers read one ring of the last 1,024 events, each from a place of its own. So an event costs the same
//! whether nobody or a thousand follow, and a follower that is slow or gone holds up nobody and no memory: the ring
//! goes on, and the follower finds out how many events it has lost.
//!
//! Invariants
//! 1. [`Bus::emit`] never blocks for longer than a copy of a pointer takes, runs no code of a program or component, and
//!    takes a leaf lock. So it may be called under the state lock.
//! 2. The numbers of events rise by one. What is lost is counted, never skipped in silence.
//! 3. Nothing waits for an outcome by this queue, since a full ring forgets.

pub(crate) mod kind;

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::host::{deadline::Deadline, serial};

use kind::EventKind;

/// How many events are kept.
const KEPT: usize = 1_024;

/// One event of a runtime.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// The number of the event; the runtime's first event is 1.
    pub number: u64,
    /// When it happened, by the system's clock.
    #[serde(with = "serial::moment")]
    pub at: SystemTime,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// The last events of a runtime.
#[derive(Default)]
pub(crate) struct Bus {
    ring: Mutex<Ring>,
    changed: Condvar,
}

#[derive(Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// The number of the last event.
    last: u64,
    is_closed: bool,
}

impl Ring {
    /// The number of the oldest event that is kept, or of the next one.
    fn oldest(&self) -> u64 {
        self.last + 1 - self.events.len() as u64
    }

    /// The event that a follower reads next. Counts what the ring has forgotten.
    fn take(&self, next: &mut u64, lost: &mut u64) -> Option<Arc<Event>> {
        let forgotten = self.oldest().saturating_sub(*next);
        *lost += forgotten;
        *next += forgotten;
        let at = usize::try_from(*next - self.oldest()).ok()?;
        let event = Arc::clone(self.events.get(at)?);
        *next += 1;
        Some(event)
    }
}

/// The lock of a [`Bus`], for a fork.
pub(in crate::host) struct BusLock<'a>(#[allow(dead_code, reason = "it is held, not read")] MutexGuard<'a, Ring>);

impl Bus {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event.
    pub(crate) fn emit(&self, kind: EventKind) {
        let at = SystemTime::now();
        let mut event = Arc::new(Event { number: 0, at, kind });
        let mut ring = self.ring();
        ring.last += 1;
        if let Some(event) = Arc::get_mut(&mut event) {
            event.number = ring.last;
        }
        let forgotten = if ring.events.len() == KEPT { ring.events.pop_front() } else { None };
        ring.events.push_back(event);
        drop(ring);
        drop(forgotten);
        self.changed.notify_all();
    }

    /// The runtime is gone: nobody waits for further events.
    pub(in crate::host) fn close(&self) {
        self.ring().is_closed = true;
        self.changed.notify_all();
    }

    pub(in crate::host) fn lock(&self) -> BusLock<'_> {
        BusLock(self.ring())
    }
}

/// The events of a runtime from the moment on at which [`Runtime::events`](crate::Runtime::events) was called.
///
/// The runtime keeps its last 1,024 events. A follower that reads more slowly than events happen loses the oldest ones,
/// and [`lost`](Events::lost) counts them. Events are for whoever looks on; what came of a transaction is in its
/// result. A
/// clone reads on from where the original stands, at its own pace. Holding this does not keep the runtime alive.
#[derive(Clone)]
pub struct Events {
    bus: Arc<Bus>,
    next: u64,
    lost: u64,
}

impl Events {
    pub(in crate::host) fn new(bus: &Arc<Bus>) -> Events {
        let next = bus.ring().last + 1;
        Events { bus: Arc::clone(bus), next, lost: 0 }
    }

    /// The next event, if there is one. Does not block.
    pub fn try_next(&mut self) -> Option<Event> {
        let event = self.bus.ring().take(&mut self.next, &mut self.lost)?;
        Some(Event::clone(&event))
    }

    /// The next event. Blocks until there is one, at most for `timeout`. `None` if there was none, or at once if the
    /// runtime is gone and all its events are read.
    pub fn next_timeout(&mut self, timeout: Duration) -> Option<Event> {
        let deadline = Deadline::after(Instant::now(), timeout);
        let mut ring = self.bus.ring();
        loop {
            if let Some(event) = ring.take(&mut self.next, &mut self.lost) {
                drop(ring);
                return Some(Event::clone(&event));
            }
            if ring.is_closed || deadline.has_passed() {
                return None;
            }
            ring = self.bus.changed.wait_timeout(ring, deadline.left()).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many events this follower has lost, because it read too slowly.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Whether the runtime is gone. Its last events may still be read.
    pub fn is_closed(&self) -> bool {
        self.bus.ring().is_closed
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("next", &self.next).field("lost", &self.lost).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::thread;

    use super::*;

    fn problem(number: usize) -> EventKind {
        EventKind::Recorded { problem: number.to_string() }
    }

    #[test]
    fn a_follower_reads_what_comes_after_it_and_counts_what_it_lost() {
        let bus = Arc::new(Bus::default());
        bus.emit(problem(0));
        let mut events = Events::new(&bus);
        assert_eq!(events.try_next(), None);
        (1..=3).for_each(|number| bus.emit(problem(number)));
        let second = events.try_next().unwrap();
        assert_eq!((second.number, second.kind), (2, problem(1)));
        let mut slow = events.clone();
        (0..2 * KEPT).for_each(|number| bus.emit(problem(number)));
        assert_eq!(slow.try_next().unwrap().number, 1 + 3 + KEPT as u64 + 1);
        assert_eq!(slow.lost(), 2 + KEPT as u64);
        assert_eq!(std::iter::from_fn(|| slow.try_next()).count(), KEPT - 1);
        assert_eq!(events.lost(), 0, "it has not looked");
    }

    #[test]
    fn a_follower_that_waits_is_woken_by_an_event_and_by_the_end() {
        let bus = Arc::new(Bus::default());
        let mut events = Events::new(&bus);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let first = events.next_timeout(Duration::from_secs(60));
                (first, events.next_timeout(Duration::from_secs(60)), events.is_closed())
            });
            bus.emit(problem(7));
            bus.close();
            let (first, second, is_closed) = waiting.join().unwrap();
            assert!(first.is_some_and(|event| event.kind == problem(7)) && second.is_none() && is_closed);
        });
        assert_eq!(Events::new(&bus).next_timeout(Duration::ZERO), None);
    }
}
