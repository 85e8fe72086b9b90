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
//! the runtime; a task ends at the `.await` at which it is. Then it waits for the threads of `spawn_blocking`. Tasks
//! go first, because a blocking closure often waits for one of them. After [`TIMEOUT`] the destroying thread goes
//! on, and says so by its result. The threads that are left are counted and named by the host, as any
//! thread that an image started.
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
    type Guard<'a> = EnterGuard<'a>;

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

    fn enter(&self) -> EnterGuard<'_> {
        self.0.handle.enter()
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
    threads: Arc<Threads>,
    /// The process that has the driver.
    process: u32,
}

impl Running {
    /// Starts the driver of a runtime for the component of that name.
    fn start(component: &str) -> io::Result<Running> {
        // The kernel keeps the first 15 bytes.
        let name = format!("tokio:{component}");
        let threads = Arc::new(Threads::default());
        let (tell, told) = mpsc::sync_channel(1);
        let (of_driver, of_pool) = (Arc::clone(&threads), name.clone());
        of_driver.begin();
        let driver = thread::Builder::new().name(name).spawn(move || drive(of_pool, of_driver, &tell))?;
        let never = || io::Error::other("its thread has panicked");
        let (handle, idle) = told.recv().map_err(|_| never())??;
        Ok(Running { handle, idle, driver: Some(driver), threads, process: process::id() })
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
        let have_ended = self.threads.wait(TIMEOUT);
        if have_ended {
            // A panic of the driver was reported by the panic hook.
            drop(driver.join());
        }
        have_ended
    }
}

/// Where a constructor fails, no instance ends what it runs inside.
impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The driver: runs everything of a runtime until its end is asked for, then ends it.
fn drive(name: String, threads: Arc<Threads>, tell: &mpsc::SyncSender<io::Result<(Handle, AbortHandle)>>) {
    let _end = End(Arc::clone(&threads));
    let of_started = Arc::clone(&threads);
    let built = Builder::new_current_thread()
        .enable_all()
        .thread_name(name)
        .on_thread_start(move || of_started.begin())
        .on_thread_stop(move || threads.end())
        .build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let idle = runtime.spawn(future::pending::<()>());
    if tell.send(Ok((runtime.handle().clone(), idle.abort_handle()))).is_err() {
        return;
    }
    // An error: it was aborted.
    drop(runtime.block_on(idle));
    // Drops the tasks, on this thread; does not wait for blocking closures.
    runtime.shutdown_background();
}

/// How many threads a runtime has.
#[derive(Default)]
struct Threads {
    count: Mutex<usize>,
    ended: Condvar,
}

impl Threads {
    fn begin(&self) {
        *lock(&self.count) += 1;
    }

    fn end(&self) {
        *lock(&self.count) -= 1;
        self.ended.notify_all();
    }

    /// Waits until there is none. Returns whether there is none.
    fn wait(&self, timeout: Duration) -> bool {
        let waited = self.ended.wait_timeout_while(lock(&self.count), timeout, |count| *count > 0);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == 0
    }
}

/// Counts the driver until it is over, also by a panic.
struct End(Arc<Threads>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
