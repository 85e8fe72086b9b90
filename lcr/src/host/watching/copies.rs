//! A bounded queue of copies of calls.
//!
//! Callers put copies in and never wait: where there is no room, the call is left out. One thread takes them, and may
//! never come back from what it does with one. So what is bounded is all that exists, from the copy of the first
//! argument until the thread is done with the call: [`CALLS`] of them, which take [`BYTES`] together.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

/// How many calls there may be.
const CALLS: usize = 256;

/// How many bytes they may take together.
const BYTES: usize = 16 << 20;

/// How many bytes one may take.
const LARGEST: usize = 1 << 20;

/// Copies of calls, in the order in which the calls ended.
pub(crate) struct Copies<C> {
    waiting: Mutex<Waiting<C>>,
    came: Condvar,
    there: Arc<There>,
}

struct Waiting<C> {
    calls: VecDeque<C>,
    is_closed: bool,
}

/// What there is, in the queue and outside. The counts protect no other data.
#[derive(Default)]
struct There {
    calls: AtomicUsize,
    bytes: AtomicUsize,
}

/// Room for a copy. Dropping this gives it back.
pub(super) struct Room {
    there: Arc<There>,
    bytes: usize,
}

impl<C> Copies<C> {
    /// An empty queue.
    pub(crate) fn new() -> Copies<C> {
        let waiting = Mutex::new(Waiting { calls: VecDeque::new(), is_closed: false });
        Copies { waiting, came: Condvar::new(), there: Arc::default() }
    }

    /// Room for one more; `None` if there is none.
    pub(super) fn room(&self) -> Option<Room> {
        grow(&self.there.calls, 1, CALLS).then(|| Room { there: Arc::clone(&self.there), bytes: 0 })
    }

    /// Puts a copy in. It is dropped if nobody takes copies any more.
    pub(super) fn put(&self, call: C) {
        let mut waiting = self.lock();
        if waiting.is_closed {
            // What the copy owns is released behind the lock.
            drop(waiting);
            return drop(call);
        }
        waiting.calls.push_back(call);
        drop(waiting);
        self.came.notify_one();
    }

    /// Waits for the next copy; `None` if the queue is closed.
    pub(super) fn next(&self) -> Option<C> {
        let is_idle = |waiting: &mut Waiting<C>| waiting.calls.is_empty() && !waiting.is_closed;
        let waited = self.came.wait_while(self.lock(), is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).calls.pop_front()
    }

    /// Drops what is there and what comes. Whoever takes gets nothing more.
    pub(crate) fn close(&self) {
        let mut waiting = self.lock();
        waiting.is_closed = true;
        let left = mem::take(&mut waiting.calls);
        drop(waiting);
        self.came.notify_all();
        drop(left);
    }

    /// Whoever has the lock does no more than move a copy.
    fn lock(&self) -> MutexGuard<'_, Waiting<C>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    /// Takes so many bytes more. Returns false if there is no room for them.
    pub(super) fn add(&mut self, bytes: usize) -> bool {
        let fits = grow(&self.there.bytes, bytes, BYTES);
        self.bytes += if fits { bytes } else { 0 };
        fits
    }

    /// How many bytes the call may take more.
    pub(super) fn left(&self) -> usize {
        LARGEST.saturating_sub(self.bytes)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.there.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.there.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Counts so many more, unless there would be more than `most`.
fn grow(count: &AtomicUsize, by: usize, most: usize) -> bool {
    let more = |now: usize| now.checked_add(by).filter(|&sum| sum <= most);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_calls_and_bytes_and_no_more_until_some_are_given_back() {
        let copies: Copies<Room> = Copies::new();
        let mut rooms: Vec<Room> = std::iter::from_fn(|| copies.room()).collect();
        assert_eq!(rooms.len(), CALLS);
        let filled = rooms.iter_mut().map(|room| room.add(LARGEST)).filter(|fits| *fits).count();
        assert_eq!((filled, rooms[0].left()), (BYTES / LARGEST, 0));
        copies.put(rooms.pop().unwrap());
        assert!(copies.room().is_none(), "one in the queue takes room, too");
        drop(copies.next());
        assert!(copies.room().is_some());
        drop(rooms);
        let mut room = copies.room().unwrap();
        assert!(room.add(BYTES) && !room.add(1));
    }

    #[test]
    fn a_queue_that_is_closed_gives_back_what_is_in_it_and_takes_nothing() {
        let copies: Copies<Room> = Copies::new();
        (0..10).for_each(|_| copies.put(copies.room().unwrap()));
        copies.close();
        assert!(copies.next().is_none());
        copies.put(copies.room().unwrap());
        assert_eq!(std::iter::from_fn(|| copies.room()).take(CALLS + 1).collect::<Vec<_>>().len(), CALLS);
    }
}
