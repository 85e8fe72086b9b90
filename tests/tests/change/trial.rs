//! Trials: what is watched, what is rolled back, and what plans may do meanwhile.

use std::{
    num::NonZeroU32,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use lcr::{ErrorKind, Handle, Runtime, Trial, TrialCause, TrialEnd, TrialOutcome, events::EventKind};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock, Customers, Teller as _, Vault as _},
    component, empty_runtime,
    script::{Misdeed, Moment, Script},
    wait_until,
};

/// Longer than any machine stands still.
const LONG: Duration = Duration::from_secs(120);
const MOMENT: Duration = Duration::from_millis(20);

/// A trial that ends only if something is wrong, and looks often.
fn watchful() -> Trial {
    Trial::until_confirmed().healthy_every(MOMENT).check_every(MOMENT).healthy_limit(LONG).check_limit(LONG)
}

fn end_of(rt: &Runtime) -> TrialEnd {
    rt.wait_trial(LONG).expect("the trial ends")
}

/// A runtime with a clock of version 1, which has no state, and its script.
fn with_clock() -> (Runtime, Handle<dyn Clock>, Script, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    rt.configure("clock", &script).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    (rt, clock, script, directory)
}

fn is_in_panic(call: impl FnOnce() -> u32) -> bool {
    catch_unwind(AssertUnwindSafe(call)).is_err()
}

#[test]
fn a_panic_rolls_back_with_the_state_and_the_file_is_in_quarantine_until_it_is_released() {
    let bank = Bank::open();
    let mut events = bank.rt.events();
    let report = bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    let hash = report.members[0].hash.unwrap();
    let customers = Customers::of(&bank.branch);
    bank.script.set("vault 2.0.0", Moment::Call, Misdeed::Panic);
    assert!(is_in_panic(|| bank.vault.version()));
    let end = end_of(&bank.rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Fault), "{end}");
    assert_eq!(end.component.as_ref().unwrap().to_string(), "vault 2.0.0");
    assert_eq!(end.method.as_ref().unwrap().to_string(), "bank.vault.version");
    assert!(end.why.contains("bank.vault.version") && end.back.is_some(), "{end}");
    // No customer was turned away, and what the new version had taken in came back.
    assert_eq!((bank.vault.version(), bank.branch.versions()), (1, (1, 1)));
    let served = customers.count();
    assert_eq!((bank.vault.add(0), bank.teller.customers()), (served, served));
    // It does not come back by itself, nor under another name.
    let [quarantined] = &bank.rt.quarantine()[..] else { panic!("one file failed") };
    assert_eq!((quarantined.hash, &end.quarantined[..]), (hash, &[hash][..]));
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("libother.so");
    std::fs::copy(component("vault_v2"), &copy).unwrap();
    for file in [component("vault_v2"), copy] {
        let error = bank.rt.replace(file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Quarantined);
        assert!(error.to_string().contains("bank.vault.version"), "{error}");
    }
    bank.rt.release(&hash).unwrap();
    assert_eq!(bank.rt.release(&hash).unwrap_err().kind(), ErrorKind::NotFound);
    bank.script.clear("vault 2.0.0", Moment::Call);
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!(bank.vault.version(), 2);
    let told = std::iter::from_fn(|| events.try_next()).map(|event| event.kind.name());
    let told: Vec<&str> = told.filter(|name| !matches!(*name, "committed" | "refused" | "retired")).collect();
    // The thread of the trial says when the trial began, and a fault may come before that.
    assert_eq!(told.iter().filter(|name| ["trial_began", "fault"].contains(*name)).count(), 2, "{told:?}");
    assert_eq!(told[2..], ["rolled_back", "quarantined", "trial_ended", "released"]);
    bank.close();
}

#[test]
fn as_many_panics_as_are_allowed_leave_a_version_on_trial() {
    let (rt, clock, script, _directory) = with_clock();
    rt.plan().replace(component("clock_v2")).trial(watchful().faults_allowed(2)).commit().unwrap();
    script.set("clock 2.0.0", Moment::Call, Misdeed::Panic);
    assert!(is_in_panic(|| clock.version()) && is_in_panic(|| clock.version()));
    let status = rt.trial().unwrap();
    assert_eq!((status.members[0].faults, status.faults_allowed), (2, 2));
    assert!(rt.wait_trial(MOMENT).is_none() && status.rolling_back.is_none());
    assert!(is_in_panic(|| clock.version()));
    assert_eq!(end_of(&rt).cause, TrialCause::Fault);
    assert_eq!(clock.version(), 1);
}

#[test]
fn a_panic_of_another_component_or_of_the_program_is_not_that_of_the_version_on_trial() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("teller_v2")).trial(watchful()).commit().unwrap();
    // The vault panics below the teller, and a callback of the program inside of it.
    bank.script.set("vault 1.0.0", Moment::Call, Misdeed::Panic);
    assert!(is_in_panic(|| bank.teller.versions().0));
    bank.script.clear("vault 1.0.0", Moment::Call);
    assert!(is_in_panic(|| {
        bank.teller.inside(&|| panic!("of the program"));
        0
    }));
    let faults = |name: &str| {
        let components = bank.rt.status().components;
        components.iter().find(|component| component.id.name == name).unwrap().faults
    };
    assert_eq!((faults("vault"), faults("teller")), (1, 0));
    assert_eq!(bank.rt.trial().unwrap().members[0].faults, 0);
    bank.rt.confirm().unwrap();
    assert_eq!(bank.teller.versions(), (2, 1));
    bank.close();
}

#[test]
fn a_check_that_refuses_or_panics_rolls_back() {
    let (rt, clock, ..) = with_clock();
    for panics in [false, true] {
        let asked = clock.clone();
        let check = move || match asked.version() {
            1 => Ok(()),
            2 if panics => panic!("version 2 is wrong"),
            _ => Err("version 2 is wrong".into()),
        };
        rt.plan().replace(component("clock_v2")).trial(watchful().check(check)).commit().unwrap();
        let end = end_of(&rt);
        assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Check), "{end}");
        assert!(end.why.contains("version 2 is wrong") && end.component.is_none(), "{end}");
        assert_eq!((clock.version(), end.quarantined.len(), end.left_threads), (1, 1, 0));
        rt.release(&end.quarantined[0]).unwrap();
    }
}

#[test]
fn a_health_check_that_refuses_rolls_back_and_names_the_component() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    bank.script.set("vault 2.0.0", Moment::Healthy, Misdeed::Error);
    let end = end_of(&bank.rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Health), "{end}");
    assert_eq!(end.component.unwrap().to_string(), "vault 2.0.0");
    assert_eq!(bank.vault.version(), 1);
    bank.close();
}

#[test]
fn a_look_that_hangs_rolls_back_and_leaves_its_thread_behind() {
    let (rt, clock, script, _directory) = with_clock();
    let rules = watchful().healthy_limit(Duration::from_secs(2));
    rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
    script.set("clock 2.0.0", Moment::Healthy, Misdeed::Hang);
    let end = end_of(&rt);
    assert_eq!((end.outcome, end.cause, end.left_threads), (TrialOutcome::RolledBack, TrialCause::Health, 1), "{end}");
    assert_eq!((clock.version(), end.component.unwrap().to_string().as_str()), (1, "clock 2.0.0"));
    // The thread that was left behind holds the instance until it returns.
    script.clear("clock 2.0.0", Moment::Healthy);
    rt.wait_drained(LONG).unwrap();
    rt.release(&end.quarantined[0]).unwrap();

    let (answers, is_over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (may_answer, over) = (Arc::clone(&answers), Arc::clone(&is_over));
    let check = move || {
        wait_until("the test is over", || may_answer.load(Ordering::Acquire));
        over.store(true, Ordering::Release);
        Ok(())
    };
    let rules = watchful().check(check).check_limit(Duration::from_millis(100));
    rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
    let end = end_of(&rt);
    assert_eq!((end.cause, end.left_threads, clock.version()), (TrialCause::Check, 1, 1), "{end}");
    answers.store(true, Ordering::Release);
    wait_until("the check returns", || is_over.load(Ordering::Acquire));
}

#[test]
fn of_three_components_one_bad_one_takes_all_back_in_one_commit() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
    let report = plan.replace(component("branch_v2")).trial(watchful()).commit().unwrap();
    assert_eq!(bank.branch.versions(), (2, 2));
    let customers = Customers::of(&bank.branch);
    let generation = bank.rt.generation();
    bank.script.set("teller 2.0.0", Moment::Healthy, Misdeed::Error);
    let end = end_of(&bank.rt);
    let back = end.back.as_ref().unwrap();
    assert_eq!((end.outcome, back.generation, back.members.len()), (TrialOutcome::RolledBack, generation + 1, 3));
    let teller = report.members.iter().find(|member| member.after.as_ref().unwrap().name == "teller").unwrap();
    assert_eq!(end.quarantined, [teller.hash.unwrap()], "the others did not fail");
    let served = customers.count();
    assert_eq!((bank.branch.versions(), bank.vault.add(0), bank.teller.customers()), ((1, 1), served, served));
    bank.close();
}

#[test]
fn a_plan_for_a_component_on_trial_is_refused_and_others_go_on_and_stay() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    let refused = |plan: lcr::PlanBuilder<'_>| {
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnTrial, "{error}");
        assert!(error.to_string().contains("abandon"), "{error}");
    };
    refused(bank.rt.plan().replace(component("vault_v1")));
    refused(bank.rt.plan().replace(component("teller_v2")).replace(component("vault_v1")));
    refused(bank.rt.plan().configure("vault", &bank.script).unwrap());
    refused(bank.rt.plan().replace(component("clock_v2")).trial(watchful()));
    assert_eq!(bank.vault.version(), 2);
    bank.rt.plan().replace(component("teller_v2")).replace(component("clock_v2")).commit().unwrap();
    let end = bank.rt.abandon("the operator changed her mind").unwrap();
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Abandoned), "{end}");
    assert!(end.why.contains("the operator changed her mind") && end.quarantined.is_empty(), "{end}");
    assert_eq!(bank.branch.versions(), (2, 1), "what others committed meanwhile stays");
    assert!(bank.rt.quarantine().is_empty());
    bank.rt.replace(component("vault_v2")).unwrap();
    bank.close();
}

#[test]
fn a_rollback_that_is_refused_is_tried_again_and_then_what_serves_goes_on() {
    let bank = Bank::open();
    let rules = watchful().tries(NonZeroU32::new(2).unwrap());
    bank.rt.plan().replace(component("vault_v2")).trial(rules).commit().unwrap();
    let customers = Customers::of(&bank.branch);
    bank.script.set("vault 1.0.0", Moment::Restore, Misdeed::Panic);
    let error = bank.rt.abandon("to no avail").unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    let end = end_of(&bank.rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::Failed, TrialCause::Abandoned), "{end}");
    assert!(end.refusal.as_ref().unwrap().contains("vault 1.0.0"), "{end}");
    // Each try offers the state, and then the snapshot.
    let tried = bank.script.transcript();
    assert_eq!(tried.iter().filter(|line| line.starts_with("vault 2.0.0 save on")).count(), 2, "{tried:?}");
    assert_eq!((bank.vault.version(), bank.rt.trial().is_none()), (2, true));
    let served = customers.count();
    assert_eq!(bank.vault.add(0), served);
    // Nothing stands in the way of the next plan.
    bank.script.clear("vault 1.0.0", Moment::Restore);
    bank.rt.replace(component("vault_v1")).unwrap();
    assert_eq!(bank.vault.version(), 1);
    bank.close();
}

#[test]
fn a_rollback_that_fails_once_succeeds_when_it_can() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    bank.script.set("vault 1.0.0", Moment::Restore, Misdeed::Error);
    thread::scope(|scope| {
        let abandoned = scope.spawn(|| bank.rt.abandon("in the end"));
        wait_until("a try is refused", || bank.rt.trial().is_some_and(|status| status.refused_tries > 0));
        assert_eq!(bank.rt.confirm().unwrap_err().kind(), ErrorKind::Unhealthy, "it is too late for that");
        bank.script.clear("vault 1.0.0", Moment::Restore);
        assert_eq!(abandoned.join().unwrap().unwrap().outcome, TrialOutcome::RolledBack);
    });
    assert_eq!(bank.vault.version(), 1);
    bank.close();
}

#[test]
fn a_plan_that_waits_for_a_thread_inside_a_version_on_trial_charges_that_version() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    bank.script.set("vault 2.0.0", Moment::Call, Misdeed::Hang);
    thread::scope(|scope| {
        // The teller waits for the vault, which does not return.
        let stuck = scope.spawn(|| bank.teller.versions());
        let replace = || bank.rt.plan().replace(component("teller_v2")).timeout(Duration::from_secs(1)).commit();
        let mut errors = Vec::new();
        wait_until("a plan runs out of time", || {
            errors.extend(replace().err());
            bank.rt.trial().is_none_or(|status| status.rolling_back.is_some())
        });
        bank.script.clear("vault 2.0.0", Moment::Call);
        stuck.join().unwrap();
        assert!(errors.iter().any(|error| error.kind() == ErrorKind::Deadline), "{errors:?}");
    });
    let end = end_of(&bank.rt);
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Gate), "{end}");
    assert_eq!(end.method.unwrap().to_string(), "bank.vault.version");
    bank.close();
}

#[test]
fn a_long_call_of_another_component_that_often_calls_a_version_on_trial_charges_no_version() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).trial(watchful()).commit().unwrap();
    let (is_inside, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            bank.teller.inside(&|| {
                while !is_over.load(Ordering::Acquire) {
                    bank.vault.inside(&|| thread::sleep(MOMENT));
                    is_inside.store(true, Ordering::Release);
                    thread::sleep(MOMENT / 10);
                }
            });
        });
        wait_until("the long call is under way", || is_inside.load(Ordering::Acquire));
        for _ in 0..3 {
            let plan = bank.rt.plan().replace(component("teller_v2")).timeout(Duration::from_millis(200));
            let refused = plan.commit().map_err(|error| error.kind());
            if refused.as_ref().err() != Some(&ErrorKind::Deadline) {
                is_over.store(true, Ordering::Release);
            }
            assert_eq!(refused.err(), Some(ErrorKind::Deadline));
        }
        is_over.store(true, Ordering::Release);
    });
    // What was said of the gate came before.
    bank.rt.confirm().unwrap();
    assert_eq!(bank.vault.version(), 2);
    bank.close();
}

#[test]
fn a_plan_that_runs_out_of_time_by_itself_charges_no_version_on_trial() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let clock = bank.rt.service::<dyn Clock>().unwrap();
    bank.rt.plan().replace(component("clock_v2")).trial(watchful()).commit().unwrap();
    bank.script.set("vault 1.0.0", Moment::Save, Misdeed::Hang);
    // The caller of the vault waits at the gate until the deadline, and calls the clock beside it.
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            bank.script.wait_for("vault 1.0.0", Moment::Save);
            let _ = catch_unwind(AssertUnwindSafe(|| clock.inside(&|| assert!(bank.vault.add(1) > 0))));
        });
        bank.rt.plan().replace(component("vault_v2")).deadline(Duration::from_secs(1)).commit().unwrap_err()
    });
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    bank.script.clear("vault 1.0.0", Moment::Save);
    assert!(bank.rt.trial().unwrap().rolling_back.is_none());
    bank.rt.confirm().unwrap();
    assert_eq!(clock.version(), 2);
    drop(clock);
    bank.close();
}

#[test]
fn the_end_of_the_runtime_interrupts_a_trial_and_tells_so() {
    let (rt, clock, ..) = with_clock();
    let mut events = rt.events();
    rt.plan().replace(component("clock_v2")).trial(watchful().check(|| Ok(()))).commit().unwrap();
    drop(rt);
    assert!(is_in_panic(|| clock.version()));
    let told: Vec<EventKind> = std::iter::from_fn(|| events.next_timeout(LONG)).map(|event| event.kind).collect();
    let interrupted =
        |kind: &&EventKind| matches!(kind, EventKind::TrialEnded { outcome, .. } if outcome == "interrupted");
    assert_eq!(told.iter().filter(interrupted).count(), 1, "{told:?}");
}
