//! What images share: their thread keys, which of them close, what holds each, and the threads that they started.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use crate::{
    abi::{
        holds::{Hold, Holds},
        tables::{Destructor, FIRST_KEY},
    },
    host::ids::ThreadId,
};

/// The counts of a mapped image. Either what they count keeps the image mapped, or the caller does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Of(pub(super) *const Holds);

// SAFETY: the counts are atomic, and in an image, not on a thread.
unsafe impl Send for Of {}

impl Of {
    pub(super) fn take(self, hold: Hold) {
        // SAFETY: the image is mapped: its code asks, or the lock is held under which it is let go.
        unsafe { &*self.0 }.take(hold);
    }

    /// Gives back a hold that [`Of::take`] took, once.
    pub(super) fn give_back(self, hold: Hold) {
        // SAFETY: what was taken keeps the image mapped, and every caller has returned from it.
        unsafe { Holds::give_back(self.0, hold) };
    }

    pub(super) fn count(self, hold: Hold) -> usize {
        // SAFETY: as for `take`.
        unsafe { &*self.0 }.count(hold)
    }
}

/// Which image, for as long as it is mapped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct ImageId(usize);

impl ImageId {
    /// The image that has these counts.
    pub(in crate::host) fn of(image: *const Holds) -> ImageId {
        ImageId(image.addr())
    }
}

/// The threads that images started and that have not ended, with the image of each.
pub(in crate::host) fn started() -> Vec<(ThreadId, ImageId)> {
    keys().threads.iter().map(|(thread, image)| (*thread, ImageId::of(image.0))).collect()
}

/// A thread key of an image.
pub(super) struct Key {
    pub(super) destructor: Option<Destructor>,
    pub(super) image: Of,
}

/// What images share.
pub(super) struct Keys {
    /// The keys of all images, by number.
    pub(super) keys: BTreeMap<u32, Key>,
    /// The images that are closing.
    pub(super) closing: Vec<Of>,
    /// The threads that images started and that have not ended, with the image of each.
    pub(super) threads: BTreeMap<ThreadId, Of>,
}

static KEYS: Mutex<Keys> = Mutex::new(Keys { keys: BTreeMap::new(), closing: Vec::new(), threads: BTreeMap::new() });
static NEXT: AtomicU32 = AtomicU32::new(FIRST_KEY);
/// Raised when an image begins to close, and when its keys are gone.
pub(super) static EPOCH: AtomicU64 = AtomicU64::new(0);

pub(super) fn keys() -> MutexGuard<'static, Keys> {
    KEYS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While this value lives, no other thread changes the keys: for the time of a `fork`, so that the child
/// finds them whole.
pub(in crate::host) struct ThreadsLock {
    keys: MutexGuard<'static, Keys>,
}

impl ThreadsLock {
    /// In the child of a fork: forgets the threads, which are gone. Their images stay held.
    pub(in crate::host) fn forget_threads(&mut self) {
        self.keys.threads.clear();
    }
}

/// See [`ThreadsLock`].
pub(in crate::host) fn lock() -> ThreadsLock {
    ThreadsLock { keys: keys() }
}

pub(super) unsafe extern "C" fn key_create(image: *const Holds, out: *mut u32, destructor: Option<Destructor>) -> i32 {
    let next = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_add(1));
    let Ok(number) = next else { return libc::EAGAIN };
    keys().keys.insert(number, Key { destructor, image: Of(image) });
    // SAFETY: the caller gives room for a key.
    unsafe { out.write(number) };
    0
}

pub(super) unsafe extern "C" fn key_delete(key: u32) -> i32 {
    if keys().keys.remove(&key).is_some() { 0 } else { libc::EINVAL }
}

/// Begins to close an image that no frame, pin or instance leads into any more: threads settle for it.
pub(in crate::host) fn close(image: *const Holds) {
    let mut keys = keys();
    if !keys.closing.contains(&Of(image)) {
        keys.closing.push(Of(image));
        EPOCH.fetch_add(1, Ordering::AcqRel);
    }
}

/// Removes a closing image and its keys. After that no code of the image runs any more.
///
/// # Errors
/// What holds the image, as [`held_by`] says.
pub(in crate::host) fn abandon(image: &Holds) -> Result<(), String> {
    let mut keys = keys();
    if let Some(text) = held_by(image) {
        drop(keys);
        return Err(text);
    }
    let of = Of(image);
    keys.keys.retain(|_, key| key.image != of);
    keys.closing.retain(|closing| *closing != of);
    EPOCH.fetch_add(1, Ordering::AcqRel);
    Ok(())
}

/// What holds an image, and what ends that, as a text; `None` if nothing holds the image.
pub(in crate::host) fn held_by(image: &Holds) -> Option<String> {
    let all = image.all();
    if all == 0 {
        return None;
    }
    let led = [Hold::Thread, Hold::Local, Hold::Running, Hold::Early, Hold::Unseen].map(|hold| image.count(hold));
    let [threads, locals, running, early, unseen] = led;
    let values = all.saturating_sub(led.iter().sum());
    let parts = [
        (values, "of its values are still in use elsewhere; drop them and try again"),
        (threads, "threads that it started still run; end them and try again"),
        (
            locals,
            "of its thread-locals are still to be destroyed; end those threads, or have them make a call, and try again",
        ),
        (running, "destructors of its thread-locals run at this moment; try again"),
        (early, "keys or threads were taken by its constructors, before it met its host; take them later"),
        (
            unseen,
            "image was built for a target or with a sanitizer that hides what it leaves with threads; restart instead",
        ),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    Some(parts.collect::<Vec<_>>().join("; "))
}
