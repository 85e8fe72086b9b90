//! The two ends of a waker that crosses an image border.
//!
//! [`lent`] makes heads of an executor's wakers for other images; [`received`] makes wakers of
//! heads that come from other images; [`kept`] has the memory of those that a callee keeps. `abi/waker`
//! says what a head is, and who may do what with it.
//!
//! A waker that an image received and lends on, because a future of it awaits another component, is
//! not wrapped again: the head goes on as it came ([`received::head_of`]). A head that comes back to
//! the image that made it is the executor's own waker there ([`lent::original`]). So a wake is one
//! hop however deep the calls are nested, and [`Waker::will_wake`](std::task::Waker::will_wake)
//! answers across images as it does within one.

pub(crate) mod kept;
pub(crate) mod lent;
mod received;
#[cfg(all(test, not(loom)))]
mod tests;

use std::task::Waker;

use crate::abi::waker::WakerHead;

/// Lends `poll` the waker of a head, for the length of that call. A clone of it may be kept.
///
/// # Safety
/// The head is valid until `poll` has returned.
#[inline]
pub(crate) unsafe fn with_waker<T>(head: *const WakerHead, poll: impl FnOnce(&Waker) -> T) -> T {
    let received;
    // SAFETY: the caller says that the head is valid.
    let waker = match unsafe { lent::original(head) } {
        Some(waker) => waker,
        None => {
            // SAFETY: as above; the waker is not used behind `poll`.
            received = unsafe { received::borrowed(head) };
            &*received
        }
    };
    // Named once, so that it is inlined.
    poll(waker)
}
