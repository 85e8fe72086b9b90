//! An allocator that recognises its own blocks.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

/// A global allocator that marks each block with its own address and the block's layout,
/// and overwrites what is freed.
///
/// If a block of another allocator is freed, or a block is freed twice or with another layout, the allocator
/// counts that and leaks the block, so a test can report it instead of crashing.
pub struct Guarded {
    live: AtomicU64,
    wrong_frees: AtomicU64,
}

/// In front of each block.
#[derive(Clone, Copy, PartialEq)]
struct Mark {
    owner: *const Guarded,
    layout: Layout,
}

const FREED: u8 = 0xdd;

impl Guarded {
    /// An allocator without blocks.
    #[allow(clippy::new_without_default, reason = "an allocator is a static")]
    pub const fn new() -> Guarded {
        Guarded { live: AtomicU64::new(0), wrong_frees: AtomicU64::new(0) }
    }

    /// Blocks that are allocated.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::SeqCst)
    }

    /// How many blocks of other allocators, or with another layout, were given back.
    pub fn wrong_frees(&self) -> u64 {
        self.wrong_frees.load(Ordering::SeqCst)
    }

    /// The layout with room for a mark in front, and the size of that room.
    fn with_mark(layout: Layout) -> (Layout, usize) {
        let room = layout.align().max(size_of::<Mark>().next_power_of_two());
        let size = layout.size().checked_add(room).expect("the block is smaller than half the address space");
        (
            Layout::from_size_align(size, layout.align().max(align_of::<Mark>()))
                .expect("the layout with a mark is valid"),
            room,
        )
    }

    /// Where the mark of a block is.
    fn mark(block: *mut u8) -> *mut Mark {
        block.wrapping_sub(size_of::<Mark>().next_power_of_two()).cast()
    }
}

// SAFETY: every block is the rear part of a block of `System`, with the alignment of its
// layout, since the room in front is a multiple of it.
unsafe impl GlobalAlloc for Guarded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (whole, room) = Guarded::with_mark(layout);
        // SAFETY: the layout is not empty.
        let start = unsafe { System.alloc(whole) };
        if start.is_null() {
            return start;
        }
        let block = start.wrapping_add(room);
        // SAFETY: the mark is inside the room.
        unsafe { Guarded::mark(block).write(Mark { owner: self, layout }) };
        self.live.fetch_add(1, Ordering::SeqCst);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: in front of a block of ours is its mark; in front of another's is memory
        // of that allocator, which is only read.
        let mark = unsafe { Guarded::mark(block).read() };
        if mark != (Mark { owner: self, layout }) {
            self.wrong_frees.fetch_add(1, Ordering::SeqCst);
            return;
        }
        self.live.fetch_sub(1, Ordering::SeqCst);
        let (whole, room) = Guarded::with_mark(layout);
        let start = block.wrapping_sub(room);
        // SAFETY: the block is ours, of this size, and the caller of `dealloc` uses it no more.
        unsafe { ptr::write_bytes(start, FREED, whole.size()) };
        // SAFETY: `alloc` took it from `System` with this layout.
        unsafe { System.dealloc(start, whole) };
    }
}

// SAFETY: the counts are atomic.
unsafe impl Sync for Guarded {}
