//! Writing what images have printed and not yet written.
//!
//! Each image has its own copy of the standard library, with a buffer for standard output that keeps what was
//! printed after the last end of a line. When a process ends, Rust writes the buffer of the program itself, and
//! nothing writes those of its images. So the host writes them: when the process ends by `exit(3)`, as the end of
//! `main` does (not by a signal, `_exit` or an abort), and when a runtime ends, before it unmaps its last images.
//!
//! The host does not write the buffer of a replaced image that it unmaps: asking for the buffer makes it if nothing
//! was printed, and std never frees it (1 KiB), so 100,000 replacements would take 100 MB.
//!
//! A buffer has a lock, which a thread may hold for ever: a leaked `io::stdout().lock()`, or the lock of a thread
//! that does not end. Rust does not write the program's buffer then, and the host does not write the image's. A
//! thread of the host asks the image to write; if it does not come back within [`STALL`], another thread asks the
//! other images.
//!
//! Invariants:
//! 1. A function of an image is called only with its [`Source`] locked, and the image is unmapped
//!    only after [`Output::close`] took the function out.
//! 2. A thread that waits for images gives up an image after [`STALL`], and all others after [`THREADS`] such images.
//! 3. The lock of the list of images is held for a look only, and across a `fork`.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
    vec,
};

use crate::host::{
    ids::{Numbered, OutputId},
    sys,
};

/// An image's function that writes what was printed in it, and waits for its buffer's lock.
pub(super) type Flush = unsafe extern "C" fn();

/// How long an image may take before the host gives it up.
const STALL: Duration = Duration::from_millis(200);
/// How many images the host gives up, one after the other, before it gives up the rest.
const THREADS: usize = 5;
/// Enough for the standard library, which writes by one system call.
const STACK: usize = 128 << 10;

/// The images whose output is written when the process ends, and whether the handler for that is registered.
struct Images {
    sources: Numbered<OutputId, Arc<Source>>,
    is_registered: bool,
}

static IMAGES: Mutex<Images> = Mutex::new(Images { sources: Numbered::new(), is_registered: false });

fn images() -> MutexGuard<'static, Images> {
    IMAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this value lives, no other thread changes the list: for the time of a fork.
pub(in crate::host) struct OutputLock(#[expect(dead_code, reason = "it is held")] MutexGuard<'static, Images>);

/// See [`OutputLock`].
pub(in crate::host) fn lock() -> OutputLock {
    OutputLock(images())
}

/// An image's function, until [`Output::close`] takes it out.
#[derive(Debug)]
struct Source(Mutex<Option<Flush>>);

impl Source {
    fn write(&self) {
        let flush = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flush) = *flush {
            // SAFETY: by the contract of `Output::of` any thread may call it until `close` takes it out, for which
            // `close` needs the lock that this thread has.
            unsafe { flush() };
        }
    }
}

/// The standard output of one image, which is written when the process ends.
#[derive(Debug)]
pub(super) struct Output {
    source: Arc<Source>,
    number: OutputId,
}

impl Output {
    /// Has an image's output written when the process ends.
    ///
    /// # Safety
    /// Any thread may call `flush`, until [`Output::close`] answers true.
    pub(super) unsafe fn of(flush: Flush) -> Output {
        let mut images = images();
        if !images.is_registered {
            // SAFETY: the handler is a function of this program, which is never unmapped.
            images.is_registered = unsafe { libc::atexit(at_exit) } == 0;
        }
        let source = Arc::new(Source(Mutex::new(Some(flush))));
        let number = images.sources.insert(Arc::clone(&source));
        Output { source, number }
    }

    /// Takes the image's function out, so that the host does not call it any more. With `flush`, first writes what
    /// the image has printed. Returns false if a thread holds the image's standard output: then the image must
    /// stay, and the caller may try again.
    pub(super) fn close(&self, flush: bool) -> bool {
        // The lock is taken if a thread that asked the image before did not come back.
        if self.source.0.try_lock().is_err() || (flush && !write(vec![Arc::clone(&self.source)])) {
            return false;
        }
        let Ok(mut flush) = self.source.0.try_lock() else { return false };
        *flush = None;
        drop(flush);
        let mut images = images();
        // If the process is about to end, `at_exit` has taken the list.
        if images.sources.get(self.number).is_some_and(|source| Arc::ptr_eq(source, &self.source)) {
            images.sources.remove(self.number);
        }
        true
    }
}

extern "C" fn at_exit() {
    let sources = mem::take(&mut images().sources);
    write(sources.into_entries().collect());
}

/// The images that are left to ask, shared by the threads that ask them.
struct Round {
    left: Mutex<Left>,
    changed: Condvar,
}

struct Left {
    sources: vec::IntoIter<Arc<Source>>,
    done: usize,
}

impl Round {
    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks images until there are no more.
    fn work(&self) {
        loop {
            let next = self.left().sources.next();
            let Some(source) = next else { return };
            source.write();
            self.left().done += 1;
            self.changed.notify_all();
        }
    }

    /// Waits while images are asked. Returns whether all of them have answered.
    fn wait(&self, all: usize) -> bool {
        let mut left = self.left();
        loop {
            let done = left.done;
            if done == all {
                return true;
            }
            let waited = self.changed.wait_timeout_while(left, STALL, |left| left.done == done);
            let timeout;
            (left, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if timeout.timed_out() {
                return false;
            }
        }
    }
}

/// Asks each of the images to write. Returns whether all of them have written.
fn write(sources: Vec<Arc<Source>>) -> bool {
    let all = sources.len();
    let round =
        Arc::new(Round { left: Mutex::new(Left { sources: sources.into_iter(), done: 0 }), changed: Condvar::new() });
    for _ in 0..THREADS {
        if round.left().sources.as_slice().is_empty() {
            break;
        }
        let worker = Arc::clone(&round);
        if sys::start(c"lcr-output", STACK, move || worker.work()).is_err() {
            break;
        }
        if round.wait(all) {
            return true;
        }
    }
    all == round.left().done
}
