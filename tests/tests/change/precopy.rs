//! State that is copied in rounds while callers go on.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use lcr::{Error, ErrorKind, Handle, PlanBuilder, Report, Runtime};
use lcr_tests::{
    GIVES_UP, LONG, component,
    depot::{Depot, Terms, Wrong},
    empty_runtime, thorough_or, wait_until,
};

/// A depot in a library, with `count` numbers.
fn depot(library: &str, count: u64) -> (Runtime, Handle<dyn Depot>) {
    let rt = empty_runtime();
    rt.load(component(library)).unwrap();
    let depot: Handle<dyn Depot> = rt.service().unwrap();
    depot.take("the successor's own");
    (0..count).for_each(|number| depot.put(&format!("first {number}"), number));
    (rt, depot)
}

/// A plan that nothing but its subject refuses, on a machine that is as busy as it may be.
fn plan(rt: &Runtime) -> PlanBuilder<'_> {
    let long = Duration::from_secs(600);
    rt.plan().precopy_hold(long).deadline(long).timeout(long)
}

fn replace(rt: &Runtime, library: &str) -> Report {
    plan(rt).replace(component(library)).commit().unwrap()
}

/// One caller: it sets and removes numbers of its own, and knows what it was told last.
fn write_until(end: &AtomicBool, depot: &dyn Depot, writer: u64, calls: &AtomicU64) -> HashMap<String, Option<u64>> {
    let mut random = fastrand::Rng::with_seed(writer);
    let mut acknowledged: HashMap<String, Option<u64>> = HashMap::new();
    while !end.load(Ordering::Relaxed) {
        let name = format!("writer {writer} {}", random.u32(0..1_000));
        let before = acknowledged.get(&name).copied().flatten();
        if random.u8(0..4) == 0 {
            assert_eq!(depot.take(&name), before, "{name}");
            acknowledged.insert(name, None);
        } else {
            assert_eq!(depot.get(&name), before, "{name}");
            let number = random.u64(..);
            depot.put(&name, number);
            acknowledged.insert(name, Some(number));
        }
        calls.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[test]
fn a_hash_engine_becomes_a_tree_and_back_under_load_and_every_acknowledged_write_is_there() {
    let numbers = thorough_or(1_000_000, 20_000);
    let (rt, depot) = depot("depot_hash", numbers);
    let (end, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let written: Vec<_> = thread::scope(|scope| {
        let (end, calls) = (&end, &calls);
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let depot = depot.clone();
                scope.spawn(move || write_until(end, &depot, writer, calls))
            })
            .collect();
        wait_until("callers call", || calls.load(Ordering::Relaxed) > 0);
        for turn in 0..thorough_or(10, 3) {
            let (library, kind) = if turn % 2 == 0 { ("depot_tree", "tree") } else { ("depot_hash", "hash") };
            let before = calls.load(Ordering::Relaxed);
            let report = replace(&rt, library);
            assert_eq!(depot.kind(), kind);
            let precopy = report.members[0].precopy.unwrap();
            assert!(precopy.rounds >= 2 && precopy.bytes_at_gate < precopy.bytes / 2, "{precopy:?}");
            assert_eq!(report.members[0].state_bytes, precopy.bytes);
            assert!(calls.load(Ordering::Relaxed) > before, "callers went on");
            // The gate is open: every writer goes on in the new one.
            let now = calls.load(Ordering::Relaxed);
            wait_until("callers go on", || calls.load(Ordering::Relaxed) > now + 1_000);
        }
        end.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut present = numbers;
    for (name, number) in written.iter().flatten() {
        assert_eq!(depot.get(name), *number, "{name}");
        present += u64::from(number.is_some());
    }
    assert!((0..numbers).all(|number| depot.get(&format!("first {number}")) == Some(number)));
    assert_eq!(depot.count(), present, "nothing else is there");
    wait_until("the old ones are destroyed", || rt.status().constructed == rt.status().destroyed + 1);
}

#[test]
fn a_plan_says_how_state_moves_and_a_report_how_it_moved() {
    let (rt, depot) = depot("depot_hash", 1_000);
    let line = |plan: PlanBuilder<'_>| {
        let text = plan.replace(component("depot_tree")).build().to_string();
        text.lines().nth(2).unwrap().trim().to_owned()
    };
    let copied = "depot v1: 1 instance, state v1 copied ahead, callers held";
    assert_eq!(line(rt.plan()), format!("{copied} about 10ms or refused"));
    assert_eq!(line(rt.plan().precopy_hold(Duration::from_millis(3))), format!("{copied} about 3ms or refused"));
    assert_eq!(line(rt.plan().precopy_hold(None)), format!("{copied} for the last changes"));
    assert_eq!(line(rt.plan().precopy_rounds(0)), "depot v1: 1 instance, state v1 offered to restore");

    let report = replace(&rt, "depot_tree");
    assert!(report.to_string().contains("depot 1.0.0 -> depot 2.0.0 (copied ahead in "), "{report}");
    let report = plan(&rt).precopy_rounds(0).replace(component("depot_hash")).commit().unwrap();
    assert_eq!((report.members[0].precopy, depot.count()), (None, 1_000));
    let text = rt.plan().replace(component("depot_wide")).build().to_string();
    assert!(text.contains("state v1 copied ahead to migrate_changes of v2, callers held about 10ms"), "{text}");
}

#[test]
fn changes_of_another_state_version_are_migrated_or_refused() {
    let (rt, depot) = depot("depot_hash", 3_000);
    let report = replace(&rt, "depot_wide");
    assert!(report.members[0].precopy.is_some());
    assert_eq!((depot.kind(), depot.count(), depot.get("first 7")), ("texts".to_owned(), 3_000, Some(7)));
    // The older version does not know the newer one's changes, and is refused.
    depot.put("first 7", 8);
    let error = plan(&rt).replace(component("depot_tree")).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State);
    assert!(error.to_string().contains("changes of state version 2 are not known here"), "{error}");
    assert_eq!((depot.kind(), depot.count(), depot.get("first 7")), ("texts".to_owned(), 3_000, Some(8)));
}

#[test]
fn a_state_that_a_component_keeps_is_copied_ahead_by_the_same_declaration() {
    let (rt, depot) = depot("depot_hash", 3_000);
    // Between two of the same type the state moves as it lies.
    for (library, kind, moved) in [("depot_kept", "kept", 0), ("depot_kept", "kept", 1), ("depot_hash", "hash", 0)] {
        depot.put("first 7", depot.get("first 7").unwrap() + 1);
        let report = replace(&rt, library);
        assert_eq!((report.members[0].moved, report.members[0].precopy.is_some()), (moved, moved == 0), "{report}");
        assert_eq!((depot.kind(), depot.count()), (kind.to_owned(), 3_000));
    }
    assert_eq!(depot.get("first 7"), Some(10));
}

/// Replaces a depot by one that does something wrong; returns the refusal. Then the old one serves, with what
/// it had, and can be replaced.
fn refused(wrong: Wrong, options: impl Fn(PlanBuilder<'_>) -> PlanBuilder<'_>) -> Error {
    let directory = tempfile::tempdir().unwrap();
    let hang = directory.path().join("hang");
    fs::write(&hang, "").unwrap();
    let (rt, depot) = depot("depot_hash", 5_000);
    rt.configure("depot", &Terms { wrong: Some(wrong), hang: hang.clone() }).unwrap();
    let error = options(plan(&rt)).replace(component("depot_tree")).commit().unwrap_err();
    assert_eq!((depot.kind(), depot.count()), ("hash".to_owned(), 5_000), "{wrong:?}");
    depot.put("first 0", 1);
    // Also while the one that hangs hangs on.
    rt.configure("depot", &Terms::default()).unwrap();
    replace(&rt, "depot_tree");
    fs::remove_file(&hang).unwrap();
    let now = (depot.kind(), depot.count(), depot.get("first 0"), depot.get("the successor's own"));
    assert_eq!(now, ("tree".to_owned(), 5_000, Some(1), None), "{wrong:?}");
    wait_until("what was made is destroyed", || rt.status().constructed == rt.status().destroyed + 1);
    drop(depot);
    wait_until("all is destroyed", || rt.status().constructed == rt.status().destroyed);
    error
}

#[test]
fn a_successor_that_fails_in_any_step_leaves_the_old_one_with_its_state() {
    for (wrong, kind, text) in [
        (Wrong::Constructor, ErrorKind::Construct, "the shed is locked"),
        (Wrong::ConstructorPanics, ErrorKind::Construct, "the shed burns"),
        (Wrong::Apply(1), ErrorKind::State, "refused in its apply of changes: the shed is full"),
        (Wrong::Apply(3), ErrorKind::State, "the shed is full"),
        (Wrong::ApplyPanics(1), ErrorKind::State, "panicked in its apply of changes: the shed falls"),
        (Wrong::Health, ErrorKind::Unhealthy, "the shed leans"),
    ] {
        let error = refused(wrong, |plan| plan);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn a_successor_that_hangs_leaves_the_old_one_with_its_state_and_is_named() {
    let error = refused(Wrong::ApplyHangs(1), |plan| plan.timeout(GIVES_UP));
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let text = "the application of changes of component `depot 2.0.0` has not ended after";
    assert!(error.to_string().starts_with(text), "{error}");
    assert!(error.to_string().contains("in the pre-copy phase"), "{error}");
}

#[test]
fn what_changes_while_the_last_items_of_a_round_are_made_is_copied_before_callers_are_held() {
    let (rt, depot) = depot("depot_hash", 100);
    let directory = tempfile::tempdir().unwrap();
    let hang = directory.path().join("hang");
    fs::write(&hang, "").unwrap();
    // The rounds ahead of the drain take two looks. The third one begins the rounds behind it.
    let terms = Terms { wrong: Some(Wrong::ApplyHangs(3)), hang: hang.clone() };
    rt.configure("depot", &terms).unwrap();
    let report = thread::scope(|scope| {
        let change = scope.spawn(|| plan(&rt).precopy_hold(None).replace(component("depot_tree")).commit().unwrap());
        wait_until("a look is being made in the successor", || hang.with_extension("reached").exists());
        let writer = scope.spawn(|| (0..2_000).for_each(|number| depot.put(&format!("late {number}"), number)));
        let begun = Instant::now();
        while !writer.is_finished() && begun.elapsed() < LONG {
            thread::sleep(Duration::from_millis(1));
        }
        let is_served = writer.is_finished();
        fs::remove_file(&hang).unwrap();
        writer.join().unwrap();
        assert!(is_served, "the caller was held");
        change.join().unwrap()
    });
    let precopy = report.members[0].precopy.unwrap();
    assert!(precopy.bytes_at_gate < 100, "{precopy:?}");
    assert_eq!((depot.kind(), depot.get("late 1999"), depot.count()), ("tree".to_owned(), Some(1_999), 2_100));
}

/// Replaces a depot whose own state does something wrong.
fn refused_by_the_old_one(
    wrong: Wrong,
    options: impl Fn(PlanBuilder<'_>) -> PlanBuilder<'_>,
) -> (Error, Runtime, Handle<dyn Depot>) {
    let rt = empty_runtime();
    rt.load(component("depot_hash")).unwrap();
    rt.configure("depot", &Terms { wrong: Some(wrong), ..Terms::default() }).unwrap();
    let depot: Handle<dyn Depot> = rt.service().unwrap();
    (0..5_000).for_each(|number| depot.put(&format!("first {number}"), number));
    let before = depot.count();
    rt.configure("depot", &Terms::default()).unwrap();
    let error = options(plan(&rt)).replace(component("depot_tree")).commit().unwrap_err();
    assert_eq!((depot.kind(), depot.get("first 9")), ("hash".to_owned(), Some(9)), "{wrong:?}");
    assert!(depot.count() >= before);
    wait_until("the successor is destroyed", || rt.status().constructed == rt.status().destroyed + 1);
    (error, rt, depot)
}

#[test]
fn an_old_state_that_cannot_be_looked_at_serves_on() {
    for (wrong, text) in [
        (Wrong::TrackPanics, "component `depot 1.0.0` panicked in its track: "),
        (Wrong::Look(1), "component `depot 1.0.0` refused in its look at its state: the shed is dark"),
        (Wrong::Look(4), "the shed is dark"),
        (Wrong::LookPanics(2), "component `depot 1.0.0` panicked in its look at its state: a rat in the shed"),
    ] {
        let (error, _rt, depot) = refused_by_the_old_one(wrong, |plan| plan);
        assert_eq!(error.kind(), ErrorKind::State, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        depot.put("first 9", 10);
        assert_eq!(depot.get("first 9"), Some(10), "the panic did not poison the lock");
    }
}

#[test]
fn state_that_changes_faster_than_it_is_copied_is_refused_before_callers_are_held() {
    let ms = Duration::from_millis;
    let (error, ..) = refused_by_the_old_one(Wrong::Endless, |plan| plan.precopy_rounds(1).precopy_hold(ms(1)));
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    assert!(error.to_string().contains("changes faster than it is copied: after 1 round "), "{error}");
    assert!(error.to_string().contains("raise precopy_hold, precopy_rounds or timeout"), "{error}");

    // What is left is bounded too: more changes than the backlog come ahead of each look.
    let (error, ..) = refused_by_the_old_one(Wrong::Busy(5_000), |plan| plan.precopy_backlog(100));
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert!(error.to_string().contains("more than 100 changes would have to be kept"), "{error}");
}

#[test]
fn each_instance_is_copied_with_the_state_that_is_its_own() {
    let rt = empty_runtime();
    rt.load(component("depot_tree")).unwrap();
    let own: Vec<Handle<dyn Depot>> = (0..20).map(|_| rt.reference(&Terms::default()).unwrap()).collect();
    for (number, depot) in (0..).zip(&own) {
        depot.put("number", number);
    }
    let report = replace(&rt, "depot_hash");
    assert_eq!((report.members[0].instances, report.members[0].precopy.is_some()), (20, true));
    for (number, depot) in (0..).zip(&own) {
        assert_eq!((depot.kind(), depot.get("number"), depot.count()), ("hash".to_owned(), Some(number), 2));
    }
}

#[test]
fn callers_are_served_while_a_call_is_inside_and_its_changes_come_along() {
    let (rt, depot) = depot("depot_hash", 2_000);
    let (inside, leave) = (Barrier::new(2), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            depot.inside(&|| {
                inside.wait();
                while !leave.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
                depot.put("last words", 1);
            });
        });
        inside.wait();
        let change = scope.spawn(|| replace(&rt, "depot_tree"));
        // The rounds wait for the call, and the gate is open.
        for number in 0..thorough_or(100_000, 2_000) {
            depot.put("meanwhile", number);
        }
        assert_eq!(depot.kind(), "hash");
        leave.store(true, Ordering::Relaxed);
        assert!(change.join().unwrap().members[0].precopy.is_some());
    });
    assert_eq!((depot.kind(), depot.get("last words"), depot.count()), ("tree".to_owned(), Some(1), 2_002));
}
