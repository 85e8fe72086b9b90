//! The descriptors of the control sockets of this process, which a child of `fork` does not keep.
//!
//! A child that kept the listening socket would leave clients waiting on it, for ever if the parent ends: the socket
//! would accept them into its queue, and nobody would answer. So a table lists every descriptor. It is locked while
//! one is opened, closed or forked, and the child closes what it lists.
//!
//! Invariants:
//! 1. A descriptor is in the table from before the lock of its opening is released to its closing, and the child
//!    of a fork has none of them open.
//! 2. A [`Kept`] of the parent that the child drops closes nothing: by then its number may belong to another file.
//!
//! The lock of the table is a leaf: nothing is called under it but the system. A child that a program made by a bare
//! `clone` runs no fork handlers and keeps what it has until `exec`, as of any library.

use std::{
    cell::Cell,
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd},
    ptr,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

static OPEN: Mutex<Vec<RawFd>> = Mutex::new(Vec::new());

/// How many forks lie between this process and the one that first opened a socket.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// A descriptor that belongs to the process that opened it alone.
#[derive(Debug)]
pub(super) struct Kept {
    descriptor: ManuallyDrop<OwnedFd>,
    forks: u32,
}

/// How many forks lie between this process and the one that first opened a socket. What was made at another number is
/// the parent's.
pub(super) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

impl Kept {
    /// Opens a descriptor by `open`, which does not block.
    pub(super) fn open(open: impl FnOnce() -> io::Result<OwnedFd>) -> io::Result<Kept> {
        static HANDLERS: Once = Once::new();
        let mut result = 0;
        HANDLERS.call_once(|| {
            // SAFETY: the functions live as long as the process: this image is never unmapped, since a host is not
            // a component.
            result = unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
        });
        // Behind it: a subscriber may serve another runtime.
        if result != 0 {
            tracing::error!("no memory for fork handlers: children of forks keep the control socket open");
        }
        let mut table = lock();
        let descriptor = open()?;
        table.push(descriptor.as_raw_fd());
        Ok(Kept { descriptor: ManuallyDrop::new(descriptor), forks: forks() })
    }
}

impl AsFd for Kept {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut table = lock();
        if self.forks != forks() {
            return;
        }
        let number = self.descriptor.as_raw_fd();
        table.retain(|&other| other != number);
        // SAFETY: nothing uses the descriptor behind this.
        unsafe { ManuallyDrop::drop(&mut self.descriptor) };
    }
}

type Table = MutexGuard<'static, Vec<RawFd>>;

fn lock() -> Table {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    /// The locked table across a fork. A bare pointer, since a thread may fork in the destructor of a thread-local.
    static HELD: Cell<*mut Table> = const { Cell::new(ptr::null_mut()) };
}

/// Takes what [`before`] put down, on the thread that forks.
fn take_held() -> Option<Box<Table>> {
    let held = HELD.replace(ptr::null_mut());
    // SAFETY: if it is not null it came from a box, and was replaced by null.
    (!held.is_null()).then(|| unsafe { Box::from_raw(held) })
}

unsafe extern "C" fn before() {
    HELD.set(Box::into_raw(Box::new(lock())));
}

unsafe extern "C" fn after_in_parent() {
    drop(take_held());
}

unsafe extern "C" fn after_in_child() {
    let Some(mut table) = take_held() else { return };
    FORKS.fetch_add(1, Ordering::Relaxed);
    for descriptor in table.drain(..) {
        // SAFETY: the table lists descriptors that are open, and whoever owns one closes it no more, since the number
        // of forks has changed.
        unsafe { libc::close(descriptor) };
    }
}
