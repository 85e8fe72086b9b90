//! The threads of a crowd, and the thread that replaces components under them.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    thread,
};

/// More threads than the machine runs at a time.
pub fn crew_size() -> usize {
    thread::available_parallelism().map_or(2, usize::from) * 3 + 2
}

/// Threads that make a number of calls, and go on until the components were replaced often enough.
pub struct Crew {
    calls: u64,
    replacements: u64,
    made: AtomicU64,
    replaced: AtomicU64,
    working: AtomicUsize,
    failed: AtomicBool,
}

/// One thread's work. If it ends in a panic, the other threads stop, too.
struct Shift<'a>(&'a Crew);

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        self.0.failed.fetch_or(thread::panicking(), Ordering::Relaxed);
        self.0.working.fetch_sub(1, Ordering::Release);
    }
}

impl Crew {
    /// A crew for at least `calls` calls and `replacements` replacements.
    pub fn new(calls: u64, replacements: u64) -> Crew {
        let zero = || AtomicU64::new(0);
        Crew {
            calls,
            replacements,
            made: zero(),
            replaced: zero(),
            working: AtomicUsize::new(0),
            failed: AtomicBool::new(false),
        }
    }

    /// Runs [`crew_size`] threads, which call `work` with their number again and again, while this thread
    /// calls `replace`. `work` returns how many calls it made. Returns the numbers of calls and of
    /// replacements.
    ///
    /// # Panics
    /// If `work` or `replace` panics.
    pub fn run(&self, work: impl Fn(usize) -> u64 + Sync, replace: impl Fn()) -> (u64, u64) {
        let size = crew_size();
        self.working.store(size + 1, Ordering::Relaxed);
        thread::scope(|scope| {
            for number in 0..size {
                let work = &work;
                scope.spawn(move || {
                    let _shift = Shift(self);
                    while !self.is_done() {
                        self.made.fetch_add(work(number), Ordering::Relaxed);
                    }
                });
            }
            let _shift = Shift(self);
            while self.working.load(Ordering::Acquire) > 1 {
                replace();
                self.replaced.fetch_add(1, Ordering::Relaxed);
            }
        });
        (self.made.load(Ordering::Relaxed), self.replaced.load(Ordering::Relaxed))
    }

    fn is_done(&self) -> bool {
        let enough = |count: &AtomicU64, least| count.load(Ordering::Relaxed) >= least;
        self.failed.load(Ordering::Relaxed)
            || (enough(&self.made, self.calls) && enough(&self.replaced, self.replacements))
    }
}
