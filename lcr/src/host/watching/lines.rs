//! The queue between the threads that call and the one that reads what was noted.
//!
//! It never has a caller wait. `sync_channel` gives a sender that does not block (`try_send`), and takes no lock as
//! long as no thread waits at the other end; the reader only looks (`try_recv`). What there is no room for is lost,
//! and counted.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

/// How many lines wait for their reader at most.
const LINES: usize = 4096;

/// How many bytes these have at most.
const BYTES: usize = 4 << 20;

/// How many bytes are kept of calls that have begun, and whose lines come with their ends.
const BEGUN: usize = 16 << 20;

/// The end at which lines go in.
#[derive(Debug)]
pub(crate) struct Lines {
    sender: SyncSender<String>,
    receiver: Mutex<Receiver<String>>,
    bytes: AtomicUsize,
    /// What is kept of calls that have begun, in bytes.
    begun: Arc<AtomicUsize>,
    lost: AtomicU64,
    /// How many lines are wanted yet.
    left: AtomicU64,
    /// How many permits are not used yet.
    permits: Arc<AtomicU64>,
    /// How many lines a second are taken.
    rate: u32,
    /// The present second since `began`, and above it how many lines were taken in it.
    second: AtomicU64,
    began: Instant,
}

/// Room for what is kept of a call until it ends. Dropping this gives it back.
#[derive(Debug)]
pub(crate) struct Kept {
    begun: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.begun.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A permission to write one line. Dropping it without one gives it up.
#[derive(Debug)]
pub(crate) struct Permit(Arc<AtomicU64>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Lines {
    /// A queue that takes `count` lines in all, and `rate` in a second.
    pub(crate) fn new(count: u64, rate: u32) -> Arc<Lines> {
        let (sender, receiver) = sync_channel(LINES);
        Arc::new(Lines {
            sender,
            receiver: Mutex::new(receiver),
            bytes: AtomicUsize::new(0),
            begun: Arc::default(),
            lost: AtomicU64::new(0),
            left: AtomicU64::new(count),
            permits: Arc::default(),
            rate,
            second: AtomicU64::new(0),
            began: Instant::now(),
        })
    }

    /// How long the watch has been on.
    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether a line may be made now. If not, and more are wanted, it counts as lost.
    pub(crate) fn permit(&self) -> Option<Permit> {
        if self.is_done() {
            return None;
        }
        let is_within = self.take_of_second() && self.bytes.load(Ordering::Relaxed) < BYTES;
        if !is_within {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let permits = Arc::clone(&self.permits);
        permits.fetch_add(1, Ordering::Relaxed);
        let permit = Permit(permits);
        // Whoever sees that no line is left sees this permit, too, and so waits for its line.
        let taken = self.left.fetch_update(Ordering::Release, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.is_ok().then_some(permit)
    }

    /// Room for so many bytes of a call that may pend. If there is none, its line counts as lost.
    pub(crate) fn keep(&self, bytes: usize) -> Option<Kept> {
        let more = |now: usize| now.checked_add(bytes).filter(|&sum| sum <= BEGUN);
        if self.begun.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_err() {
            self.lose();
            return None;
        }
        Some(Kept { begun: Arc::clone(&self.begun), bytes })
    }

    fn take_of_second(&self) -> bool {
        let now = self.age().as_secs() & u64::from(u32::MAX);
        let next = |was: u64| {
            let used = if was & u64::from(u32::MAX) == now { was >> 32 } else { 0 };
            (used < u64::from(self.rate)).then_some((used + 1) << 32 | now)
        };
        self.second.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    /// Puts a line in.
    pub(crate) fn put(&self, permit: Permit, line: String) {
        let len = line.len();
        self.bytes.fetch_add(len, Ordering::Relaxed);
        if self.sender.try_send(line).is_err() {
            self.bytes.fetch_sub(len, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        drop(permit);
    }

    /// Counts a call of which no line could be made.
    pub(crate) fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// The next line. For one reader at a time: callers are not held up by it.
    pub(crate) fn next(&self) -> Option<String> {
        let line = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).try_recv().ok()?;
        self.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        Some(line)
    }

    /// How many lines were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether as many lines were permitted as were wanted.
    pub(crate) fn is_done(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }

    /// Whether as many lines are in the queue, or were, as were wanted.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_done() && self.permits.load(Ordering::Acquire) == 0
    }
}
