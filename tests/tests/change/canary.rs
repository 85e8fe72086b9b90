//! Canaries: which calls a candidate gets, what becomes of it, and what nobody sees of that.

use std::{
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{
    ErrorKind, Handle, PlanBuilder, Runtime, Trial,
    canary::{Canary, CanaryCause, CanaryOutcome},
    events::EventKind,
    watch::Watch,
};
use lcr_tests::{
    bank::Clock,
    component, empty_runtime,
    executor::block_on,
    mill::{Barn, Mill, MillError, Ways},
    wait_until,
};

use crate::milling::{LONG, call_until_the_end, is_everything_destroyed, milling_for, second};

fn milling() -> (Runtime, Handle<dyn Mill>) {
    milling_for(Arc::default())
}

#[test]
fn a_version_that_fails_one_call_in_ten_is_withdrawn_at_its_fourth_failure_and_clients_saw_no_other() {
    let (rt, mill) = milling();
    let mut events = rt.events();
    let status =
        second(&rt, Ways { panics: 10, ..Ways::default() }).canary(Canary::share(0.05).seed(1).any_time()).unwrap();
    // Beside an old version that never fails, four failures are enough, as `evidence` works out.
    assert_eq!((status.enough, status.taken, status.wanted), (4, 0, 1_000));
    let (mut failed, mut calls) = (0_u64, 0_u64);
    while rt.canary().is_some() {
        calls += 1;
        match mill.grind(3) {
            Ok(flour) => assert_eq!(flour, 6),
            Err(MillError::Faulted(text)) => {
                failed += 1;
                assert!(text.contains("mill 2.0.0") && text.contains("the stone broke"), "{text}");
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    (0..5_000).for_each(|_| assert_eq!(mill.grind(1), Ok(2), "the old version serves alone"));
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Faults), "{end}");
    assert_eq!((failed, end.new.faults, end.new.calls, end.old.faults), (4, 4, 40, 0), "{end}");
    assert!(end.new.calls * 20 <= end.new.calls + end.old.calls && calls < 5_000, "{calls} calls: {end}");
    assert!(end.why.contains("4 of its 40 calls faulted") && end.why.contains("mill.mill.grind"), "{end}");
    assert_eq!(mill.version(), 1);
    // The file is in quarantine, and nobody else is charged with its faults.
    assert_eq!(end.quarantined, rt.quarantine().first().map(|file| file.hash));
    assert!(end.quarantined.is_some());
    let refused = rt.replace(component("mill_2")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Quarantined, "{refused}");
    assert!(rt.status().components.iter().all(|component| component.faults == 0), "{:?}", rt.status());
    let told: Vec<EventKind> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    assert!(matches!(&told[0], EventKind::CanaryBegan { share, .. } if *share == 0.05), "{told:?}");
    let has = |name: &str| told.iter().any(|kind| kind.name() == name);
    assert!(has("quarantined") && has("canary_ended") && !has("fault") && !has("committed"), "{told:?}");
    // The barn and the old mill are left.
    wait_until("the candidate and the layers are destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn many_threads_see_at_most_one_failure_more_each_than_the_statistics_need() {
    let (rt, mill) = milling();
    second(&rt, Ways { panics: 10, ..Ways::default() }).canary(Canary::share(0.2).seed(3).any_time()).unwrap();
    let (failed, enough) = (AtomicU64::new(0), rt.canary().unwrap().enough);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while rt.canary().is_some() {
                    failed.fetch_add(u64::from(mill.grind(3).is_err()), Ordering::Relaxed);
                }
            });
        }
    });
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!(end.cause, CanaryCause::Faults, "{end}");
    let failed = failed.into_inner();
    assert!((enough..enough + 8).contains(&failed) && end.new.faults == failed, "{failed}: {end}");
    assert!(end.new.calls <= 10 * (enough + 8) && end.new.calls * 5 <= end.new.calls + end.old.calls, "{end}");
}

#[test]
fn a_version_that_does_no_worse_takes_the_place_and_goes_on_trial_if_the_plan_says_so() {
    let (rt, mill) = milling();
    let mut events = rt.events();
    let generation = rt.generation();
    // What callers provoke goes wrong in both.
    let rules = Canary::share(0.25).calls(300).seed(2).any_time();
    second(&rt, Ways::default()).reason("ticket 7").trial(Trial::until_confirmed()).canary(rules).unwrap();
    assert_eq!(rt.generation(), generation, "a canary is no commit");
    let mut calls = 0_u64;
    let end = call_until_the_end(&rt, || {
        calls += 1;
        assert_eq!(
            mill.grind(calls % 4),
            if calls.is_multiple_of(4) { Err(MillError::Empty) } else { Ok(calls % 4 * 2) }
        );
    });
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Promoted, CanaryCause::Calls), "{end}");
    assert_eq!((end.generation, end.new.calls), (Some(generation + 1), 300), "{end}");
    assert!(end.new.errors > 30 && end.old.errors > 100 && end.quarantined.is_none(), "{end}");
    assert_eq!((mill.version(), rt.generation()), (2, generation + 1));
    assert!(rt.trial().is_some() && rt.quarantine().is_empty());
    rt.confirm().unwrap();
    let told: Vec<EventKind> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    let reason = told.iter().find_map(|kind| match kind {
        EventKind::Committed(committed) => committed.reason.clone(),
        _ => None,
    });
    assert_eq!(reason.as_deref(), Some("ticket 7"));
    rt.plan().rollback(lcr::Back::Steps(1)).commit().unwrap();
    assert_eq!(mill.version(), 1);
}

#[test]
fn a_version_that_returns_errors_or_is_slow_is_withdrawn_for_that() {
    let (rt, mill) = milling();
    for (ways, cause, said) in [
        (Ways { errs: 5, ..Ways::default() }, CanaryCause::Errors, "returned an error"),
        (Ways { lingers: 2, ..Ways::default() }, CanaryCause::Times, "were slow"),
    ] {
        second(&rt, ways).canary(Canary::share(0.25).seed(4)).unwrap();
        let end = call_until_the_end(&rt, || drop(mill.grind(1)));
        assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, cause), "{end}");
        assert!(end.why.contains(said) && end.new.faults == 0, "{end}");
        // What a call returned is its caller's.
        assert!(!end.why.contains("Broken"), "{end}");
        rt.release(&end.quarantined.unwrap()).unwrap();
    }
    // Who does not look at times does not mind.
    let ways = Ways { lingers: 2, ..Ways::default() };
    second(&rt, ways).canary(Canary::share(0.5).calls(30).any_time()).unwrap();
    assert_eq!(call_until_the_end(&rt, || drop(mill.grind(1))).outcome, CanaryOutcome::Promoted);
}

#[test]
fn a_version_that_fails_each_of_the_fewest_calls_is_withdrawn_at_the_last_of_them() {
    let (rt, mill) = milling();
    for seed in 0..8 {
        let rules = Canary::share(0.5).calls(11).seed(seed).any_time();
        second(&rt, Ways { panics: 1, ..Ways::default() }).canary(rules).unwrap();
        // From many threads: the last call ends while others look.
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while rt.canary().is_some() {
                        drop(mill.grind(3));
                    }
                });
            }
        });
        let end = rt.wait_canary(LONG).unwrap();
        assert_eq!(
            (end.outcome, end.cause, end.new.faults),
            (CanaryOutcome::Withdrawn, CanaryCause::Faults, 11),
            "{end}"
        );
        rt.release(&end.quarantined.unwrap()).unwrap();
    }
    assert_eq!(mill.version(), 1);
}

#[test]
fn a_file_that_serves_is_not_put_into_quarantine_for_another_configuration() {
    let (rt, mill) = milling();
    let worse = rt.plan().replace(component("mill_1")).configure("mill", &Ways { panics: 1, ..Ways::default() });
    worse.unwrap().canary(Canary::share(0.25).any_time()).unwrap();
    let end = call_until_the_end(&rt, || drop(mill.grind(1)));
    assert_eq!((end.cause, end.quarantined), (CanaryCause::Faults, None), "{end}");
    assert!(rt.quarantine().is_empty());
}

#[test]
fn a_canary_is_refused_beside_another_one_before_its_file_is_loaded_and_if_its_plan_is_stale() {
    let (rt, mill) = milling();
    let [late, stale] = [(); 2].map(|()| second(&rt, Ways::default()).build());
    second(&rt, Ways::default()).canary(Canary::share(0.5)).unwrap();
    let before = rt.status();
    assert_eq!(late.canary(Canary::share(0.5)).unwrap_err().kind(), ErrorKind::OnTrial);
    assert_eq!(rt.status().constructed, before.constructed, "the file's code has not run");
    rt.promote_canary().unwrap();
    let refused = stale.canary(Canary::share(0.5)).unwrap_err();
    assert_eq!((refused.kind(), mill.version()), (ErrorKind::Stale, 2), "{refused}");
}

#[test]
fn an_operator_promotes_and_withdraws_and_too_few_calls_withdraw_and_none_of_it_is_a_failure() {
    let (rt, mill) = milling();
    assert_eq!(rt.withdraw_canary("none").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(rt.wait_canary(None).is_none());
    let begin = |rules| second(&rt, Ways::default()).canary(rules).unwrap();
    begin(Canary::share(0.5));
    let end = rt.withdraw_canary("ticket 8").unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Operator));
    assert!(end.why.contains("ticket 8") && mill.version() == 1, "{end}");
    let refused = rt.promote_canary().unwrap_err();
    assert!(refused.kind() == ErrorKind::NotFound && refused.to_string().contains("ticket 8"), "{refused}");
    begin(Canary::share(0.5).within(Duration::from_millis(30)));
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls), "{end}");
    assert!(rt.quarantine().is_empty());
    begin(Canary::share(0.5));
    let end = rt.promote_canary().unwrap();
    assert_eq!((end.outcome, end.cause, mill.version()), (CanaryOutcome::Promoted, CanaryCause::Operator, 2));
    wait_until("what was withdrawn or replaced is destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn what_a_canary_is_not_made_of_is_refused_by_name_and_changes_nothing() {
    let (rt, mill) = milling();
    let refused = |plan: PlanBuilder<'_>, rules: Canary, kind: ErrorKind, said: &str| {
        let error = plan.canary(rules).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(said), "{error:?}");
        assert!(rt.canary().is_none());
    };
    let fine = || Canary::share(0.1);
    let mill_2 = || second(&rt, Ways::default());
    rt.plan().add(component("vault_v1")).commit().unwrap();
    refused(rt.plan().replace(component("vault_v2")), fine(), ErrorKind::State, "keeps state");
    refused(rt.plan().add(component("clock_v1")), fine(), ErrorKind::Invalid, "one component");
    refused(mill_2().add(component("clock_v1")), fine(), ErrorKind::Invalid, "one component");
    for share in [0.0, -1.0, 0.6, f64::NAN] {
        refused(mill_2(), Canary::share(share), ErrorKind::Invalid, "at most half");
    }
    refused(mill_2(), fine().calls(0), ErrorKind::Invalid, "no call");
    // So few would not show a version that fails each.
    refused(mill_2(), fine().calls(3), ErrorKind::Invalid, "4 at the least");
    refused(mill_2(), Canary::share(0.5).calls(10), ErrorKind::Invalid, "11 at the least");
    refused(mill_2(), fine().within(Duration::ZERO), ErrorKind::Invalid, "lasts longer");
    refused(mill_2(), fine().slow(0.5, Duration::ZERO), ErrorKind::Invalid, "multiple");
    let ill = Ways { is_ill: true, ..Ways::default() };
    refused(second(&rt, ill), fine(), ErrorKind::Unhealthy, "a wheel is missing");
    refused(rt.plan().replace("/nowhere/libno_such.so"), fine(), ErrorKind::NotFound, "no_such");
    assert!(rt.last_refusals().iter().any(|refusal| refusal.text.contains("a wheel is missing")));
    assert_eq!((mill.version(), mill.grind(2)), (1, Ok(4)));
    rt.plan().add(component("clock_v1")).commit().unwrap();
    rt.plan().replace(component("clock_v2")).trial(Trial::until_confirmed()).commit().unwrap();
    refused(mill_2(), fine(), ErrorKind::OnTrial, "one at a time");
    rt.confirm().unwrap();
    wait_until("no candidate is left", || is_everything_destroyed(&rt, 2));
}

#[test]
fn plans_for_the_component_wait_for_the_end_of_its_canary_and_others_go_on() {
    let (rt, mill) = milling();
    second(&rt, Ways::default()).canary(Canary::share(0.5)).unwrap();
    let refused = |error: lcr::Error, said: &str| {
        assert!(error.kind() == ErrorKind::OnTrial && error.to_string().contains(said), "{error}");
    };
    refused(rt.replace(component("mill_2")).unwrap_err(), "`mill` has a canary, mill 2.0.0");
    refused(second(&rt, Ways::default()).canary(Canary::share(0.1)).unwrap_err(), "has a canary");
    refused(rt.configure("mill", &Ways::default()).unwrap_err(), "`mill` has a canary, mill 2.0.0");
    let configuring = rt.plan().configure("mill", &Ways::default()).unwrap();
    refused(configuring.commit().unwrap_err(), "`mill` has a canary, mill 2.0.0");
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    refused(
        rt.plan().replace(component("clock_v2")).trial(Trial::until_confirmed()).commit().unwrap_err(),
        "one trial at a time",
    );
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!(clock.version(), 2);
    let status = rt.canary().unwrap();
    assert!(status.to_string().contains("canary: mill 1.0.0 -> mill 2.0.0, which gets 50 % of the calls"), "{status}");
    assert!(status.methods.contains(&"mill.mill.grind".to_owned()));
    assert!(status.left_out.iter().any(|left| left.method == "mill.mill.later" && left.why.contains("polled")));
    assert_eq!(block_on(mill.later()), 1);
    rt.withdraw_canary("enough").unwrap();
    rt.replace(component("mill_2")).unwrap();
    assert_eq!(mill.version(), 2);
}

/// A barn whose keeper configures the mill when the mill asks how much there is.
#[derive(Default)]
struct Office(OnceLock<Weak<Runtime>>);

impl Barn for Office {
    fn store(&self, flour: u64) -> u64 {
        if let Some(rt) = self.0.get().and_then(Weak::upgrade) {
            rt.configure("mill", &Ways { lingers: 1, ..Ways::default() }).unwrap();
        }
        flour
    }
}

#[test]
fn a_canary_is_refused_if_its_component_is_configured_while_the_candidate_is_constructed() {
    let (rt, office) = (Arc::new(empty_runtime()), Arc::new(Office::default()));
    let plan = rt.plan().provide::<dyn Barn, _>("barn", Arc::clone(&office)).unwrap();
    plan.add(component("mill_1")).commit().unwrap();
    let mill: Handle<dyn Mill> = rt.service().unwrap();
    office.0.set(Arc::downgrade(&rt)).unwrap();
    let begin = || second(&rt, Ways { asks_barn: true, ..Ways::default() }).canary(Canary::share(0.5));
    let error = begin().unwrap_err();
    assert!(error.kind() == ErrorKind::Stale && error.to_string().contains("`mill` was configured while"), "{error}");
    assert_eq!((rt.canary().is_none(), mill.version(), mill.grind(1)), (true, 1, Ok(2)));
    wait_until("the candidate is destroyed", || is_everything_destroyed(&rt, 2));
    // It is configured as before.
    begin().unwrap();
    rt.configure("mill", &Ways::default()).unwrap_err();
    assert_eq!(rt.withdraw_canary("enough").unwrap().outcome, CanaryOutcome::Withdrawn);
}

#[test]
fn both_versions_share_what_they_keep_elsewhere_and_patches_and_watches_see_the_calls_of_both() {
    let (rt, mill) = milling();
    let seen = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&seen);
    let patch = rt.patch::<dyn Mill>("double").methods(|m| {
        m.deliver(move |next, flour| {
            counted.fetch_add(1, Ordering::Relaxed);
            next(2 * flour)
        })
    });
    let _patch = patch.commit().unwrap();
    second(&rt, Ways::default()).canary(Canary::share(0.5).seed(5).any_time()).unwrap();
    let watching = rt.watch(Watch::stats("mill.mill.*")).unwrap();
    for call in 1..=200 {
        assert_eq!(mill.deliver(1), 2 * call);
    }
    let versions: Vec<u32> = (0..200).map(|_| mill.version()).collect();
    assert!(versions.contains(&1) && versions.contains(&2));
    let stats = watching.stats();
    let calls = |name: &str| stats.iter().find(|stats| stats.method == name).map(|stats| stats.calls);
    assert_eq!((calls("mill.mill.deliver"), calls("mill.mill.version")), (Some(200), Some(200)));
    assert_eq!(seen.load(Ordering::Relaxed), 200);
    let status = rt.canary().unwrap();
    assert_eq!(status.old.calls + status.new.calls, 400);
    assert!(status.new.calls > 100 && status.new.calls <= 200, "{status}");
    // A callback is lent to either, and a handle with an instance of its own stays with the old version.
    let inside = AtomicU64::new(0);
    (0..20).for_each(|_| mill.inside(&|| _ = inside.fetch_add(1, Ordering::Relaxed)));
    assert_eq!(inside.into_inner(), 20);
    let own = rt.reference::<dyn Mill>(&Ways::default()).unwrap();
    assert!((0..100).all(|_| own.version() == 1));
    rt.promote_canary().unwrap();
    assert_eq!((mill.deliver(1), mill.version()), (402, 2), "the barn has what both have delivered");
}

#[test]
fn a_pin_keeps_a_candidate_that_was_withdrawn_and_a_call_inside_does_too() {
    let (rt, mill) = milling();
    second(&rt, Ways::default()).canary(Canary::share(0.5).seed(6).any_time()).unwrap();
    let pin = rt.pin();
    let (entered, leave) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                mill.inside(&|| {
                    entered.fetch_add(1, Ordering::Relaxed);
                    while !leave.load(Ordering::Relaxed) {
                        thread::sleep(Duration::from_millis(1));
                    }
                });
            });
        }
        wait_until("all are inside", || entered.load(Ordering::Relaxed) == 8);
        assert!(rt.canary().unwrap().under_way > 0);
        rt.withdraw_canary("they may go on").unwrap();
        assert_eq!(mill.version(), 1);
        assert!(!is_everything_destroyed(&rt, 2));
        leave.store(true, Ordering::Relaxed);
    });
    assert!(!is_everything_destroyed(&rt, 2), "the pin holds the world of the canary");
    drop(pin);
    wait_until("the candidate is destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn a_runtime_that_is_dropped_ends_its_canary_and_destroys_the_candidate_before_its_dependencies() {
    let (rt, mill) = milling();
    let mut events = rt.events();
    second(&rt, Ways::default()).canary(Canary::share(0.5)).unwrap();
    (0..100).for_each(|_| _ = mill.deliver(1));
    drop(rt);
    let told: Vec<EventKind> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    let ended = told.iter().find_map(|kind| match kind {
        EventKind::CanaryEnded { outcome, .. } => Some(outcome.clone()),
        _ => None,
    });
    assert_eq!(ended.as_deref(), Some("interrupted"), "{told:?}");
    assert!(matches!(mill.grind(1), Err(MillError::Faulted(_))));
}
