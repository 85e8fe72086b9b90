//! Threads of images, and what images keep for the ends of threads: the host takes the C library's place.
//!
//! An image's requests come here through its hidden stand-ins (`component/libc_shims`). The host takes one key
//! of the process, and one registration with the C library for each thread that has thread-locals of
//! images. Everything else is bookkeeping here, which goes with the image: [`keys`] has what images share,
//! [`block`] what each thread has.
//!
//! A thread's *block* holds the values of its keys and the destructors of its thread-locals, the last
//! registered first. When the thread ends, the host runs the locals, then the destructors of the keys in
//! up to four rounds, as POSIX has it. So every way into an image at a thread's end has a frame of the host
//! outside it, and the host lowers the counts ([`Holds`](crate::abi::holds::Holds)) from there.
//!
//! **An image that is to go** is *closing* once no frame, pin or instance can lead into it. Its
//! thread-locals on threads that live on would hold it. So a thread *settles* when it takes the slow path
//! of a call, and so do the reaper, and before each destructor a thread that destroys instances: for the images
//! that close, the thread does now what its end would do. It takes one snapshot of the closing images, and runs
//! their locals first, then their keys: otherwise an image that begins to close in between would lose what its
//! locals still use. A thread does not settle an
//! image that started it, nor an image whose values any thread drops at that moment: their destructors may
//! be on its stack. Then [`abandon`] removes the image's keys, under the lock under which destructors are
//! picked, unless a count holds the image. POSIX runs no destructor of a deleted key; what std loses by that
//! is one allocation of each thread that never settled.
//!
//! Invariants
//! 1. While code of an image runs, the thread holds no lock and no borrow of a block.
//! 2. A key's number is never used twice, so a value that was left in a block means nothing. The thread
//!    sweeps it out when it next keeps something.
//! 3. After a fork, the holds of vanished threads stay counted: the child keeps those images.
//! 4. A thread that an image started is listed ([`started`]) from before its first function until behind its last
//!    destructor. So the program can be told which threads an image left behind.
//!
//! The host does not see everything, and the author of a component with `unload` vouches for the rest:
//! threads that other libraries started for the image, handlers and callbacks that the image left with
//! them, `SIGEV_THREAD`, and addresses of thread-locals that the image gave away. `atexit` and
//! `pthread_atfork` handlers are the C library's, which knows the image of each and runs or drops them as it
//! unmaps. The host looks for signal handlers before it unmaps an image.

mod block;
mod keys;

use std::ffi::c_void;

use crate::{
    abi::{
        holds::{Hold, Holds},
        tables::{Start, ThreadTable},
    },
    host::sys,
};

pub(in crate::host) use block::{settle, settle_soon_by};
pub(crate) use keys::ImageId;
pub(in crate::host) use keys::{ThreadsLock, abandon, close, held_by, lock, started};

use block::{at_exit, get, is_of, make, set};
use keys::{Of, key_create, key_delete, keys};

/// This host's functions for its images.
pub(in crate::host) const TABLE: ThreadTable = ThreadTable { key_create, key_delete, set, get, create, at_exit, is_of };

/// A thread of an image before its first function.
struct Begin {
    start: Start,
    argument: *mut (),
    image: Of,
}

unsafe extern "C" fn create(
    image: *const Holds,
    thread: *mut (),
    how: *const (),
    start: Start,
    argument: *mut (),
) -> i32 {
    let image = Of(image);
    image.take(Hold::Thread);
    let begin = Box::into_raw(Box::new(Begin { start, argument, image }));
    // SAFETY: the caller keeps the contract of `pthread_create`, and `begin` is the thread's.
    let result = unsafe { sys::create_thread(thread.cast(), how.cast(), begin_thread, begin.cast()) };
    if result != 0 {
        // SAFETY: there is no thread to take it.
        drop(unsafe { Box::from_raw(begin) });
        image.give_back(Hold::Thread);
    }
    result
}

/// The first function of a thread of an image. Its frame has nothing to drop, since `pthread_exit` may
/// unwind it.
unsafe extern "C-unwind" fn begin_thread(begin: *mut c_void) -> *mut c_void {
    // SAFETY: `create` boxed it for this thread.
    let Begin { start, argument, image } = *unsafe { Box::from_raw(begin.cast::<Begin>()) };
    // If there is no room for a block, the thread stays counted and its image mapped.
    make(Some(image));
    keys().threads.insert(sys::thread_id(), image);
    // SAFETY: the image gave both for this.
    unsafe { start(argument) }.cast()
}
