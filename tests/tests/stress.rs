//! Millions of calls from more threads than the machine has cores, while the components are replaced without
//! a pause: with and without state, with `membarrier` and with fences.
//!
//! Each test of an optimised build makes ten million calls under a hundred replacements; other builds make a
//! million calls under 25. This is a binary of its own because its threads leave no processor to other tests.

use lcr::{Handle, Runtime, RuntimeBuilder};
use lcr_tests::{
    crowd::{Crew, Lower, Scene, Upper},
    thorough_or,
};

/// How many calls and replacements a test makes.
fn lengths() -> (u64, u64) {
    (thorough_or(10_000_000, 1_000_000), thorough_or(100, 25))
}

/// How many calls a thread makes before it looks whether that is enough.
const BATCH: u64 = 1_000;

fn calls_without_state(builder: RuntimeBuilder) {
    let scene = Scene::open(builder, &["crowd_lower"]);
    let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
    let work = |_| {
        let mut last = 0;
        for _ in 0..BATCH {
            let epoch = lower.epoch();
            assert!(epoch >= last, "epoch {epoch} after {last}");
            last = epoch;
        }
        BATCH
    };
    let (calls, replacements) = lengths();
    let (made, replaced) = Crew::new(calls, replacements).run(work, || drop(scene.replace().unwrap()));
    assert!(made >= calls && replaced >= replacements);
    assert_eq!(lower.epoch(), replaced);
    drop(lower);
    assert_eq!(scene.close().born, replaced + 1);
}

fn calls_with_state(builder: RuntimeBuilder) {
    let scene = Scene::open(builder, &["crowd_ledger"]);
    let ledger: Handle<dyn Lower> = scene.rt.service().unwrap();
    let work = |_| {
        let mut last = (0, 0);
        for _ in 0..BATCH {
            let now = ledger.add(1);
            assert!(now.0 >= last.0 && now.1 > last.1, "{now:?} after {last:?}");
            last = now;
        }
        BATCH
    };
    let (calls, replacements) = lengths();
    let (made, replaced) = Crew::new(calls, replacements).run(work, || drop(scene.replace().unwrap()));
    assert!(made >= calls && replaced >= replacements);
    assert_eq!(ledger.add(0), (replaced, made), "an addition was lost, or made twice");
    drop(ledger);
    assert_eq!(scene.close().born, replaced + 1);
}

#[test]
fn millions_of_calls_never_fail_under_replacement_without_state() {
    calls_without_state(Runtime::builder());
}

#[test]
fn millions_of_calls_never_fail_under_replacement_without_state_with_fences() {
    calls_without_state(Runtime::builder().fences(true));
}

#[test]
fn millions_of_calls_never_fail_under_replacement_with_state() {
    calls_with_state(Runtime::builder());
}

#[test]
fn millions_of_calls_never_fail_under_replacement_with_state_with_fences() {
    calls_with_state(Runtime::builder().fences(true));
}

/// Two components replaced together, the upper one calling the lower one.
///
/// A commit is one moment: a thread that saw one of the two new does not see the other one old. A call that
/// began in the old upper component may find the new lower one. Under a pin there is one combination only.
fn a_pair(builder: RuntimeBuilder, cast: &'static [&'static str]) {
    let scene = Scene::open(builder, cast);
    let lower: Handle<dyn Lower> = scene.rt.service().unwrap();
    let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
    let work = |number| {
        let mut last = 0;
        let mut not_older = |epoch| {
            assert!(epoch >= last, "thread {number}: epoch {epoch} after {last}");
            last = epoch;
        };
        for _ in 0..50 {
            not_older(lower.epoch());
            not_older(upper.epoch());
            let (above, below) = upper.both();
            not_older(above);
            not_older(below);
            not_older(lower.epoch());

            let pin = scene.rt.pin().unwrap();
            let seen = upper.epoch();
            not_older(seen);
            assert_eq!(upper.both(), (seen, seen), "thread {number}: half of a replacement");
            assert_eq!(lower.inside(&|_| upper.inside(&|epoch| epoch)), seen);
            let (above, below, _) = upper.add(1);
            assert_eq!((above, below, lower.epoch()), (seen, seen, seen));
            assert_eq!(
                (Handle::generation(&upper), Handle::generation(&lower)),
                (Some(pin.generation()), Some(pin.generation()))
            );
        }
        50 * 15
    };
    let (_, replaced) =
        Crew::new(thorough_or(200_000, 20_000), lengths().1).run(work, || drop(scene.replace().unwrap()));
    assert_eq!(upper.both(), (replaced, replaced));
    drop((lower, upper));
    assert_eq!(scene.close().born, 2 * (replaced + 1));
}

#[test]
fn no_caller_sees_half_of_a_replacement_of_two_without_state() {
    a_pair(Runtime::builder(), &["crowd_lower", "crowd_upper"]);
}

#[test]
fn no_caller_sees_half_of_a_replacement_of_two_with_state() {
    a_pair(Runtime::builder(), &["crowd_ledger", "crowd_clerk"]);
}

#[test]
fn no_caller_sees_half_of_a_replacement_of_two_of_which_one_has_state() {
    a_pair(Runtime::builder().fences(true), &["crowd_ledger", "crowd_upper"]);
}
