//! The threads' records: giving them out, reading all of them, giving them out again.
//!
//! Records form a list that only grows; a record whose thread is gone is given to a later thread. So a writer
//! walks the list without a lock, a fork cannot catch the list half changed, and the list is as long as the
//! largest number of threads at one time.
//!
//! The list belongs to the process (in this image), not to a runtime: a frame says which world its call is in,
//! and a world belongs to one runtime.
//!
//! Invariants
//! 1. A record has one owner; only the owner enters and leaves through it.
//! 2. A thread may make calls to its very end, in whatever destructor: another thread gets its record only when
//!    the kernel does not know the thread any more.
//! 3. In the child of a fork only the forking thread's record is inside anything. Calls between their polls
//!    are on no thread, and stay ([`detached`](super::detached)).

use std::{
    cell::{Cell, UnsafeCell},
    ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering},
};

use crate::{
    abi::{
        frame::{Core, Frame, Place, Record},
        world::Table,
    },
    component::waker::kept,
    host::{ids::ThreadId, sys},
};

use super::{
    detached::{DetachedCall, Slot, Slots, Starter},
    own::Own,
};

/// A thread's record, with the fields that only the host reads.
///
/// | field | read and written by |
/// |---|---|
/// | `record` | see [`Record`] |
/// | `owner` | the thread that takes or gives back the record; writers read it |
/// | `ended` | the owner, when it takes the record and when its thread ends |
/// | `name` | the owner, when it takes the record; writers read it |
/// | `next` | the thread that links the record, once |
/// | `deeper` | the owner appends; writers read |
/// | `detached` | see [`Slots`] |
/// | `own` | the owner |
/// | `slow` | the owner |
#[repr(C)]
pub(crate) struct ThreadRecord {
    record: Record,
    /// The kernel's thread number, 0 if the record is free.
    owner: AtomicU32,
    ended: AtomicBool,
    name: [AtomicU64; 2],
    next: AtomicPtr<ThreadRecord>,
    deeper: AtomicPtr<Chunk>,
    detached: Slots,
    own: UnsafeCell<Own>,
    /// Whether every call must take the slow path, with or without pins.
    slow: AtomicBool,
}

// SAFETY: the table above; `own` is used by the owner only.
unsafe impl Sync for ThreadRecord {}

const CHUNK: usize = 64;

/// Frames for calls that are nested deeper than the record's own frames.
struct Chunk {
    frames: [Frame; CHUNK],
    next: AtomicPtr<Chunk>,
}

/// The process's key for the ends of threads that have records.
static KEY: AtomicU32 = AtomicU32::new(u32::MAX);
static HEAD: AtomicPtr<ThreadRecord> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    static MINE: Cell<*const ThreadRecord> = const { Cell::new(ptr::null()) };
}

/// The calling thread's record, taken on its first call.
#[inline]
pub(crate) fn mine() -> &'static ThreadRecord {
    let mine = MINE.with(Cell::get);
    // SAFETY: records are never freed.
    unsafe { mine.as_ref() }.unwrap_or_else(take_first)
}

/// Takes a record for the calling thread, which has none.
#[cold]
#[inline(never)]
fn take_first() -> &'static ThreadRecord {
    let record = take();
    MINE.with(|cell| cell.set(record));
    record
}

/// Every record, free ones included.
pub(crate) fn all() -> impl Iterator<Item = &'static ThreadRecord> {
    let mut at = HEAD.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: records are never freed.
        let record = unsafe { at.as_ref() }?;
        at = record.next.load(Ordering::Acquire);
        Some(record)
    })
}

/// The calls that are between polls now, of all threads. A caller that also reads the frames of all threads reads
/// them before: see [`detached`](crate::abi::detached).
pub(crate) fn detached() -> impl Iterator<Item = DetachedCall> {
    all().flat_map(|record| record.detached.calls())
}

/// Ends the calls of a runtime that nothing refers to any more: their futures were forgotten.
pub(in crate::host) fn end_forgotten(core: *const Core) {
    let forgotten = detached().filter(|call| ptr::eq(call.slot.core(), core));
    forgotten.for_each(|call| call.slot.end_forgotten());
}

/// Sends the next call of the calling thread to the slow path, if the thread has a record.
pub(in crate::host) fn take_slow_path_once() {
    let mine = MINE.with(Cell::get);
    if !mine.is_null() {
        // SAFETY: records are never freed.
        unsafe { &*mine }.record.set_fast(false);
    }
}

/// In the child of a fork, where no other thread exists: frees every record but that of the calling thread.
pub(in crate::host) fn forget_other_threads() {
    let mine = MINE.with(Cell::get);
    for record in all() {
        if ptr::eq(record, mine) {
            record.owner.store(sys::thread_id().to_kernel(), Ordering::Relaxed);
        } else {
            record.record.leave_to(0);
            // The fork may have cut the owner off within a change of it, so what is there is left and not dropped.
            // SAFETY: the owner does not exist in this process.
            unsafe { record.own.get().write(Own::new()) };
            record.owner.store(0, Ordering::Release);
        }
    }
}

/// The name of the thread that started a detached call.
pub(crate) fn starter_name(slot: &Slot) -> Option<String> {
    text(slot.name())
}

/// The name in the words of a record.
fn text(words: [u64; 2]) -> Option<String> {
    let bytes = words.map(u64::to_ne_bytes).concat();
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    (end > 0).then(|| String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn take() -> &'static ThreadRecord {
    let owner = sys::thread_id().to_kernel();
    let free = all().find(|record| {
        let before = record.owner.load(Ordering::Relaxed);
        let is_free = before == 0
            || before == owner // Of an earlier thread with this number: the calling thread has no record.
            || record.ended.load(Ordering::Acquire) && !sys::is_alive(ThreadId::of_kernel(before));
        is_free && record.owner.compare_exchange(before, owner, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    });
    let record = free.unwrap_or_else(|| link(owner));
    record.ended.store(false, Ordering::Relaxed);
    record.set_name(sys::thread_name().as_bytes());
    // SAFETY: the record is this thread's since the exchange. A pin that its last owner leaked holds a world,
    // but not for this thread.
    unsafe { record.own() }.clear();
    record.slow.store(false, Ordering::Relaxed);
    record.record.open();
    kept::begin();
    // If there is no key, the record stays with the ended thread, which only leaks it.
    sys::at_thread_exit(&KEY, ptr::from_ref(record).cast(), end);
    record
}

fn link(owner: u32) -> &'static ThreadRecord {
    // The reference is shared from the start: the address in the list must not come from a unique borrow, which
    // the owner's next use of its own reference would end.
    let record: &'static ThreadRecord = Box::leak(Box::new(ThreadRecord {
        record: Record::new(),
        owner: AtomicU32::new(owner),
        ended: AtomicBool::new(false),
        name: [const { AtomicU64::new(0) }; 2],
        next: AtomicPtr::new(ptr::null_mut()),
        deeper: AtomicPtr::new(ptr::null_mut()),
        detached: Slots::new(),
        own: UnsafeCell::new(Own::new()),
        slow: AtomicBool::new(false),
    }));
    let mut head = HEAD.load(Ordering::Acquire);
    loop {
        record.next.store(head, Ordering::Relaxed);
        match HEAD.compare_exchange_weak(head, ptr::from_ref(record).cast_mut(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return record,
            Err(now) => head = now,
        }
    }
}

/// Called by the C library when the owner's thread is about to end. Later destructors of the thread may still
/// make calls, by the slow path.
unsafe extern "C" fn end(record: *mut libc::c_void) {
    // SAFETY: `take` registered the address of a record, and records are never freed.
    let record = unsafe { &*record.cast::<ThreadRecord>() };
    record.record.set_fast(false);
    record.record.leave_to(0);
    kept::end();
    record.ended.store(true, Ordering::Release);
}

impl ThreadRecord {
    /// The part that every image knows.
    pub(crate) fn record(&'static self) -> &'static Record {
        &self.record
    }

    /// The owner; [`ThreadId::NONE`] if the record is free.
    pub(crate) fn thread_id(&self) -> ThreadId {
        ThreadId::of_kernel(self.owner.load(Ordering::Acquire))
    }

    /// The first 15 bytes of the thread's name; `None` if it has no name.
    pub(crate) fn thread_name(&self) -> Option<String> {
        text(self.name.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    /// Detaches a call that the owner is inside: see [`detached`](super::detached). Only the owner calls this.
    pub(in crate::host) fn detach(
        &'static self,
        core: *const Core,
        table: *const Table,
        place: Place,
    ) -> &'static Slot {
        let name = self.name.each_ref().map(|word| word.load(Ordering::Relaxed));
        self.detached.take(&Starter { thread: self.thread_id(), name }, core, table, place)
    }

    /// Ends a detached call of any thread. Only the owner calls this.
    pub(in crate::host) fn end_detached(&self, slot: &'static Slot) {
        slot.end(&self.detached);
    }

    fn set_name(&self, name: &[u8]) {
        let mut bytes = [0; 16];
        let len = name.len().min(16);
        bytes[..len].copy_from_slice(&name[..len]);
        let (low, high) = bytes.split_at(8);
        for (word, half) in self.name.iter().zip([low, high]) {
            word.store(u64::from_ne_bytes(half.try_into().expect("a half is 8 bytes")), Ordering::Relaxed);
        }
    }

    /// The frame for calls at `depth`. Makes room for it. Only the owner calls this, unless the frame exists.
    pub(crate) fn frame(&self, depth: u32) -> &Frame {
        if let Some(frame) = self.record.inline_frame(depth) {
            return frame;
        }
        let mut index = depth as usize - crate::abi::frame::INLINE_FRAMES;
        let mut link = &self.deeper;
        loop {
            let mut chunk = link.load(Ordering::Acquire);
            if chunk.is_null() {
                chunk = Box::into_raw(Box::new(Chunk {
                    frames: [const { Frame::new() }; CHUNK],
                    next: AtomicPtr::new(ptr::null_mut()),
                }));
                link.store(chunk, Ordering::Release);
            }
            // SAFETY: chunks are never freed.
            let chunk = unsafe { &*chunk };
            if let Some(frame) = chunk.frames.get(index) {
                return frame;
            }
            index -= CHUNK;
            link = &chunk.next;
        }
    }

    /// The calls that are under way, outermost first, as they are at this moment.
    pub(crate) fn calls(&self) -> impl Iterator<Item = (*const Table, Place)> {
        (0..self.record.depth()).map(|depth| self.frame(depth).read())
    }

    /// Sends every call of the owner to the slow path from now on: for the thread of a transaction, which
    /// reaches its successors there. Only the owner calls this.
    pub(crate) fn force_slow_path(&'static self) {
        self.slow.store(true, Ordering::Relaxed);
        self.record.set_fast(false);
    }

    /// Enters `table`, which the caller holds by other means. Returns the depth to leave to. Only the owner calls
    /// this.
    pub(in crate::host) fn enter_held(&'static self, table: *const Table, place: Place) -> u32 {
        let depth = self.record.depth();
        self.record.publish_held(self.frame(depth), depth, table, place);
        depth
    }

    /// Lets the owner's calls through to the inline frames again, unless a pin, a patch of the owner's own or a
    /// transaction forbids that.
    /// Only the owner calls this.
    pub(in crate::host) fn allow_fast_path(&'static self) {
        // SAFETY: the owner calls this, and no borrow is alive.
        let has_nothing_own = unsafe { self.own() }.is_empty();
        if has_nothing_own && !self.uses_slow_path() && !self.ended.load(Ordering::Relaxed) {
            self.record.set_fast(true);
        }
    }

    /// Whether the owner sends every call to the slow path.
    pub(crate) fn uses_slow_path(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    /// The owner's pins and patches.
    ///
    /// # Safety
    /// Only the owner calls this, and keeps no result across another call of it.
    #[allow(clippy::mut_from_ref, reason = "one thread uses it, see the table")]
    pub(crate) unsafe fn own(&self) -> &mut Own {
        // SAFETY: the caller is the owner.
        unsafe { &mut *self.own.get() }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::{collections::HashSet, sync::Barrier, thread};

    fn owned(record: &ThreadRecord) -> bool {
        record.owner.load(Ordering::Relaxed) == sys::thread_id().to_kernel()
    }

    #[test]
    fn threads_at_one_time_have_records_of_their_own() {
        let together = Barrier::new(10);
        let take = || {
            let record = mine();
            together.wait();
            (ptr::from_ref(mine()).addr(), ptr::eq(record, mine()) && owned(record))
        };
        let records: HashSet<usize> = thread::scope(|scope| {
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(take)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .map(|(record, own)| own.then_some(record).unwrap())
                .collect()
        });
        assert_eq!(records.len(), 10);
    }

    #[test]
    fn the_records_of_threads_that_are_gone_are_used_again() {
        let records: HashSet<usize> =
            (0..1_000).map(|_| thread::spawn(|| ptr::from_ref(mine()).addr()).join().unwrap()).collect();
        // A thread may be joined a moment before the kernel has forgotten it.
        assert!(records.len() < 100, "{} records for a thousand threads, one at a time", records.len());
    }

    #[test]
    fn a_record_whose_thread_has_ended_its_destructors_but_lives_goes_to_no_other_thread() {
        let (ended, look) = (Barrier::new(2), Barrier::new(2));
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let record = mine();
                // SAFETY: what the key's destructor is called with.
                unsafe { end(ptr::from_ref(record).cast_mut().cast()) };
                ended.wait();
                look.wait();
                assert!(owned(mine()) && ptr::eq(record, mine()));
                ptr::from_ref(record).addr()
            });
            ended.wait();
            let others: HashSet<usize> =
                (0..20).map(|_| thread::spawn(|| ptr::from_ref(mine()).addr()).join().unwrap()).collect();
            look.wait();
            assert!(!others.contains(&thread.join().unwrap()));
        });
    }
}
