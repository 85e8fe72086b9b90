//! Lending an executor's waker to another image.

use std::{
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
    task::Waker,
};

use super::{
    kept::{self, Kept, Memory},
    received,
};
use crate::{
    abi::{
        holds,
        waker::{WakerHead, WakerTable},
    },
    component::panic_barrier::{CatchDrop, drop_quietly},
};

/// Lends wakers for the polls of one call, and remembers the head that the callee has kept.
#[derive(Debug, Default)]
pub(crate) struct Lender {
    /// Null, or a head with a reference that belongs to the lender. A poll of any thread may set
    /// it once, since a `&Waker` is `Sync`; only the lender's owner takes it out.
    kept: AtomicPtr<Kept>,
}

/// Where the head lies that is lent for one poll, if it needs a place: on the stack of whoever polls.
pub(crate) struct Loan<'a>(MaybeUninit<Lent<'a>>);

impl Loan<'_> {
    /// A place in which nothing is.
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Loan(MaybeUninit::uninit())
    }
}

/// A head on the lender's stack.
#[repr(C)]
struct Lent<'a> {
    head: WakerHead,
    waker: &'a Waker,
    /// Where the head that is kept of this one is noted.
    kept: &'a AtomicPtr<Kept>,
}

static LENT: WakerTable = WakerTable { wake: wake_lent, keep, free: never_free };
static KEPT: WakerTable = WakerTable { wake: wake_kept, keep: never_keep, free };

impl Lender {
    /// A lender whose callee has kept nothing yet.
    pub(crate) const fn new() -> Lender {
        Lender { kept: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Lends `waker` for one poll. The head is valid as long as the waker, the lender and the place of the loan stay as
    /// they are.
    ///
    /// No closure stands between this and the poll, because compilers do not always inline such a closure, and a
    /// call polls often.
    #[inline(always)]
    pub(crate) fn lend<'a>(&'a mut self, waker: &'a Waker, loan: &'a mut Loan<'a>) -> *const WakerHead {
        match self.known(waker) {
            Some(head) => head,
            None => {
                let lent = Lent { head: WakerHead::lent(&LENT, holds::ours()), waker, kept: &self.kept };
                ptr::from_ref(loan.0.write(lent)).cast()
            }
        }
    }

    /// Lends `waker` to `poll`, for the length of that call.
    pub(crate) fn lend_to<T>(&mut self, waker: &Waker, poll: impl FnOnce(*const WakerHead) -> T) -> T {
        let mut loan = Loan::new();
        poll(self.lend(waker, &mut loan))
    }

    /// The head of a waker that another image has made, or that the callee has kept.
    #[inline(always)]
    fn known(&mut self, waker: &Waker) -> Option<*const WakerHead> {
        let kept = *self.kept.get_mut();
        if kept.is_null() {
            return received::head_of(waker);
        }
        // SAFETY: the lender's own reference keeps the head alive.
        if unsafe { &*kept }.waker.will_wake(waker) {
            return Some(kept.cast_const().cast());
        }
        self.known_of_other_task(waker)
    }

    /// As [`known`](Lender::known), where the callee has kept the head of another waker.
    #[cold]
    #[inline(never)]
    fn known_of_other_task(&mut self, waker: &Waker) -> Option<*const WakerHead> {
        let received = received::head_of(waker);
        if received.is_none() {
            self.release();
        }
        received
    }

    /// Gives up the head that the callee has kept.
    #[inline(always)]
    fn release(&mut self) {
        if !self.kept.get_mut().is_null() {
            self.give_up();
        }
    }

    #[cold]
    fn give_up(&mut self) {
        let kept = std::mem::replace(self.kept.get_mut(), ptr::null_mut());
        // SAFETY: the reference was the lender's own.
        unsafe { WakerHead::release(kept.cast_const().cast()) };
    }
}

impl Drop for Lender {
    #[inline]
    fn drop(&mut self) {
        self.release();
    }
}

/// The executor's waker in a head that this image has made; `None` if another image has made it.
///
/// # Safety
/// The head is valid for as long as `'a`.
#[inline]
pub(super) unsafe fn original<'a>(head: *const WakerHead) -> Option<&'a Waker> {
    // SAFETY: the caller says that the head is valid.
    let valid = unsafe { &*head };
    if !valid.is_counted_by(holds::ours()) {
        return None;
    }
    if valid.is_of(&LENT) {
        // SAFETY: heads with this table are those of `lend`.
        return Some(unsafe { &*head.cast::<Lent<'a>>() }.waker);
    }
    if valid.is_of(&KEPT) {
        // SAFETY: heads with this table are those of `keep`.
        return Some(&unsafe { &*head.cast::<Kept>() }.waker);
    }
    None
}

/// Wakes by the author's waker, which may panic: the panic hook has reported that, and no panic may
/// go through a C function.
fn wake(waker: &Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake_by_ref())) {
        drop_quietly(payload);
    }
}

unsafe extern "C" fn wake_lent(head: *const WakerHead) {
    // SAFETY: the head is lent, and valid.
    wake(unsafe { &*head.cast::<Lent<'_>>() }.waker);
}

unsafe extern "C" fn wake_kept(head: *const WakerHead) {
    // SAFETY: the head is kept, and valid.
    wake(&unsafe { &*head.cast::<Kept>() }.waker);
}

unsafe extern "C" fn keep(head: *const WakerHead) -> *const WakerHead {
    // SAFETY: the head is lent, and valid.
    let lent = unsafe { &*head.cast::<Lent<'_>>() };
    let noted = lent.kept.load(Ordering::Acquire);
    if !noted.is_null() {
        // SAFETY: the lender's reference outlives the poll, in which this is called.
        return unsafe { WakerHead::keep(noted.cast_const().cast()) };
    }
    let waker = match catch_unwind(AssertUnwindSafe(|| lent.waker.clone())) {
        Ok(waker) => CatchDrop::new(waker),
        Err(payload) => {
            drop_quietly(payload);
            return ptr::null();
        }
    };
    // One reference for the callee, one for the lender.
    let kept = Box::write(kept::take(), Kept { head: WakerHead::kept(&KEPT, holds::ours(), 2), waker });
    let kept = Box::into_raw(kept);
    match lent.kept.compare_exchange(ptr::null_mut(), kept, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => kept.cast_const().cast(),
        Err(noted) => {
            // Another thread was faster; its head serves both.
            for _ in 0..2 {
                // SAFETY: no other code has seen the head, and both references are ours.
                unsafe { WakerHead::release(kept.cast_const().cast()) };
            }
            // SAFETY: as above.
            unsafe { WakerHead::keep(noted.cast_const().cast()) }
        }
    }
}

unsafe extern "C" fn free(head: *const WakerHead) {
    // SAFETY: `keep` leaked the box, and its last owner calls this, once.
    let mut memory = unsafe { Box::from_raw(head.cast_mut().cast::<Memory>()) };
    // Runs the executor's code, which may take and give back memory of this thread.
    // SAFETY: `keep` wrote it.
    unsafe { memory.assume_init_drop() };
    kept::give_back(memory);
}

/// Of a head that is kept already: nobody calls it.
unsafe extern "C" fn never_keep(_: *const WakerHead) -> *const WakerHead {
    ptr::null()
}

/// Of a head on the stack: nobody calls it.
unsafe extern "C" fn never_free(_: *const WakerHead) {}
