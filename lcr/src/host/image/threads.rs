//! Threads of images, and what images keep for the ends of threads: in the C library's place.
//!
//! An image's requests come here through its hidden stand-ins (`component/shims`). The host
//! takes one key of the process, and one registration with the C library for each thread that
//! has thread-locals of images; all else is bookkeeping here, which is let go with the image.
//!
//! Each thread has a *block*: the values of its keys and the destructors of its thread-locals,
//! last registered first. When the thread ends, the host runs the locals, then the keys'
//! destructors in up to four rounds, as POSIX has it. Every way into an image at a thread's end
//! so has a frame of the host's outside it, and the counts ([`Holds`]) are lowered from there.
//!
//! **An image that is to go** is *closing* once no frame, pin or instance can lead into it. Its
//! thread-locals on threads that live on would hold it, so a thread *settles* when it takes the
//! slow path of a call, and the reaper does: for the images that close, it does what its end
//! would do. Locals and keys go by one snapshot of the closing images, locals first: otherwise
//! an image that begins to close in between would lose what its locals still use. A thread
//! settles no image that started it, and none whose values are being dropped anywhere: their
//! destructors may be on its stack. Then [`abandon`] removes the image's keys, under the lock
//! that destructors are picked under, unless a count holds it. POSIX runs no destructor of a
//! deleted key, and what std loses by it is an allocation of each thread that never came by.
//!
//! Invariants
//! 1. No lock is held, and no borrow of a block, while code of an image runs.
//! 2. A key's number is never used twice, so a value that was left in a block means nothing.
//!    It is swept out when the thread next keeps something.
//! 3. After a fork, what vanished threads held stays counted: the child keeps those images.
//!
//! What is not seen here is the author's word with `unload`: threads that other libraries
//! started for the image, handlers and callbacks left with them, `SIGEV_THREAD`, addresses of
//! thread-locals that were given away. `atexit` and `pthread_atfork` handlers are the C
//! library's, which knows whose they are and runs or drops them as it unmaps; signal handlers
//! are looked for before an image is unmapped.

use std::{
    cell::Cell,
    collections::BTreeMap,
    ffi::c_void,
    ptr,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use crate::{
    abi::{
        holds::{Hold, Holds},
        tables::{Destructor, FIRST_KEY, Start, ThreadTable},
    },
    host::sys,
};

/// This host's functions for its images.
pub(in crate::host) const TABLE: ThreadTable = ThreadTable { key_create, key_delete, set, get, create, at_exit };

/// EINVAL.
const UNKNOWN: i32 = libc::EINVAL;
/// PTHREAD_DESTRUCTOR_ITERATIONS.
const ROUNDS: usize = 4;

/// The counts of an image that is mapped: what they count keeps it mapped, or the caller does.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Of(*const Holds);

// SAFETY: the counts are atomic, and in an image, not on a thread.
unsafe impl Send for Of {}

impl Of {
    fn take(self, hold: Hold) {
        // SAFETY: the image is mapped: its code asks, or the lock is held under which it is let go.
        unsafe { &*self.0 }.take(hold);
    }

    /// Gives back what [`Of::take`] took, once.
    fn give_back(self, hold: Hold) {
        // SAFETY: what was taken keeps the image mapped, and every caller has returned from it.
        unsafe { Holds::give_back(self.0, hold) };
    }

    fn count(self, hold: Hold) -> usize {
        // SAFETY: as for `take`.
        unsafe { &*self.0 }.count(hold)
    }
}

struct Key {
    destructor: Option<Destructor>,
    image: Of,
}

struct Keys {
    keys: BTreeMap<u32, Key>,
    closing: Vec<Of>,
}

static KEYS: Mutex<Keys> = Mutex::new(Keys { keys: BTreeMap::new(), closing: Vec::new() });
static NEXT: AtomicU32 = AtomicU32::new(FIRST_KEY);
/// Raised when an image begins to close, and when its keys are gone.
static EPOCH: AtomicU64 = AtomicU64::new(0);

fn keys() -> MutexGuard<'static, Keys> {
    KEYS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps other threads from the bookkeeping, so that a child of `fork` finds it whole.
pub(in crate::host) struct ThreadsLock {
    _keys: MutexGuard<'static, Keys>,
}

/// See [`ThreadsLock`].
pub(in crate::host) fn lock() -> ThreadsLock {
    ThreadsLock { _keys: keys() }
}

struct Local {
    destructor: Destructor,
    object: *mut (),
    image: Of,
}

/// What one thread keeps for its end. Only that thread accesses it.
struct Block {
    /// By key, in order.
    values: Vec<(u32, *mut ())>,
    locals: Vec<Local>,
    /// The image that started the thread.
    starter: Option<Of>,
    /// The epoch in which the thread settled last.
    settled: u64,
    /// The epoch in which the thread swept last.
    swept: u64,
    /// Destructors of this block are running.
    is_busy: bool,
    /// The C library will call [`locals_end`].
    is_registered: bool,
}

thread_local! {
    static BLOCK: Cell<*mut Block> = const { Cell::new(ptr::null_mut()) };
}

/// The calling thread's block, if it has one; no result outlives code of an image.
///
/// # Safety
/// The result is not used behind another call of this function.
unsafe fn block<'a>() -> Option<&'a mut Block> {
    // SAFETY: null or this thread's box, which only this thread accesses.
    unsafe { BLOCK.get().as_mut() }
}

/// Makes the calling thread's block. False if the C library has no room for it.
fn make(starter: Option<Of>) -> bool {
    static KEY: AtomicU32 = AtomicU32::new(u32::MAX);
    if !BLOCK.get().is_null() {
        return true;
    }
    let epoch = EPOCH.load(Ordering::Acquire);
    let block = Box::into_raw(Box::new(Block {
        values: Vec::new(),
        locals: Vec::new(),
        starter,
        settled: epoch,
        swept: epoch,
        is_busy: false,
        is_registered: false,
    }));
    if !sys::at_thread_exit(&KEY, block.cast::<()>().cast_const(), end) {
        // SAFETY: it was just made, and no other thread has it.
        drop(unsafe { Box::from_raw(block) });
        return false;
    }
    BLOCK.set(block);
    true
}

/// Has the calling thread [`settle`] with its next call. The calls' room sets it, which is above this
/// one.
static SETTLE_SOON: OnceLock<fn()> = OnceLock::new();

/// Says how a thread is made to [`settle`] with its next call: before the first image is loaded.
pub(in crate::host) fn settle_soon_by(settle_soon: fn()) {
    let _ = SETTLE_SOON.set(settle_soon);
}

/// Sweeps out values of images that are gone, and has the thread settle with its next call.
/// Runs no code of an image: its std may be in the middle of something.
fn sweep() {
    let epoch = EPOCH.load(Ordering::Acquire);
    // SAFETY: no other borrow of the block is alive in this function.
    let Some(block) = (unsafe { block() }).filter(|block| block.swept != epoch) else { return };
    block.swept = epoch;
    let keys = keys();
    block.values.retain(|(key, _)| keys.keys.contains_key(key));
    drop(keys);
    if let Some(settle_soon) = SETTLE_SOON.get() {
        settle_soon();
    }
}

unsafe extern "C" fn key_create(image: *const Holds, out: *mut u32, destructor: Option<Destructor>) -> i32 {
    let next = NEXT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |number| number.checked_add(1));
    let Ok(number) = next else { return libc::EAGAIN };
    keys().keys.insert(number, Key { destructor, image: Of(image) });
    // SAFETY: the caller gives room for a key.
    unsafe { out.write(number) };
    0
}

unsafe extern "C" fn key_delete(key: u32) -> i32 {
    if keys().keys.remove(&key).is_some() { 0 } else { UNKNOWN }
}

unsafe extern "C" fn set(key: u32, value: *mut ()) -> i32 {
    if !make(None) {
        return libc::ENOMEM;
    }
    // SAFETY: the borrow ends before the block is borrowed again.
    let Some(own) = (unsafe { block() }) else { return libc::ENOMEM };
    match own.values.binary_search_by_key(&key, |entry| entry.0) {
        Ok(at) if value.is_null() => drop(own.values.remove(at)),
        Ok(at) => own.values[at].1 = value,
        Err(_) if value.is_null() => {}
        Err(_) => {
            sweep();
            // SAFETY: the borrow above is over.
            let Some(own) = (unsafe { block() }) else { return libc::ENOMEM };
            let at = own.values.partition_point(|entry| entry.0 < key);
            own.values.insert(at, (key, value));
        }
    }
    0
}

unsafe extern "C" fn get(key: u32) -> *mut () {
    // SAFETY: the borrow ends with the function.
    let Some(own) = (unsafe { block() }) else { return ptr::null_mut() };
    let found = own.values.binary_search_by_key(&key, |entry| entry.0);
    found.map_or(ptr::null_mut(), |at| own.values[at].1)
}

unsafe extern "C" fn at_exit(image: *const Holds, destructor: Destructor, object: *mut ()) -> i32 {
    if !make(None) {
        return libc::ENOMEM;
    }
    sweep();
    // SAFETY: the borrow ends before the block is borrowed again.
    let Some(own) = (unsafe { block() }) else { return libc::ENOMEM };
    let image = Of(image);
    image.take(Hold::Local);
    own.locals.push(Local { destructor, object, image });
    if !own.is_registered {
        // Where the C library has no such thing, the key's destructor runs the locals.
        own.is_registered = true;
        sys::at_locals_end(locals_end);
    }
    0
}

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

/// Nothing on this frame needs to be dropped: `pthread_exit` may unwind it.
unsafe extern "C-unwind" fn begin_thread(begin: *mut c_void) -> *mut c_void {
    // SAFETY: `create` boxed it for this thread.
    let Begin { start, argument, image } = *unsafe { Box::from_raw(begin.cast::<Begin>()) };
    // Without a block the thread stays counted, and its image mapped.
    make(Some(image));
    // SAFETY: the image gave both for this.
    unsafe { start(argument) }.cast()
}

/// The C library destroys this thread's thread-locals.
unsafe extern "C" fn locals_end(_: *mut c_void) {
    // SAFETY: the borrow ends with the statement.
    if let Some(own) = unsafe { block() } {
        own.is_registered = false;
        own.is_busy = true;
    }
    run_locals(|_| true);
    // SAFETY: as above.
    if let Some(own) = unsafe { block() } {
        own.is_busy = false;
    }
}

/// The thread ends, and with it its block.
unsafe extern "C" fn end(own: *mut c_void) {
    let own: *mut Block = own.cast();
    // An earlier key's destructor may have been the last that the thread's locals knew of.
    BLOCK.set(own);
    // SAFETY: the borrow ends with the statement.
    if let Some(own) = unsafe { block() } {
        own.is_busy = true;
    }
    for _ in 0..ROUNDS {
        run_locals(|_| true);
        if !run_keys(|_| true) {
            break;
        }
    }
    run_locals(|_| true);
    BLOCK.set(ptr::null_mut());
    // SAFETY: `make` boxed it, and no borrow of it is alive.
    let own = unsafe { Box::from_raw(own) };
    // Behind this nothing of the thread is in the image that started it.
    if let Some(starter) = own.starter {
        starter.give_back(Hold::Thread);
    }
}

/// Runs this thread's thread-locals of some images, the last registered first.
fn run_locals(of: impl Fn(Of) -> bool) {
    loop {
        // SAFETY: the borrow ends before code of an image runs.
        let Some(own) = (unsafe { block() }) else { return };
        let Some(at) = own.locals.iter().rposition(|local| of(local.image)) else { return };
        let Local { destructor, object, image } = own.locals.remove(at);
        // SAFETY: the image registered both, once, for this thread; its count holds it.
        unsafe { destructor(object) };
        image.give_back(Hold::Local);
    }
}

/// Runs the destructors of this thread's values of some images' keys, once each. Whether there
/// were any.
fn run_keys(of: impl Fn(Of) -> bool) -> bool {
    // SAFETY: the borrow ends with the statement.
    let values = unsafe { block() }.map_or(Vec::new(), |own| own.values.clone());
    let mut ran = false;
    for (number, _) in values {
        let keys = keys();
        let Some(key) = keys.keys.get(&number).filter(|key| of(key.image)) else { continue };
        let (destructor, image) = (key.destructor, key.image);
        image.take(Hold::Running);
        drop(keys);
        // SAFETY: the borrow ends before code of an image runs.
        let value = unsafe { block() }.and_then(|own| {
            let at = own.values.binary_search_by_key(&number, |entry| entry.0).ok()?;
            Some(own.values.remove(at).1)
        });
        if let (Some(destructor), Some(value)) = (destructor, value) {
            ran = true;
            // SAFETY: the image gave the destructor for values of this key.
            unsafe { destructor(value) };
        }
        image.give_back(Hold::Running);
    }
    ran
}

/// Does for the images that close what the end of the calling thread would do. Call with no
/// lock held, where code of components may run.
pub(in crate::host) fn settle() {
    let epoch = EPOCH.load(Ordering::Acquire);
    // SAFETY: the borrow ends before code of an image runs.
    let Some(own) = (unsafe { block() }).filter(|own| own.settled != epoch && !own.is_busy) else { return };
    let starter = own.starter;
    let keys = keys();
    let is_ripe = |image: &&Of| Some(**image) != starter && image.count(Hold::Value) == 0;
    let closing: Vec<Of> = keys.closing.iter().filter(is_ripe).copied().collect();
    closing.iter().for_each(|image| image.take(Hold::Running));
    if closing.len() == keys.closing.len() {
        own.settled = epoch;
    }
    own.is_busy = true;
    drop(keys);
    for _ in 0..ROUNDS {
        run_locals(|image| closing.contains(&image));
        if !run_keys(|image| closing.contains(&image)) {
            break;
        }
    }
    // SAFETY: as above.
    if let Some(own) = unsafe { block() } {
        own.is_busy = false;
    }
    closing.iter().for_each(|image| image.give_back(Hold::Running));
}

/// Has threads settle for an image that no frame, pin or instance leads into any more.
pub(in crate::host) fn close(image: *const Holds) {
    let mut keys = keys();
    if !keys.closing.contains(&Of(image)) {
        keys.closing.push(Of(image));
        EPOCH.fetch_add(1, Ordering::AcqRel);
    }
}

/// Lets an image that closes go, with its keys: behind this no code of it runs any more.
///
/// # Errors
/// What holds it.
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

/// What holds an image, for people; `None` if nothing does.
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
