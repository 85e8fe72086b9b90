//! Signal masks of threads.
//!
//! A program that waits for a signal on one thread blocks it on all of them, and a signal that any thread does not
//! block may end the program. So the loop's thread blocks all signals. The threads that execute requests run code of
//! components, which may start threads that inherit their mask. They have the mask of the thread that opened the
//! socket, as if the program had made the request itself.

use std::{mem::MaybeUninit, ptr};

/// The signals that a thread blocks.
#[derive(Clone, Copy)]
pub(super) struct Mask(libc::sigset_t);

impl Mask {
    /// That of the calling thread.
    pub(super) fn current() -> Mask {
        let mut mask = MaybeUninit::uninit();
        // SAFETY: the pointer is valid, and a null pointer says that the mask is to stay as it is.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), mask.as_mut_ptr()) };
        // SAFETY: the call cannot fail with these arguments, and has written the mask.
        Mask(unsafe { mask.assume_init() })
    }

    /// All signals.
    pub(super) fn all() -> Mask {
        let mut mask = MaybeUninit::uninit();
        // SAFETY: the pointer is valid.
        unsafe { libc::sigfillset(mask.as_mut_ptr()) };
        // SAFETY: the call has written the set.
        Mask(unsafe { mask.assume_init() })
    }

    /// Makes it the mask of the calling thread.
    pub(super) fn set(self) {
        // SAFETY: the pointer is valid; nothing is written.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}
