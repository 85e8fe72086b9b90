//! Wakers that cross an image border.
//!
//! An async method of one image is polled by an executor of another one, and has to wake it. What
//! crosses is the address of a [`WakerHead`], which the *lender*, the image that polls, has made:
//!
//! - for the length of one poll it *lends* a head on its stack, whose count of references is 0;
//! - if the callee clones the waker, the lender's function [`keep`](WakerTable::keep) makes a
//!   head that is *kept*: it lies on the heap, owns a clone of the executor's waker, and counts
//!   its references. The lender notes the head beside the call, and lends it in later polls.
//!
//! So a call that is ready at once allocates nothing for its waker, and a call that pends ten times
//! clones the executor's waker once. `component/waker` has both ends.
//!
//! Invariants
//! 1. A lent head is valid until the poll that lent it returns; on any thread, since a `&Waker`
//!    is `Sync`.
//! 2. A kept head is valid while a reference to it is owned. Owners count the references
//!    themselves, as those of [`Bytes`](super::value::bytes::Bytes) do: only the last one runs
//!    [`free`](WakerTable::free).
//! 3. A kept head runs code of the lender's image. So it is counted as a
//!    [`Hold::Value`](super::holds::Hold::Value) of that image, which the last owner gives back
//!    when `free` has returned.

use core::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering, fence},
};

use super::{
    holds::{Hold, Holds},
    layout::layout,
};

/// What a waker is on its way through images.
#[repr(C)]
#[derive(Debug)]
pub struct WakerHead {
    /// How many owners a kept head has; 0 if the head is lent.
    references: AtomicUsize,
    /// The lender's functions.
    table: *const WakerTable,
    /// Counts of the lender's image.
    holds: *const Holds,
}

layout!(WakerHead: size 24, align 8 { references at 0, table at 8, holds at 16 });

/// The functions of a lender. Any thread; none of them unwinds.
#[repr(C)]
#[derive(Debug)]
pub struct WakerTable {
    /// Wakes the task; the head stays as it is.
    pub wake: unsafe extern "C" fn(*const WakerHead),
    /// Makes of a lent head one that is kept, with a reference for the caller. Null if the
    /// executor's waker could not be cloned. Not called with a kept head.
    pub keep: unsafe extern "C" fn(*const WakerHead) -> *const WakerHead,
    /// Frees a kept head that nobody refers to any more. Not called with a lent head.
    pub free: unsafe extern "C" fn(*const WakerHead),
}

layout!(WakerTable: size 24, align 8 { wake at 0, keep at 8, free at 16 });

impl WakerHead {
    /// A head for the length of one poll.
    pub const fn lent(table: &'static WakerTable, holds: &'static Holds) -> WakerHead {
        WakerHead { references: AtomicUsize::new(0), table, holds }
    }

    /// A head with this many owners, which counts as a value of the image.
    pub fn kept(table: &'static WakerTable, holds: &'static Holds, references: usize) -> WakerHead {
        holds.take(Hold::Value);
        WakerHead { references: AtomicUsize::new(references), table, holds }
    }

    /// How many owners the head has.
    #[cfg(test)]
    pub fn references(&self) -> usize {
        self.references.load(Ordering::Acquire)
    }

    /// Whether the lender's image has these counts. An image has one of its own.
    #[inline]
    pub fn is_counted_by(&self, holds: &'static Holds) -> bool {
        ptr::eq(self.holds, holds)
    }

    /// Whether the lender has these functions.
    #[inline]
    pub fn is_of(&self, table: &'static WakerTable) -> bool {
        ptr::eq(self.table, table)
    }

    /// Wakes the task.
    ///
    /// # Safety
    /// The head is valid.
    pub unsafe fn wake(head: *const WakerHead) {
        // SAFETY: the caller says that the head is valid.
        let table = unsafe { (*head).table };
        // SAFETY: a lender's table is constant.
        let wake = unsafe { (*table).wake };
        // SAFETY: the function is the lender's own.
        unsafe { wake(head) };
    }

    /// One more reference, to this head or to the kept one that stands for it. Null if the executor's
    /// waker could not be cloned.
    ///
    /// # Safety
    /// The head is valid.
    pub unsafe fn keep(head: *const WakerHead) -> *const WakerHead {
        // SAFETY: the caller says that the head is valid.
        let references = unsafe { &(*head).references };
        // A kept head never has 0: the caller borrows a reference.
        if references.load(Ordering::Relaxed) != 0 {
            references.fetch_add(1, Ordering::Relaxed);
            return head;
        }
        // SAFETY: as above.
        let table = unsafe { (*head).table };
        // SAFETY: a lender's table is constant.
        let keep = unsafe { (*table).keep };
        // SAFETY: the function is the lender's own, and the head is lent.
        unsafe { keep(head) }
    }

    /// Gives a reference up. The last owner has the head freed in the lender's image.
    ///
    /// # Safety
    /// The caller owns a reference to the head, which is a kept one.
    pub unsafe fn release(head: *const WakerHead) {
        // SAFETY: the caller's reference keeps the head alive.
        let references = unsafe { &(*head).references };
        if references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Pairs with the other owners' decrements: they are done with the head.
        fence(Ordering::Acquire);
        // SAFETY: the last owner has the head for itself.
        let table = unsafe { (*head).table };
        // SAFETY: as above.
        let holds = unsafe { (*head).holds };
        // SAFETY: a lender's table is constant.
        let free = unsafe { (*table).free };
        // SAFETY: the image is mapped until the count is given back.
        unsafe { free(head) };
        // SAFETY: `WakerHead::kept` took it, and the image's function has returned.
        unsafe { Holds::give_back(holds, Hold::Value) };
    }
}
