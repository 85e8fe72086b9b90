//! The threads that execute requests.
//!
//! Three lanes: requests that only look take microseconds and have two threads; requests that change something, plan or
//! wait may take seconds and have four; and eight threads wait for calls of methods, which take as long as a
//! component's author and the client want. So whatever is at work in the other lanes, the status is answered, and calls
//! that hang stand in the way of no change. A lane starts its threads when it first needs them, and they stay until
//! the server ends.
//!
//! The jobs of a lane wait in a queue. Each connection has one request at work at most, so the queue is as long as
//! there are connections at most.

use std::{
    collections::VecDeque,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, ErrorKind, Result};

use super::signals::Mask;

/// What one thread executes.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// The lanes of a server.
#[derive(Debug)]
pub(super) struct Workers {
    looking: Arc<Lane>,
    acting: Arc<Lane>,
    calling: Arc<Lane>,
}

/// Which lane a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// It only looks.
    Moments,
    /// It changes, plans or waits.
    Long,
    /// It waits for a component's method.
    Call,
}

struct Lane {
    /// How many threads it may have.
    limit: usize,
    mask: Mask,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    running: usize,
    has_ended: bool,
}

impl Workers {
    /// Lanes without threads; threads of theirs will have the signal mask `mask`.
    pub(super) fn new(mask: Mask) -> Workers {
        let lane = |limit| Arc::new(Lane { limit, mask, state: Mutex::default(), changed: Condvar::new() });
        Workers { looking: lane(2), acting: lane(4), calling: lane(8) }
    }

    /// Has a thread execute `job`.
    ///
    /// # Errors
    /// `Busy` if all threads of the lane are at work and it is not the one of short requests; `Io` if a first thread
    /// cannot be started.
    pub(super) fn execute(&self, takes: Takes, job: Job) -> Result<()> {
        match takes {
            Takes::Moments => self.looking.execute(job, usize::MAX),
            Takes::Long => self.acting.execute(job, self.acting.limit),
            Takes::Call => self.calling.execute(job, self.calling.limit),
        }
    }

    /// Has the threads end when they have executed what they have begun. What has not begun is dropped.
    pub(super) fn end(&self) {
        for lane in [&self.looking, &self.acting, &self.calling] {
            let mut state = lane.lock();
            state.has_ended = true;
            let jobs = std::mem::take(&mut state.jobs);
            drop(state);
            drop(jobs);
            lane.changed.notify_all();
        }
    }

    /// Waits until no thread executes anything, but for those that wait for calls: these hold nothing of the program.
    /// Returns whether that is so.
    pub(super) fn wait_idle(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        [&self.looking, &self.acting].into_iter().all(|lane| lane.wait_idle(deadline))
    }
}

impl Lane {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn execute(self: &Arc<Lane>, job: Job, at_most: usize) -> Result<()> {
        let mut state = self.lock();
        let at_work = state.running + state.jobs.len();
        if at_work >= at_most {
            let text = format!("{at_work} requests that take long are being executed already; wait for one of them");
            return Err(Error::new(ErrorKind::Busy, text));
        }
        if state.threads < self.limit && at_work >= state.threads {
            let lane = Arc::clone(self);
            match thread::Builder::new().name("lcr-request".to_owned()).spawn(move || lane.run()) {
                Ok(_) => state.threads += 1,
                // Those that are there will come to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => return Err(Error::io("no thread can be started to execute the request", error)),
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_all();
        Ok(())
    }

    fn run(&self) {
        self.mask.set();
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.running += 1;
                drop(state);
                // A job answers for its own panics; this keeps the count right if that panics.
                drop(panic::catch_unwind(AssertUnwindSafe(job)));
                state = self.lock();
                state.running -= 1;
                self.changed.notify_all();
            } else if state.has_ended {
                return;
            } else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }

    fn wait_idle(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while state.running > 0 {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return false };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("limit", &self.limit).finish_non_exhaustive()
    }
}
