//! Both ends of a waker. Another image is played by a lender of the test's own, whose table is
//! not this image's, and by a callee that uses heads as the ABI has them.

use std::{
    mem::offset_of,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{RawWaker, RawWakerVTable, Wake, Waker},
    thread,
};

use super::{lent::Lender, received::head_of, with_waker};
use crate::abi::{
    holds::{Hold, Holds},
    waker::{WakerHead, WakerTable},
};

/// A waker of another image.
#[repr(C)]
struct Foreign {
    head: WakerHead,
    counts: &'static Counts,
}

/// What the other image's functions were asked for.
#[derive(Default)]
struct Counts {
    woken: AtomicUsize,
    kept: AtomicUsize,
    freed: AtomicUsize,
    refuses: AtomicBool,
}

static FOREIGN: WakerTable = WakerTable { wake, keep, free };

unsafe extern "C" fn wake(head: *const WakerHead) {
    // SAFETY: every head with this table is a `Foreign`.
    unsafe { &*head.cast::<Foreign>() }.counts.woken.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn keep(head: *const WakerHead) -> *const WakerHead {
    // SAFETY: as above.
    let Foreign { counts, .. } = unsafe { &*head.cast::<Foreign>() };
    if counts.refuses.load(Ordering::SeqCst) {
        return ptr::null();
    }
    counts.kept.fetch_add(1, Ordering::SeqCst);
    let holds = Box::leak(Box::new(Holds::new()));
    Box::into_raw(Box::new(Foreign { head: WakerHead::kept(&FOREIGN, holds, 1), counts })).cast_const().cast()
}

unsafe extern "C" fn free(head: *const WakerHead) {
    // SAFETY: `keep` leaked it.
    let foreign = unsafe { Box::from_raw(head.cast_mut().cast::<Foreign>()) };
    foreign.counts.freed.fetch_add(1, Ordering::SeqCst);
}

fn counts() -> &'static Counts {
    Box::leak(Box::default())
}

/// Runs `poll` with a waker that another image lends.
fn with_foreign<T>(counts: &'static Counts, poll: impl FnOnce(*const WakerHead) -> T) -> T {
    let holds = Box::leak(Box::new(Holds::new()));
    let foreign = Foreign { head: WakerHead::lent(&FOREIGN, holds), counts };
    poll((&raw const foreign).cast())
}

fn numbers(counts: &Counts) -> [usize; 3] {
    [&counts.woken, &counts.kept, &counts.freed].map(|count| count.load(Ordering::SeqCst))
}

/// An executor's waker that counts.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn task() -> (Arc<Task>, Waker) {
    let task = Arc::new(Task::default());
    (Arc::clone(&task), Waker::from(task))
}

#[test]
fn a_received_waker_that_only_wakes_keeps_nothing() {
    let counts = counts();
    with_foreign(counts, |head| {
        // SAFETY: the head is lent for this closure.
        unsafe { with_waker(head, |waker| waker.wake_by_ref()) };
    });
    assert_eq!(numbers(counts), [1, 0, 0]);
}

#[test]
fn a_received_waker_that_is_cloned_outlives_its_poll_and_is_freed_once() {
    let counts = counts();
    let kept = with_foreign(counts, |head| {
        // SAFETY: the head is lent for this closure.
        unsafe { with_waker(head, Waker::clone) }
    });
    let others: Vec<_> = (0..3).map(|_| kept.clone()).collect();
    assert!(others.iter().all(|other| other.will_wake(&kept)));
    let woken = others.into_iter().map(|waker| thread::spawn(move || waker.wake()));
    woken.for_each(|thread| thread.join().unwrap());
    assert_eq!(numbers(counts), [3, 1, 0]);
    kept.wake();
    assert_eq!(numbers(counts), [4, 1, 1]);
}

#[test]
fn a_received_waker_is_lent_on_as_it_came() {
    let counts = counts();
    with_foreign(counts, |head| {
        let pass = |waker: &Waker| {
            let mut lender = Lender::new();
            lender.lend_to(waker, |lent| assert_eq!(lent, head));
            // SAFETY: the head is lent for this closure.
            let deep = lender.lend_to(waker, |lent| unsafe { with_waker(lent, Waker::clone) });
            lender.lend_to(&deep, |lent| assert_eq!(Some(lent), head_of(&deep)));
            deep
        };
        // SAFETY: as above.
        let deep = unsafe { with_waker(head, pass) };
        deep.wake();
    });
    assert_eq!(numbers(counts), [1, 1, 1]);
}

#[test]
fn a_clone_that_the_executor_refuses_is_a_panic_of_the_callee() {
    let counts = counts();
    counts.refuses.store(true, Ordering::SeqCst);
    let cloned = with_foreign(counts, |head| {
        // SAFETY: the head is lent for this closure.
        std::panic::catch_unwind(|| unsafe { with_waker(head, Waker::clone) })
    });
    assert!(cloned.is_err());
    assert_eq!(numbers(counts), [0, 0, 0]);
}

#[test]
fn a_head_that_comes_home_is_the_executors_own_waker() {
    let (_, waker) = task();
    let mut lender = Lender::new();
    lender.lend_to(&waker, |head| {
        // SAFETY: the head is lent for this closure.
        unsafe { with_waker(head, |home| assert!(ptr::eq(home, &waker))) };
        // SAFETY: as above.
        let kept = unsafe { WakerHead::keep(head) };
        // SAFETY: the head is kept.
        unsafe { with_waker(kept, |home| assert_eq!(home.data(), waker.data())) };
        // SAFETY: the reference is ours.
        unsafe { WakerHead::release(kept) };
    });
}

#[test]
fn a_callee_that_keeps_a_waker_is_lent_the_kept_one_until_the_task_changes() {
    let (first, waker) = task();
    let mut lender = Lender::new();
    // SAFETY: the heads are lent for the closures.
    let kept = lender.lend_to(&waker, |head| unsafe { WakerHead::keep(head) });
    assert_eq!(Arc::strong_count(&first), 3, "one clone of the waker, for all polls");
    for _ in 0..10 {
        lender.lend_to(&waker.clone(), |head| assert_eq!(head, kept));
    }
    let (second, waker) = task();
    lender.lend_to(&waker, |head| {
        assert_ne!(head, kept, "another task polls");
        // SAFETY: as above.
        unsafe { WakerHead::wake(head) };
    });
    drop(lender);
    // SAFETY: the callee still has its reference.
    unsafe { WakerHead::wake(kept) };
    // SAFETY: as above.
    unsafe { WakerHead::release(kept) };
    assert_eq!([&first, &second].map(|task| task.0.load(Ordering::SeqCst)), [1, 1]);
    assert_eq!(Arc::strong_count(&first), 1 + 1, "the waker of this test is left");
}

#[test]
fn threads_that_keep_a_lent_waker_at_once_share_one_head() {
    for _ in 0..20 {
        let (task, waker) = task();
        let mut lender = Lender::new();
        let kept: Vec<_> = lender.lend_to(&waker, |head| {
            let head = head.expose_provenance();
            let keep = move || {
                // SAFETY: the head is lent until the threads are joined.
                let kept = unsafe { WakerHead::keep(ptr::with_exposed_provenance(head)) };
                kept.expose_provenance()
            };
            thread::scope(|scope| {
                let threads: Vec<_> = (0..2).map(|_| scope.spawn(keep)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            })
        });
        assert_eq!(kept[0], kept[1]);
        assert_eq!(Arc::strong_count(&task), 3, "a clone for a head that came too late is dropped");
        for head in kept {
            // SAFETY: each thread kept a reference.
            unsafe { WakerHead::release(ptr::with_exposed_provenance(head)) };
        }
    }
}

/// A waker of an executor that panics whatever is asked of it.
fn malicious() -> Waker {
    static TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            // The first clone is given out, to be dropped.
            // SAFETY: the data is a flag of the test.
            let cloned = unsafe { &*data.cast::<AtomicBool>() };
            assert!(!cloned.swap(true, Ordering::SeqCst), "no second clone");
            RawWaker::new(data, &TABLE)
        },
        |_| panic!("no wake"),
        |_| panic!("no wake by reference"),
        |_| panic!("no drop"),
    );
    let cloned = Box::leak(Box::new(AtomicBool::new(false)));
    // SAFETY: the functions may be called on any thread.
    unsafe { Waker::new((&raw const *cloned).cast(), &TABLE) }
}

#[test]
fn no_panic_of_an_executors_waker_reaches_another_image() {
    let waker = std::mem::ManuallyDrop::new(malicious());
    let mut lender = Lender::new();
    let kept = lender.lend_to(&waker, |head| {
        // SAFETY: the head is lent for the closure.
        unsafe { WakerHead::wake(head) };
        // SAFETY: as above.
        unsafe { WakerHead::keep(head) }
    });
    assert!(!kept.is_null());
    // SAFETY: the callee has its reference.
    unsafe { WakerHead::wake(kept) };
    drop(lender);
    // SAFETY: as above.
    unsafe { WakerHead::release(kept) };
    let mut lender = Lender::new();
    // SAFETY: the head is lent for the closure.
    let kept = lender.lend_to(&waker, |head| unsafe { WakerHead::keep(head) });
    assert!(kept.is_null(), "the second clone panics");
}

#[test]
fn a_kept_waker_counts_as_a_value_of_its_image_until_it_is_freed() {
    let holds = Box::leak(Box::new(Holds::new()));
    let counts = counts();
    let foreign = Box::new(Foreign { head: WakerHead::kept(&FOREIGN, holds, 1), counts });
    let head: *const WakerHead = Box::into_raw(foreign).cast_const().cast();
    assert_eq!(holds.count(Hold::Value), 1);
    // SAFETY: the test owns the reference.
    let again = unsafe { WakerHead::keep(head) };
    assert_eq!((again, holds.count(Hold::Value)), (head, 1));
    for left in [1, 0] {
        // SAFETY: there are two references.
        unsafe { WakerHead::release(head) };
        assert_eq!(holds.count(Hold::Value), left);
    }
    assert_eq!(numbers(counts), [0, 0, 1]);
    assert_eq!(offset_of!(Foreign, head), 0);
}
