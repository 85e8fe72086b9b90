//! What an image made and others hold: a count in the maker's memory, and the maker's function that frees.
//!
//! [`Counted`] is one reference to content that stays where it is. References are cloned and dropped by any image, on
//! any thread, by atomic operations on the one count; only the last one runs code, which is the maker's. The maker is
//! kept mapped by a hold on its counts ([`holds`]) until that code has returned.
//!
//! Orderings are those of `Arc`: a clone needs none, since it is made from a reference; each drop releases what its
//! holder did with the content, and the last one acquires that before the owner is freed.

use alloc::boxed::Box;
use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

use super::super::{
    holds::{self, Hold, Holds},
    layout::layout,
};

/// The representation of [`Bytes`](super::bytes::Bytes) and [`Shared`](super::shared::Shared), which counts as one
/// reference.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct RawCounted {
    /// The content's first byte.
    pub at: *const u8,
    /// The number of elements of a slice, of bytes of a text; 1 for any other content.
    pub len: usize,
    owner: *const OwnerHeader,
}

layout!(RawCounted: size 24, align 8 { at at 0, len at 8, owner at 16 });

/// What all references to some content share. They count themselves, so only the last one runs code of the maker's
/// image.
#[repr(C)]
struct OwnerHeader {
    references: AtomicUsize,
    /// Frees the owner with this head. Called once, by the last holder, on any thread.
    free: unsafe extern "C" fn(*const OwnerHeader),
    /// Counts of the image that made it; the last holder counts back when `free` has returned.
    holds: *const Holds,
}

layout!(OwnerHeader: size 24, align 8 { references at 0, free at 8, holds at 16 });

#[repr(C)]
struct OwnerBox<O> {
    head: OwnerHeader,
    value: O,
}

unsafe extern "C" fn free<O>(owner: *const OwnerHeader) {
    // SAFETY: `Counted::of` leaked the box, of which the head is the first field; the last
    // holder calls this, once.
    drop(unsafe { Box::from_raw(owner.cast_mut().cast::<OwnerBox<O>>()) });
}

/// One reference to content of some image.
pub(crate) struct Counted {
    raw: RawCounted,
}

// SAFETY: the owner is `Send + Sync` by `of`, and the count is atomic. Who holds a reference decides by its own type
// what may be read through it.
unsafe impl Send for Counted {}
// SAFETY: as above.
unsafe impl Sync for Counted {}

impl Counted {
    /// The content that `place` finds in `owner`, as address and length. The owner's destructor does not panic; if
    /// `place` does, the owner is dropped.
    pub(crate) fn of<O: Send + Sync + 'static>(owner: O, place: impl FnOnce(&O) -> (*const u8, usize)) -> Counted {
        holds::ours().take(Hold::Value);
        let head = OwnerHeader { references: AtomicUsize::new(1), free: free::<O>, holds: holds::ours() };
        let owner = Box::into_raw(Box::new(OwnerBox { head, value: owner }));
        let mut counted = Counted { raw: RawCounted { at: ptr::dangling(), len: 0, owner: owner.cast() } };
        // SAFETY: it was just leaked, and no other code has its address.
        (counted.raw.at, counted.raw.len) = place(unsafe { &(*owner).value });
        counted
    }

    /// The content's address.
    #[inline(always)]
    pub(super) const fn at(&self) -> *const u8 {
        self.raw.at
    }

    /// The content's length.
    #[inline(always)]
    pub(super) const fn len(&self) -> usize {
        self.raw.len
    }

    /// The reference as it crosses.
    pub(crate) fn into_raw(self) -> RawCounted {
        core::mem::ManuallyDrop::new(self).raw
    }

    /// A reference that crossed.
    ///
    /// # Safety
    /// `raw` comes from `into_raw`, in any image, and is used only once.
    pub(crate) const unsafe fn from_raw(raw: RawCounted) -> Counted {
        Counted { raw }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Counted {
        // SAFETY: this value's reference keeps the head alive.
        let owner = unsafe { &*self.raw.owner };
        owner.references.fetch_add(1, Ordering::Relaxed);
        Counted { raw: self.raw }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let owner = self.raw.owner;
        // SAFETY: this value's reference keeps the head alive.
        let references = unsafe { &(*owner).references };
        if references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Pairs with the other holders' decrements: they are done with the content.
        fence(Ordering::Acquire);
        // SAFETY: the last holder owns the head.
        let OwnerHeader { free, holds, .. } = unsafe { &*owner };
        let (free, holds) = (*free, *holds);
        // SAFETY: the image is mapped until the count is given back.
        unsafe { free(owner) };
        // SAFETY: `of` took it, and the image's function has returned.
        unsafe { Holds::give_back(holds, Hold::Value) };
    }
}
