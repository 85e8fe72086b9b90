//! Memory of values that are made by shape.
//!
//! What a value owns is freed by a function that its representation carries, as `free(at, capacity)`. The functions of
//! generated code know size and alignment of the element; one function for all types does not. So memory that is
//! given away has both in a head before it ([`give`], [`take_back`]).
//!
//! What a value only borrows lies in an [`Arena`], which lives until the call is over.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::NonNull,
};

/// What is before memory that was given away: its layout, head included.
#[repr(C)]
#[derive(Clone, Copy)]
struct Head {
    size: usize,
    align: usize,
}

/// The distance from the beginning of an allocation to what is behind the head.
fn distance(align: usize) -> usize {
    size_of::<Head>().next_multiple_of(align)
}

#[cfg(test)]
thread_local! {
    /// How many blocks of this thread are not freed yet.
    pub(super) static BLOCKS: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
}

/// Counts blocks, for tests.
fn count(_change: isize) {
    #[cfg(test)]
    BLOCKS.set(BLOCKS.get() + _change);
}

fn allocate(size: usize, align: usize) -> NonNull<u8> {
    count(1);
    let layout = Layout::from_size_align(size, align).expect("a value is smaller than half of all memory");
    // SAFETY: no caller asks for nothing.
    let at = unsafe { alloc_zeroed(layout) };
    NonNull::new(at).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Memory of `size` bytes, set to 0, that [`take_back`] frees; also if `size` is 0.
pub(super) fn give(size: usize, align: usize) -> *mut u8 {
    let align = align.max(align_of::<Head>());
    let (before, whole) = (distance(align), distance(align).saturating_add(size));
    let block = allocate(whole, align);
    // SAFETY: the allocation has so many bytes and more.
    let at = unsafe { block.as_ptr().add(before) };
    // SAFETY: a head fits before it.
    let head = unsafe { at.sub(size_of::<Head>()) };
    // SAFETY: the allocation is aligned for a head, and so is each multiple of its size.
    unsafe { head.cast::<Head>().write(Head { size: whole, align }) };
    at
}

/// Frees memory of [`give`]. The length or capacity is not needed.
///
/// # Safety
/// `at` comes from [`give`] and is used only once.
pub(super) unsafe extern "C" fn take_back(at: *mut u8, _: usize) {
    // SAFETY: `give` put a head there.
    let head = unsafe { at.sub(size_of::<Head>()) };
    // SAFETY: as above.
    let Head { size, align } = unsafe { head.cast::<Head>().read() };
    // SAFETY: `give` allocated this much before it.
    let block = unsafe { at.sub(distance(align)) };
    count(-1);
    // SAFETY: `give` checked this layout.
    let layout = unsafe { Layout::from_size_align_unchecked(size, align) };
    // SAFETY: `give` allocated it by this layout.
    unsafe { dealloc(block, layout) };
}

/// The same for content that is counted, which is not written to.
///
/// # Safety
/// As for [`take_back`].
pub(super) unsafe extern "C" fn take_back_content(at: *const u8, _: usize) {
    // SAFETY: the caller says so.
    unsafe { take_back(at.cast_mut(), 0) };
}

/// Memory that lives as long as this.
#[derive(Debug)]
pub(in crate::host) struct Block {
    at: NonNull<u8>,
    layout: Layout,
}

impl Block {
    /// Memory of `size` bytes, set to 0.
    pub(in crate::host) fn new(size: usize, align: usize) -> Block {
        let size = size.max(1);
        let at = allocate(size, align);
        Block { at, layout: Layout::from_size_align(size, align).expect("it was allocated by this layout") }
    }

    pub(in crate::host) fn at(&self) -> *mut u8 {
        self.at.as_ptr()
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        count(-1);
        // SAFETY: `new` allocated it by this layout.
        unsafe { dealloc(self.at.as_ptr(), self.layout) };
    }
}

// SAFETY: it owns its memory, as a `Box` does, and gives out no references.
unsafe impl Send for Block {}
// SAFETY: as above.
unsafe impl Sync for Block {}

/// What the borrowed parts of values lie in.
#[derive(Debug, Default)]
pub(super) struct Arena {
    blocks: Vec<Block>,
}

impl Arena {
    /// Memory of `size` bytes, set to 0, that lives as long as the arena.
    pub(super) fn lend(&mut self, size: usize, align: usize) -> *mut u8 {
        let block = Block::new(size, align);
        let at = block.at();
        self.blocks.push(block);
        at
    }
}
