//! A waker that another image has kept, and the memory that it lies in: each thread of the program has a piece of that
//! at hand.
//!
//! A call that pends mostly has one waker kept, from its first poll to its end. So a thread that has calls under way
//! needs such memory and has some over, turn about. What it has over it keeps for the next call, rather than asking
//! the allocator twice a call. One piece is enough for that, however many calls are pending.
//!
//! Only the host's image does so. Its executors lend nearly all wakers; and the host knows when a thread begins to make
//! calls ([`begin`]), and when it ends ([`end`]), which an image could learn only by a destructor, which would hold the
//! image. In all other images, on other threads, and behind `end`, the memory comes from the allocator and goes back
//! to it.
//!
//! Invariants
//! 1. A thread has one piece at hand at most, and frees it at its end. In the child of a fork the pieces of the other
//!    threads are lost.
//! 2. All pieces are of this image's allocator. Any thread may give back what another one took.

use std::{cell::Cell, mem::MaybeUninit, ptr::NonNull, task::Waker};

use crate::{abi::waker::WakerHead, component::panic_barrier::CatchDrop};

/// A head that a callee has kept.
#[repr(C)]
pub(super) struct Kept {
    pub(super) head: WakerHead,
    pub(super) waker: CatchDrop<Waker>,
}

/// Memory for one kept waker.
pub(super) type Memory = MaybeUninit<Kept>;

/// What a thread has at hand. The thread-local has no destructor, so it can be used to the very end of its thread.
#[derive(Clone, Copy)]
enum Spare {
    /// Nothing, for good or not yet.
    Unwanted,
    /// Nothing now.
    Nothing,
    /// Memory that this thread owns.
    Piece(NonNull<Memory>),
}

thread_local! {
    static SPARE: Cell<Spare> = const { Cell::new(Spare::Unwanted) };
}

/// Memory for a kept waker.
#[inline]
pub(super) fn take() -> Box<Memory> {
    let Spare::Piece(piece) = SPARE.get() else { return Box::new_uninit() };
    SPARE.set(Spare::Nothing);
    // SAFETY: `give_back` leaked the box, and the thread owned it until now.
    unsafe { Box::from_raw(piece.as_ptr()) }
}

/// Takes memory back that nobody uses any more.
#[inline]
pub(super) fn give_back(memory: Box<Memory>) {
    if let Spare::Nothing = SPARE.get() {
        SPARE.set(Spare::Piece(NonNull::from(Box::leak(memory))));
    }
}

/// The calling thread begins to make calls.
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "the host calls it"))]
pub(crate) fn begin() {
    if let Spare::Unwanted = SPARE.get() {
        SPARE.set(Spare::Nothing);
    }
}

/// The calling thread is about to end.
#[cfg_attr(not(feature = "host"), allow(dead_code, reason = "the host calls it"))]
pub(crate) fn end() {
    if let Spare::Piece(piece) = SPARE.replace(Spare::Unwanted) {
        // SAFETY: as in `take`.
        drop(unsafe { Box::from_raw(piece.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Runs `test` on a thread that has made no call.
    fn on_a_new_thread(test: impl FnOnce() + Send + 'static) {
        thread::spawn(test).join().unwrap();
    }

    fn address(memory: &Memory) -> usize {
        std::ptr::from_ref(memory).addr()
    }

    #[test]
    fn what_a_thread_gave_back_last_it_takes_next() {
        on_a_new_thread(|| {
            begin();
            let (first, second) = (take(), take());
            let at = address(&first);
            give_back(first);
            give_back(second);
            let again = take();
            assert_eq!(address(&again), at, "the first piece was at hand, and the second one was freed");
            give_back(again);
            begin();
            assert!(matches!(SPARE.get(), Spare::Piece(_)), "a thread begins once");
            end();
        });
    }

    #[test]
    fn a_thread_has_nothing_at_hand_before_its_first_call_and_behind_its_last() {
        on_a_new_thread(|| {
            give_back(take());
            assert!(matches!(SPARE.get(), Spare::Unwanted));
            begin();
            give_back(take());
            assert!(matches!(SPARE.get(), Spare::Piece(_)));
            end();
            give_back(take());
            assert!(matches!(SPARE.get(), Spare::Unwanted));
        });
    }
}
