//! Calls within calls: deeper than a record has frames, through callbacks and handles,
//! with a replacement at every level, with a gate in the way, and with panics.

use std::{cell::Cell, panic, sync::mpsc, thread, time::Duration};

use lcr::{ErrorKind, FaultKind, Handle, Runtime, RuntimeBuilder};
use lcr_tests::{
    component,
    crowd::{Lower, Scene, Upper},
    wait_until,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];
const LONG: Duration = Duration::from_secs(60);

fn both_ways() -> [RuntimeBuilder; 2] {
    [Runtime::builder(), Runtime::builder().fences(true)]
}

fn pair(builder: RuntimeBuilder, cast: &'static [&'static str]) -> (Scene, Handle<dyn Lower>, Handle<dyn Upper>) {
    let scene = Scene::open(builder, cast);
    let (lower, upper) = (scene.rt.service().unwrap(), scene.rt.service().unwrap());
    (scene, lower, upper)
}

/// Calls `upper` within `lower` within `upper` ... `depth` times (three frames each), then
/// `deepest`. Returns the sum of the epochs that each level saw before and after its inner call.
fn descend(depth: u64, lower: &Handle<dyn Lower>, upper: &Handle<dyn Upper>, deepest: &dyn Fn(u64) -> u64) -> u64 {
    if depth == 0 {
        return deepest(0);
    }
    upper.inside(&|above| lower.inside(&|below| above + below + descend(depth - 1, lower, upper, deepest)))
}

#[test]
fn calls_nest_a_hundred_deep_and_much_deeper() {
    for builder in both_ways() {
        let (scene, lower, upper) = pair(builder, PAIR);
        for depth in [10, 11, 32, 100, 150] {
            assert_eq!(descend(depth, &lower, &upper, &|_| 7), 7);
        }
        scene.replace().unwrap();
        // After deep calls, shallow frames work as before.
        assert_eq!(descend(100, &lower, &upper, &|_| upper.both().0), 201);
        assert_eq!(descend(1, &lower, &upper, &|_| 0), 2);
        drop((lower, upper));
        scene.close();
    }
}

#[test]
fn a_hundred_generations_are_alive_while_a_thread_is_inside_each() {
    for builder in both_ways() {
        let (scene, lower, upper) = pair(builder, PAIR);
        let level = Cell::new(0_u64);
        let deeper = |deeper: &dyn Fn()| {
            let this = level.get();
            let seen = upper.inside(&|epoch| {
                assert_eq!(epoch, this, "each level is inside a generation of its own");
                if this < 100 {
                    let report = scene.replace().unwrap();
                    assert_eq!(report.stragglers.len() as u64, 2 * (this + 1), "{report:?}");
                    level.set(this + 1);
                    deeper();
                }
                epoch
            });
            // On the way back, each object is alive until its call has returned.
            assert_eq!(seen, this);
        };
        recurse(&deeper);
        assert_eq!(upper.both(), (100, 100));
        scene.rt.wait_drained(LONG).unwrap();
        assert_eq!(scene.counts().died, 200);
        drop((lower, upper));
        scene.close();
    }
}

/// Calls `step` with a function that calls `step` again.
fn recurse(step: &dyn Fn(&dyn Fn())) {
    step(&|| recurse(step));
}

#[test]
fn no_generation_below_a_deep_call_is_destroyed_by_another_thread() {
    let (scene, lower, upper) = pair(Runtime::builder(), PAIR);
    let (inside, entered) = mpsc::channel();
    let (leave, told) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (scene, lower, upper) = (&scene, &lower, &upper);
        scope.spawn(move || {
            let seen = descend(60, lower, upper, &|_| {
                inside.send(()).unwrap();
                let _ = told.recv();
                upper.both().0
            });
            // 120 levels are inside epoch 0; the last call found the newest epoch.
            assert_eq!(seen, 20);
        });
        entered.recv().unwrap();
        (0..20).for_each(|_| drop(scene.replace().unwrap()));
        // The runtime destroys meanwhile the instances that no call is inside.
        let inside = || scene.rt.wait_drained(Duration::from_millis(100)).unwrap_err().stragglers().len();
        wait_until("each call of the thread is named, and nothing else", || inside() == 180);
        assert_eq!(scene.rt.status().retiring, 2);
        leave.send(()).unwrap();
    });
    scene.rt.wait_drained(LONG).unwrap();
    drop((lower, upper));
    scene.close();
}

#[test]
fn a_thread_that_a_gate_waits_for_nests_calls_as_deep_as_it_likes() {
    for builder in both_ways() {
        let (scene, lower, upper) = pair(builder, STATEFUL_PAIR);
        let (inside, entered) = mpsc::channel();
        thread::scope(|scope| {
            let (scene, lower, upper) = (&scene, &lower, &upper);
            let guest = scope.spawn(move || {
                upper.inside(&|epoch| {
                    inside.send(()).unwrap();
                    wait_until("the gate is shut", || scene.rt.status().is_gate_shut);
                    for depth in [1, 20, 40] {
                        assert_eq!(
                            descend(depth, lower, upper, &|_| lower.add(1).1),
                            u64::from(depth > 1) + u64::from(depth > 20) + 1
                        );
                    }
                    // One handle is an argument, the other one a result.
                    let (seen, back) = upper.visit(lower.clone()).unwrap();
                    let found: Handle<dyn Lower> = scene.rt.service().unwrap();
                    assert_eq!((seen, back.epoch(), found.add(1)), (0, 0, (0, 4)));
                    epoch
                })
            });
            entered.recv().unwrap();
            let change = scope.spawn(|| scene.replace_and_hold());
            assert_eq!(guest.join().unwrap(), 0);
            change.join().unwrap().unwrap();
        });
        assert_eq!((lower.add(1), upper.both()), ((1, 5), (1, 1)));
        drop((lower, upper));
        scene.close();
    }
}

#[test]
fn a_panic_unwinds_every_level_of_nested_calls_and_leaves_no_call_inside() {
    for builder in both_ways() {
        let (scene, lower, upper) = pair(builder, PAIR);
        let unwound = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            descend(50, &lower, &upper, &|_| panic::resume_unwind(Box::new("from the deep")))
        }));
        let payload = unwound.unwrap_err();
        let text = payload.downcast_ref::<String>().map_or("", String::as_str);
        assert!(text.starts_with("component `crowd_upper 1.0.0` panicked in crowd.upper.inside: "), "{text}");
        assert!(text.ends_with(": from the deep"), "{text}");
        // A panic that is caught half-way up leaves the calls below in order.
        let seen = descend(20, &lower, &upper, &|_| {
            let fault = upper
                .fail(&|| _ = descend(20, &lower, &upper, &|_| panic::resume_unwind(Box::new("again"))))
                .unwrap_err();
            assert_eq!(fault.kind(), FaultKind::Panic);
            descend(20, &lower, &upper, &|_| 1)
        });
        assert_eq!(seen, 1);
        scene.replace().unwrap();
        scene.rt.wait_drained(LONG).unwrap();
        assert_eq!(scene.rt.status().stragglers, []);
        assert_eq!(upper.both(), (1, 1));
        drop((lower, upper));
        scene.close();
    }
}

#[test]
fn a_callback_replaces_the_component_that_called_it_and_calls_the_successor() {
    let (scene, lower, upper) = pair(Runtime::builder(), PAIR);
    let seen = upper.inside(&|epoch| {
        scene.replace().unwrap();
        let (above, below) = upper.both();
        let inner = upper.inside(&|_| {
            scene.replace().unwrap();
            upper.epoch()
        });
        epoch * 1000 + above * 100 + below * 10 + inner
    });
    assert_eq!(seen, 112);
    drop((lower, upper));
    scene.close();

    let (scene, lower, upper) = pair(Runtime::builder(), STATEFUL_PAIR);
    lower.inside(&|_| {
        // A replacement that would wait for this very call is refused; one of the other component is not.
        assert_eq!(scene.replace().unwrap_err().kind(), ErrorKind::Reentrant);
        scene.rt.plan().replace(component("crowd_clerk")).commit().unwrap();
        upper.both().0
    });
    drop((lower, upper));
    scene.close();
}

#[test]
fn a_handle_is_dropped_by_the_callback_of_its_own_call() {
    let (scene, lower, upper) = pair(Runtime::builder(), PAIR);
    let own: Handle<dyn Lower> = scene.rt.reference(&7_u64).unwrap();
    let second = own.clone();
    let slot = Cell::new(Some(own));
    let epoch = second.inside(&|epoch| {
        drop(slot.take());
        scene.replace().unwrap();
        upper.both().0 * 10 + epoch
    });
    assert_eq!(epoch, 17);
    drop((second, lower, upper));
    scene.close();
}
