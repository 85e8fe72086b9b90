//! The slots of detached calls: giving them out, reading all of them, taking them back.
//!
//! [`abi::detached`](crate::abi::detached) says what a slot shows and in which order slots and frames are
//! read. Each thread's record has slots of its own, in chunks that are never freed, and two lists of free
//! ones: only the record's owner touches the list `free`, without atomic read-modify-writes; a thread that ends a
//! call of another record pushes the slot onto `returned`. When `free` is empty, the owner takes all of
//! `returned` at once. So no list is popped by two threads, and a slot that comes back at the wrong moment
//! confuses none (the lists of mimalloc: Leijen, Zorn, de Moura 2019).
//!
//! A call may outlive the thread that started it, whose record goes to a later thread with its slots. So a slot
//! has the number and the name of the thread that started the call.
//!
//! A future that is forgotten (`mem::forget`) never ends its call, which keeps its world and its instance for as long
//! as the runtime lives. A runtime lives as long as a handle refers to it, and a future needs a handle: so at
//! the end of the runtime every call of it that still has a slot was forgotten, and the slot is taken back.
//!
//! In the child of a fork all slots stay as they are: a future may be anywhere, whichever thread started the call.
//! Each list changes by one store of its head, so the child finds every list whole. What a thread had in hand at that
//! moment the child never gives out: one slot, or the rest of a new chunk, or all that the thread had just taken from
//! `returned`. That is memory lost. No slot in a list has a call, so no call is missed.

use std::{
    ptr,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering},
};

use crate::{
    abi::{
        detached::{Detached, Use},
        frame::{Core, Place},
        world::Table,
    },
    host::ids::ThreadId,
};

const CHUNK: usize = 32;

/// A slot, with what only the host reads. An image knows the first field.
///
/// | field | written by |
/// |---|---|
/// | `call` | see [`Detached`] |
/// | `core`, `thread`, `name` | the thread that takes the slot, before `call` shows the call |
/// | `is_watched` | the same; a thread that polls the call |
/// | `owner` | the thread that makes the chunk, before the slot can be found |
/// | `next` | the thread that has the slot in hand, or the list |
#[repr(C)]
pub(crate) struct Slot {
    call: Detached,
    core: AtomicPtr<Core>,
    thread: AtomicU32,
    name: [AtomicU64; 2],
    is_watched: AtomicBool,
    owner: *const Slots,
    next: AtomicPtr<Slot>,
}

// SAFETY: the table above; `owner` is constant, and points to what is never freed.
unsafe impl Sync for Slot {}

/// The slots of one thread's record.
#[derive(Default)]
pub(super) struct Slots {
    chunks: AtomicPtr<Chunk>,
    free: AtomicPtr<Slot>,
    returned: AtomicPtr<Slot>,
}

struct Chunk {
    slots: [Slot; CHUNK],
    next: *mut Chunk,
}

/// Who starts a call.
pub(super) struct Starter {
    pub(super) thread: ThreadId,
    pub(super) name: [u64; 2],
}

/// A detached call, as a writer finds it.
pub(crate) struct DetachedCall {
    pub(crate) slot: &'static Slot,
    pub(crate) call: Use,
    /// For comparing only.
    pub(crate) table: *const Table,
    pub(crate) place: Place,
}

impl Slots {
    pub(super) const fn new() -> Slots {
        Slots {
            chunks: AtomicPtr::new(ptr::null_mut()),
            free: AtomicPtr::new(ptr::null_mut()),
            returned: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Detaches a call of the owner, who is inside it.
    pub(super) fn take(
        &'static self,
        starter: &Starter,
        core: *const Core,
        table: *const Table,
        place: Place,
    ) -> &'static Slot {
        let mut head = self.free.load(Ordering::Relaxed);
        if head.is_null() {
            head = self.returned.swap(ptr::null_mut(), Ordering::Acquire);
        }
        if head.is_null() {
            head = self.grow();
        }
        // SAFETY: slots are never freed.
        let slot: &'static Slot = unsafe { &*head };
        self.free.store(slot.next.load(Ordering::Relaxed), Ordering::Release);
        slot.core.store(core.cast_mut(), Ordering::Relaxed);
        slot.thread.store(starter.thread.to_kernel(), Ordering::Relaxed);
        slot.name[0].store(starter.name[0], Ordering::Relaxed);
        slot.name[1].store(starter.name[1], Ordering::Relaxed);
        slot.is_watched.store(false, Ordering::Relaxed);
        slot.call.hold(table, place);
        slot
    }

    /// Takes back a slot of this record on its owner's thread.
    fn take_back(&self, slot: &'static Slot) {
        slot.next.store(self.free.load(Ordering::Relaxed), Ordering::Release);
        self.free.store(ptr::from_ref(slot).cast_mut(), Ordering::Release);
    }

    /// Takes back a slot of this record on any thread.
    fn take_back_elsewhere(&self, slot: &'static Slot) {
        let mut head = self.returned.load(Ordering::Relaxed);
        loop {
            slot.next.store(head, Ordering::Release);
            let pushed = self.returned.compare_exchange_weak(
                head,
                ptr::from_ref(slot).cast_mut(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
            match pushed {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// Makes a chunk. Returns its first slot, which leads to the others.
    #[cold]
    fn grow(&'static self) -> *mut Slot {
        let slot = || Slot {
            call: Detached::new(),
            core: AtomicPtr::new(ptr::null_mut()),
            thread: AtomicU32::new(0),
            name: [const { AtomicU64::new(0) }; 2],
            is_watched: AtomicBool::new(false),
            owner: self,
            next: AtomicPtr::new(ptr::null_mut()),
        };
        let next = self.chunks.load(Ordering::Relaxed);
        let chunk: &'static Chunk = Box::leak(Box::new(Chunk { slots: std::array::from_fn(|_| slot()), next }));
        for pair in chunk.slots.windows(2) {
            pair[0].next.store(ptr::from_ref(&pair[1]).cast_mut(), Ordering::Relaxed);
        }
        self.chunks.store(ptr::from_ref(chunk).cast_mut(), Ordering::Release);
        ptr::from_ref(&chunk.slots[0]).cast_mut()
    }

    /// The calls that have slots of this record now.
    pub(super) fn calls(&self) -> impl Iterator<Item = DetachedCall> + use<> {
        let mut chunk = self.chunks.load(Ordering::Acquire).cast_const();
        let chunks = std::iter::from_fn(move || {
            // SAFETY: chunks are never freed, and are whole before they are linked.
            let found: &'static Chunk = unsafe { chunk.as_ref() }?;
            chunk = found.next;
            Some(found)
        });
        chunks.flat_map(|chunk| &chunk.slots).filter_map(|slot| {
            let (call, table, place) = slot.call.read()?;
            Some(DetachedCall { slot, call, table, place })
        })
    }
}

impl Slot {
    /// The part that images know.
    pub(crate) fn call(&'static self) -> &'static Detached {
        &self.call
    }

    /// The slot whose part that images know is at this address.
    ///
    /// # Safety
    /// The address came from [`Slot::call`], and its provenance spans the slot.
    pub(crate) unsafe fn of_call(call: *const Detached) -> &'static Slot {
        // SAFETY: the part is the first field, and slots are never freed.
        unsafe { &*call.cast::<Slot>() }
    }

    /// The slot's address, for images.
    pub(crate) fn as_detached(&'static self) -> *const Detached {
        ptr::from_ref(self).cast()
    }

    /// The runtime of the call, for comparing.
    pub(crate) fn core(&self) -> *const Core {
        self.core.load(Ordering::Relaxed)
    }

    /// The thread that started the call.
    pub(crate) fn thread_id(&self) -> ThreadId {
        ThreadId::of_kernel(self.thread.load(Ordering::Relaxed))
    }

    /// Whether the runtime keeps a waker of the call. Only who polls the call, or ends it, asks this.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    /// Notes that the runtime keeps a waker of the call.
    pub(crate) fn set_watched(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    /// The words of that thread's name.
    pub(super) fn name(&self) -> [u64; 2] {
        self.name.each_ref().map(|word| word.load(Ordering::Relaxed))
    }

    /// Ends a call whose future was forgotten.
    pub(super) fn end_forgotten(&'static self) {
        self.call.end();
        self.owner().take_back_elsewhere(self);
    }

    fn owner(&self) -> &'static Slots {
        // SAFETY: the owner is part of a record, and records are never freed.
        unsafe { &*self.owner }
    }

    /// Ends the call, on the thread of the record with the slots `mine`.
    pub(super) fn end(&'static self, mine: &Slots) {
        self.call.end();
        if ptr::eq(self.owner, mine) {
            mine.take_back(self);
        } else {
            self.owner().take_back_elsewhere(self);
        }
    }
}
