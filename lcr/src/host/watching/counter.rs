//! A count to which threads add without meeting, and which says which calls are timed.
//!
//! A thread takes a shard for itself at its first call, and is the only one to write to it: a load, an addition and a
//! store, where an atomic addition would cost more than the call that is counted. A thread that finds no shard left
//! adds to one that all such threads share.
//!
//! Threads are told apart by their thread pointers. A thread that has ended leaves its shard to the one that gets its
//! memory; what hands the memory on orders the stores of both. So a thread that ends, or that is not there in the child
//! of a fork, has nothing to give back. The pointer is read from the register that has it: an address of a thread-local
//! comes by a call, as far as the compiler knows, across which a hook would have to keep all that it has in hand.
//!
//! The first [`ALL`] calls of a shard are timed, and one of [`SAMPLE`] after that, at no fixed distance, since a caller
//! may call with two kinds of arguments in turn. To read the clock twice and to note
//! the time costs as much as twenty calls of an empty method: for one of 64 that is a third of such a call, for one of
//! 256 less than a tenth. A timed call stands for so many ([`Weight`]), so the first ones of many,
//! which are often slow, have no more weight in quantiles than others. Where calls are so many that the price matters,
//! one of 256 are enough: of a million, four thousand are timed, with which the median's rank is right within one and a
//! half of a hundred, and that of the 99th of a hundred within a third.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Shards for single threads. A power of two.
const SHARDS: usize = 16;

/// How many shards a thread looks at.
const TRIES: usize = 4;

/// How many calls of a shard are timed before only some are.
const ALL: u64 = 64;

/// After that, one of so many calls is timed. A power of two.
const SAMPLE: u64 = 256;

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// For how many calls a call that is timed stands.
pub(super) type Weight = u64;

#[derive(Default)]
pub(super) struct Counter {
    owned: [Shard; SHARDS],
    others: CommonCount,
}

/// The count of one thread.
#[repr(align(128))]
#[derive(Default)]
struct Shard {
    /// The thread, once its first calls, which are all timed, are counted; 0 before, and when it has left.
    past_first: AtomicUsize,
    count: AtomicU64,
    /// The thread; 0 if there is none yet.
    owner: AtomicUsize,
}

/// The count of all threads without a shard.
#[repr(align(128))]
#[derive(Default)]
struct CommonCount(AtomicU64);

impl Counter {
    /// Counts one, if the shard at which the thread looks first is its own and the call is not timed. Returns whether
    /// it did.
    #[inline(always)]
    pub(super) fn add_untimed(&self) -> bool {
        let me = this_thread();
        let first = &self.owned[place(me)];
        if first.past_first.load(Ordering::Relaxed) != me {
            return false;
        }
        let number = first.count.load(Ordering::Relaxed);
        if is_sampled(number) {
            return false;
        }
        // Nobody else writes to it.
        first.count.store(number + 1, Ordering::Relaxed);
        true
    }

    /// Counts one. Returns a weight if the call is timed.
    pub(super) fn add(&self) -> Option<Weight> {
        let me = this_thread();
        let first = place(me);
        for shard in (0..TRIES).map(|step| &self.owned[(first + step) % SHARDS]) {
            let owner = shard.owner.load(Ordering::Relaxed);
            if owner == me || (owner == 0 && shard.take(me)) {
                return weight(shard.add(me));
            }
        }
        weight(self.others.0.fetch_add(1, Ordering::Relaxed))
    }

    /// Has the thread's next call go to [`Counter::add`], and all after it.
    pub(super) fn leave(&self) {
        let me = this_thread();
        let first = &self.owned[place(me)];
        if first.owner.load(Ordering::Relaxed) == me {
            first.past_first.store(0, Ordering::Relaxed);
        }
    }

    /// What was counted so far, by all threads.
    pub(super) fn sum(&self) -> u64 {
        let owned = self.owned.iter().map(|shard| shard.count.load(Ordering::Relaxed));
        owned.sum::<u64>() + self.others.0.load(Ordering::Relaxed)
    }
}

impl Shard {
    /// Counts one for the owner, `me`, who calls this. Returns what was counted before.
    fn add(&self, me: usize) -> u64 {
        // Nobody else writes to either.
        let before = self.count.load(Ordering::Relaxed);
        self.count.store(before + 1, Ordering::Relaxed);
        if before + 1 == ALL {
            self.past_first.store(me, Ordering::Relaxed);
        }
        before
    }

    #[cold]
    fn take(&self, me: usize) -> bool {
        self.owner.compare_exchange(0, me, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

/// That of the call of that number, if it is timed.
fn weight(number: u64) -> Option<Weight> {
    if number < ALL {
        return Some(1);
    }
    is_sampled(number).then_some(SAMPLE)
}

/// Whether a call is timed that is none of the first. The multiples of the golden ratio lie evenly in the whole circle,
/// so one of so many does, whatever period calls of one kind have.
#[inline(always)]
fn is_sampled(number: u64) -> bool {
    number.wrapping_mul(GOLDEN) >> (u64::BITS - SAMPLE.ilog2()) == 0
}

/// A number of the calling thread that no other thread has at the same time; not 0.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_pointer_width = "64", not(miri)))]
#[inline(always)]
fn this_thread() -> usize {
    let pointer: usize;
    // SAFETY: the ABI of Linux has the thread's control block at the segment `fs`, and its address at its beginning.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, pure, readonly));
    }
    pointer
}

/// A number of the calling thread that no other thread has at the same time; not 0.
#[cfg(all(target_os = "linux", target_arch = "aarch64", not(miri)))]
#[inline(always)]
fn this_thread() -> usize {
    let pointer: usize;
    // SAFETY: the ABI of Linux has the address of the thread's control block in this register, which anybody may read.
    unsafe {
        std::arch::asm!("mrs {}, tpidr_el0", out(reg) pointer, options(nostack, preserves_flags, pure, nomem));
    }
    pointer
}

/// A number of the calling thread that no other thread has at the same time; not 0.
#[cfg(not(all(
    target_os = "linux",
    any(all(target_arch = "x86_64", target_pointer_width = "64"), target_arch = "aarch64"),
    not(miri)
)))]
#[inline(always)]
fn this_thread() -> usize {
    thread_local! {
        static HERE: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
    }
    HERE.with(|here| std::ptr::from_ref(here).addr())
}

/// Where a thread looks first. Thread pointers lie at distances that are multiples of some power of two: the upper bits
/// of the product depend on all bits that differ.
#[inline(always)]
fn place(thread: usize) -> usize {
    let product = (thread as u32).wrapping_mul(0x9e37_79b9);
    (product >> (u32::BITS - SHARDS.ilog2())) as usize
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::{
        cell::RefCell,
        collections::HashSet,
        sync::{Arc, Barrier},
        thread,
    };

    use super::*;

    /// Counts one as a layer does.
    fn count(counter: &Counter) -> Option<Weight> {
        if counter.add_untimed() { None } else { counter.add() }
    }

    #[test]
    fn each_call_is_counted_once_also_if_there_are_more_threads_than_shards() {
        let (counter, all_there) = (Counter::default(), Barrier::new(3 * SHARDS));
        thread::scope(|scope| {
            for _ in 0..3 * SHARDS {
                scope.spawn(|| {
                    count(&counter);
                    all_there.wait();
                    (0..999).for_each(|_| _ = count(&counter));
                });
            }
        });
        assert_eq!(counter.sum(), 3_000 * SHARDS as u64);
        assert!(counter.others.0.load(Ordering::Relaxed) > 0, "some threads have no shard");
    }

    #[test]
    fn each_call_is_counted_once_by_threads_that_come_and_go() {
        const CALLERS: u64 = 4;
        let counter = Counter::default();
        thread::scope(|scope| {
            for _ in 0..CALLERS {
                scope.spawn(|| {
                    for calls in (0..200).step_by(2) {
                        let calls = 0..calls;
                        thread::scope(|scope| _ = scope.spawn(|| calls.for_each(|_| _ = count(&counter))));
                    }
                });
            }
        });
        assert_eq!(counter.sum(), CALLERS * (0..200).step_by(2).sum::<u64>());
    }

    #[test]
    fn calls_of_a_threads_last_destructors_are_counted() {
        struct Late(RefCell<Option<Arc<Counter>>>);
        impl Drop for Late {
            fn drop(&mut self) {
                self.0.borrow().iter().for_each(|counter| (0..100).for_each(|_| _ = count(counter)));
            }
        }
        thread_local! {
            static LATE: Late = const { Late(RefCell::new(None)) };
        }
        let counter = Arc::new(Counter::default());
        let late = Arc::clone(&counter);
        let calls = move || {
            LATE.with(|cell| *cell.0.borrow_mut() = Some(Arc::clone(&late)));
            (0..100).for_each(|_| _ = count(&late));
        };
        thread::spawn(calls).join().unwrap();
        assert_eq!(counter.sum(), 200);
    }

    #[test]
    fn a_thread_that_has_left_counts_no_call_by_itself() {
        let counter = Counter::default();
        (0..2 * ALL).for_each(|_| _ = count(&counter));
        assert!(counter.add_untimed());
        counter.leave();
        assert!(!counter.add_untimed());
        assert_eq!((counter.sum(), counter.add(), counter.sum()), (2 * ALL + 1, None, 2 * ALL + 2));
    }

    #[test]
    fn a_thread_has_one_shard() {
        let counter = Counter::default();
        (0..2 * SAMPLE).for_each(|_| _ = count(&counter));
        let owned = counter.owned.iter().filter(|shard| shard.owner.load(Ordering::Relaxed) != 0);
        assert_eq!(owned.map(|shard| shard.count.load(Ordering::Relaxed)).collect::<Vec<_>>(), [2 * SAMPLE]);
    }

    #[test]
    fn threads_at_one_time_have_numbers_of_their_own() {
        let together = Barrier::new(64);
        let number = || {
            together.wait();
            let number = this_thread();
            together.wait();
            assert_eq!(number, this_thread());
            number
        };
        let numbers: HashSet<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(number)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(numbers.len() == 64 && !numbers.contains(&0));
        let places: HashSet<usize> = numbers.iter().map(|number| place(*number)).collect();
        assert!(places.len() > SHARDS / 4, "{places:?}");
    }

    #[test]
    fn the_first_calls_are_timed_and_then_one_of_so_many_which_stands_for_these() {
        let (counter, full) = (Counter::default(), Counter::default());
        full.owned.iter().for_each(|shard| shard.owner.store(1, Ordering::Relaxed));
        for counter in [counter, full] {
            let timed: Vec<(u64, Weight)> =
                (0..100 * SAMPLE).filter_map(|number| Some((number, count(&counter)?))).collect();
            let (first, sampled) = timed.split_at(ALL as usize);
            assert!(first.iter().copied().eq((0..ALL).map(|number| (number, 1))), "{first:?}");
            assert!(
                sampled.iter().all(|(_, weight)| *weight == SAMPLE) && sampled.len().abs_diff(100) <= 2,
                "{sampled:?}"
            );
            for period in [2, 3, 64, SAMPLE] {
                let kinds: HashSet<u64> = sampled.iter().map(|(number, _)| number % period).collect();
                assert!(kinds.len() as u64 >= period.min(20), "{kinds:?} of {period}");
            }
        }
    }
}
