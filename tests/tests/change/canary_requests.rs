//! Canaries of requests: each is served whole by one version, through the end of the canary, and counted as one.

use std::{
    cell::RefCell,
    collections::HashSet,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use lcr::{
    ErrorKind, Handle, PlanBuilder, Runtime, Trial,
    canary::{Canary, CanaryCause, CanaryOutcome},
    events::EventKind,
    report::HeldBy,
};
use lcr_tests::{
    component, empty_runtime,
    mill::{Barn, Mill, Press, Ways},
    wait_until,
};

use crate::milling::{LONG, call_until_the_end, is_everything_destroyed, milling_for, second};

fn pressing() -> (Runtime, Handle<dyn Press>) {
    let rt = empty_runtime();
    rt.load(component("press_1")).unwrap();
    let press = rt.service().unwrap();
    (rt, press)
}

/// A plan that replaces the press by version 2, in which such calls go wrong.
fn better(rt: &Runtime, ways: Ways) -> PlanBuilder<'_> {
    rt.plan().replace(component("press_2")).configure("press", &ways).unwrap()
}

/// Says that it is over when it is dropped, also since something failed.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A request of five calls: which version serves each.
fn request(rt: &Runtime, press: &Handle<dyn Press>) -> HashSet<u32> {
    let _pin = rt.pin().unwrap();
    (0..5).map(|_| press.version()).collect()
}

#[test]
fn a_request_is_never_served_by_both_versions_whatever_ends_the_canary_and_other_calls_by_the_old_one() {
    let (rt, press) = pressing();
    for is_promoted in [false, false, true] {
        let (is_over, generation) = (AtomicBool::new(false), rt.generation());
        let served = [const { AtomicU64::new(0) }; 2];
        better(&rt, Ways::default()).canary(Canary::share(0.5).of_requests().calls(u64::MAX)).unwrap();
        thread::scope(|scope| {
            let over = Over(&is_over);
            for _ in 0..6 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let pin = rt.pin().unwrap();
                        let versions: HashSet<u32> = (0..5)
                            .map(|_| {
                                thread::yield_now();
                                press.version()
                            })
                            .collect();
                        assert_eq!(versions.len(), 1, "a request of generation {}: {versions:?}", pin.generation());
                        let is_new = versions.contains(&2);
                        served[usize::from(is_new)].fetch_add(1, Ordering::Relaxed);
                        drop(pin);
                        let alone = press.version();
                        assert!(alone == 1 || rt.generation() > generation, "a call without a pin: {alone}");
                    }
                });
            }
            let has_some = || served.iter().all(|count| count.load(Ordering::Relaxed) > 50);
            wait_until("both versions serve requests", has_some);
            let end = if is_promoted { rt.promote_canary() } else { rt.withdraw_canary("enough") }.unwrap();
            assert!(end.of_requests && end.outside > 0, "{end}");
            let so_many = served.each_ref().map(|count| count.load(Ordering::Relaxed));
            let goes_on =
                || served[usize::from(is_promoted)].load(Ordering::Relaxed) > so_many[usize::from(is_promoted)] + 50;
            wait_until("requests go on", goes_on);
            drop(over);
        });
        assert_eq!((rt.generation() > generation, press.version()), (is_promoted, 1 + u32::from(is_promoted)));
        assert_eq!(request(&rt, &press), HashSet::from([press.version()]));
        wait_until("what was withdrawn or replaced is destroyed", || is_everything_destroyed(&rt, 1));
    }
}

#[test]
fn the_candidate_never_had_more_than_its_share_of_the_requests_and_gets_about_that() {
    let (rt, press) = pressing();
    let mut events = rt.events();
    let status = better(&rt, Ways::default()).canary(Canary::share(0.25).of_requests().seed(1)).unwrap();
    assert!(status.to_string().contains("which gets 25 % of the requests\n"), "{status}");
    assert_eq!((status.methods.len(), &status.left_out[..]), (3, &[][..]));
    let mut taken = 0_u64;
    for requests in 1..=400_u64 {
        assert_eq!(press.version(), 1);
        // A request that does not call the component is not drawn for.
        drop(rt.pin().unwrap());
        taken += u64::from(request(&rt, &press).contains(&2));
        assert!(taken * 4 <= requests, "{taken} of {requests}");
    }
    assert!(taken > 80, "{taken} of 400");
    let status = rt.canary().unwrap();
    assert_eq!((status.new.calls, status.old.calls, status.outside), (taken, 400 - taken, 400), "{status}");
    assert_eq!((status.taken, status.under_way), (taken, 0));
    assert!(status.new.p50_ns > 0 && status.to_string().contains("  400 calls of no request"), "{status}");
    rt.withdraw_canary("enough").unwrap();
    let told = std::iter::from_fn(|| events.try_next()).map(|event| event.kind);
    let began = told.into_iter().find(|kind| matches!(kind, EventKind::CanaryBegan { .. }));
    assert!(matches!(began, Some(EventKind::CanaryBegan { of_requests: true, .. })), "{began:?}");
}

#[test]
fn a_version_is_withdrawn_after_so_many_bad_requests_as_the_statistics_need_and_clients_saw_no_other() {
    let (rt, press) = pressing();
    // One request in ten has a call that goes wrong; each has five; all take too long, in sum.
    let slow = Canary::share(0.2).slow(2.0, Duration::from_millis(8));
    for (ways, rules, cause, said) in [
        (
            Ways { panics: 50, ..Ways::default() },
            Canary::share(0.05).any_time(),
            CanaryCause::Faults,
            "had a call that faulted",
        ),
        (
            Ways { panics: 1, ..Ways::default() },
            Canary::share(0.25).any_time(),
            CanaryCause::Faults,
            "had a call that faulted",
        ),
        (
            Ways { errs: 25, ..Ways::default() },
            Canary::share(0.5).any_time(),
            CanaryCause::Errors,
            "had a call that returned",
        ),
        (Ways { lingers: 2, ..Ways::default() }, slow, CanaryCause::Times, "requests were slow"),
    ] {
        let enough = better(&rt, ways).canary(rules.of_requests().seed(4)).unwrap().enough;
        let mut bad = 0;
        let end = call_until_the_end(&rt, || {
            let _pin = rt.pin().unwrap();
            let version = press.version();
            let went = (0..5).filter(|_| press.press(8) != Ok(4)).count();
            assert!(went == 0 || version == 2, "the old version fails nobody");
            assert_eq!(press.version(), version, "a request goes on with its version");
            bad += u64::from(went > 0);
        });
        assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, cause), "{end}");
        assert!(end.why.contains(said), "{end}");
        let counted = end.new.faults + end.new.errors;
        // That it takes so long is known at the first two calls, and may be of an old one by chance.
        assert!(cause == CanaryCause::Times || (counted, bad) == (enough, enough), "{bad}, not {enough}: {end}");
        assert!(
            end.new.calls >= enough && end.new.slow >= if cause == CanaryCause::Times { enough } else { 0 },
            "{end}"
        );
        assert_eq!((request(&rt, &press), press.version()), (HashSet::from([1]), 1));
        rt.release(&end.quarantined.expect("its file is in quarantine")).unwrap();
    }
    wait_until("the candidates are destroyed", || is_everything_destroyed(&rt, 1));
}

#[test]
fn a_version_that_does_no_worse_goes_on_trial_after_so_many_requests() {
    let (rt, press) = pressing();
    let rules = Canary::share(0.5).of_requests().calls(40).seed(2).any_time();
    better(&rt, Ways::default()).trial(Trial::until_confirmed()).canary(rules).unwrap();
    let end = call_until_the_end(&rt, || assert_eq!(request(&rt, &press).len(), 1));
    assert_eq!((end.outcome, end.cause, end.new.calls), (CanaryOutcome::Promoted, CanaryCause::Calls, 40), "{end}");
    assert!(end.why.contains("answered 40 requests") && end.to_string().contains("40 requests, 0 faults"), "{end}");
    assert_eq!((request(&rt, &press), press.version()), (HashSet::from([2]), 2));
    assert!(rt.trial().is_some());
    rt.confirm().unwrap();
}

#[test]
fn a_request_that_is_under_way_at_the_end_keeps_its_version_and_the_candidate_until_its_last_pin_is_dropped() {
    let (rt, press) = pressing();
    for is_promoted in [false, true] {
        better(&rt, Ways::default()).canary(Canary::share(0.5).of_requests()).unwrap();
        // One of each.
        let pin_of = |version: u32| {
            loop {
                let pin = rt.pin().unwrap();
                if press.version() == version {
                    return pin;
                }
            }
        };
        // A sender that is dropped says that the request may end.
        let ((pinned, is_pinned), (leave, may_leave)) = (mpsc::channel(), mpsc::channel::<()>());
        let other = thread::scope(|scope| {
            let leave = leave;
            let (press, pin_of) = (&press, &pin_of);
            let old = scope.spawn(move || {
                let _pin = pin_of(1);
                pinned.send(()).unwrap();
                may_leave.recv().unwrap_err();
                press.version()
            });
            let pin = pin_of(2);
            is_pinned.recv().unwrap();
            if is_promoted { rt.promote_canary() } else { rt.withdraw_canary("enough") }.unwrap();
            let nested = rt.pin().unwrap();
            assert!((0..5).all(|_| press.version() == 2));
            drop(pin);
            assert_eq!(press.version(), 2, "its last pin is not dropped");
            let held = rt.status().stragglers;
            let pins = held.iter().filter(|straggler| matches!(straggler.held_by, HeldBy::Pin { .. }));
            assert_eq!(pins.count(), 2, "{held:?}");
            drop(leave);
            let other = old.join().unwrap();
            assert!(!is_everything_destroyed(&rt, 1), "a pin holds the candidate");
            drop(nested);
            other
        });
        assert_eq!((other, press.version()), (1, 1 + u32::from(is_promoted)));
        wait_until("the candidate is destroyed", || is_everything_destroyed(&rt, 1));
    }
}

#[test]
fn a_request_that_is_held_for_long_counts_as_soon_as_it_goes_wrong() {
    let (rt, press) = pressing();
    better(&rt, Ways { panics: 1, ..Ways::default() })
        .canary(Canary::share(0.5).of_requests().seed(3).any_time())
        .unwrap();
    thread::scope(|scope| {
        for _ in 0..60 {
            let (press, rt) = (&press, &rt);
            let (done, is_done) = mpsc::channel();
            scope.spawn(move || {
                let _pin = rt.pin().unwrap();
                drop(press.press(2));
                done.send(()).unwrap();
                // The request does not end before the canary.
                rt.wait_canary(LONG);
            });
            is_done.recv().unwrap();
            if rt.canary().is_none_or(|canary| canary.ending.is_some()) {
                break;
            }
        }
        let end = rt.wait_canary(LONG).unwrap();
        assert_eq!(
            (end.cause, end.new.faults, end.new.calls, end.old.calls),
            (CanaryCause::Faults, 11, 11, 0),
            "{end}"
        );
    });
}

#[test]
fn a_canary_of_requests_to_which_none_came_says_what_one_is_when_it_goes_away() {
    let (rt, press) = pressing();
    better(&rt, Ways::default()).canary(Canary::share(0.5).of_requests().within(Duration::from_millis(50))).unwrap();
    let end = call_until_the_end(&rt, || assert_eq!(press.version(), 1));
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls), "{end}");
    assert!(end.why.contains("no request came") && end.why.contains("Runtime::pin") && end.outside > 0, "{end}");
}

#[test]
fn a_request_that_began_before_the_canary_stays_with_the_old_version_also_by_a_handle_that_is_younger() {
    let rt = empty_runtime();
    rt.load(component("press_1")).unwrap();
    let pin = rt.pin().unwrap();
    better(&rt, Ways::default()).canary(Canary::share(0.5).of_requests()).unwrap();
    let press: Handle<dyn Press> = rt.service().unwrap();
    assert!((0..40).all(|_| press.version() == 1));
    let status = rt.canary().unwrap();
    assert_eq!((status.old.calls, status.taken, status.outside), (0, 0, 40), "{status}");
    drop(pin);
    wait_until("a younger one gets the candidate", || request(&rt, &press).contains(&2));
    rt.withdraw_canary("enough").unwrap();
}

/// A barn that asks the press which version it is.
#[derive(Default)]
struct Oily(OnceLock<Handle<dyn Press>>);

impl Barn for Oily {
    fn store(&self, flour: u64) -> u64 {
        self.0.get().map_or(flour, |press| u64::from(press.version()))
    }
}

#[test]
fn what_is_called_through_other_components_and_pinned_handles_is_of_the_request() {
    let (rt, barn) = (empty_runtime(), Arc::new(Oily::default()));
    rt.plan().provide::<dyn Barn, _>("barn", Arc::clone(&barn)).unwrap().add(component("mill_1")).commit().unwrap();
    rt.load(component("press_1")).unwrap();
    let (mill, press): (Handle<dyn Mill>, Handle<dyn Press>) = (rt.service().unwrap(), rt.service().unwrap());
    barn.0.set(press.clone()).unwrap();
    better(&rt, Ways::default()).canary(Canary::share(0.5).of_requests().calls(10_000).seed(5)).unwrap();
    let pinned = Handle::pin(&press).unwrap();
    let mut seen = HashSet::new();
    for _ in 0..40 {
        let pin = RefCell::new(Some(rt.pin().unwrap()));
        let mut versions = HashSet::from([mill.deliver(1), u64::from(pinned.version()), u64::from(press.version())]);
        versions.insert(u64::from(Handle::pin(&press).unwrap().version()));
        // A call inside a call, and one that ends the request while it is inside.
        let inside = RefCell::new(Vec::new());
        press.inside(&|| inside.borrow_mut().push(press.version()));
        press.inside(&|| {
            inside.borrow_mut().push(press.version());
            drop(pin.take());
            assert_eq!(press.version(), 1, "a call of no request");
        });
        versions.extend(inside.into_inner().into_iter().map(u64::from));
        assert_eq!(versions.len(), 1, "{versions:?}");
        seen.extend(versions);
    }
    assert_eq!(seen, HashSet::from([1, 2]));
    assert!((0..20).all(|_| pinned.version() == 1), "without a pin of the thread it is of no request");
    let status = rt.canary().unwrap();
    assert_eq!((status.old.calls + status.new.calls, status.under_way), (40, 0), "{status}");
    rt.withdraw_canary("enough").unwrap();
}

#[test]
fn what_a_request_could_not_be_served_whole_by_is_refused_with_what_to_do_and_changes_nothing() {
    let (rt, mill) = milling_for(Arc::default());
    let refused = |rules: Canary, said: &str| {
        let error = second(&rt, Ways::default()).canary(rules.of_requests()).unwrap_err();
        assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains(said), "{error:?}");
        assert!(rt.canary().is_none());
    };
    let fine = || Canary::share(0.1);
    refused(fine(), "a request that calls mill.mill.later, since that stays with the old one: it is polled");
    refused(fine().matching("mill.mill.grind", "grain", "1"), "leave `matching` or `of_requests` out");
    refused(Canary::shadow(["mill.mill.grind"]), "a shadow serves no request");
    refused(fine().calls(3), "3 requests of a candidate with a share of 0.1 show nothing");
    assert_eq!((mill.version(), mill.grind(2)), (1, Ok(4)));
    wait_until("no candidate is left", || is_everything_destroyed(&rt, 2));
}
