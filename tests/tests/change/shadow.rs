//! Shadows: what a candidate gets copies of, what is found, and what no caller sees of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{
    ErrorKind, Handle, PlanBuilder, Runtime, Trial,
    canary::{Canary, CanaryCause, CanaryEnd, CanaryOutcome, ShadowCalls},
    events::EventKind,
};
use lcr_tests::{
    bank::Clock,
    component,
    mill::{Barn, Mill, Ways},
    wait_until,
};

use crate::milling::{
    Floor, LONG, call_until_the_end, has_no_mill, is_everything_destroyed, milling_for, milling_with, second,
};

const FINE: Ways = Ways { panics: 0, errs: 0, lies: 0, lingers: 0, hangs: 0, is_ill: false, asks_barn: false };

fn milling() -> (Runtime, Handle<dyn Mill>, Arc<Floor>) {
    let barn = Arc::<Floor>::default();
    let (rt, mill) = milling_for(Arc::clone(&barn));
    (rt, mill, barn)
}

fn of(method: &str) -> Canary {
    Canary::shadow([format!("mill.mill.{method}")])
}

fn shown(end: &CanaryEnd) -> &ShadowCalls {
    end.shadow.as_ref().expect("it was a shadow")
}

/// Has the candidate's calls of the mill hang, and calls until there is no room for a further copy.
fn hang(rt: &Runtime, mill: &Handle<dyn Mill>, barn: &Floor) {
    barn.is_shut.store(true, Ordering::Relaxed);
    second(rt, Ways { hangs: 1, ..FINE }).canary(of("grind")).unwrap();
    let dropped = || rt.canary().and_then(|canary| canary.shadow).map_or(0, |shadow| shadow.dropped);
    while dropped() < 1_000 {
        assert_eq!(mill.grind(3), Ok(6));
    }
}

#[test]
fn a_shadow_of_a_version_that_answers_wrongly_is_found_without_any_client_seeing_it() {
    let (rt, mill, _) = milling();
    let mut events = rt.events();
    let generation = rt.generation();
    let status = second(&rt, Ways { lies: 10, ..FINE }).canary(of("grind").calls(100_000)).unwrap();
    assert!(status.to_string().contains("which gets copies of the calls of mill.mill.grind"), "{status}");
    assert_eq!((status.methods.as_slice(), status.enough), (&["mill.mill.grind".to_owned()][..], 16));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while rt.canary().is_some() {
                    assert_eq!((mill.grind(3), mill.version()), (Ok(6), 1));
                }
            });
        }
    });
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Results), "{end}");
    assert!(end.why.contains("16 of ") && end.why.contains("mill.mill.grind"), "{end}");
    let shadow = shown(&end);
    assert_eq!((shadow.different, shadow.differences.len(), end.new.faults), (16, 16, 0), "{shadow}");
    let first = &shadow.differences[0];
    assert_eq!((&*first.method, &first.arguments[..]), ("mill.mill.grind", &["grain: 3".to_owned()][..]));
    assert_eq!((&*first.was, &*first.is), ("Ok(6)", "Ok(7)"), "{first}");
    assert_eq!((rt.generation(), mill.grind(1)), (generation, Ok(2)));
    // The file is in quarantine, and no event has a value.
    assert_eq!(end.quarantined, rt.quarantine().first().map(|file| file.hash));
    assert_eq!(rt.replace(component("mill_2")).unwrap_err().kind(), ErrorKind::Quarantined);
    let told: Vec<EventKind> = std::iter::from_fn(|| events.try_next()).map(|event| event.kind).collect();
    assert!(matches!(&told[0], EventKind::CanaryBegan { is_shadow: true, .. }), "{told:?}");
    assert!(told.iter().any(|kind| kind.name() == "canary_ended") && !format!("{told:?}").contains("Ok("), "{told:?}");
    wait_until("the candidate and the layers are destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn a_version_of_which_no_call_comes_out_differently_takes_the_place_and_goes_on_trial_if_the_plan_says_so() {
    let (rt, mill, _) = milling();
    let rules = Canary::shadow(["mill.mill.grind", "mill.mill.sift", "mill.mill.st*"]).calls(300);
    second(&rt, FINE).reason("ticket 9").trial(Trial::until_confirmed()).canary(rules).unwrap();
    let mut grain = 0;
    let end = call_until_the_end(&rt, || {
        grain += 1;
        // What goes wrong in both is no difference.
        drop(mill.grind(grain % 4));
        let mut sacks = [grain, 7];
        mill.sift(&mut sacks);
        assert_eq!((sacks, mill.stock()), ([grain + 1, 8], 0));
    });
    assert_eq!((end.outcome, end.cause, end.new.calls), (CanaryOutcome::Promoted, CanaryCause::Calls, 300), "{end}");
    assert!(end.new.errors > 0 && end.new.errors == end.old.errors && shown(&end).different == 0, "{end}");
    assert_eq!(mill.version(), 2);
    rt.confirm().unwrap();
}

#[test]
fn a_fault_and_what_is_left_in_an_argument_are_compared_too_and_one_difference_at_the_end_is_enough() {
    let (rt, mill, _) = milling();
    let ended = |ways: Ways, rules: Canary, call: &dyn Fn()| {
        second(&rt, ways).canary(rules).unwrap();
        let end = call_until_the_end(&rt, call);
        assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Results), "{end}");
        rt.release(&end.quarantined.unwrap()).unwrap();
        shown(&end).clone()
    };
    let sift = || mill.sift(&mut [4, 5]);
    let shadow = ended(Ways { lies: 1, ..FINE }, of("sift").calls(1), &sift);
    assert_eq!((shadow.different, &*shadow.differences[0].place), (1, "argument sacks: [0]: 5 became 6"));
    let grind = || assert_eq!(mill.grind(3), Ok(6));
    let shadow = ended(Ways { panics: 5, ..FINE }, of("grind"), &grind);
    assert_eq!(shadow.different, 16);
    let first = &shadow.differences[0];
    assert!(first.place.contains("a value became a fault") && first.is.contains("the stone broke"), "{first}");
    assert!(rt.status().components.iter().all(|component| component.faults == 0), "{:?}", rt.status());
    // Its length is shown, and not what it says.
    let shadow = ended(FINE, of("whisper").calls(3), &|| assert_eq!(mill.whisper("hush", 2), 6));
    let first = &shadow.differences[0];
    assert_eq!((&first.arguments[..], &*first.is), (&["label: ***".to_owned(), "sack: 2".to_owned()][..], "8"));
}

#[test]
fn what_both_versions_read_elsewhere_may_change_while_the_copies_wait() {
    let (rt, mill, _) = milling();
    second(&rt, FINE).canary(of("stock").calls(50)).unwrap();
    let end = call_until_the_end(&rt, || {
        for _ in 0..10 {
            mill.deliver(1);
            mill.stock();
        }
        wait_until("the copies are compared", || rt.canary().is_none_or(|canary| canary.under_way == 0));
    });
    assert_eq!((end.outcome, shown(&end).different), (CanaryOutcome::Promoted, 0), "{end}");
    let flour = mill.stock();
    assert_eq!(mill.deliver(1), flour + 1, "a delivery has reached the barn once");
}

#[test]
fn a_difference_is_found_also_where_nobody_has_a_handle_any_more() {
    let (rt, mill, barn) = milling();
    drop(mill);
    barn.is_shut.store(true, Ordering::Relaxed);
    second(&rt, Ways { hangs: 1, lies: 1, ..FINE }).canary(of("grind").calls(1)).unwrap();
    assert_eq!(rt.service::<dyn Mill>().unwrap().grind(3), Ok(6));
    wait_until("the mill that answered is gone", || has_no_mill(&rt));
    barn.is_shut.store(false, Ordering::Relaxed);
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!((end.cause, shown(&end).different), (CanaryCause::Results, 1), "{end}");
    // The one that was asked again is gone, too.
    wait_until("no mill is left", || has_no_mill(&rt));
}

/// Has copies of so many calls wait, and no mill be there any more, nor one be constructed.
fn burn(ways: Ways, calls: u64) -> (Runtime, Arc<Floor>) {
    let barn = Arc::<Floor>::default();
    let (rt, mill) = milling_with(Arc::clone(&barn), Ways { asks_barn: true, ..FINE });
    barn.is_shut.store(true, Ordering::Relaxed);
    second(&rt, Ways { hangs: 1, ..ways }).canary(of("grind").calls(calls)).unwrap();
    (0..calls).for_each(|_| assert_eq!(mill.grind(3), Ok(6)));
    drop(mill);
    wait_until("the mill that answered is gone", || has_no_mill(&rt));
    barn.is_burnt.store(true, Ordering::Relaxed);
    barn.is_shut.store(false, Ordering::Relaxed);
    (rt, barn)
}

#[test]
fn a_call_that_differs_while_the_old_version_cannot_be_constructed_is_told_as_that_and_nothing_is_promoted() {
    let (rt, barn) = burn(Ways { lies: 2, ..FINE }, 2);
    let shadow = || rt.canary().and_then(|canary| canary.shadow).unwrap_or_default();
    wait_until("the second call is left out", || shadow().unconstructed == 1);
    assert_eq!((shadow().unsettled, shadow().different), (0, 0));
    assert!(shadow().constructor_error.is_some_and(|error| error.contains("burnt down")));
    let status = rt.canary().unwrap().to_string();
    assert!(status.contains("1 that came out differently while the old version could not be constructed"), "{status}");
    barn.is_burnt.store(false, Ordering::Relaxed);
    // Its third call in the candidate, which answers it well.
    let mill = rt.service::<dyn Mill>().unwrap();
    assert_eq!(mill.grind(3), Ok(6));
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!(
        (end.outcome, end.cause, end.new.calls),
        (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls, 2),
        "{end}"
    );
    let why = "1 of its calls came out differently, and why is not known: nobody has a handle on mill 1.0.0";
    assert!(end.why.contains(why) && end.why.contains("burnt down"), "{end}");
    assert_eq!((mill.version(), rt.quarantine().len()), (1, 0));
}

#[test]
fn a_shadow_of_whose_calls_nothing_can_be_known_ends_and_says_why() {
    let (rt, barn) = burn(Ways { lies: 1, ..FINE }, 20);
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!(
        (end.outcome, end.cause, end.new.calls),
        (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls, 0),
        "{end}"
    );
    assert!(end.why.starts_with("16 of its calls came out differently") && end.why.contains("burnt down"), "{end}");
    assert_eq!((shown(&end).unconstructed, rt.quarantine().len()), (16, 0));
    barn.is_burnt.store(false, Ordering::Relaxed);
    assert_eq!(rt.service::<dyn Mill>().unwrap().version(), 1);
}

#[test]
fn a_candidate_that_hangs_holds_nobody_and_nothing_but_itself_and_the_shadow_ends_all_the_same() {
    let (rt, mill, barn) = milling();
    hang(&rt, &mill, &barn);
    let status = rt.canary().unwrap();
    assert!((1..=256).contains(&status.under_way) && status.new.calls == 0, "{status}");
    let refused = rt.replace(component("mill_2")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::OnTrial, "{refused}");
    let end = rt.withdraw_canary("it hangs").unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Operator), "{end}");
    assert!(shown(&end).dropped >= 1_000 && rt.quarantine().is_empty(), "{end}");
    // What waited is gone; the call that is inside holds the candidate.
    assert!(!is_everything_destroyed(&rt, 2));
    second(&rt, FINE).canary(of("grind").calls(10)).unwrap();
    let end = call_until_the_end(&rt, || assert_eq!(mill.grind(3), Ok(6)));
    assert_eq!(end.outcome, CanaryOutcome::Promoted, "{end}");
    barn.is_shut.store(false, Ordering::Relaxed);
    wait_until("the candidate that hung is destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn a_shadow_that_gets_too_few_calls_goes_away_and_says_what_it_has_not_compared() {
    let (rt, mill, barn) = milling();
    barn.is_shut.store(true, Ordering::Relaxed);
    // Long enough for the one call below to come before it is over.
    let rules = of("grind").within(Duration::from_secs(3));
    second(&rt, Ways { hangs: 1, ..FINE }).canary(rules).unwrap();
    assert_eq!(mill.grind(3), Ok(6));
    let end = rt.wait_canary(LONG).unwrap();
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls), "{end}");
    assert!(end.why.contains("0 of 1000 calls") && end.why.contains("not compared: "), "{end}");
    barn.is_shut.store(false, Ordering::Relaxed);
    wait_until("the candidate is destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn a_version_of_which_a_method_was_called_and_never_compared_does_not_take_the_place() {
    let (rt, mill, _) = milling();
    let rules = Canary::shadow(["mill.mill.grind", "mill.mill.sift"]).calls(3);
    second(&rt, FINE).canary(rules).unwrap();
    // Larger than a copy may be.
    mill.sift(&mut vec![1; 200_000]);
    let end = call_until_the_end(&rt, || assert_eq!(mill.grind(3), Ok(6)));
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls), "{end}");
    assert!(end.why.contains("no call of mill.mill.sift could be compared") && rt.quarantine().is_empty(), "{end}");
    assert_eq!((shown(&end).too_large, mill.version()), (1, 1));
}

#[test]
fn a_runtime_that_is_dropped_ends_its_shadow_also_while_a_call_hangs_in_the_candidate() {
    let (rt, mill, barn) = milling();
    let mut events = rt.events();
    hang(&rt, &mill, &barn);
    let is_gone = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(rt);
            is_gone.store(true, Ordering::Relaxed);
        });
        let mut told = std::iter::from_fn(|| events.next_timeout(LONG)).map(|event| event.kind);
        let ended = told.find_map(|kind| match kind {
            EventKind::CanaryEnded { outcome, .. } => Some(outcome),
            _ => None,
        });
        assert_eq!(ended.as_deref(), Some("interrupted"));
        barn.is_shut.store(false, Ordering::Relaxed);
    });
    assert!(is_gone.into_inner() && mill.grind(1).is_err());
}

#[test]
fn a_runtime_that_is_dropped_while_its_shadow_constructs_the_old_version_destroys_that_too() {
    let barn = Arc::<Floor>::default();
    let (rt, mill) = milling_with(Arc::clone(&barn), Ways { asks_barn: true, ..FINE });
    let house = rt.service::<dyn Barn>().unwrap();
    barn.is_shut.store(true, Ordering::Relaxed);
    second(&rt, Ways { hangs: 1, lies: 1, ..FINE }).canary(of("grind").calls(1)).unwrap();
    assert_eq!(mill.grind(3), Ok(6));
    drop(mill);
    wait_until("the mill that answered is gone", || has_no_mill(&rt));
    let stores = || barn.stores.load(Ordering::Relaxed);
    let before = stores();
    assert_eq!(before % 2, 0, "each mill that was constructed is destroyed");
    barn.is_jammed.store(true, Ordering::Relaxed);
    barn.is_shut.store(false, Ordering::Relaxed);
    wait_until("a mill is under construction", || stores() == before + 1);
    thread::scope(|scope| {
        let end = scope.spawn(|| drop(rt));
        wait_until("the runtime ends", || Handle::pin(&house).is_err());
        // As long as it would take the end not to wait.
        (0..50).for_each(|_| thread::sleep(Duration::from_millis(1)));
        assert!(!end.is_finished());
        barn.is_jammed.store(false, Ordering::Relaxed);
    });
    assert_eq!(stores(), before + 2, "that mill was destroyed, too");
}

#[test]
fn a_second_call_that_hangs_in_the_old_version_is_a_straggler_once_that_is_replaced() {
    let barn = Arc::<Floor>::default();
    let (rt, mill) = milling_with(Arc::clone(&barn), Ways { hangs: 2, ..FINE });
    barn.is_shut.store(true, Ordering::Relaxed);
    second(&rt, Ways { lies: 1, ..FINE }).canary(of("grind").calls(1)).unwrap();
    // The copy is its second call.
    assert_eq!(mill.grind(3), Ok(6));
    wait_until("the second call is inside the old version", || barn.looks.load(Ordering::Relaxed) > 0);
    rt.withdraw_canary("it hangs").unwrap();
    rt.replace(component("mill_2")).unwrap();
    let stragglers = rt.status().stragglers;
    let [straggler] = &stragglers[..] else { panic!("{stragglers:?}") };
    let text = straggler.to_string();
    assert!(text.contains("`lcr-shadow`") && text.contains("mill.mill.grind of mill 1.0.0"), "{text}");
    assert!(!is_everything_destroyed(&rt, 2));
    barn.is_shut.store(false, Ordering::Relaxed);
    wait_until("the old version is destroyed", || is_everything_destroyed(&rt, 2));
    assert!(rt.status().stragglers.is_empty());
}

#[test]
fn methods_that_are_not_declared_pure_are_shadowed_only_by_name_and_never_where_they_reach_a_dependency() {
    let (rt, mill, _) = milling();
    let refused = |rules: Canary, kind: ErrorKind, said: &str| {
        let error = second(&rt, FINE).canary(rules).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(said), "{error:?}");
        assert!(rt.canary().is_none());
    };
    refused(of("deliver"), ErrorKind::Invalid, "needs mill.barn, whose methods may change something");
    refused(of("deliv*"), ErrorKind::Invalid, "#[lcr(pure)]");
    refused(of("inside"), ErrorKind::Invalid, "code of its caller");
    refused(of("bell"), ErrorKind::Invalid, "code of its caller");
    refused(of("later"), ErrorKind::Invalid, "polled");
    refused(of("mince"), ErrorKind::NotFound, "`mill.mill.mince` means no method");
    refused(Canary::shadow(["mill.mill.grind", "shop.*"]), ErrorKind::NotFound, "`shop.*`");
    refused(Canary::shadow(Vec::<String>::new()), ErrorKind::Invalid, "no method");
    refused(of("grind").calls(0), ErrorKind::Invalid, "no call");
    rt.plan().add(component("vault_v1")).commit().unwrap();
    let stateful: PlanBuilder<'_> = rt.plan().replace(component("vault_v2"));
    let error = stateful.canary(Canary::shadow(["*"])).unwrap_err();
    assert!(error.kind() == ErrorKind::State && error.to_string().contains("keeps state"), "{error}");
    let status = second(&rt, FINE).canary(Canary::shadow(["*"])).unwrap();
    let left_out: Vec<&str> = status.left_out.iter().map(|left| &*left.method).collect();
    assert_eq!(left_out, ["mill.mill.deliver", "mill.mill.inside", "mill.mill.bell", "mill.mill.later"]);
    assert_eq!((mill.deliver(1), mill.deliver(1)), (1, 2));
    rt.withdraw_canary("it is time").unwrap();
    // A clock needs nothing, and the operator says that its version may be asked twice.
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let named = Canary::shadow(["bank.clock.version"]).calls(1);
    rt.plan().replace(component("clock_v2")).canary(named).unwrap();
    let end = call_until_the_end(&rt, || assert_eq!(clock.version(), 1));
    assert_eq!((end.cause, shown(&end).different), (CanaryCause::Results, 1), "{end}");
    wait_until("no candidate is left", || is_everything_destroyed(&rt, 3));
}

#[test]
fn a_shadow_of_a_share_copies_no_more_than_that_share() {
    let (rt, mill, _) = milling();
    let rules = of("grind").of_share(0.25).calls(50).seed(4);
    let status = second(&rt, FINE).canary(rules).unwrap();
    assert!(status.to_string().contains("copies of 25 % of the calls of mill.mill.grind"), "{status}");
    let mut calls = 0;
    let end = call_until_the_end(&rt, || {
        // Before the call: that is counted once it has begun.
        calls += 1;
        assert_eq!(mill.grind(3), Ok(6));
        let taken = rt.canary().map_or(0, |canary| canary.taken);
        assert!(taken * 4 <= calls, "{taken} of {calls}");
        wait_until("the copy is compared", || rt.canary().is_none_or(|canary| canary.under_way == 0));
    });
    assert_eq!((end.outcome, end.new.calls, end.old.calls), (CanaryOutcome::Promoted, 50, 50), "{end}");
    for wrong in [0.0, 1.1, -1.0, f64::NAN] {
        let error = second(&rt, FINE).canary(of("grind").of_share(wrong)).unwrap_err();
        assert!(error.to_string().contains("a shadow copies more than no call and at most all"), "{error}");
    }
}

#[test]
fn lists_in_another_order_are_no_difference_where_the_order_does_not_count() {
    let (rt, mill, _) = milling();
    let listed = |rules: Canary| {
        second(&rt, Ways { lies: 1, ..FINE }).canary(rules).unwrap();
        let end = call_until_the_end(&rt, || assert_eq!(mill.list(3).len(), 3));
        end.quarantined.iter().for_each(|hash| drop(rt.release(hash)));
        end
    };
    let end = listed(of("list").calls(3));
    assert_eq!((end.cause, shown(&end).different), (CanaryCause::Results, 3), "{end}");
    let end = listed(of("list").any_order().calls(3));
    assert_eq!((end.outcome, shown(&end).different), (CanaryOutcome::Promoted, 0), "{end}");
}
