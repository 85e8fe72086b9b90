//! What each thread keeps for its end: the values of keys, and the destructors of thread-locals.

use std::{
    cell::Cell,
    ffi::c_void,
    ptr,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    abi::{
        holds::{Hold, Holds},
        tables::Destructor,
    },
    host::sys,
};

use super::keys::{EPOCH, Of, keys};

/// How often a thread's end runs the destructors of keys (`PTHREAD_DESTRUCTOR_ITERATIONS`).
const ROUNDS: usize = 4;

/// A thread-local of an image, with its destructor.
struct Local {
    destructor: Destructor,
    object: *mut (),
    image: Of,
}

/// What one thread keeps for its end. Only that thread accesses the block.
struct Block {
    /// The value of each key, in the order of the keys.
    values: Vec<(u32, *mut ())>,
    locals: Vec<Local>,
    /// The image that started the thread.
    starter: Option<Of>,
    /// The epoch in which the thread settled last.
    settled: u64,
    /// The epoch in which the thread swept last.
    swept: u64,
    /// Whether destructors of this block run now.
    is_busy: bool,
    /// Whether the thread has begun to end.
    is_ending: bool,
    /// Whether the C library will call [`locals_end`].
    is_registered: bool,
}

thread_local! {
    static BLOCK: Cell<*mut Block> = const { Cell::new(ptr::null_mut()) };
}

/// The calling thread's block, if it has one; no result outlives code of an image.
///
/// # Safety
/// The caller does not use the result after another call of this function.
unsafe fn block<'a>() -> Option<&'a mut Block> {
    // SAFETY: null or this thread's box, which only this thread accesses.
    unsafe { BLOCK.get().as_mut() }
}

/// Makes the calling thread's block, if there is none. Returns false if the C library has no room for it.
pub(super) fn make(starter: Option<Of>) -> bool {
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
        is_ending: false,
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

/// Has the calling thread [`settle`] with its next call. The room of the calls sets the function, since that
/// room is above this one.
static SETTLE_SOON: OnceLock<fn()> = OnceLock::new();

/// Sets the function that has the calling thread [`settle`] with its next call. Called before the first image
/// is loaded.
pub(in crate::host) fn settle_soon_by(settle_soon: fn()) {
    let _ = SETTLE_SOON.set(settle_soon);
}

/// Sweeps out the values of images that are gone, and has the thread settle with its next call. Runs no code
/// of an image, since the std of the calling image may be in the middle of something.
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

pub(super) unsafe extern "C" fn set(key: u32, value: *mut ()) -> i32 {
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

pub(super) unsafe extern "C" fn get(key: u32) -> *mut () {
    // SAFETY: the borrow ends with the function.
    let Some(own) = (unsafe { block() }) else { return ptr::null_mut() };
    let found = own.values.binary_search_by_key(&key, |entry| entry.0);
    found.map_or(ptr::null_mut(), |at| own.values[at].1)
}

pub(super) unsafe extern "C" fn at_exit(image: *const Holds, destructor: Destructor, object: *mut ()) -> i32 {
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
        // If the C library keeps no list of thread-locals, the key's destructor runs them.
        own.is_registered = true;
        sys::at_locals_end(locals_end);
    }
    0
}

/// Whether that image started the calling thread, whose end has not begun.
pub(super) unsafe extern "C" fn is_of(image: *const Holds) -> bool {
    // SAFETY: the borrow ends with the function.
    unsafe { block() }.is_some_and(|own| own.starter == Some(Of(image)) && !own.is_ending)
}

/// Called by the C library when it destroys this thread's thread-locals.
unsafe extern "C" fn locals_end(_: *mut c_void) {
    // SAFETY: the borrow ends with the statement.
    if let Some(own) = unsafe { block() } {
        own.is_registered = false;
        own.is_busy = true;
        own.is_ending = true;
    }
    run_locals(|_| true);
    // SAFETY: as above.
    if let Some(own) = unsafe { block() } {
        own.is_busy = false;
    }
}

/// Called by the C library when the thread ends: runs what is left, and frees the block.
unsafe extern "C" fn end(own: *mut c_void) {
    let own: *mut Block = own.cast();
    // The thread's locals may have been torn down before its keys, and the block's address with them.
    BLOCK.set(own);
    // SAFETY: the borrow ends with the statement.
    if let Some(own) = unsafe { block() } {
        own.is_busy = true;
        own.is_ending = true;
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
    // From here on the thread has nothing left in the image that started it.
    if let Some(starter) = own.starter {
        keys().threads.remove(&sys::thread_id());
        starter.give_back(Hold::Thread);
    }
}

/// Destroys this thread's thread-locals of the images that `of` picks, the last registered first.
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

/// Runs the destructors of this thread's values of the keys of the images that `of` picks, once each.
/// Returns whether it ran any.
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

/// Does for the closing images what the end of the calling thread would do. Call this where code of
/// components may run, with no lock held.
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
