//! Sections that are safe against a signal handler of the same thread.
//!
//! A handler runs between two instructions of whatever its thread does. If the thread holds a lock, a handler
//! that waits for the lock waits for ever. [`quiet`] keeps handlers from running, which costs two system
//! calls. [`alone`] lets them run and refuses to enter a section that they have interrupted, which costs a
//! word.

use std::{cell::Cell, mem::MaybeUninit, ptr};

/// Runs `section` with all signals blocked in this thread. A thread that `section` makes has them blocked for
/// ever.
pub(crate) fn quiet<T>(section: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut before = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: writes the set behind the pointer, and cannot fail.
    unsafe { libc::sigfillset(all.as_mut_ptr()) };
    // SAFETY: `all` was just written; `before` is written by the call, which cannot fail with
    // these arguments.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) };
    let result = section();
    // SAFETY: `before` was written above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `section`. `None` if this thread is inside such a section already: the caller is a handler that has
/// interrupted the section.
pub(crate) fn alone<T>(section: impl FnOnce() -> T) -> Option<T> {
    if INSIDE.replace(true) {
        return None;
    }
    let result = section();
    INSIDE.set(false);
    Some(result)
}
