//! The tokio runtime of this image, which the components with `runtime = tokio` share.
//!
//! The first instance makes the runtime, and each instance owns a count of it, so that it ends behind the
//! destructor of the last one. Instances that come later make another runtime. All of it is of this image: a
//! component that is linked into a program has a runtime beside the program's own, as a loaded one has.
//!
//! **One thread, the driver, owns the runtime**, a `current_thread` one: the driver builds it, runs its tasks, timers
//! and sockets, and drops it. tokio panics where a runtime is dropped in an async context, and a constructor may
//! run in the program's; so no other thread ever has the runtime, but only a [`Handle`] to it. Other threads
//! enter the handle for the length of a call: `tokio::spawn` then spawns to the driver, and timers and sockets
//! register with it. Entering nests: what a thread was inside before, it is inside again afterwards.
//!
//! **The end** is asked for by whoever destroys the last instance, who then waits. The driver drops the tasks, inside
//! the runtime; a task ends at the `.await` at which it is. Then it joins the threads of `spawn_blocking`, also those
//! that have not begun; a closure that no thread has begun is dropped. Tasks go first, because a blocking closure
//! often waits for one of them. After [`TIMEOUT`] the destroying thread goes on, and says so by its result. The
//! driver goes on to wait. The threads that are left, the driver among them, are counted and named by the host, as
//! any thread that an image started.
//!
//! Invariants
//! 1. A [`Running`] is in use, or its end was asked for: never is a runtime left that nothing ends.
//! 2. No lock is held while code of an author runs: the driver drops tasks with none, and `RUNNING` protects one
//!    look and the start of the driver, which runs no task before an instance exists.
//! 3. The driver never waits for itself. Where the last instance fails to be constructed on it, by a task, it asks
//!    for the end and goes on.
//!
//! In the child of a fork there is no driver. Instances of the parent find that nothing runs their tasks, their ends
//! wait for nothing, and the first instance that the child constructs makes a runtime of the child's.

use std::{
    future, io, mem, process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    runtime::{Builder, EnterGuard, Handle},
    task::AbortHandle,
};

use super::Ambient;
use crate::component::context::Context;

/// How long the end waits for blocking closures, and for a task that does not come to an `.await`.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The runtime that instances of this image use now.
static RUNNING: Mutex<Weak<Running>> = Mutex::new(Weak::new());

/// The tokio runtime of this image, as one instance has it.
pub struct Tokio(Arc<Running>);

impl Ambient for Tokio {
    /// `None` on a thread whose end has destroyed tokio's thread-local: nothing can be inside a runtime there.
    type Guard<'a> = Option<EnterGuard<'a>>;

    fn begin(context: &Context) -> Result<Tokio, String> {
        let mut running = lock(&RUNNING);
        if let Some(running) = running.upgrade().filter(|running| running.is_here()) {
            return Ok(Tokio(running));
        }
        let started = Running::start(context.component()).map_err(|error| {
            format!("the component's tokio runtime cannot start: {error}; end some threads or close some files")
        })?;
        let started = Arc::new(started);
        *running = Arc::downgrade(&started);
        Ok(Tokio(started))
    }

    fn enter(&self) -> Option<EnterGuard<'_>> {
        // `enter` panics there. A future has to be dropped in its place all the same.
        let is_destroyed = Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed());
        (!is_destroyed).then(|| self.0.handle.enter())
    }

    fn end(self) -> bool {
        Arc::into_inner(self.0).is_none_or(|mut running| running.end())
    }
}

/// A runtime that was not asked to end.
struct Running {
    handle: Handle,
    /// Ends what the driver waits for.
    idle: AbortHandle,
    driver: Option<JoinHandle<()>>,
    has_ended: Arc<Ended>,
    /// The process that has the driver.
    process: u32,
}

impl Running {
    /// Starts the driver of a runtime for the component of that name.
    fn start(component: &str) -> io::Result<Running> {
        // The kernel keeps the first 15 bytes.
        let name = format!("tokio:{component}");
        let has_ended = Arc::new(Ended::default());
        let (tell, told) = mpsc::sync_channel(1);
        let (of_driver, of_pool) = (End(Arc::clone(&has_ended)), name.clone());
        let driver = thread::Builder::new().name(name).spawn(move || drive(of_pool, of_driver, &tell))?;
        let never = || io::Error::other("its thread has panicked");
        let (handle, idle) = told.recv().map_err(|_| never())??;
        Ok(Running { handle, idle, driver: Some(driver), has_ended, process: process::id() })
    }

    fn is_here(&self) -> bool {
        self.process == process::id()
    }

    /// Ends the runtime, and waits for that. Returns whether no thread of it is left.
    fn end(&mut self) -> bool {
        let Some(driver) = self.driver.take() else { return true };
        if !self.is_here() {
            // The driver may have held a lock of the runtime at the fork, and its handle may name another thread now.
            mem::forget(driver);
            return true;
        }
        self.idle.abort();
        if driver.thread().id() == thread::current().id() {
            return false;
        }
        let has_ended = self.has_ended.wait(TIMEOUT);
        if has_ended {
            // A panic of the driver was reported by the panic hook.
            drop(driver.join());
        }
        has_ended
    }
}

/// Where a constructor fails, no instance ends what it runs inside.
impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The driver: runs everything of a runtime until its end is asked for, then ends it.
fn drive(name: String, _end: End, tell: &mpsc::SyncSender<io::Result<(Handle, AbortHandle)>>) {
    let runtime = match Builder::new_current_thread().enable_all().thread_name(name).build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let idle = runtime.spawn(future::pending::<()>());
    if tell.send(Ok((runtime.handle().clone(), idle.abort_handle()))).is_err() {
        return;
    }
    // An error: it was aborted.
    drop(runtime.block_on(idle));
    // Drops the tasks, on this thread, then joins all blocking threads.
    drop(runtime);
}

/// Whether a driver is over.
#[derive(Default)]
struct Ended {
    is_over: Mutex<bool>,
    told: Condvar,
}

impl Ended {
    /// Waits until the driver is over. Returns whether it is.
    fn wait(&self, timeout: Duration) -> bool {
        let waited = self.told.wait_timeout_while(lock(&self.is_over), timeout, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Tells that the driver is over, also by a panic.
struct End(Arc<Ended>);

impl Drop for End {
    fn drop(&mut self) {
        *lock(&self.0.is_over) = true;
        self.0.told.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_waits_for_threads_that_have_not_begun() {
        for _ in 0..100 {
            let mut running = Running::start("test").unwrap();
            let held = Arc::new(());
            for _ in 0..8 {
                let held = Arc::clone(&held);
                drop(running.handle.spawn_blocking(move || drop(held)));
            }
            assert!(running.end());
            assert_eq!(Arc::strong_count(&held), 1, "a closure is left");
        }
    }
}
