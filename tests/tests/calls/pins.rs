//! Pins: which world a pin holds, for which thread, and for how long.

use std::{mem, sync::mpsc, thread, time::Duration};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    component,
    crowd::{Crew, Lower, Scene, Upper},
    thorough_or, wait_until,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];
const LONG: Duration = Duration::from_secs(60);

fn pair(cast: &'static [&'static str]) -> (Scene, Handle<dyn Lower>, Handle<dyn Upper>) {
    let scene = Scene::open(Runtime::builder(), cast);
    let (lower, upper) = (scene.rt.service().unwrap(), scene.rt.service().unwrap());
    (scene, lower, upper)
}

#[test]
fn a_pinned_scope_stays_in_its_world_and_its_thread_goes_on_in_the_current_one() {
    let (scene, lower, upper) = pair(PAIR);
    let pin = scene.rt.pin().unwrap();
    scene.replace().unwrap();
    assert_eq!((lower.epoch(), upper.both()), (0, (0, 0)));
    // Nested calls stay in it, too, those of a component that calls back included.
    assert_eq!(upper.inside(&|epoch| epoch + lower.inside(&|epoch| epoch + upper.epoch())), 0);
    thread::scope(|scope| {
        // Other threads stay in the current world.
        assert_eq!(scope.spawn(|| upper.both()).join().unwrap(), (1, 1));
    });
    drop(pin);
    assert_eq!((lower.epoch(), upper.both()), (1, (1, 1)));
    drop((lower, upper));
    scene.close();
}

#[test]
fn pins_end_in_any_order_and_an_inner_one_holds_the_world_of_the_outer() {
    let (scene, lower, upper) = pair(PAIR);
    let outer = scene.rt.pin().unwrap();
    scene.replace().unwrap();
    let inner = scene.rt.pin().unwrap();
    assert_eq!(inner.generation(), outer.generation());
    drop(outer);
    scene.replace().unwrap();
    assert_eq!(upper.both(), (0, 0));
    drop(inner);
    let next = scene.rt.pin().unwrap();
    assert_eq!((upper.both(), next.generation()), ((2, 2), scene.rt.generation()));
    drop(next);
    drop((lower, upper));
    scene.close();
}

#[test]
fn a_handle_that_is_younger_than_the_pin_is_served_by_the_current_world() {
    let (scene, lower, upper) = pair(PAIR);
    let pin = scene.rt.pin().unwrap();
    scene.replace().unwrap();
    // These are enough to outgrow the world's table.
    let own: Vec<Handle<dyn Lower>> = (100..300_u64).map(|epoch| scene.rt.reference(&epoch).unwrap()).collect();
    for (epoch, own) in (100..).zip(&own) {
        assert_eq!(own.epoch(), epoch);
    }
    assert_eq!(upper.both(), (0, 0));
    drop((pin, own, lower, upper));
    scene.close();
}

#[test]
fn a_pin_that_ends_inside_a_call_leaves_the_call_where_it_is() {
    let (scene, lower, upper) = pair(PAIR);
    let pin = scene.rt.pin().unwrap();
    scene.replace().unwrap();
    let slot = std::cell::Cell::new(Some(pin));
    let seen = upper.inside(&|epoch| {
        drop(slot.take());
        // The pin has ended, and the instance that this thread is inside of is still alive: only
        // the thread's frames hold it.
        assert_eq!((upper.both(), lower.epoch()), ((1, 1), 1));
        let held = || scene.rt.wait_drained(Duration::from_millis(50)).unwrap_err().stragglers().len();
        wait_until("only the pins hold instances", || held() == 2);
        epoch
    });
    assert_eq!(seen, 0);
    scene.rt.wait_drained(LONG).unwrap();
    assert_eq!(scene.counts().died, 2);
    drop((lower, upper));
    scene.close();
}

#[test]
fn a_pinned_handle_goes_to_its_instance_on_any_thread() {
    let (scene, lower, upper) = pair(PAIR);
    let pinned = Handle::pin(&upper).unwrap();
    scene.replace().unwrap();
    assert_eq!(upper.epoch(), 1);
    let (back, returned) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            assert_eq!(pinned.epoch(), 0);
            back.send(pinned).unwrap();
        });
    });
    let pinned = returned.recv().unwrap();
    // The handle from which the pinned one was made is not needed.
    drop(upper);
    scene.replace().unwrap();
    assert_eq!(pinned.epoch(), 0);
    // The runtime destroys meanwhile what nobody holds.
    let held = || scene.rt.wait_drained(Duration::from_millis(50)).unwrap_err().stragglers().len();
    wait_until("only the pin holds an instance", || held() == 1);
    thread::spawn(move || drop(pinned)).join().unwrap();
    scene.rt.wait_drained(LONG).unwrap();
    drop(lower);
    scene.close();
}

#[test]
fn a_hand_over_waits_for_older_pins_and_gives_up_at_its_deadline() {
    let (scene, lower, upper) = pair(STATEFUL_PAIR);
    let (pinned, waited_for) = mpsc::channel();
    let (leave, told) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (scene, lower, upper) = (&scene, &lower, &upper);
        scope.spawn(move || {
            let pin = scene.rt.pin().unwrap();
            upper.add(1);
            pinned.send(()).unwrap();
            let _ = told.recv();
            // An addition under the pin while the gate is shut is not lost.
            assert_eq!(upper.add(1), (0, 0, 2));
            drop(pin);
        });
        waited_for.recv().unwrap();
        let plan = scene.rt.plan().replace(component("crowd_ledger")).timeout(Duration::from_millis(100));
        assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Deadline);
        assert_eq!(lower.add(0), (0, 1));
        let change = scope.spawn(|| scene.replace_and_hold());
        wait_until("the gate is shut", || scene.rt.status().is_gate_shut);
        leave.send(()).unwrap();
        change.join().unwrap().unwrap();
    });
    assert_eq!(upper.add(1), (1, 1, 3));
    drop((lower, upper));
    scene.close();
}

#[test]
fn pins_of_two_runtimes_and_both_kinds_come_and_go_under_replacement() {
    let (scene, lower, upper) = pair(PAIR);
    let (other_scene, other_lower, other_upper) = pair(STATEFUL_PAIR);
    let work = |number: usize| {
        for _ in 0..20 {
            let world = scene.rt.pin().unwrap();
            let other = Handle::pin(&other_upper).unwrap();
            let (seen, other_seen) = (upper.epoch(), other.epoch());
            let inner = Handle::pin(&lower).unwrap();
            assert_eq!((inner.epoch(), upper.both()), (seen, (seen, seen)), "thread {number}");
            if number.is_multiple_of(2) {
                drop(world);
                assert!(upper.epoch() >= seen);
                assert_eq!((inner.epoch(), other.epoch()), (seen, other_seen));
            }
            drop(other);
            assert!(other_lower.epoch() >= other_seen);
            assert_eq!(inner.epoch(), seen);
        }
        100
    };
    let both = || {
        scene.replace().unwrap();
        other_scene.replace().unwrap();
    };
    Crew::new(thorough_or(20_000, 2_000), thorough_or(40, 10)).run(work, both);
    drop((lower, upper, other_lower, other_upper));
    scene.close();
    other_scene.close();
}

#[test]
fn a_leaked_pin_holds_its_world_but_not_the_next_thread() {
    // The end of the runtime waits for the pin until its timeout.
    let scene = Scene::open(Runtime::builder().shutdown_timeout(Duration::from_secs(2)), PAIR);
    let (lower, upper): (Handle<dyn Lower>, Handle<dyn Upper>) =
        (scene.rt.service().unwrap(), scene.rt.service().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| mem::forget(scene.rt.pin().unwrap())).join().unwrap();
        scene.replace().unwrap();
        // Eight threads, so that one of them gets the record of the thread that is gone.
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| upper.both())).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), (1, 1));
        }
    });
    let status = scene.rt.status();
    assert_eq!((status.pins, status.retiring), (1, 2), "{status:#?}");
    drop((lower, upper));
}
