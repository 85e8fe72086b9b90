//! The hoard, version 7: the state of version 1, in memory of an allocator that only this image has.

#[macro_use]
#[path = "keeper.rs"]
mod keeper;
#[path = "chest.rs"]
mod chest;

use std::alloc::{GlobalAlloc, Layout, System};

/// Puts a word in front of each block, so that no other allocator could free it.
struct Fenced;

const FENCE: usize = 64;
const FENCE_WORD: u64 = 0xfe_ce;

fn fenced(layout: Layout) -> Layout {
    Layout::from_size_align(layout.size() + FENCE, FENCE.max(layout.align())).expect("a small block")
}

// SAFETY: each block is one of the system's, larger by its fence, which keeps the alignment up to 64.
unsafe impl GlobalAlloc for Fenced {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        assert!(layout.align() <= FENCE);
        // SAFETY: the layout has a size.
        let block = unsafe { System.alloc(fenced(layout)) };
        if block.is_null() {
            return block;
        }
        // SAFETY: the block begins with its fence.
        unsafe { block.cast::<u64>().write(FENCE_WORD) };
        // SAFETY: as above.
        unsafe { block.add(FENCE) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block was made by `alloc`.
        let start = unsafe { block.sub(FENCE) };
        // SAFETY: as above.
        let fence = unsafe { start.cast::<u64>().read() };
        if fence != FENCE_WORD {
            std::process::abort();
        }
        // SAFETY: as above.
        unsafe { System.dealloc(start, fenced(layout)) };
    }
}

#[global_allocator]
static ALLOCATOR: Fenced = Fenced;

keeper!(chest::Treasure, "7.0.0", 7);
