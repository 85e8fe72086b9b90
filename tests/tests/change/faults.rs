//! Faults in each phase of a transaction and in each of its members: the old world serves on, and the
//! next try succeeds.

use std::time::Duration;

use lcr::{Error, ErrorKind, PlanBuilder};
use lcr_tests::{
    GIVES_UP,
    bank::{Bank, Branch as _, Clock, Customers, Teller as _, Vault as _},
    component, names, patient,
    script::{Misdeed, Moment, REASON},
    wait_until,
};

const MISDEEDS: [Misdeed; 3] = [Misdeed::Error, Misdeed::Panic, Misdeed::Hang];

/// How long a plan waits that is meant to end while something hangs. All work before that is done by then.
const DEADLINE: Duration = Duration::from_secs(2);

/// Moves the state of both members.
fn hand_over(bank: &Bank) -> PlanBuilder<'_> {
    patient(&bank.rt).replace(component("vault_v2")).replace(component("teller_v2"))
}

/// Constructs both members anew.
fn start_anew(bank: &Bank) -> PlanBuilder<'_> {
    hand_over(bank).discard_state("vault").discard_state("teller")
}

/// Tries a plan in which the component `who` commits a misdeed at a moment while customers call, and
/// checks that nothing but the try is lost.
fn spoil(bank: &Bank, plan: PlanBuilder<'_>, who: &str, moment: Moment, misdeed: Misdeed) -> Error {
    let status = bank.rt.status();
    let (sum, customers_before) = (bank.vault.add(0), bank.teller.customers());
    bank.script.set(who, moment, misdeed);
    let customers = Customers::of(&bank.branch);
    let plan = if misdeed == Misdeed::Hang { plan.deadline(DEADLINE).timeout(GIVES_UP) } else { plan };
    let error = plan.commit().expect_err("a bad plan is refused");
    // One thread still hangs, and all other threads go on.
    assert_eq!((bank.branch.versions(), bank.vault.version()), ((1, 1), 1), "{who} {moment} {misdeed:?}");
    let served = customers.count();
    assert_eq!(bank.vault.add(0), sum + served, "{who} {moment} {misdeed:?}");
    assert_eq!(bank.teller.customers(), customers_before + served, "{who} {moment} {misdeed:?}");
    bank.script.clear(who, moment);
    wait_until("what was made for nothing is destroyed", || {
        let now = bank.rt.status();
        now.constructed - now.destroyed == 3 && now.retiring == 0
    });
    let now = bank.rt.status();
    let present = |status: &lcr::Status| {
        status.components.iter().map(|component| (component.id.clone(), component.hash)).collect::<Vec<_>>()
    };
    assert_eq!(present(&now), present(&status));
    assert_eq!((now.instances, now.pins), (status.instances, 0));
    error
}

/// Checks the error for a misdeed of `who`; `function` is what the error calls the function.
fn check(error: &Error, who: &str, function: &str, phase: &str, misdeed: Misdeed, kind: ErrorKind) {
    let text = error.to_string();
    let (expected, beginning) = match misdeed {
        Misdeed::Error => (kind, format!("component `{who}` refused in its {function}: ")),
        Misdeed::Panic => (kind, format!("component `{who}` panicked in its {function}: ")),
        Misdeed::Hang => (ErrorKind::Deadline, format!("the {function} of component `{who}` has not ended after ")),
    };
    assert_eq!(error.kind(), expected, "{text}");
    assert!(text.starts_with(&beginning), "{text}");
    if misdeed == Misdeed::Hang {
        let end = format!(" in the {phase} phase; the old version serves on; if it is only slow, raise the plan's ");
        assert!(text.contains(&end), "{text}");
        let [straggler] = error.stragglers() else { panic!("{error:?}") };
        assert_eq!(names(straggler), ["lcr-change", who, function]);
    } else {
        assert!(text.ends_with(REASON), "{text}");
        assert!(error.stragglers().is_empty(), "{error:?}");
    }
}

/// Checks that the same plan succeeds in the end, with everything that was deposited meanwhile.
fn succeed(bank: Bank) {
    let (sum, customers) = (bank.vault.add(0), bank.teller.customers());
    let report = hand_over(&bank).commit().unwrap();
    assert_eq!(report.members.len(), 2);
    assert_eq!((bank.branch.versions(), bank.vault.add(0), bank.teller.customers()), ((2, 2), sum, customers));
    bank.close();
}

#[test]
fn a_constructor_that_fails_leaves_the_old_world_serving() {
    let bank = Bank::open();
    for who in ["vault 2.0.0", "teller 2.0.0"] {
        for misdeed in MISDEEDS {
            let error = spoil(&bank, start_anew(&bank), who, Moment::Create, misdeed);
            check(&error, who, "constructor", "prepare", misdeed, ErrorKind::Construct);
        }
    }
    succeed(bank);
}

#[test]
fn a_health_check_that_fails_leaves_the_old_world_serving() {
    let bank = Bank::open();
    for who in ["vault 2.0.0", "teller 2.0.0"] {
        for misdeed in MISDEEDS {
            let error = spoil(&bank, start_anew(&bank), who, Moment::Healthy, misdeed);
            check(&error, who, "health check", "prepare", misdeed, ErrorKind::Unhealthy);
            let error = spoil(&bank, hand_over(&bank), who, Moment::Healthy, misdeed);
            check(&error, who, "health check", "hand-over", misdeed, ErrorKind::Unhealthy);
        }
    }
    succeed(bank);
}

#[test]
fn a_save_that_fails_leaves_the_old_world_serving() {
    let bank = Bank::open();
    for who in ["vault 1.0.0", "teller 1.0.0"] {
        for misdeed in MISDEEDS {
            let error = spoil(&bank, hand_over(&bank), who, Moment::Save, misdeed);
            check(&error, who, "save", "hand-over", misdeed, ErrorKind::State);
        }
    }
    succeed(bank);
}

#[test]
fn a_migration_that_fails_leaves_the_old_world_serving() {
    let bank = Bank::open();
    for who in ["vault 2.0.0", "teller 2.0.0"] {
        for misdeed in MISDEEDS {
            let error = spoil(&bank, hand_over(&bank), who, Moment::Migrate, misdeed);
            check(&error, who, "restore", "hand-over", misdeed, ErrorKind::State);
        }
    }
    succeed(bank);
}

#[test]
fn a_restore_that_fails_leaves_the_old_world_serving() {
    let bank = Bank::open();
    for who in ["vault 2.0.0", "teller 2.0.0"] {
        for misdeed in MISDEEDS {
            let error = spoil(&bank, hand_over(&bank), who, Moment::Restore, misdeed);
            check(&error, who, "restore", "hand-over", misdeed, ErrorKind::State);
        }
    }
    succeed(bank);
}

#[test]
fn a_dependency_that_a_failed_transaction_built_is_destroyed_with_it() {
    let bank = Bank::open();
    let plan = || patient(&bank.rt).add(component("clock_v1")).replace(component("branch_v2"));
    for misdeed in MISDEEDS {
        let error = spoil(&bank, plan(), "branch 2.0.0", Moment::Create, misdeed);
        check(&error, "branch 2.0.0", "constructor", "prepare", misdeed, ErrorKind::Construct);
        assert_eq!(bank.rt.service::<dyn Clock>().unwrap_err().kind(), ErrorKind::NotFound);
    }
    // The thread of a transaction that was given up still hangs, with a clock that no caller sees.
    // Meanwhile another transaction adds another clock.
    bank.script.set("branch 2.0.0", Moment::Create, Misdeed::Hang);
    assert_eq!(plan().timeout(GIVES_UP).commit().unwrap_err().kind(), ErrorKind::Deadline);
    bank.rt.load(component("clock_v2")).unwrap();
    assert_eq!(bank.rt.service::<dyn Clock>().unwrap().version(), 2);
    bank.script.clear("branch 2.0.0", Moment::Create);
    bank.rt.replace(component("branch_v2")).unwrap();
    assert_eq!(bank.branch.versions(), (1, 1));
    succeed(bank);
}

#[test]
fn one_bad_instance_of_many_leaves_all_of_them_in_the_old_world() {
    let bank = Bank::open();
    let directories: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let scripts: Vec<_> = directories.iter().map(lcr_tests::script::Script::new).collect();
    let vaults: Vec<_> =
        scripts.iter().map(|script| bank.rt.reference::<dyn lcr_tests::bank::Vault>(script).unwrap()).collect();
    for (n, vault) in (0..).zip(&vaults) {
        vault.add(n);
    }
    scripts[3].set("vault 2.0.0", Moment::Restore, Misdeed::Error);
    let error = hand_over(&bank).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::State, "{error}");
    assert_eq!(bank.branch.versions(), (1, 1));
    assert!((0..).zip(&vaults).all(|(n, vault)| (vault.version(), vault.add(0)) == (1, n)));
    scripts[3].clear("vault 2.0.0", Moment::Restore);
    let report = hand_over(&bank).commit().unwrap();
    assert_eq!(report.members[0].instances, 6);
    assert!((0..).zip(&vaults).all(|(n, vault)| (vault.version(), vault.add(0)) == (2, n)));
    drop(vaults);
    bank.close();
}

#[test]
fn a_destructor_that_panics_or_hangs_does_not_reach_callers() {
    let bank = Bank::open();
    bank.script.set("vault 1.0.0", Moment::Drop, Misdeed::Panic);
    bank.script.set("teller 1.0.0", Moment::Drop, Misdeed::Hang);
    hand_over(&bank).commit().unwrap();
    bank.script.wait_for("teller 1.0.0", Moment::Drop);
    let error = bank.rt.wait_drained(Duration::from_millis(20)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let straggler = error.stragglers().iter().find(|straggler| names(straggler)[1] == "teller 1.0.0").unwrap();
    assert_eq!(names(straggler)[2], "destructor");
    assert!(error.to_string().contains(" is in the destructor of teller 1.0.0, seen for "), "{error}");
    // A destructor hangs; callers and transactions go on.
    assert_eq!(bank.branch.versions(), (2, 2));
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.replace(component("clock_v2")).unwrap();
    bank.script.clear("teller 1.0.0", Moment::Drop);
    bank.rt.wait_drained(Duration::from_secs(30)).unwrap();
    bank.close();
}
