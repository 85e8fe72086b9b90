//! What the host asks of the operating system: barriers, futexes and forks here, [`threads`], [`raw_threads`],
//! [`files`] and [`images`] in files of their own.
//!
//! Each function wraps one facility of Linux or POSIX and is safe to call, unless it says otherwise. All
//! uses of `libc` in the host that need `unsafe` are in this folder, but for what the loader and the C
//! library's place in images take (`image/library`, `image/threads`).

mod files;
mod images;
mod raw_threads;
#[cfg(all(test, not(loom)))]
mod tests;
mod threads;

pub(crate) use files::user;
pub(in crate::host) use files::{Mapping, is_of_proc, may_have_list, open_at, open_start, read_link, try_lock};
#[cfg(feature = "history")]
pub(crate) use files::{Owned, own, owner};
#[cfg_attr(not(feature = "sam"), allow(unused_imports))]
pub(crate) use files::{file_size_limit, memory_file};
pub(in crate::host) use images::{image_start, signal_handled_by, symbol};
pub(in crate::host) use raw_threads::{RawThread, raw_threads};
pub(crate) use threads::start;
pub(in crate::host) use threads::{
    at_locals_end, at_thread_exit, count_keys_below, create_thread, is_alive, key_limit, name_of, thread_id,
    thread_name,
};

use std::{
    io,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that the program began as.
#[inline(always)]
pub(in crate::host) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Counts a fork, in its child.
pub(in crate::host) fn note_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

const MEMBARRIER_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Registers this process for [`membarrier`]. Returns whether it may use that. A child of `fork` must
/// register again.
pub(in crate::host) fn register_membarrier() -> bool {
    // Miri does not know the call.
    // SAFETY: the call takes no pointers.
    !cfg!(miri) && unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Executes a full fence on every running thread of this process.
///
/// # Errors
/// If [`register_membarrier`] returned false, or if a filter of system calls (seccomp) has forbidden the
/// call to this thread since.
pub(in crate::host) fn membarrier() -> io::Result<()> {
    if cfg!(miri) {
        return Err(io::ErrorKind::Unsupported.into());
    }
    // SAFETY: the call takes no pointers.
    match unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The machine's page size in bytes.
pub(in crate::host) fn page_size() -> u64 {
    // SAFETY: asks for a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(size).unwrap_or(4096)
}

/// Sleeps while `word` is `expected`, at most `timeout`. May return early.
pub(in crate::host) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Duration) {
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32),
    };
    let operation = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: both pointers are valid for the length of the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, &raw const timeout) };
}

/// Wakes every sleeper of [`futex_wait`] on `word`.
pub(in crate::host) fn futex_wake(word: &AtomicU32) {
    let operation = libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: the address is valid and only compared.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
}

/// Has the C library call the three functions around every `fork` of this process. Returns false if it has
/// no memory for that.
pub(in crate::host) fn at_fork(
    prepare: unsafe extern "C" fn(),
    parent: unsafe extern "C" fn(),
    child: unsafe extern "C" fn(),
) -> bool {
    // SAFETY: the functions live as long as the process: this image is never unmapped,
    // since a host is not a component.
    unsafe { libc::pthread_atfork(Some(prepare), Some(parent), Some(child)) == 0 }
}
