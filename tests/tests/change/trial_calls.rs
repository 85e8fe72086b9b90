//! Trials that end by a number of calls: what counts, and what becomes of them when the calls do not come.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Waker},
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime, Trial, TrialCalls, TrialCause, TrialEnd, TrialOutcome, events::EventKind};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock, Customers, Teller as _, Vault as _},
    brook::Brook,
    component, empty_runtime,
    executor::{CountingTask, block_on},
    larder::Larder,
    script::{Misdeed, Moment, Script},
    wait_until,
};

const LONG: Duration = Duration::from_secs(120);
const MOMENT: Duration = Duration::from_millis(20);

fn end_of(rt: &Runtime) -> TrialEnd {
    rt.wait_trial(LONG).expect("the trial ends")
}

fn calls_of(rt: &Runtime) -> TrialCalls {
    rt.trial().expect("a trial is under way").calls.expect("by calls")
}

fn clock() -> (Runtime, Handle<dyn Clock>) {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    (rt, clock)
}

/// Has eight threads make so many calls in all.
fn from_eight_threads(calls: u64, call: impl Fn() + Sync) {
    let left = AtomicU64::new(calls);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let take = |left: u64| left.checked_sub(1);
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    call();
                }
            });
        }
    });
}

#[test]
fn a_trial_is_confirmed_by_its_last_call_and_not_by_the_one_before_from_eight_threads() {
    let (rt, clock) = clock();
    let mut events = rt.events();
    clock.version();
    rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(10_000)).commit().unwrap();
    assert_eq!(calls_of(&rt).answered, 0, "what the version before answered does not count");
    from_eight_threads(9_999, || assert_eq!(clock.version(), 2));
    let calls = calls_of(&rt);
    assert_eq!((calls.wanted, calls.answered, calls.left), (10_000, 9_999, 1));
    assert!(rt.wait_trial(MOMENT).is_none() && rt.trial().unwrap().left.is_some());
    clock.version();
    let end = end_of(&rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::Confirmed, TrialCause::Calls), "{end}");
    assert!(end.why.contains("10000 calls") && rt.quarantine().is_empty(), "{end}");
    let began = std::iter::from_fn(|| events.try_next()).find_map(|event| match event.kind {
        EventKind::TrialBegan { calls, .. } => Some(calls),
        _ => None,
    });
    assert_eq!(began, Some(Some(10_000)));
    assert_eq!(clock.version(), 2);
}

#[test]
fn callers_go_on_while_trials_by_calls_begin_and_end() {
    let (rt, clock) = clock();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!([1, 2].contains(&clock.version()));
                }
            });
        }
        for round in 0..20 {
            let file = if round % 2 == 0 { "clock_v2" } else { "clock_v1" };
            let report = rt.plan().replace(component(file)).trial(Trial::for_calls(200)).commit().unwrap();
            let end = end_of(&rt);
            assert_eq!((end.cause, end.generation), (TrialCause::Calls, report.generation), "{end}");
        }
        done.store(true, Ordering::Relaxed);
    });
    // Instances and hooks alike.
    drop(clock);
    wait_until("everything is destroyed", || {
        let status = rt.status();
        status.constructed == status.destroyed
    });
}

#[test]
fn async_calls_and_streams_count_when_they_have_ended() {
    let rt = empty_runtime();
    rt.plan().add(component("larder_1")).add(component("brook_stateless_1")).commit().unwrap();
    let (larder, brook) = (rt.service::<dyn Larder>().unwrap(), rt.service::<dyn Brook>().unwrap());
    let plan = rt.plan().replace(component("larder_2")).replace(component("brook_stateless_2"));
    plan.trial(Trial::for_calls(u64::MAX)).commit().unwrap();
    // Ready at once, and behind a few polls.
    from_eight_threads(200, || drop(block_on(larder.store(1, 0))));
    assert_eq!(calls_of(&rt).answered, 200);
    from_eight_threads(200, || drop(block_on(larder.store(1, 3))));
    assert_eq!(calls_of(&rt).answered, 400);
    let mut context = Context::from_waker(Waker::noop());
    let mut waits = Box::pin(larder.wait());
    assert!(waits.as_mut().poll(&mut context).is_pending());
    let mut never = Box::pin(larder.wait());
    assert!(never.as_mut().poll(&mut context).is_pending());
    assert_eq!(calls_of(&rt).answered, 400, "they are under way");
    drop(never);
    assert_eq!(calls_of(&rt).answered, 400, "it was dropped before its end");
    larder.deliver();
    assert!(block_on(waits).is_ok());
    assert_eq!(calls_of(&rt).answered, 402, "the delivery, and the call that waited");
    // A stream, item by item, to its end and not to its end.
    let task = Arc::new(CountingTask::default());
    let mut drops = Box::pin(brook.last(2));
    while let std::task::Poll::Ready(Some(_)) = task.poll_next(drops.as_mut()) {
        assert_eq!(calls_of(&rt).answered, 402);
    }
    assert_eq!(calls_of(&rt).answered, 403);
    let mut endless = Box::pin(brook.count(1, 0));
    assert!(task.poll_next(endless.as_mut()).is_ready());
    drop(endless);
    assert_eq!(calls_of(&rt).answered, 403);
    rt.confirm().unwrap();
    assert!(block_on(larder.store(0, 1)).is_ok());
}

#[test]
fn a_panic_before_the_last_call_rolls_back_and_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let (rt, clock) = clock();
    rt.configure("clock", &script).unwrap();
    rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(3).faults_allowed(1)).commit().unwrap();
    clock.version();
    script.set("clock 2.0.0", Moment::Call, Misdeed::Panic);
    let panics = || catch_unwind(AssertUnwindSafe(|| clock.version())).is_err();
    assert!(panics());
    assert_eq!(calls_of(&rt).answered, 1);
    assert!(panics());
    let end = end_of(&rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Fault), "{end}");
    assert_eq!((end.method.unwrap().to_string().as_str(), clock.version()), ("bank.clock.version", 1));
    assert_eq!(rt.quarantine().len(), 1);
}

#[test]
fn a_check_may_refuse_behind_the_last_call() {
    let (rt, clock) = clock();
    let is_bad = Arc::new(AtomicBool::new(false));
    let sees = Arc::clone(&is_bad);
    let check = move || if sees.load(Ordering::SeqCst) { Err("it is bad".into()) } else { Ok(()) };
    let rules = Trial::for_calls(2).check(check).check_every(LONG);
    rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
    clock.version();
    is_bad.store(true, Ordering::SeqCst);
    clock.version();
    let end = end_of(&rt);
    assert_eq!((end.outcome, end.cause, clock.version()), (TrialOutcome::RolledBack, TrialCause::Check, 1), "{end}");
}

#[test]
fn without_traffic_the_version_before_serves_again_at_the_limit_and_nothing_is_in_quarantine() {
    let (rt, clock) = clock();
    for _ in 0..2 {
        let rules = Trial::for_calls(2).within(MOMENT);
        rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
        let end = end_of(&rt);
        assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::TooFewCalls), "{end}");
        assert!(end.why.contains("0 of 2 calls") && end.quarantined.is_empty() && rt.quarantine().is_empty(), "{end}");
        assert_eq!(clock.version(), 1);
    }
    // The same file serves for good by another trial.
    rt.plan().replace(component("clock_v2")).trial(Trial::for_time(Duration::ZERO)).commit().unwrap();
    assert_eq!((end_of(&rt).cause, clock.version()), (TrialCause::Time, 2));
}

#[test]
fn an_operator_confirms_or_abandons_before_the_calls_have_come() {
    let (rt, clock) = clock();
    rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(1_000)).commit().unwrap();
    assert_eq!((clock.version(), rt.abandon("not yet").unwrap().outcome), (2, TrialOutcome::RolledBack));
    assert_eq!(clock.version(), 1);
    rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(1_000)).commit().unwrap();
    clock.version();
    let end = rt.confirm().unwrap();
    assert_eq!((end.outcome, end.cause, clock.version()), (TrialOutcome::Confirmed, TrialCause::Operator, 2), "{end}");
}

#[test]
fn three_components_on_trial_count_together_wherever_they_are_called_from() {
    let bank = Bank::open();
    // The new branch needs one.
    bank.rt.load(component("clock_v1")).unwrap();
    let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
    plan.replace(component("branch_v2")).trial(Trial::for_calls(1_000)).commit().unwrap();
    // The branch calls the teller, and that the vault.
    bank.branch.deposit(1);
    assert_eq!(calls_of(&bank.rt).answered, 3);
    let pin = bank.rt.pin().unwrap();
    bank.vault.add(1);
    assert_eq!(calls_of(&bank.rt).answered, 4, "through a pin");
    drop(pin);
    let customers = Customers::of(&bank.branch);
    let end = end_of(&bank.rt);
    customers.count();
    assert_eq!((end.outcome, end.cause, end.members.len()), (TrialOutcome::Confirmed, TrialCause::Calls, 3), "{end}");
    bank.close();
}

#[test]
fn one_bad_component_of_three_takes_all_of_them_back() {
    let bank = Bank::open();
    // The new branch needs one.
    bank.rt.load(component("clock_v1")).unwrap();
    let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
    plan.replace(component("branch_v2")).trial(Trial::for_calls(1_000_000)).commit().unwrap();
    let customers = Customers::of(&bank.branch);
    bank.script.set("vault 2.0.0", Moment::Call, Misdeed::Panic);
    assert!(catch_unwind(AssertUnwindSafe(|| bank.vault.version())).is_err());
    let end = end_of(&bank.rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Fault), "{end}");
    assert_eq!(end.component.unwrap().to_string(), "vault 2.0.0");
    let served = customers.count();
    assert_eq!((bank.branch.versions(), bank.teller.customers()), ((1, 1), served));
    bank.close();
}

#[test]
fn an_instance_that_is_made_during_the_trial_counts_too() {
    let (rt, clock) = clock();
    rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(1_000)).commit().unwrap();
    let own = rt.reference::<dyn Clock>(&Script::default()).unwrap();
    assert_eq!((own.version(), clock.version(), calls_of(&rt).answered), (2, 2, 2));
    drop(own);
    rt.confirm().unwrap();
}

#[test]
fn what_puts_nothing_in_place_that_could_be_called_is_refused() {
    let (rt, clock) = clock();
    drop(clock);
    wait_until("no handle is left", || rt.status().handles == 0);
    let generation = rt.generation();
    let error = rt.plan().remove("clock").trial(Trial::for_calls(3)).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(error.to_string().contains("for a time"), "{error}");
    assert_eq!((rt.generation(), rt.trial().is_none()), (generation, true));
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 1);
}

#[test]
fn a_plan_that_fails_behind_its_preparation_counts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let (rt, clock) = clock();
    rt.configure("clock", &script).unwrap();
    script.set("clock 2.0.0", Moment::Create, Misdeed::Error);
    let plan = || rt.plan().replace(component("clock_v2")).trial(Trial::for_calls(1));
    plan().commit().unwrap_err();
    assert_eq!((clock.version(), rt.trial().is_none()), (1, true));
    script.clear("clock 2.0.0", Moment::Create);
    plan().commit().unwrap();
    assert_eq!(clock.version(), 2);
    assert_eq!(end_of(&rt).cause, TrialCause::Calls);
}

#[test]
fn the_plan_and_the_status_say_how_many_calls_are_left() {
    let (rt, clock) = clock();
    let rules = Trial::for_calls(1_000).within(Duration::from_secs(600));
    let plan = rt.plan().replace(component("clock_v2")).trial(rules).build();
    let description = plan.describe();
    assert!(description.to_string().contains("on trial for 1000 calls, within 600s"), "{description}");
    let document = serde_json::to_value(&description).unwrap();
    assert_eq!((&document["trial"]["calls"], &document["trial"]["within_us"]), (&1_000.into(), &600_000_000.into()));
    plan.commit().unwrap();
    clock.version();
    let status = serde_json::to_value(rt.trial().unwrap()).unwrap();
    assert_eq!(status["calls"], serde_json::json!({ "wanted": 1_000, "answered": 1, "left": 999 }));
    rt.confirm().unwrap();
}
