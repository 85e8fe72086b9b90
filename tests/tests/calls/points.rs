//! Points: closures that look at variables inside a component's code, and change them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use lcr::{ErrorKind, Handle, Runtime};
use lcr_tests::{
    component, empty_runtime,
    gauge::{Gauge, Level},
    wait_until,
};

type Sum = (u64, Vec<u32>, String, Level);

fn gauge() -> (Runtime, Handle<dyn Gauge>) {
    let rt = empty_runtime();
    rt.load(component("gauge")).unwrap();
    let gauge = rt.service::<dyn Gauge>().unwrap();
    (rt, gauge)
}

/// A point of the test program itself.
fn halve(n: u64) -> u64 {
    let mut half = n / 2;
    lcr::point!("program.half", half: u64);
    half
}

#[test]
fn the_points_of_a_component_are_listed_with_their_variables_and_places() {
    let (rt, _gauge) = gauge();
    let points = rt.points();
    let of_gauge = |name: &str| points.iter().find(|point| point.name == name).unwrap();
    let sum = of_gauge("gauge.sum");
    assert_eq!(sum.component.as_ref().unwrap().to_string(), "gauge 1.0.0");
    assert!(sum.file.ends_with("gauge.rs") && sum.line > 1 && !sum.is_armed, "{sum:?}");
    let locals: Vec<_> = sum.locals.iter().map(|(name, shape)| format!("{name}: {shape}")).collect();
    assert_eq!(locals, ["sum: u64", "values: Vec<u32>", "label: String", "level: Level"]);
    assert_eq!(of_gauge("gauge.tick").locals.len(), 1);
    let half = of_gauge("program.half");
    assert!(half.component.is_none() && half.to_string().contains("points.rs"), "{half}");
}

#[test]
fn a_closure_sees_the_variables_of_a_loaded_component_and_what_it_makes_of_them_counts() {
    let (rt, gauge) = gauge();
    let sum = || gauge.sum(vec![1, 2, 3], "litres");
    let before = sum();
    assert_eq!(before, "litres: 6 of 3 at Filled { by: 6, of: 100 }");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sees = Arc::clone(&seen);
    let armed = rt.at_point("gauge.sum").run(move |(sum, values, label, level): &mut Sum| {
        sees.lock().unwrap().push((*sum, values.clone(), label.clone(), level.clone()));
        *sum *= 2;
        values.push(9);
        label.insert(0, '!');
        *level = Level::Empty;
    });
    let armed = armed.unwrap();
    assert!(rt.points().iter().any(|point| point.name == "gauge.sum" && point.is_armed));
    assert_eq!(sum(), "!litres: 12 of 4 at Empty");
    assert_eq!(*seen.lock().unwrap(), [(6, vec![1, 2, 3], "litres".to_owned(), Level::Filled { by: 6, of: 100 })]);
    drop(armed);
    assert_eq!(sum(), before);
    assert!(rt.points().iter().all(|point| !point.is_armed));
}

#[test]
fn a_point_that_is_linked_in_belongs_to_whichever_runtime_arms_it_first() {
    let (one, other) = (empty_runtime(), empty_runtime());
    assert_eq!(halve(10), 5);
    let armed = one.at_point("program.half").run(|(half,): &mut (u64,)| *half += 100).unwrap();
    let busy = other.at_point("program.half").run(|(_,): &mut (u64,)| {}).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Busy, "{busy}");
    assert_eq!(halve(10), 105);
    drop(armed);
    let armed = other.at_point("program.half").run(|(half,): &mut (u64,)| *half += 200).unwrap();
    assert_eq!(halve(10), 205);
    // The end of the runtime disarms it, and the guard has nothing left to do.
    drop(other);
    assert_eq!(halve(10), 5);
    drop(armed);
}

#[test]
fn other_types_than_the_points_are_refused_before_anything_is_armed() {
    let (rt, gauge) = gauge();
    let refused = [
        rt.at_point("gauge.tick").run(|(_,): &mut (i64,)| {}).unwrap_err(),
        rt.at_point("gauge.tick").run(|(_,): &mut (u32,)| {}).unwrap_err(),
        rt.at_point("gauge.tick").run(|(_, _): &mut (u64, u64)| {}).unwrap_err(),
        rt.at_point("gauge.tick").run(|(): &mut ()| {}).unwrap_err(),
        rt.at_point("gauge.sum").run(|_: &mut (u64, Vec<u64>, String, Level)| {}).unwrap_err(),
    ];
    for error in &refused {
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    }
    let text = refused[4].to_string();
    assert!(text.contains("`values` is `Vec<u32>`, not `Vec<u64>`"), "{text}");
    assert_eq!(rt.at_point("gauge.nothing").run(|(): &mut ()| {}).unwrap_err().kind(), ErrorKind::NotFound);
    let of_other = rt.at_point("gauge.tick").of_component("other");
    assert_eq!(of_other.run(|(_,): &mut (u64,)| {}).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(rt.points().iter().all(|point| !point.is_armed));
    assert!(gauge.sum(vec![], "").starts_with(": 0"));
}

#[test]
fn a_closure_runs_on_a_background_thread_while_points_are_armed_and_disarmed() {
    let (rt, gauge) = gauge();
    gauge.start();
    for round in 1..=200_u64 {
        let value = 1_000_000_000 + round;
        let seen = Arc::new(AtomicU64::new(0));
        let sees = Arc::clone(&seen);
        let closure = move |(number,): &mut (u64,)| {
            sees.fetch_add(1, Ordering::SeqCst);
            *number = value;
        };
        let armed = rt.at_point("gauge.tick").of_component("gauge").run(closure).unwrap();
        wait_until("the thread passes the point", || seen.load(Ordering::SeqCst) > 1);
        wait_until("the value is the closure's", || gauge.last_tick() == value);
        drop(armed);
    }
    let passed = gauge.ticks();
    wait_until("the thread goes on", || gauge.ticks() > passed + 1 && gauge.last_tick() < 1_000_000_000);
    gauge.stop();
}

/// Counts its drops on threads other than the one that made it, and than those that are named after a caller.
struct Captured(Arc<AtomicU64>, thread::ThreadId);

impl Drop for Captured {
    fn drop(&mut self) {
        let here = thread::current();
        assert!(here.id() != self.1 && here.name() != Some("caller"), "dropped on a thread of the program's");
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn what_was_captured_is_dropped_once_after_the_last_thread_has_left_and_disarming_does_not_wait() {
    let (rt, gauge) = gauge();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured(Arc::clone(&drops), thread::current().id());
    let (entered, enters) = mpsc::channel();
    let (leave, leaves) = mpsc::channel::<()>();
    let leaves = Mutex::new(leaves);
    let armed = rt.at_point("gauge.sum").run(move |(sum, ..): &mut Sum| {
        let _ = &captured;
        entered.send(()).unwrap();
        leaves.lock().unwrap().recv().unwrap();
        *sum += 1;
    });
    let armed = armed.unwrap();
    thread::scope(|scope| {
        let inside = || gauge.sum(vec![1], "inside");
        let inside = thread::Builder::new().name("caller".to_owned()).spawn_scoped(scope, inside).unwrap();
        enters.recv().unwrap();
        drop(armed);
        assert_eq!(gauge.sum(vec![1], "next"), "next: 1 of 1 at Filled { by: 1, of: 100 }");
        assert_eq!(drops.load(Ordering::SeqCst), 0, "a thread is inside");
        leave.send(()).unwrap();
        assert!(inside.join().unwrap().starts_with("inside: 2"), "it ends as it began");
    });
    wait_until("what was captured is dropped", || drops.load(Ordering::SeqCst) == 1);
    drop((gauge, rt));
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn what_was_captured_is_dropped_at_the_end_of_the_runtime() {
    let (rt, gauge) = gauge();
    let drops = Arc::new(AtomicU64::new(0));
    let captured = Captured(Arc::clone(&drops), thread::current().id());
    let armed = rt.at_point("gauge.sum").run(move |_: &mut Sum| {
        let _ = &captured;
    });
    let armed = armed.unwrap();
    gauge.sum(vec![], "");
    drop((gauge, rt));
    wait_until("what was captured is dropped", || drops.load(Ordering::SeqCst) == 1);
    drop(armed);
}

#[test]
fn a_closure_that_panics_leaves_the_variables_as_they_were_and_the_call_goes_on() {
    let (rt, gauge) = gauge();
    let armed = rt.at_point("gauge.sum").run(|(sum, values, ..): &mut Sum| {
        *sum = 0;
        values.clear();
        panic!("the closure is wrong");
    });
    let armed = armed.unwrap();
    for _ in 0..3 {
        assert_eq!(gauge.sum(vec![4, 5], "kept"), "kept: 9 of 2 at Filled { by: 9, of: 100 }");
    }
    let status = rt.status();
    assert_eq!(status.components.iter().map(|component| component.faults).sum::<u64>(), 0);
    drop(armed);
}

#[test]
fn an_armed_point_ends_with_the_version_of_its_component() {
    let (rt, gauge) = gauge();
    let armed = rt.at_point("gauge.sum").run(|(sum, ..): &mut Sum| *sum = 77).unwrap();
    assert!(gauge.sum(vec![1], "old").contains("77"));
    rt.replace(component("gauge")).unwrap();
    assert!(!gauge.sum(vec![1], "new").contains("77"), "the new image has a point of its own");
    let again = rt.at_point("gauge.sum").run(|(sum, ..): &mut Sum| *sum = 78).unwrap();
    assert!(gauge.sum(vec![1], "new").contains("78"));
    drop(armed);
    assert!(gauge.sum(vec![1], "new").contains("78"));
    drop(again);
}

#[test]
fn eight_threads_pass_a_point_while_it_is_armed_and_disarmed_and_see_one_closure_or_none() {
    let (rt, gauge) = gauge();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let text = gauge.sum(vec![1, 1], "t");
                    // A closure adds 10 to each, so one that ran half would show.
                    assert!(["t: 2 of 2", "t: 12 of 3"].iter().any(|is| text.starts_with(is)), "{text}");
                }
            });
        }
        for _ in 0..300 {
            let armed = rt.at_point("gauge.sum").run(|(sum, values, ..): &mut Sum| {
                *sum += 10;
                values.push(0);
            });
            drop(armed.unwrap());
        }
        done.store(true, Ordering::Relaxed);
    });
}
