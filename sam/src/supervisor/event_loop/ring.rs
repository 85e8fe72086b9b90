//! The events that the machine has not heard of yet: a ring of a fixed size, first in, first out.

use crate::state::Event;

/// How many events one source puts in before the loop drains the ring.
pub(super) const FROM_ONE_SOURCE: usize = 2;

/// Twice what a source puts in. The loop's argument needs only half of it.
const CAPACITY: usize = 2 * FROM_ONE_SOURCE;

/// The ring.
#[derive(Debug)]
pub(super) struct Events {
    slots: [Event; CAPACITY],
    first: usize,
    len: usize,
}

impl Events {
    pub(super) const fn new() -> Events {
        Events { slots: [Event::Tick; CAPACITY], first: 0, len: 0 }
    }

    /// Puts an event behind the others.
    ///
    /// # Panics
    /// If the ring is full, which the module `event_loop` argues cannot be.
    pub(super) fn push(&mut self, event: Event) {
        assert!(self.len < CAPACITY, "more events than the loop's bound: {event:?} behind {:?}", self.slots);
        self.slots[(self.first + self.len) % CAPACITY] = event;
        self.len += 1;
    }

    /// Takes the oldest event.
    pub(super) fn pop(&mut self) -> Option<Event> {
        self.len = self.len.checked_sub(1)?;
        let event = self.slots[self.first];
        self.first = (self.first + 1) % CAPACITY;
        Some(event)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::allocations;

    #[test]
    fn events_come_out_in_the_order_in_which_they_were_put_in_and_nothing_is_allocated() {
        let mut ring = Events::new();
        let (mut put, mut taken) = (0, 0);
        let allocations = allocations(|| {
            for round in 0..1000 {
                for _ in 0..(round % CAPACITY) + 1 {
                    ring.push(Event::Signal(put));
                    put += 1;
                }
                while let Some(event) = ring.pop() {
                    assert_eq!(event, Event::Signal(taken));
                    taken += 1;
                    // An answer, as an action gives one in the middle of a drain.
                    if taken % 3 == 0 && ring.len() < CAPACITY {
                        ring.push(Event::Signal(put));
                        put += 1;
                    }
                }
                assert_eq!((ring.len(), put), (0, taken));
            }
        });
        assert_eq!(allocations, 0);
    }

    #[test]
    #[should_panic(expected = "more events than the loop's bound")]
    fn an_event_beyond_the_bound_is_refused_aloud_and_not_lost() {
        let mut ring = Events::new();
        (0..=CAPACITY).for_each(|_| ring.push(Event::Tick));
    }
}
