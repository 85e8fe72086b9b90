//! Frames: how a call tells the writer which world it stands in, with plain stores.
//!
//! **Reader** (every call): write `place`, then the current table's address, into the
//! next frame of the thread's record, raise the depth, pass the *barrier*, and read the
//! current table again. If it is still the same, the call is inside; if not, write the
//! new address and look again. Leaving is one store that lowers the depth.
//!
//! **Writer** (a commit): store the new table as current, pass the *barrier*, then read
//! every record's frames.
//!
//! **Argument.** The reader's stores come before its barrier and its second read after
//! it; the writer's store comes before its barrier and its reads of frames after it. So
//! at least one of them sees the other: either the writer sees the frame, or the
//! reader's second read sees the new table and it goes round again (Dekker's pattern,
//! as in hazard pointers, Michael 2004). Hence after the writer's barrier a table that
//! no frame holds will not be entered any more.
//!
//! The barrier is a sequentially consistent fence on both sides. In a runtime that may
//! use `membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)` the kernel runs the readers'
//! fences for the writer, and the readers only keep the compiler from reordering.
//!
//! **Orderings.** Every store to a frame and to the depth is `Release`, every read by the
//! writer `Acquire`: a writer that sees a call gone (a lower depth, or a later call's
//! frame) also sees everything that call did, before it destroys what it was in.
//! `current` is stored `Release` and read `Acquire`, for the entries behind it.
//!
//! **A stale address.** Between its first read and its second one a reader may publish
//! a table that was freed meanwhile. It does not read through it before the second
//! read says that it is current; the writer never reads through an address from a
//! frame, it compares it with those of the tables that it knows to be alive. If the
//! address was given to a new table, it *is* a live table, and the frame counts.
//!
//! The depth is read before the frames below it. A call that is inside at the writer's
//! barrier stays below the depth until it leaves, so it cannot be overlooked; a frame
//! that changes meanwhile belongs to a call that came later, in a newer world. The
//! depth is two words, a position among the inline frames and a count beyond them; a
//! call beyond them keeps the position at their end for as long as it lasts, so
//! whichever mix of old and new values the writer reads, no such call is above it.

use super::{
    layout::layout,
    sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering, compiler_fence, fence},
    world::Table,
};

/// Frames inside a record; deeper calls go to chunks of the host's.
pub const INLINE_FRAMES: usize = if cfg!(loom) { 2 } else { 32 };

/// One call that is under way.
#[repr(C)]
pub struct Frame {
    table: AtomicPtr<Table>,
    place: AtomicU64,
}

layout!(Frame: size 16, align 8 { table at 0, place at 8 });

/// One thread's frames. Written by its thread only, except after a fork; read by writers.
///
/// | field | written by | when |
/// |---|---|---|
/// | `next` | the thread | entering and leaving through an inline frame |
/// | `end` | the thread, also when it takes the record | behind the frames; null while every call takes the slow path |
/// | `deep` | the thread | entering and leaving beyond the inline frames |
/// | `frames` | the thread | entering |
///
/// A new record has null for `next` and `end`, which admits no call; [`Record::open`]
/// makes it usable and ties it to its place in memory.
#[repr(C)]
pub struct Record {
    next: AtomicPtr<Frame>,
    end: AtomicPtr<Frame>,
    frames: [Frame; INLINE_FRAMES],
    deep: AtomicU32,
}

layout!(Record: size 536, align 8 { next at 0, end at 8, frames at 16, deep at 528 });

/// The part of a runtime that calls read.
#[repr(C)]
pub struct Core {
    /// The current world's table; never null.
    pub current: AtomicPtr<Table>,
    /// Whether readers must execute the fence themselves; constant.
    pub fenced: bool,
    /// Not 0 while async calls must ask the host before they begin.
    pub holds_starts: AtomicU32,
}

layout!(Core: size 16, align 8 { current at 0, fenced at 8, holds_starts at 12 });

impl Core {
    /// The writer's half: makes `table` current, runs `visible`, then passes `barrier`, which stands for
    /// a fence on every thread that may be entering (membarrier), if readers execute none.
    /// Behind it every call that is inside an older table shows in a frame. Returns what `visible`
    /// returned, and false if `barrier` says that the kernel refused it: then calls may hide until another barrier is
    /// passed.
    #[must_use]
    pub fn publish<T>(
        &self,
        table: *mut Table,
        visible: impl FnOnce() -> T,
        barrier: impl FnOnce() -> bool,
    ) -> (T, bool) {
        self.current.store(table, Ordering::Release);
        let seen = visible();
        fence(Ordering::SeqCst);
        (seen, self.fenced || barrier())
    }

    /// Whether an async call that has just entered must leave again, and ask the host.
    ///
    /// The writer raises this ([`Core::hold_starts`]) before it publishes a world. A call that enters that world reads
    /// the world's address (`Acquire`) before it reads this, so it finds it raised; a call that finds it lowered is in
    /// an older world, and shows in a frame behind the writer's barrier.
    #[inline(always)]
    pub fn holds_starts(&self) -> bool {
        self.holds_starts.load(Ordering::Acquire) != 0
    }

    /// Has async calls ask the host before they begin, or not: before the next publication.
    pub fn hold_starts(&self, hold: bool) {
        self.holds_starts.store(hold.into(), Ordering::Release);
    }

    /// The reader's half of the barrier.
    fn barrier(&self) {
        if self.fenced {
            fence(Ordering::SeqCst);
        } else {
            compiler_fence(Ordering::SeqCst);
        }
    }
}

/// Which slot and method a frame stands in, and whether it is that of a later poll.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Place(u64);

/// Marks a later poll, or the drop, of an async call.
const POLL: u64 = 1 << 31;

impl Place {
    /// The entry's byte offset and the method's number.
    #[inline(always)]
    pub const fn new(offset: usize, method: u32) -> Place {
        Place((offset as u64) << 32 | method as u64 & (POLL - 1))
    }

    /// The entry's byte offset.
    pub const fn offset(self) -> usize {
        (self.0 >> 32) as usize
    }

    /// The method's number.
    pub const fn method(self) -> u32 {
        (self.0 & (POLL - 1)) as u32
    }

    /// The place of a later poll of a call at this place: see [`detached`](super::detached).
    pub const fn poll(self) -> Place {
        Place(self.0 | POLL)
    }

    /// Whether this is the place of a later poll.
    pub const fn is_poll(self) -> bool {
        self.0 & POLL != 0
    }

    /// The place as a plain number.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The place of a plain number.
    pub const fn of_bits(bits: u64) -> Place {
        Place(bits)
    }
}

impl Frame {
    /// A frame that no call uses.
    #[cfg(not(loom))]
    pub const fn new() -> Frame {
        Frame { table: AtomicPtr::new(core::ptr::null_mut()), place: AtomicU64::new(0) }
    }

    /// A frame that no call uses.
    #[cfg(loom)]
    pub fn new() -> Frame {
        Frame { table: AtomicPtr::new(core::ptr::null_mut()), place: AtomicU64::new(0) }
    }

    /// What the frame says now. The address is for comparing only.
    pub fn read(&self) -> (*const Table, Place) {
        let table = self.table.load(Ordering::Acquire);
        (table, Place(self.place.load(Ordering::Acquire)))
    }
}

impl Default for Frame {
    fn default() -> Frame {
        Frame::new()
    }
}

impl Record {
    /// A record outside every call, which sends each call to the slow path.
    #[cfg(not(loom))]
    pub const fn new() -> Record {
        Record {
            next: AtomicPtr::new(core::ptr::null_mut()),
            end: AtomicPtr::new(core::ptr::null_mut()),
            frames: [const { Frame::new() }; INLINE_FRAMES],
            deep: AtomicU32::new(0),
        }
    }

    /// A record outside every call, which sends each call to the slow path.
    #[cfg(loom)]
    pub fn new() -> Record {
        Record {
            next: AtomicPtr::new(core::ptr::null_mut()),
            end: AtomicPtr::new(core::ptr::null_mut()),
            frames: core::array::from_fn(|_| Frame::new()),
            deep: AtomicU32::new(0),
        }
    }

    /// Makes the record usable by the calling thread, outside every call.
    pub fn open(&'static self) {
        self.leave_to(0);
        self.set_fast(true);
    }

    /// Lets calls through to the inline frames, or sends all of them to the slow path.
    pub fn set_fast(&'static self, fast: bool) {
        let end = if fast { self.frames.as_ptr_range().end } else { core::ptr::null() };
        self.end.store(end.cast_mut(), Ordering::Relaxed);
    }

    /// Enters the current world of a runtime whose readers need no fence, on the calling
    /// thread's own record; `None` sends the caller to the slow path. With `Some`, the
    /// table is alive until [`Record::leave`] is given the frame.
    #[inline(always)]
    pub fn enter(&self, core: &Core, place: Place) -> Option<(*const Table, *const Frame)> {
        let next = self.next.load(Ordering::Relaxed);
        if next >= self.end.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: below `end`, `next` is one of this record's frames.
        let frame = unsafe { &*next };
        // SAFETY: at most one behind the last frame.
        let behind = unsafe { next.add(1) };
        frame.place.store(place.0, Ordering::Release);
        let table = core.current.load(Ordering::Acquire);
        frame.table.store(table, Ordering::Release);
        self.next.store(behind, Ordering::Release);
        compiler_fence(Ordering::SeqCst);
        let current = core.current.load(Ordering::Acquire);
        if current != table {
            // A commit came in between: rare enough for the slow path to look again.
            self.leave(next);
            return None;
        }
        // Not `table`: that may be the address of another table, which was freed since.
        Some((current, next))
    }

    /// Enters `table`, which the caller holds by other means, on the calling thread's own record; `None` sends
    /// the caller to the slow path.
    #[inline(always)]
    pub fn enter_held(&self, table: *const Table, place: Place) -> Option<*const Frame> {
        let next = self.next.load(Ordering::Relaxed);
        if next >= self.end.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: below `end`, `next` is one of this record's frames.
        let frame = unsafe { &*next };
        // SAFETY: at most one behind the last frame.
        let behind = unsafe { next.add(1) };
        frame.place.store(place.0, Ordering::Release);
        frame.table.store(table.cast_mut(), Ordering::Release);
        self.next.store(behind, Ordering::Release);
        Some(next)
    }

    /// Leaves the call that [`Record::enter`] or [`Record::enter_held`] gave this frame to.
    #[inline(always)]
    pub fn leave(&self, frame: *const Frame) {
        self.next.store(frame.cast_mut(), Ordering::Release);
    }

    /// Enters the current world at `depth`, the present one, through `frame`, which is
    /// the one for that depth. With the fence, if the runtime's readers need it.
    pub fn publish(&'static self, frame: &Frame, depth: u32, core: &Core, place: Place) -> *const Table {
        frame.place.store(place.0, Ordering::Release);
        let mut table = core.current.load(Ordering::Acquire);
        loop {
            frame.table.store(table, Ordering::Release);
            self.leave_to(depth + 1);
            core.barrier();
            let current = core.current.load(Ordering::Acquire);
            if current == table {
                // Not `table`, as in `enter`.
                return current;
            }
            table = current;
        }
    }

    /// As [`Record::publish`], into `table`, which the caller keeps alive by other means.
    pub fn publish_held(&'static self, frame: &Frame, depth: u32, table: *const Table, place: Place) {
        frame.place.store(place.0, Ordering::Release);
        frame.table.store(table.cast_mut(), Ordering::Release);
        self.leave_to(depth + 1);
    }

    /// Goes back (or, entering, on) to `depth` calls.
    pub fn leave_to(&'static self, depth: u32) {
        let inline = (depth as usize).min(INLINE_FRAMES);
        self.deep.store(depth - inline as u32, Ordering::Release);
        let next = self.frames.as_ptr().wrapping_add(inline);
        self.next.store(next.cast_mut(), Ordering::Release);
    }

    /// How many calls are under way.
    pub fn depth(&self) -> u32 {
        let deep = self.deep.load(Ordering::Acquire);
        let next = self.next.load(Ordering::Acquire);
        if next.is_null() {
            return 0;
        }
        let inline = (next.addr() - self.frames.as_ptr().addr()) / size_of::<Frame>();
        inline as u32 + deep
    }

    /// The frame for calls at `depth`, if it is an inline one.
    pub fn inline_frame(&self, depth: u32) -> Option<&Frame> {
        self.frames.get(depth as usize)
    }
}

impl Default for Record {
    fn default() -> Record {
        Record::new()
    }
}
