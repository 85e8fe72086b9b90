//! The threads inside the loader, so that a child of `fork` does not wait for a thread that it does not have.
//!
//! `dlopen` and `dlclose` run under a lock of the C library. A child that was forked meanwhile
//! finds it held by a thread that vanished, and would wait for ever. So every use by the host is
//! counted here, and `fork` happens while no thread enters. It waits a while for other threads to
//! leave, too: a child that was forked in the middle of a `dlopen` finds the C library's list of
//! thread-locals half changed, and its next `pthread_create` ends it (seen with glibc:
//! `_dl_allocate_tls_init: Assertion listp != NULL`). A constructor inside may itself wait for the
//! thread that forks, so after [`PATIENCE`] the fork goes on; then the child's loads are refused.
//! Other libraries' use of the loader does not show here.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};

use crate::{
    error::{Error, ErrorKind, Result},
    host::{ids::ThreadId, sys},
};

/// The threads that are inside the loader, and whether a fork lost one of them.
struct Inside {
    threads: Vec<ThreadId>,
    is_lost: bool,
}

/// How long a fork waits for other threads to leave the loader. An ordinary load takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

static LEFT: Condvar = Condvar::new();
static INSIDE: Mutex<Inside> = Mutex::new(Inside { threads: Vec::new(), is_lost: false });

fn inside() -> MutexGuard<'static, Inside> {
    INSIDE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this value lives, the calling thread is inside the loader.
pub(super) struct Turn;

/// Notes that the calling thread uses the loader.
///
/// # Errors
/// `Load`, in a child of `fork` whose loader is lost.
pub(super) fn enter() -> Result<Turn> {
    let mut inside = inside();
    if inside.is_lost {
        return Err(lost());
    }
    inside.threads.push(sys::thread_id());
    Ok(Turn)
}

/// Refuses if [`enter`] would, before anything is begun: in a child whose loader is lost, even a new thread's first
/// thread-local with a destructor waits for the loader's lock (glibc's `__cxa_thread_atexit_impl`).
///
/// # Errors
/// As for [`enter`].
pub(crate) fn usable() -> Result<()> {
    if inside().is_lost { Err(lost()) } else { Ok(()) }
}

/// Whether the loader has a library of this name (`DT_NEEDED`), which it would give to every
/// library that needs that name.
///
/// # Errors
/// `Load`, in a child of `fork` whose loader is lost.
pub(in crate::host) fn is_present(name: &[u8]) -> Result<bool> {
    let _turn = enter()?;
    // SAFETY: with RTLD_NOLOAD nothing is mapped and no code runs; closing it again ends nothing
    // that was there before.
    let found = unsafe { Library::open(Some(OsStr::from_bytes(name)), libc::RTLD_NOLOAD | RTLD_NOW | RTLD_LOCAL) };
    Ok(found.is_ok())
}

#[cold]
fn lost() -> Error {
    let text = "this process was forked while another thread mapped or unmapped a library, so its loader \
                cannot be used; fork at another time, or replace in the parent";
    Error::new(ErrorKind::Load, text)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let (mut inside, me) = (inside(), sys::thread_id());
        if let Some(at) = inside.threads.iter().rposition(|&thread| thread == me) {
            inside.threads.remove(at);
        }
        LEFT.notify_all();
    }
}

/// While this value lives, no thread enters or leaves the loader: for the time of a fork.
pub(in crate::host) struct LoaderLock {
    inside: MutexGuard<'static, Inside>,
    forking: ThreadId,
}

/// See [`LoaderLock`]. Waits for other threads to leave, [`PATIENCE`] at most.
pub(in crate::host) fn lock() -> LoaderLock {
    let forking = sys::thread_id();
    let others = |inside: &mut Inside| inside.threads.iter().any(|&thread| thread != forking);
    let waited = LEFT.wait_timeout_while(inside(), PATIENCE, others);
    LoaderLock { inside: waited.unwrap_or_else(PoisonError::into_inner).0, forking }
}

impl LoaderLock {
    /// In the child: notes that the other threads are gone. If one of them was inside, the loader's lock is lost.
    pub(in crate::host) fn lose_others(&mut self) {
        let (forking, me) = (self.forking, sys::thread_id());
        let before = self.inside.threads.len();
        self.inside.threads.retain(|&thread| thread == forking);
        self.inside.is_lost |= self.inside.threads.len() < before;
        self.inside.threads.fill(me);
    }
}
