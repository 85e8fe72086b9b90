//! The threads that run destructors. They are not the reaper's thread, so that a destructor that hangs stops no
//! other one.
//!
//! The reaper queues objects, and one thread destroys them in turn. If a destructor has run for [`LIMIT`]
//! while other objects wait, the reaper starts another thread, which takes over the queue; the first thread
//! ends when its destructor returns. At most [`MOST`] threads hang; then the queue waits until one of them
//! returns. A thread without work ends after [`LINGER`].
//!
//! A destructor is code of an image, and may leave thread-locals of the image with its thread: each instance that runs
//! inside a tokio runtime does. An image that is to be unmapped waits for them. So a thread settles
//! (`image/threads`) before each destructor, within the time that counts as the destructor's: if it hangs there,
//! another thread takes over. A thread that waits for work is told to end ([`Destroyers::dismiss`]), and its end
//! destroys them. It does not settle as it waits: if it hung there, no other thread would take over.
//!
//! Invariants
//! 1. At most one thread takes from the queue: the current one.
//! 2. An object that leaves is in the state's list of retiring instances, in the queue, or with a thread that
//!    runs its destructor. It changes its place under the state lock, so a thread that holds that lock counts
//!    all objects.
//! 3. The dependencies of an object are released when its destructor has returned, not before.
//!
//! In the child of a fork the threads are gone: the objects that they were destroying are leaked, and a thread
//! of the child destroys the queued ones.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    error::{HeldBy, LifecycleStep, Straggler},
    host::{
        ids::ThreadId,
        objects::{
            component::Component,
            instances::{Held, Instance},
        },
        sys,
    },
};

/// How long a destructor may run before another thread destroys the next objects, and before status reports
/// it.
pub(in crate::host) const LIMIT: Duration = Duration::from_millis(250);
/// How long a thread waits for more work before it ends.
const LINGER: Duration = Duration::from_secs(1);
/// How many threads may hang in destructors.
const MOST: usize = 64;

/// The objects to destroy, and the threads that do so.
#[derive(Default)]
pub(in crate::host) struct Destroyers {
    inner: Mutex<Inner>,
    queued: Condvar,
}

/// The state of [`Destroyers`], locked. It is a leaf lock.
#[derive(Default)]
pub(in crate::host) struct Inner {
    queue: VecDeque<Instance>,
    running: Vec<Running>,
    /// The number of the thread that takes from the queue, if there is one.
    current: Option<u64>,
    started: u64,
}

/// A destructor that has not returned.
pub(in crate::host) struct Running {
    /// The number of its thread among all that were started.
    number: u64,
    thread: ThreadId,
    component: Arc<Component>,
    needs: Vec<Held>,
    since: Instant,
    /// Its count among the instances of the component.
    _use: Arc<()>,
}

impl Running {
    pub(in crate::host) fn new(number: u64, instance: &Instance) -> Running {
        let component = Arc::clone(&instance.implementation().component);
        let needs = instance.needs().to_vec();
        let counted = Arc::clone(component.uses());
        Running { number, thread: sys::thread_id(), component, needs, since: Instant::now(), _use: counted }
    }

    /// Whether the destructor has run for `time`.
    pub(in crate::host) fn has_run_for(&self, time: Duration) -> bool {
        self.since.elapsed() >= time
    }

    /// Whether the destructor has run for longer than [`LIMIT`].
    pub(in crate::host) fn hangs(&self) -> bool {
        self.has_run_for(LIMIT)
    }

    /// The dependencies of its object.
    pub(in crate::host) fn needs(&self) -> &[Held] {
        &self.needs
    }

    pub(in crate::host) fn number(&self) -> u64 {
        self.number
    }

    /// The component of the destructor.
    pub(in crate::host) fn component(&self) -> &Component {
        &self.component
    }

    pub(in crate::host) fn straggler(&self) -> Straggler {
        Straggler {
            thread: Some("lcr-reaper".to_owned()),
            thread_id: self.thread.to_kernel(),
            held_by: HeldBy::Step { component: self.component.id.clone(), step: LifecycleStep::Destructor },
            seen_for: self.since.elapsed(),
        }
    }
}

impl Destroyers {
    /// Locks the queue; a fork does so, too.
    pub(in crate::host) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues objects. The caller holds the state lock. See [`Inner::queue`].
    pub(in crate::host) fn queue(&self, instances: Vec<Instance>) -> Option<Start> {
        let start = self.lock().queue(instances);
        self.queued.notify_all();
        start
    }

    /// Ends the thread that waits for work, if one does, since an image waits for what the thread has of it.
    pub(super) fn dismiss(&self) {
        let mut inner = self.lock();
        let is_busy = inner.running.iter().any(|running| Some(running.number) == inner.current);
        if inner.queue.is_empty() && !is_busy {
            inner.current = None;
            self.queued.notify_all();
        }
    }

    /// The next object for a thread. Waits for one, [`LINGER`] at most.
    pub(super) fn next(&self, number: u64) -> Option<Instance> {
        let is_idle = |inner: &mut Inner| inner.queue.is_empty() && inner.current == Some(number);
        let waited = self.queued.wait_timeout_while(self.lock(), LINGER, is_idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.take(number)
    }
}

impl Inner {
    /// How many objects are queued or being destroyed.
    pub(in crate::host) fn count(&self) -> usize {
        self.queue.len() + self.running.len()
    }

    /// Whether an object waits for a thread.
    pub(in crate::host) fn is_waiting(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The destructors that have not returned.
    pub(in crate::host) fn running(&self) -> &[Running] {
        &self.running
    }

    /// For the end of the runtime: takes out the queued objects, and has the threads end.
    pub(in crate::host) fn close(&mut self) -> Vec<Instance> {
        self.current = None;
        self.queue.drain(..).collect()
    }

    /// Notes that a thread could not be started, so that no thread takes from the queue.
    pub(super) fn lack_thread(&mut self) {
        self.current = None;
    }

    /// Notes that the destructor of a thread has returned.
    pub(super) fn end(&mut self, number: u64) {
        self.running.retain(|running| running.number != number);
    }

    /// In the child of a fork: forgets the threads, which are gone.
    pub(in crate::host) fn forget_threads(&mut self) {
        self.running.clear();
        self.current = None;
    }

    /// Queues objects. If a thread is needed to destroy them, and there may be one more, returns that: the
    /// caller starts the thread (`RuntimeInner::start_destroyer`) when it holds no lock.
    pub(in crate::host) fn queue(&mut self, instances: Vec<Instance>) -> Option<Start> {
        self.queue.extend(instances);
        let current = self.running.iter().find(|running| Some(running.number) == self.current);
        let is_served = self.current.is_some() && !current.is_some_and(Running::hangs);
        if self.queue.is_empty() || is_served || self.running.len() >= MOST {
            return None;
        }
        let beside = current.map(|running| (Arc::clone(&running.component), running.since.elapsed()));
        self.started += 1;
        self.current = Some(self.started);
        Some(Start { number: self.started, beside })
    }

    /// The next object for a thread; `None` if another thread took over or the queue is empty.
    fn take(&mut self, number: u64) -> Option<Instance> {
        if self.current != Some(number) {
            return None;
        }
        let Some(instance) = self.queue.pop_front() else {
            self.current = None;
            return None;
        };
        self.running.push(Running::new(number, &instance));
        Some(instance)
    }
}

/// A thread that is to be started.
#[must_use]
pub(in crate::host) struct Start {
    pub(super) number: u64,
    /// The component whose destructor does not return, and how long it has run, if that is why the thread is
    /// needed.
    pub(super) beside: Option<(Arc<Component>, Duration)>,
}

/// Destroys an object. A panic of its destructor is reported, and otherwise ignored.
pub(in crate::host) fn destroy(instance: Instance) -> Instance {
    let destroy = instance.implementation().export.destroy;
    // SAFETY: the caller owns the object, no call is inside it, and nothing refers to it.
    let outcome = unsafe { destroy(instance.address()) };
    let component = &instance.implementation().component;
    // A subscriber that panics must not end the thread.
    // SAFETY: an export's functions keep the contract of `Outcome`.
    let told = match unsafe { outcome.into_result() } {
        Ok(0) => Ok(()),
        Ok(_) => catch_unwind(AssertUnwindSafe(|| {
            tracing::warn!(
                %component,
                "its tokio runtime has not ended in time; Status::left_threads names what runs on"
            );
        })),
        Err((_, message, _)) => catch_unwind(AssertUnwindSafe(|| {
            tracing::error!(%component, %message, "a destructor panicked");
        })),
    };
    drop(told);
    instance
}
