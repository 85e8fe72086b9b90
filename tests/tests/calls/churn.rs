//! Handles, services and references that come and go on several threads while everything
//! is replaced; calls that panic; two runtimes side by side.

use std::{
    panic,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use lcr::{FaultKind, Handle, Runtime};
use lcr_tests::{
    crowd::{Crew, Epoch, Lower, Scene, Upper},
    thorough_or,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];

#[test]
fn references_are_created_and_released_by_many_threads_under_replacement() {
    for cast in [PAIR, STATEFUL_PAIR] {
        let scene = Scene::open(Runtime::builder(), cast);
        let made = AtomicU64::new(0);
        let work = |_| {
            let epoch: Epoch = made.fetch_add(2, Ordering::Relaxed) + 1_000_000;
            let own: Handle<dyn Lower> = scene.rt.reference(&epoch).unwrap();
            let other: Handle<dyn Upper> = scene.rt.reference(&(epoch + 1)).unwrap();
            for _ in 0..20 {
                // Each of its successors has its configuration.
                assert_eq!(own.epoch(), epoch);
                assert_eq!(other.both().0, epoch + 1);
                let (_, sum) = own.add(1);
                assert!(sum >= 1);
            }
            60
        };
        Crew::new(thorough_or(100_000, 10_000), thorough_or(40, 10)).run(work, || drop(scene.replace().unwrap()));
        let counts = scene.close();
        assert!(counts.born >= made.into_inner(), "{counts:?}");
    }
}

#[test]
fn a_service_is_released_and_rebuilt_by_many_threads_under_replacement() {
    for cast in [PAIR, STATEFUL_PAIR] {
        let scene = Scene::open(Runtime::builder(), cast);
        let work = |number| {
            let mut last = 0;
            for _ in 0..20 {
                // The handle is dropped at once, and the last handle takes the instance with it.
                let epoch = match number % 2 {
                    0 => scene.rt.service::<dyn Lower>().unwrap().epoch(),
                    _ => scene.rt.service::<dyn Upper>().unwrap().both().0,
                };
                assert!(epoch >= last, "epoch {epoch} after {last}");
                last = epoch;
            }
            20
        };
        Crew::new(thorough_or(20_000, 2_000), thorough_or(40, 10)).run(work, || drop(scene.replace().unwrap()));
        scene.close();
    }
}

#[test]
fn handles_are_cloned_passed_on_and_dropped_by_many_threads_under_replacement() {
    for cast in [PAIR, STATEFUL_PAIR] {
        let scene = Scene::open(Runtime::builder(), cast);
        // One place for all threads: a thread finds the handle there that another thread has just left.
        let place: Mutex<Option<Handle<dyn Lower>>> = Mutex::new(None);
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let work = |_| {
            for _ in 0..50 {
                let found = place.lock().unwrap().take();
                let handle = found.unwrap_or_else(|| scene.rt.reference(&7_u64).unwrap());
                let (epoch, back) = upper.visit(handle.clone()).unwrap();
                assert_eq!((epoch, handle.epoch(), back.epoch()), (7, 7, 7));
                *place.lock().unwrap() = Some(back);
                drop(handle);
            }
            50 * 4
        };
        Crew::new(thorough_or(100_000, 10_000), thorough_or(40, 10)).run(work, || drop(scene.replace().unwrap()));
        drop((place, upper));
        scene.close();
    }
}

#[test]
fn calls_that_panic_leave_no_trace_under_replacement() {
    for cast in [PAIR, STATEFUL_PAIR] {
        let scene = Scene::open(Runtime::builder(), cast);
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
        let work = |number| {
            for _ in 0..50 {
                let fault = match number % 3 {
                    0 => lower.fail(&|| {}).unwrap_err(),
                    1 => upper.fail(&|| {}).unwrap_err(),
                    _ => upper.fail(&|| panic::resume_unwind(Box::new("a callback fails"))).unwrap_err(),
                };
                assert_eq!(fault.kind(), FaultKind::Panic, "{fault}");
                assert!(fault.message().ends_with("fails"), "{fault}");
                assert!(fault.component().unwrap().to_string().ends_with(" 1.0.0"), "{fault}");
                assert!(upper.inside(&|epoch| epoch) <= scene.epoch());
            }
            100
        };
        Crew::new(thorough_or(20_000, 2_000), thorough_or(40, 10)).run(work, || drop(scene.replace().unwrap()));
        drop((upper, lower));
        scene.close();
    }
}

#[test]
fn two_runtimes_in_one_process_do_not_know_each_other() {
    let left = Scene::open(Runtime::builder(), STATEFUL_PAIR);
    let right = Scene::open(Runtime::builder().fences(true), PAIR);
    let (near, far): (Handle<dyn Upper>, Handle<dyn Upper>) = (left.rt.service().unwrap(), right.rt.service().unwrap());
    let (ground, sky): (Handle<dyn Lower>, Handle<dyn Lower>) =
        (left.rt.service().unwrap(), right.rt.service().unwrap());
    let work = |number| {
        for _ in 0..20 {
            // A pin holds the world of its own runtime, also within calls of the other runtime.
            let held = left.rt.pin().unwrap();
            let epoch = near.epoch();
            let seen = far.inside(&|_| near.inside(&|epoch| far.inside(&|_| epoch)));
            assert_eq!(seen, epoch, "thread {number}");
            let outer = right.rt.pin().unwrap();
            let (above, below) = far.both();
            assert_eq!((above, near.both()), (below, (epoch, epoch)), "thread {number}");
            // The pins may end in any order.
            drop(held);
            assert_eq!(far.both(), (above, above));
            drop(outer);
            // A handle of one runtime works inside a component of the other.
            let (epoch, back) = near.visit(sky.clone()).unwrap();
            assert!(back.epoch() >= epoch);
            let (epoch, back) = far.visit(ground.clone()).unwrap();
            assert!(back.epoch() >= epoch);
        }
        200
    };
    let both = || {
        left.replace().unwrap();
        right.replace().unwrap();
    };
    let (_, replaced) = Crew::new(thorough_or(50_000, 5_000), thorough_or(40, 10)).run(work, both);
    assert_eq!((near.both(), far.both()), ((replaced, replaced), (replaced, replaced)));
    // One runtime ends; the other serves on.
    drop((near, ground));
    assert_eq!(left.close().born, 2 * (replaced + 1));
    assert_eq!(far.inside(&|epoch| epoch), replaced);
    drop((far, sky));
    assert_eq!(right.close().born, 2 * (replaced + 1));
}
