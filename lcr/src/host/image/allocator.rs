//! Whether two images have one allocator: whether a block that one of them freed comes back to the other one.
//!
//! Nothing in a library says which global allocator it was linked with. But an allocator that frees a small block keeps
//! it for the same thread's next request of that size. So one image frees a block of each small size, and the other
//! image asks for one of that size: if the same address comes back each time, in both directions, the two
//! images use one free list, which means one allocator. One success is enough for a size, since a foreign block never comes back. An allocator of an image's own (an arena, another malloc linked
//! into the image, blocks with a header) hands out other addresses.
//!
//! An allocator that does not reuse blocks at once (musl's, AddressSanitizer's) shows nothing, and the images
//! count as different. A `GlobalAlloc` that passes some small requests on to the system's allocator unchanged,
//! and serves others of the same size itself, can deceive the probe; `unsafe impl GlobalAlloc` is its author's word
//! that it does not (`docs/soundness.md`). AddressSanitizer is asked whose a block is, where it is in the process.

use std::sync::OnceLock;

use crate::{abi::tables::ImageTable, host::sys};

/// The sizes that are tried, in bytes: one of each class of a small allocator.
const SIZES: std::ops::RangeInclusive<usize> = 8..=1032;
const STEP: usize = 16;
/// How often a size is tried, while the blocks of the tries before are kept: a request may fill the thread's cache, so
/// that the block which is freed next goes elsewhere.
const TRIES: usize = 8;

/// The functions of an image's allocator.
#[derive(Clone, Copy)]
pub(crate) struct Allocator {
    allocate: unsafe extern "C" fn(usize) -> *mut u8,
    free: unsafe extern "C" fn(*mut u8, usize),
}

impl Allocator {
    /// The allocator of the image with this table, which stays mapped while the value is used.
    pub(in crate::host) fn of(table: &ImageTable) -> Allocator {
        Allocator { allocate: table.allocate, free: table.free }
    }

    /// The allocator of the host's own image.
    pub(crate) fn of_host() -> Allocator {
        let (allocate, free) = crate::component::image::ALLOCATOR;
        Allocator { allocate, free }
    }

    /// Whether `self` and `other` are one allocator. Takes some microseconds, on one thread.
    pub(crate) fn is(self, other: Allocator) -> bool {
        let sanitizer = sanitizer();
        let mut sizes = SIZES.step_by(STEP);
        sizes.all(|size| self.gives_back_to(other, size, sanitizer) && other.gives_back_to(self, size, sanitizer))
    }

    /// Whether `other` is given a block of about this size that `self` has freed.
    fn gives_back_to(self, other: Allocator, size: usize, sanitizer: Option<Owns>) -> bool {
        let mut kept = [(std::ptr::null_mut(), 0); 2 * TRIES];
        let mut places = kept.iter_mut();
        let mut is_found = false;
        'tries: for _ in 0..TRIES {
            // SAFETY: any thread may ask for any size above 0.
            let first = unsafe { (self.allocate)(size) };
            if first.is_null() {
                break;
            }
            let freed = first.addr();
            // SAFETY: any address may be asked about.
            let is_of_sanitizer = sanitizer.map(|owns| unsafe { owns(first) } != 0);
            // SAFETY: the block is of this allocator and size.
            unsafe { (self.free)(first, size) };
            // A block may be larger than it was asked for, by one class.
            for wanted in [size, size + STEP] {
                // SAFETY: as above.
                let block = unsafe { (other.allocate)(wanted) };
                let Some(place) = places.next().filter(|_| !block.is_null()) else { break 'tries };
                *place = (block, wanted);
                is_found = match (sanitizer, is_of_sanitizer) {
                    // SAFETY: any address may be asked about.
                    (Some(owns), Some(is_first)) => is_first && unsafe { owns(block) } != 0,
                    _ => block.addr() == freed,
                };
                if is_found {
                    break 'tries;
                }
            }
        }
        for (block, size) in kept.into_iter().filter(|(block, _)| !block.is_null()) {
            // SAFETY: the block is of that allocator and size.
            unsafe { (other.free)(block, size) };
        }
        is_found
    }
}

/// Whether an allocator made the block at an address.
type Owns = unsafe extern "C" fn(*const u8) -> i32;

/// `__sanitizer_get_ownership`, if AddressSanitizer is in the process: whether its allocator, which stands in malloc's
/// place for all images, made the block. The look-up itself allocates and frees, so it happens once, before a probe.
fn sanitizer() -> Option<Owns> {
    static FOUND: OnceLock<Option<Owns>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let found = sys::symbol(c"__sanitizer_get_ownership")?;
        // SAFETY: the sanitizer's interface gives the function this type.
        Some(unsafe { std::mem::transmute::<*mut (), Owns>(found.as_ptr()) })
    })
}

#[cfg(all(test, not(loom), not(miri)))]
mod tests {
    use std::{alloc, alloc::Layout};

    use super::*;

    unsafe extern "C" fn with_header(size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        let block = unsafe { alloc::alloc(Layout::from_size_align(size + 16, 16).unwrap()) };
        // SAFETY: the block is larger than its header.
        unsafe { block.add(16) }
    }

    unsafe extern "C" fn free_with_header(block: *mut u8, size: usize) {
        // SAFETY: `with_header` made the block.
        let start = unsafe { block.sub(16) };
        // SAFETY: as above.
        unsafe { alloc::dealloc(start, Layout::from_size_align(size + 16, 16).unwrap()) };
    }

    unsafe extern "C" fn nothing(_: usize) -> *mut u8 {
        std::ptr::null_mut()
    }

    unsafe extern "C" fn free_nothing(_: *mut u8, _: usize) {}

    #[test]
    fn an_allocator_is_itself_and_no_other() {
        let ours = Allocator::of_host();
        assert!(ours.is(ours));
        let other = Allocator { allocate: with_header, free: free_with_header };
        assert!(!ours.is(other) && !other.is(ours));
        let exhausted = Allocator { allocate: nothing, free: free_nothing };
        assert!(!ours.is(exhausted) && !exhausted.is(ours));
    }
}
