//! Canaries of calls that match: which calls are drawn for and counted, and what is refused.

use std::{sync::Arc, time::Duration};

use lcr::{
    ErrorKind, Handle, Runtime,
    canary::{Canary, CanaryCause, CanaryOutcome},
    events::EventKind,
};
use lcr_tests::{
    executor::block_on,
    mill::{Customer, Mill, MillError, Order, Way, Ways},
    wait_until,
};

use crate::milling::{call_until_the_end, is_everything_destroyed, milling_for, second};

fn milling() -> (Runtime, Handle<dyn Mill>) {
    milling_for(Arc::default())
}

#[test]
fn the_candidate_never_had_more_than_its_share_of_the_calls_that_match_and_none_of_the_others() {
    let (rt, mill) = milling();
    let mut events = rt.events();
    let rules = Canary::share(0.25).matching("mill.mill.weigh", "label", "\"rye\"").calls(100).seed(1).any_time();
    let status = second(&rt, Ways::default()).canary(rules).unwrap();
    assert_eq!((&status.methods[..], &status.left_out[..]), (&["mill.mill.weigh".to_owned()][..], &[][..]));
    assert_eq!(status.matching, ["mill.mill.weigh:label=\"rye\""]);
    let shown = "which gets 25 % of the calls with mill.mill.weigh:label=\"rye\"\n";
    assert!(status.to_string().contains(shown), "{status}");
    let (mut matched, mut taken) = (0_u64, 0_u64);
    let end = call_until_the_end(&rt, || {
        for label in ["oat", "rye", "", "rye, ground", "ryE"] {
            let answer = mill.weigh(&mut [1], label);
            let is_new = answer.strip_prefix(label).unwrap() == ", fine";
            // After the last call it has taken the place.
            if rt.canary().is_some_and(|canary| canary.ending.is_none()) {
                assert!(!is_new || label == "rye", "{label}");
                (matched, taken) = (matched + u64::from(label == "rye"), taken + u64::from(is_new));
                assert!(taken * 4 <= matched, "{taken} of {matched}");
            }
        }
    });
    assert_eq!((end.outcome, end.cause, end.new.calls), (CanaryOutcome::Promoted, CanaryCause::Calls, 100), "{end}");
    assert!(end.old.calls + end.new.calls <= matched + 2, "{matched} calls match: {end}");
    assert_eq!((mill.weigh(&mut [1], "oat"), mill.version()), ("oat, fine".to_owned(), 2));
    let told = std::iter::from_fn(|| events.try_next()).map(|event| event.kind);
    let began = told.into_iter().find(|kind| matches!(kind, EventKind::CanaryBegan { .. }));
    assert!(matches!(began, Some(EventKind::CanaryBegan { is_matching: true, .. })), "{began:?}");
    wait_until("what was replaced is destroyed", || is_everything_destroyed(&rt, 2));
}

#[test]
fn a_canary_that_no_call_matched_says_so_when_it_goes_away() {
    let (rt, mill) = milling();
    let rules = Canary::share(0.25).matching("mill.mill.grind", "grain", "8").within(Duration::from_millis(50));
    second(&rt, Ways::default()).canary(rules).unwrap();
    let end = call_until_the_end(&rt, || assert_eq!(mill.grind(7), Ok(14)));
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::TooFewCalls), "{end}");
    assert!(end.why.contains("no call matched"), "{end}");
    // The end is told to all who follow the events, and the values to whoever asks how the canary stands.
    assert_eq!(end.matching, ["mill.mill.grind:grain"]);
    assert!(end.to_string().contains(" by mill.mill.grind:grain withdrawn: "), "{end}");
    assert!(![format!("{end:?}"), serde_json::to_string(&end).unwrap()].concat().contains("=8"), "{end:?}");
}

#[test]
fn a_version_that_fails_is_withdrawn_by_its_calls_that_match_and_other_callers_saw_nothing() {
    let (rt, mill) = milling();
    // What goes wrong for others in the old version is not counted for it.
    let rules = Canary::share(0.5).matching("mill.mill.grind", "grain", "7").seed(2).any_time();
    second(&rt, Ways { panics: 1, ..Ways::default() }).canary(rules).unwrap();
    let mut failed = 0;
    let end = call_until_the_end(&rt, || {
        assert_eq!((mill.grind(0), mill.grind(8), mill.version()), (Err(MillError::Empty), Ok(16), 1));
        failed += u64::from(mill.grind(7).is_err());
    });
    assert_eq!((end.outcome, end.cause), (CanaryOutcome::Withdrawn, CanaryCause::Faults), "{end}");
    assert_eq!((failed, end.new.calls, end.new.faults, end.old.errors), (11, 11, 11, 0), "{end}");
    assert!(end.why.contains("11 of its 11 calls faulted") && end.quarantined.is_some(), "{end}");
    assert_eq!(mill.grind(7), Ok(14));
}

#[test]
fn a_call_has_to_meet_one_condition_and_a_pattern_means_the_methods_that_it_fits() {
    let (rt, mill) = milling();
    let rules = Canary::share(0.5)
        .matching("mill.mill.sift", "1", "[1,2]")
        .matching("mill.mill.*", "label", "\"a\"")
        .matching("mill.mill.weigh", "sacks", "[]")
        .seed(3)
        .any_time();
    let status = second(&rt, Ways { lies: 1, ..Ways::default() }).canary(rules).unwrap();
    assert_eq!(status.methods, ["mill.mill.sift", "mill.mill.weigh"]);
    let why = |method: &str| {
        let left_out = status.left_out.iter().find(|left_out| left_out.method == method);
        left_out.map(|left_out| &*left_out.why).unwrap_or_default()
    };
    assert!(why("mill.mill.grind").contains("no argument `label`: it has `grain`"), "{status}");
    assert!(why("mill.mill.whisper").contains("secret") && why("mill.mill.later").contains("polled"), "{status}");
    // How many of 40 calls the new version answers, which are none or about half.
    let weighed = |sacks: &[u64], label: &str| {
        (0..40).filter(|_| mill.weigh(&mut sacks.to_owned(), label).ends_with(", fine")).count()
    };
    assert!(weighed(&[1], "a") > 0 && weighed(&[], "b") > 0);
    assert_eq!((weighed(&[1], "b"), weighed(&[1], "")), (0, 0));
    let sifted = |sacks: &[u64]| {
        let by_one: Vec<u64> = sacks.iter().map(|sack| sack + 1).collect();
        let sift = || {
            let mut sifted = sacks.to_owned();
            mill.sift(&mut sifted);
            sifted
        };
        (0..40).filter(|_| sift() != by_one).count()
    };
    assert!(sifted(&[1, 2]) > 0);
    assert_eq!([&[1][..], &[1, 2, 3], &[2, 1]].map(sifted), [0; 3]);
    assert_eq!((block_on(mill.later()), mill.grind(1), mill.version()), (1, Ok(2), 1));
    let status = rt.canary().unwrap();
    assert_eq!(status.old.calls + status.new.calls, 120, "{status}");
    rt.withdraw_canary("enough").unwrap();
}

#[test]
fn a_condition_may_be_of_a_part_of_an_argument() {
    let (rt, mill) = milling();
    let order = |name: &str, sacks: &[&str], station: Option<&str>| Order {
        customer: Customer { name: name.to_owned(), code: 4711 },
        sacks: sacks.iter().map(|&flour| (flour.to_owned(), 1)).collect(),
        way: station.map_or(Way::Fetched, |station| Way::Sent { station: station.to_owned() }),
    };
    let rules = Canary::share(0.5)
        .matching("mill.mill.pack", "order.customer.name", "\"Ada\"")
        .matching("mill.mill.pack", "order.sacks[1][0]", "\"rye\"")
        .matching("mill.mill.*", "1.way.Sent.station", "\"Ely\"")
        .matching("mill.mill.sift", "sacks[2]", "7")
        .seed(3);
    let status = second(&rt, Ways { lies: 1, ..Ways::default() }).canary(rules).unwrap();
    assert_eq!(status.methods, ["mill.mill.sift", "mill.mill.pack"]);
    assert!(status.to_string().contains("mill.mill.pack:order.sacks[1][0]=\"rye\""), "{status}");
    // How many of 40 calls the new version answers, which are none or about half.
    let packed = |order: &Order| (0..40).filter(|_| mill.pack(order.clone()).ends_with(", fine")).count();
    for met in [order("Ada", &[], None), order("Bob", &["oat", "rye"], None), order("Bob", &[], Some("Ely"))] {
        assert!(packed(&met) > 0, "{met:?}");
    }
    for unmet in [order("Ad", &["rye"], None), order("Bob", &["rye", "oat"], Some("Elx")), order("Bob", &[], None)] {
        assert_eq!(packed(&unmet), 0, "{unmet:?}");
    }
    let sifted = |sacks: &[u64]| {
        let lied = || {
            let mut sifted = sacks.to_owned();
            mill.sift(&mut sifted);
            sifted[0] != sacks[0] + 1
        };
        (0..40).filter(|_| lied()).count()
    };
    assert!(sifted(&[1, 2, 7]) > 0 && sifted(&[1, 2, 7, 8]) > 0);
    assert_eq!([&[7, 7][..], &[1, 2, 8]].map(sifted), [0; 2]);
    let status = rt.canary().unwrap();
    assert_eq!(status.old.calls + status.new.calls, 200, "{status}");
    rt.withdraw_canary("enough").unwrap();
}

#[test]
fn a_condition_that_no_call_can_meet_is_refused_by_name_and_changes_nothing() {
    let (rt, mill) = milling();
    let refused = |rules: Canary, kind: ErrorKind, said: &str| {
        let error = second(&rt, Ways::default()).canary(rules).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(said), "{error:?}");
        assert!(rt.canary().is_none());
    };
    let fine = || Canary::share(0.5);
    let invalid = |method: &str, argument: &str, json: &str, said: &str| {
        refused(fine().matching(method, argument, json), ErrorKind::Invalid, said);
    };
    let unknown = |method: &str| refused(fine().matching(method, "grain", "1"), ErrorKind::NotFound, "means no method");
    unknown("mill.mill.grindd");
    unknown("mill.barn.*");
    invalid("mill.mill.grind", "grains", "1", "no argument `grains`: it has `grain`");
    invalid("mill.mill.grind", "0", "1", "no argument `0`");
    invalid("mill.mill.grind", "2", "1", "no argument `2`");
    invalid("mill.mill.version", "grain", "1", "it takes none");
    invalid("mill.mill.grind", "grain", "\"1\"", "argument 1 `grain`: expected u64");
    invalid("mill.mill.grind", "grain", "1 2", "argument 1 `grain`");
    invalid("mill.mill.weigh", "label", "rye", "argument 2 `label`");
    let no_part = "`order.customer` has no part `.nam`: it has `.name`, `.code`";
    invalid("mill.mill.pack", "order.customer.nam", "\"Ada\"", no_part);
    invalid("mill.mill.pack", "order.sacks[0][2]", "1", "`order.sacks[0]` has no part `[2]`: it has `[0]`, `[1]`");
    invalid("mill.mill.pack", "order.way.Fetched", "null", "`order.way` has no part `.Fetched`: it has `.Sent`");
    invalid("mill.mill.pack", "order.sacks[0][1]", "\"1\"", "argument 1 `order.sacks[0][1]`: expected u32");
    invalid("mill.mill.pack", "order.sacks[x]", "1", "is no way to a part");
    invalid("mill.mill.pack", "order.customer.code", "4711", "its argument `order.customer.code` is secret");
    invalid("mill.mill.pack", "order.customer", "{\"name\":\"Ada\",\"code\":1}", "has a secret in it");
    invalid("mill.mill.whisper", "label[0]", "1", "its argument `label[0]` is secret");
    invalid("mill.mill.whisper", "label", "\"rye\"", "its argument `label` is secret");
    invalid("mill.mill.inside", "f", "null", "code of its caller");
    invalid("mill.mill.later", "1", "1", "polled");
    // Each has to fit a method, also where another one does.
    let one_of_two = fine().matching("mill.mill.grind", "grain", "1").matching("mill.mill.*", "grains", "1");
    refused(one_of_two, ErrorKind::Invalid, "no call can meet `mill.mill.*:grains=1`: mill.mill.grind stays");
    let long = format!("\"{}\"", "x".repeat(5_000));
    invalid("mill.mill.weigh", "label", &long, "4096 bytes at most");
    let many = (0..65).fold(fine(), |rules, grain| rules.matching("mill.mill.grind", "grain", grain.to_string()));
    refused(many, ErrorKind::Invalid, "64 conditions at most");
    let all = Canary::share(1.0).matching("mill.mill.grind", "grain", "1");
    refused(all, ErrorKind::Invalid, "at most half");
    let shadow = Canary::shadow(["mill.mill.grind"]).matching("mill.mill.grind", "grain", "1");
    refused(shadow, ErrorKind::Invalid, "a shadow is of all calls");
    assert_eq!((mill.version(), mill.grind(2)), (1, Ok(4)));
    wait_until("no candidate is left", || is_everything_destroyed(&rt, 2));
}
