//! The async method, as every implementation has it.

use core::{
    future::poll_fn,
    task::{Poll, Waker},
};

/// Adds `addend` to `x`, behind so many polls that are pending. One that pends once wakes its task at once;
/// one that pends more often keeps the task's waker, as a timer or a socket does, and clones it only for another task.
pub async fn walk(addend: u64, x: u64, pends: u32) -> u64 {
    let (mut left, mut kept) = (pends, None::<Waker>);
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        let waker = context.waker();
        if pends == 1 {
            waker.wake_by_ref();
            return Poll::Pending;
        }
        match &kept {
            Some(kept) if kept.will_wake(waker) => {}
            _ => kept = Some(waker.clone()),
        }
        kept.as_ref().map(Waker::wake_by_ref);
        Poll::Pending
    })
    .await;
    x.wrapping_add(addend)
}
