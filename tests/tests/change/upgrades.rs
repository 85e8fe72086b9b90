//! An interface changes its version: the component that implements it and the components that need it
//! are replaced in one commit.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use lcr::{ErrorKind, Handle, PlanBuilder, Runtime};
use lcr_tests::{
    LONG, component, empty_runtime,
    rail::{
        Train,
        broad::Track as _,
        narrow::{self, Track as _},
    },
    wait_until,
};

fn runtime(libraries: [&str; 2]) -> Runtime {
    let rt = empty_runtime();
    libraries.iter().fold(rt.plan(), |plan, library| plan.add(component(library))).commit().unwrap();
    rt
}

/// A plan that replaces components by these libraries.
fn replace<'rt>(rt: &'rt Runtime, libraries: &[&str]) -> PlanBuilder<'rt> {
    libraries.iter().fold(rt.plan(), |plan, library| plan.replace(component(library)))
}

/// The libraries of a track and of the train that needs it, each with or without state.
fn libraries(track: &str, train: &str, has_state: [bool; 2]) -> [String; 2] {
    let of = |library, has_state| format!("{library}{}", if has_state { "_with_state" } else { "" });
    [of(track, has_state[0]), of(train, has_state[1])]
}

/// Replaces track and train together while callers ride, and checks that no caller sees an old and a new
/// one together.
fn both_change_under_load(kept: [bool; 2], is_reversed: bool) {
    let old = libraries("rail_track_1_gauge_1000", "rail_train_needs_track_1", kept);
    let new = libraries("rail_track_2_gauge_1520", "rail_train_needs_track_2", kept);
    let rt = runtime(old.each_ref().map(String::as_str));
    let train: Handle<dyn Train> = rt.service().unwrap();
    let stop = AtomicBool::new(false);
    let (ridden, together) = (
        thread::scope(|scope| {
            let riders: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut narrow, mut broad) = (0, 0);
                        while !stop.load(Ordering::Relaxed) {
                            match train.ride(&thread::yield_now) {
                                [1000, 1000, 1000] => narrow += 1,
                                [1520, 1520, 1520] => broad += 1,
                                mixed => panic!("a ride on {mixed:?}"),
                            }
                        }
                        (narrow, broad)
                    })
                })
                .collect();
            wait_until("callers ride", || train.rides() > 10);
            let mut steps = new.each_ref().map(String::as_str);
            if is_reversed {
                steps.reverse();
            }
            let result = replace(&rt, &steps).deadline(LONG).timeout(LONG).commit();
            let before = train.rides();
            if result.is_ok() {
                wait_until("callers ride on", || train.rides() > before + 10);
            }
            stop.store(true, Ordering::Relaxed);
            let ridden =
                riders.into_iter().map(|rider| rider.join().unwrap()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            result.unwrap();
            ridden
        }),
        train.built_on(),
    );
    assert_eq!(together, 1520);
    let expected = |kept| if kept { ridden.0 + ridden.1 } else { ridden.1 };
    let track: Handle<dyn lcr_tests::rail::broad::Track> = rt.service().unwrap();
    assert_eq!((train.rides(), track.roll()), (expected(kept[1]), expected(kept[0]) + 1));
    assert_eq!((track.width(), rt.service::<dyn narrow::Track>().unwrap_err().kind()), (1520, ErrorKind::NotFound));
    wait_until("the old ones are gone", || rt.status().destroyed == 2 && rt.status().retiring == 0);
    // The first change stands in the way of no other one, the change back included.
    replace(&rt, &new.each_ref().map(String::as_str)).commit().unwrap();
    drop(track);
    let back = old.each_ref().map(String::as_str);
    wait_until("the handle is taken back", || replace(&rt, &back).commit().is_ok());
    assert_eq!(train.ride(&|| ()), [1000; 3]);
    drop(train);
    wait_until("all instances are destroyed", || rt.status().constructed == rt.status().destroyed);
    assert_eq!((rt.status().handles, rt.status().instances), (0, 0));
}

#[test]
fn a_dependency_and_its_dependent_change_interfaces_together_without_state() {
    both_change_under_load([false, false], false);
    both_change_under_load([false, false], true);
}

#[test]
fn a_dependency_with_state_and_its_dependent_change_interfaces_together() {
    both_change_under_load([true, false], false);
    both_change_under_load([true, false], true);
}

#[test]
fn a_dependency_and_its_dependent_with_state_change_interfaces_together() {
    both_change_under_load([false, true], false);
    both_change_under_load([false, true], true);
}

#[test]
fn a_dependency_and_its_dependent_both_with_state_change_interfaces_together() {
    both_change_under_load([true, true], false);
    both_change_under_load([true, true], true);
}

#[test]
fn a_change_of_an_interface_without_its_dependent_is_refused_by_naming_the_dependent() {
    for is_used in [false, true] {
        let rt = runtime(["rail_track_1_gauge_1000", "rail_train_needs_track_1"]);
        let train: Option<Handle<dyn Train>> = is_used.then(|| rt.service().unwrap());
        let plan = replace(&rt, &["rail_track_2_gauge_1520"]).build();
        assert_eq!(
            plan.refusals().map(ToString::to_string).collect::<Vec<_>>(),
            ["component `train 1.0.0` needs rail.track v1, which nothing would provide, only `track 2.0.0` v2; \
              replace one of the two in the same plan by a version that fits the other"]
        );
        assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Dependency);
        let error = replace(&rt, &["rail_train_needs_track_2"]).commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Dependency);
        assert_eq!(
            error.to_string(),
            "component `train 2.0.0` needs rail.track v2, which nothing would provide, only `track 1.0.0` v1; \
             replace one of the two in the same plan by a version that fits the other"
        );
        assert!(train.is_none_or(|train| train.ride(&|| ()) == [1000; 3]));
    }
}

#[test]
fn a_callers_own_handle_of_the_old_version_refuses_it_unless_the_new_one_serves_that() {
    let rt = runtime(["rail_track_1_gauge_1000", "rail_train_needs_track_1"]);
    let train: Handle<dyn Train> = rt.service().unwrap();
    let track: Handle<dyn narrow::Track> = rt.service().unwrap();
    let plan = replace(&rt, &["rail_track_2_gauge_1520", "rail_train_needs_track_2"]).build();
    let [error] = &plan.refusals().collect::<Vec<_>>()[..] else { panic!("{plan}") };
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let text = error.to_string();
    let found = text.split_once("librail_track_2_gauge_1520.so: ").expect(&text).1;
    assert_eq!(
        found,
        "1 handle of rail.track v1 is held outside of what the plan replaces: component `track` implements \
         rail.track v2, not rail.track v1; build it against that version, or declare replaces(1) on its interface"
    );
    plan.commit().unwrap_err();
    assert_eq!((train.ride(&|| ()), track.gauge()), ([1000; 3], 1000));

    replace(&rt, &["rail_track_2_replaces_1", "rail_train_needs_track_2"]).commit().unwrap();
    assert_eq!((train.ride(&|| ()), track.gauge()), ([1520; 3], 1520));
    drop(track);
    // No handle of the old version is held any more.
    wait_until("the handle is taken back", || replace(&rt, &["rail_track_2_gauge_1520"]).commit().is_ok());
    assert_eq!(train.ride(&|| ()), [1520; 3]);
}

#[test]
fn a_handle_that_a_dependent_gave_to_a_caller_counts_as_the_callers_own() {
    let rt = runtime(["rail_track_1_gauge_1000", "rail_train_needs_track_1"]);
    let train: Handle<dyn Train> = rt.service().unwrap();
    let lent = train.lend().unwrap();
    let steps = ["rail_track_2_gauge_1520", "rail_train_needs_track_2"];
    let error = replace(&rt, &steps).commit().unwrap_err();
    assert!(error.to_string().contains("1 handle of rail.track v1 is held outside of what"), "{error}");
    assert_eq!((train.ride(&|| ()), lent.gauge()), ([1000; 3], 1000));
    drop(lent);
    replace(&rt, &steps).commit().unwrap();
    assert_eq!(train.ride(&|| ()), [1520; 3]);
}

#[test]
fn a_call_under_way_in_a_dependent_ends_on_the_old_dependency() {
    let rt = runtime(["rail_track_1_gauge_1000", "rail_train_needs_track_1"]);
    let train: Handle<dyn Train> = rt.service().unwrap();
    let (inside, leave) = (Barrier::new(2), Barrier::new(2));
    let ridden = thread::scope(|scope| {
        let rider = scope.spawn(|| {
            train.ride(&|| {
                inside.wait();
                leave.wait();
            })
        });
        inside.wait();
        let plan = replace(&rt, &["rail_track_2_gauge_1520", "rail_train_needs_track_2"]);
        let plan = plan.deadline(None).gate_wait(None);
        let change = scope.spawn(|| plan.commit().map(drop));
        // The gate waits for the call that is under way.
        wait_until("the gate is shut", || rt.status().is_gate_shut || change.is_finished());
        leave.wait();
        change.join().unwrap().unwrap();
        rider.join().unwrap()
    });
    assert_eq!((ridden, train.ride(&|| ())), ([1000; 3], [1520; 3]));
}

#[test]
fn a_dependency_of_another_signature_is_refused_before_anything_is_constructed() {
    let rt = empty_runtime();
    let plan = rt
        .plan()
        .add(component("rail_track_1_of_another_signature"))
        .add(component("rail_train_needs_track_1"))
        .build();
    let [error] = &plan.refusals().collect::<Vec<_>>()[..] else { panic!("{plan}") };
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(
        error.to_string(),
        "component `train 1.0.0` needs rail.track v1: component `track` cannot serve rail.track v1: \
         gauge: result: expected u32, found u64; build both against one definition, or give the changed interface a \
         new version"
    );
    plan.commit().unwrap_err();

    // Each of the two is refused, whether it is in use or not.
    let rt = runtime(["rail_track_1_gauge_1000", "rail_train_needs_track_1"]);
    let error = rt.replace(component("rail_track_1_of_another_signature")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().starts_with("component `train 1.0.0` needs rail.track v1: "), "{error}");
    let rt = empty_runtime();
    rt.load(component("rail_track_1_of_another_signature")).unwrap();
    let error = rt.load(component("rail_train_needs_track_1")).unwrap_err();
    assert_eq!((error.kind(), rt.status().constructed), (ErrorKind::Mismatch, 0));
}

#[test]
fn a_pin_that_a_restore_or_constructor_asks_for_is_answered_at_once() {
    let refused = "component `train 1.5.0` panicked in its {}: rail.track was not pinned: it is being replaced by the \
                   very transaction that runs this code, and a pin would hold what is not committed; call it through \
                   its handle, or pin it later";
    for (old, kind, verb) in [
        (["rail_track_1_gauge_1000_with_state", "rail_train_needs_track_1_with_state"], ErrorKind::State, "restore"),
        (["rail_track_1_gauge_1000", "rail_train_needs_track_1_with_state"], ErrorKind::State, "restore"),
        (["rail_track_1_gauge_1000_with_state", "rail_train_needs_track_1"], ErrorKind::Construct, "constructor"),
        (["rail_track_1_gauge_1000", "rail_train_needs_track_1"], ErrorKind::Construct, "constructor"),
    ] {
        let rt = runtime(old);
        let train: Handle<dyn Train> = rt.service().unwrap();
        let result = replace(&rt, &["rail_train_pins_track_1", old[0]]).commit();
        if old == ["rail_track_1_gauge_1000_with_state", "rail_train_needs_track_1"] {
            // Before the gate is shut the old track serves every caller, and may be pinned.
            result.unwrap();
        } else {
            let error = result.unwrap_err();
            assert_eq!((error.kind(), error.to_string()), (kind, refused.replace("{}", verb)));
            assert_eq!(train.ride(&|| ()), [1000; 3]);
        }
        // A component that is not replaced can be pinned while the gate is shut, too.
        replace(&rt, &["rail_train_pins_track_1"]).commit().unwrap();
        assert_eq!((train.built_on(), train.ride(&|| ())), (1000, [1000; 3]));
    }
}
