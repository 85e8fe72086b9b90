//! A count to which threads add without meeting.
//!
//! A thread takes a shard for itself at its first call, and is the only one to write to it: a load, an addition and a
//! store, where an atomic addition would cost more than the call that is counted. A thread that finds no shard left
//! adds to one that all such threads share.
//!
//! Threads are told apart by where their thread-local variables lie. A thread that has ended leaves its shard to the
//! one that gets its memory; what hands the memory on orders the stores of both.

use std::{
    cell::Cell,
    ptr,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Shards for single threads. A power of two.
const SHARDS: usize = 16;

/// How many shards a thread looks at.
const TRIES: usize = 4;

#[derive(Default)]
pub(super) struct Counter {
    owned: [Shard; SHARDS],
    others: CommonCount,
}

/// The count of one thread.
#[repr(align(128))]
#[derive(Default)]
struct Shard {
    /// The thread; 0 if there is none yet.
    owner: AtomicUsize,
    count: AtomicU64,
}

/// The count of all threads without a shard.
#[repr(align(128))]
#[derive(Default)]
struct CommonCount(AtomicU64);

impl Counter {
    /// Counts one, if the shard at which the thread looks first is its own. Returns what that had counted before.
    #[inline(always)]
    pub(super) fn add_to_own(&self) -> Option<u64> {
        let me = this_thread();
        let first = &self.owned[place(me)];
        (first.owner.load(Ordering::Relaxed) == me).then(|| first.add())
    }

    /// Counts one. Returns what the shard had counted before.
    pub(super) fn add(&self) -> u64 {
        let me = this_thread();
        let first = place(me);
        for shard in (0..TRIES).map(|step| &self.owned[(first + step) % SHARDS]) {
            let owner = shard.owner.load(Ordering::Relaxed);
            if owner == me || (owner == 0 && shard.take(me)) {
                return shard.add();
            }
        }
        self.others.0.fetch_add(1, Ordering::Relaxed)
    }

    /// What was counted so far, by all threads.
    pub(super) fn sum(&self) -> u64 {
        let owned = self.owned.iter().map(|shard| shard.count.load(Ordering::Relaxed));
        owned.sum::<u64>() + self.others.0.load(Ordering::Relaxed)
    }
}

impl Shard {
    /// Counts one for the owner, who calls this. Returns what was counted before.
    #[inline(always)]
    fn add(&self) -> u64 {
        // Nobody else writes to it.
        let before = self.count.load(Ordering::Relaxed);
        self.count.store(before + 1, Ordering::Relaxed);
        before
    }

    #[cold]
    fn take(&self, me: usize) -> bool {
        self.owner.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// A number of the calling thread that no other thread has at the same time; not 0.
#[inline(always)]
fn this_thread() -> usize {
    thread_local! {
        static HERE: Cell<u8> = const { Cell::new(0) };
    }
    HERE.with(|here| ptr::from_ref(here).addr())
}

/// Where a thread looks first. Thread-locals of threads lie at distances that are multiples of pages.
#[inline(always)]
fn place(thread: usize) -> usize {
    (thread as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> (usize::BITS - SHARDS.ilog2())
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn each_call_is_counted_once_also_if_there_are_more_threads_than_shards() {
        let (counter, all_there) = (Counter::default(), Barrier::new(3 * SHARDS));
        thread::scope(|scope| {
            for _ in 0..3 * SHARDS {
                scope.spawn(|| {
                    counter.add();
                    all_there.wait();
                    (0..999).for_each(|_| _ = counter.add_to_own().unwrap_or_else(|| counter.add()));
                });
            }
        });
        assert_eq!(counter.sum(), 3_000 * SHARDS as u64);
        assert!(counter.others.0.load(Ordering::Relaxed) > 0, "some threads have no shard");
    }

    #[test]
    fn a_thread_has_one_shard() {
        let counter = Counter::default();
        assert_eq!((counter.add_to_own(), counter.add()), (None, 0));
        assert_eq!((counter.add_to_own(), counter.add(), counter.add_to_own()), (Some(1), 2, Some(3)));
        assert_eq!(counter.owned.iter().filter(|shard| shard.owner.load(Ordering::Relaxed) != 0).count(), 1);
    }
}
