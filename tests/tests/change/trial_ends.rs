//! Trials: how they end without anything wrong, and what a rollback puts back beside the components.

use std::{num::NonZeroU32, time::Duration};

use lcr::{ErrorKind, Runtime, Trial, TrialCause, TrialOutcome};
use lcr_tests::{
    bank::{Bank, Clock, Vault as _},
    component, empty_runtime,
    orchard::Orchard,
    script::{Misdeed, Moment, Script},
};

const LONG: Duration = Duration::from_secs(120);

#[test]
fn a_trial_without_any_traffic_is_confirmed_when_its_time_is_over() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    assert!(rt.trial().is_none() && rt.wait_trial(LONG).is_none());
    let rules = Trial::for_time(Duration::from_millis(50)).check(|| Ok(()));
    let report = rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
    let end = rt.wait_trial(LONG).unwrap();
    assert_eq!(
        (end.outcome, end.cause, end.generation),
        (TrialOutcome::Confirmed, TrialCause::Time, report.generation)
    );
    assert!(end.lasted >= Duration::from_millis(50) && end.quarantined.is_empty() && end.back.is_none(), "{end}");
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 2);
    assert!(rt.trial().is_none() && rt.quarantine().is_empty());
    // The next plan finds nothing of it.
    rt.replace(component("clock_v1")).unwrap();
}

#[test]
fn an_operator_confirms_once() {
    let rt = empty_runtime();
    assert_eq!(rt.confirm().unwrap_err().kind(), ErrorKind::NotFound);
    rt.load(component("clock_v1")).unwrap();
    rt.plan().replace(component("clock_v2")).trial(Trial::until_confirmed()).commit().unwrap();
    let status = rt.trial().unwrap();
    assert_eq!((status.members[0].after.as_ref().unwrap().to_string().as_str(), status.left), ("clock 2.0.0", None));
    let end = rt.confirm().unwrap();
    assert_eq!((end.outcome, end.cause), (TrialOutcome::Confirmed, TrialCause::Operator), "{end}");
    for error in [rt.confirm().unwrap_err(), rt.abandon("too late").unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("confirmed"), "{error}");
    }
    assert_eq!(rt.wait_trial(None).unwrap().generation, end.generation);
}

#[test]
fn a_thread_inside_a_component_or_under_a_pin_cannot_end_a_trial_nor_wait_for_it() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).trial(Trial::until_confirmed()).commit().unwrap();
    bank.vault.inside(&|| {
        assert_eq!(bank.rt.confirm().unwrap_err().kind(), ErrorKind::Reentrant);
        assert_eq!(bank.rt.abandon("from inside").unwrap_err().kind(), ErrorKind::Reentrant);
        assert!(bank.rt.wait_trial(None).is_none());
    });
    let pin = bank.rt.pin().unwrap();
    assert_eq!(bank.rt.confirm().unwrap_err().kind(), ErrorKind::Reentrant);
    assert_eq!(bank.rt.abandon("under a pin").unwrap_err().kind(), ErrorKind::Reentrant);
    assert!(bank.rt.wait_trial(None).is_none());
    drop(pin);
    bank.rt.abandon("from outside").unwrap();
    assert_eq!(bank.vault.version(), 1);
    bank.close();
}

#[test]
fn a_check_may_end_its_own_trial() {
    let rt = std::sync::Arc::new(empty_runtime());
    rt.load(component("clock_v1")).unwrap();
    let of_check = std::sync::Arc::downgrade(&rt);
    let check = move || {
        let rt = of_check.upgrade().ok_or("the runtime is gone")?;
        rt.confirm().map(drop).map_err(Into::into)
    };
    rt.plan().replace(component("clock_v2")).trial(Trial::until_confirmed().check(check)).commit().unwrap();
    assert_eq!(rt.wait_trial(LONG).unwrap().outcome, TrialOutcome::Confirmed);
}

#[test]
fn a_rollback_puts_back_the_configuration_that_the_plan_had_set() {
    let [before, after] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [old, new] = [Script::new(before.path()), Script::new(after.path())];
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    rt.configure("clock", &old).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let plan = rt.plan().replace(component("clock_v2")).configure("clock", &new).unwrap();
    plan.trial(Trial::until_confirmed()).commit().unwrap();
    assert!(new.has_come("clock 2.0.0", Moment::Create) && !old.has_come("clock 2.0.0", Moment::Create));
    old.clear_transcript();
    new.clear_transcript();
    rt.abandon("the configuration is not meant").unwrap();
    assert_eq!(clock.version(), 1);
    assert!(old.has_come("clock 1.0.0", Moment::Create), "{:?}", old.transcript());
    assert!(!new.has_come("clock 1.0.0", Moment::Create), "{:?}", new.transcript());
}

#[test]
fn a_component_that_was_added_goes_and_one_that_was_removed_comes_back() {
    let names = |rt: &Runtime| -> Vec<String> {
        rt.status().components.iter().map(|component| component.id.to_string()).collect()
    };
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let plan = rt.plan().remove("clock").add(component("vault_v1")).trial(Trial::until_confirmed());
    plan.commit().unwrap();
    assert_eq!(names(&rt), ["vault 1.0.0"]);
    let members = rt.trial().unwrap().members;
    assert!(
        members.iter().any(|member| member.after.is_none()) && members.iter().any(|member| member.before.is_none())
    );
    rt.abandon("not yet").unwrap();
    assert_eq!(names(&rt), ["clock 1.0.0"]);
}

#[test]
fn protection_refuses_no_rollback_of_a_trial() {
    let rt = empty_runtime();
    rt.load(component("guard")).unwrap();
    let guard = rt.service_of::<dyn Clock>("guard").unwrap();
    let plan = rt.plan().replace_component("guard", component("clock_v1")).override_protected();
    plan.trial(Trial::until_confirmed()).commit().unwrap();
    assert_eq!(guard.version(), 1);
    rt.abandon("the guard was better").unwrap();
    assert_eq!(guard.version(), 7);
    // And back to a version that is protected itself.
    rt.plan().replace_component("guard", component("clock_v1")).override_protected().commit().unwrap();
    rt.plan().replace_component("clock", component("guard")).trial(Trial::until_confirmed()).commit().unwrap();
    rt.abandon("the clock was better").unwrap();
    assert_eq!(guard.version(), 1);
}

#[test]
fn ten_bad_builds_do_not_stand_in_the_way_of_a_good_one() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    for round in 0..10 {
        let rules = Trial::until_confirmed().check(move || Err(format!("build {round} is bad").into()));
        rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
        let end = rt.wait_trial(LONG).unwrap();
        assert_eq!((end.outcome, clock.version()), (TrialOutcome::RolledBack, 1), "{end}");
        rt.release(&end.quarantined[0]).unwrap();
    }
    let rules = Trial::for_time(Duration::ZERO).check(|| Ok(()));
    rt.plan().replace(component("clock_v2")).trial(rules).commit().unwrap();
    assert_eq!((rt.wait_trial(LONG).unwrap().outcome, clock.version()), (TrialOutcome::Confirmed, 2));
}

#[test]
fn a_trial_is_rolled_back_also_where_no_older_generations_are_kept() {
    let rt = Runtime::builder().linked(false).revisions(0).build().unwrap();
    rt.plan().add(component("clock_v1")).add(component("vault_v1")).commit().unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    rt.plan().replace(component("clock_v2")).trial(Trial::until_confirmed()).commit().unwrap();
    for version in ["vault_v2", "vault_v1", "vault_v2"] {
        rt.replace(component(version)).unwrap();
    }
    let end = rt.abandon("the older one was better").unwrap();
    assert_eq!((end.outcome, clock.version()), (TrialOutcome::RolledBack, 1), "{end}");
    assert_eq!(rt.service::<dyn lcr_tests::bank::Vault>().unwrap().version(), 2);
    // What the trial kept goes with it.
    assert_eq!(rt.rollback(lcr::Back::Steps(1)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_plan_that_takes_away_what_a_rollback_needs_is_refused_until_the_trial_ends() {
    let refused = |plan: lcr::PlanBuilder<'_>, what: &str| {
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnTrial, "{error}");
        assert!(error.to_string().contains(what) && error.to_string().contains("abandon"), "{error}");
    };
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    let plan = rt.plan().add(component("clock_v1")).add(component("clock_other")).add(component("vault_v1"));
    plan.add(component("teller_v1")).bind::<dyn Clock>("sundial").commit().unwrap();
    // The version before is gone, and needs the vault when it comes back.
    rt.plan().remove("teller").trial(Trial::until_confirmed()).commit().unwrap();
    refused(rt.plan().remove("vault"), "component `vault` serves bank.vault");
    rt.plan().replace(component("vault_v2")).commit().unwrap();
    rt.abandon("the teller is needed").unwrap();
    // What the plan sets becomes what it was.
    let plan = rt.plan().replace(component("clock_v2")).bind::<dyn Clock>("clock");
    plan.configure("vault", &script).unwrap().trial(Trial::until_confirmed()).commit().unwrap();
    refused(rt.plan().configure("vault", &script).unwrap(), "component `vault` was configured");
    refused(rt.plan().bind::<dyn Clock>("sundial"), "was bound");
    refused(rt.plan().remove("sundial"), "was bound to component `sundial`");
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 2);
    rt.abandon("the sundial was better").unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 5);
    rt.plan().bind::<dyn Clock>("clock").configure("vault", &script).unwrap().commit().unwrap();
}

#[test]
fn a_dependency_goes_on_to_serve_the_version_before() {
    let rt = empty_runtime();
    let plan = rt.plan().add(component("rail_track_2_replaces_1"));
    plan.add(component("rail_train_needs_track_1")).commit().unwrap();
    rt.plan().replace(component("rail_train_needs_track_2")).trial(Trial::until_confirmed()).commit().unwrap();
    let error = rt.replace(component("rail_track_2_gauge_1520")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OnTrial, "{error}");
    rt.abandon("the narrow one was better").unwrap();
}

#[test]
fn a_file_that_served_before_with_another_configuration_does_not_get_into_quarantine() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let plan = rt.plan().replace(component("clock_v1")).configure("clock", &script).unwrap();
    plan.trial(Trial::until_confirmed().check(|| Err("it is wrong".into()))).commit().unwrap();
    let end = rt.wait_trial(LONG).unwrap();
    assert_eq!((end.outcome, end.cause), (TrialOutcome::RolledBack, TrialCause::Check), "{end}");
    assert!(end.quarantined.is_empty() && rt.quarantine().is_empty(), "it serves");
    rt.replace(component("clock_v1")).unwrap();
}

#[test]
fn where_the_version_before_refuses_the_state_the_snapshot_comes_back_and_the_plan_says_so_beforehand() {
    let bank = Bank::open();
    bank.vault.add(5);
    let generation = bank.rt.generation();
    let plan = bank.rt.plan().replace(component("vault_v2")).trial(Trial::until_confirmed()).build();
    let said = "if the version before refuses state v2, only the snapshot saved at this commit can come back";
    assert!(plan.to_string().contains(said), "{plan}");
    assert!(plan.describe().members[0].notes.iter().any(|note| note.contains(said)), "{plan}");
    let without = bank.rt.plan().replace(component("vault_v2")).build();
    assert!(without.to_string().contains(said), "{without}");
    plan.commit().unwrap();
    bank.vault.add(10);
    bank.script.set("vault 1.0.0", Moment::Migrate, Misdeed::Error);
    let end = bank.rt.abandon("the old one was better").unwrap();
    assert_eq!(end.back.as_ref().unwrap().members[0].restored_snapshot, Some(generation), "{end}");
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (1, 5));
    bank.close();
}

#[test]
fn what_is_on_trial_is_not_configured_meanwhile_and_other_components_keep_their_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.plan().add(component("orchard_1")).add(component("vault_v1")).add(component("clock_v1")).commit().unwrap();
    let plan = rt.plan().replace(component("orchard_2")).configure("vault", &Script::default()).unwrap();
    plan.trial(Trial::until_confirmed()).commit().unwrap();
    for component in ["orchard", "vault"] {
        let error = rt.configure(component, &script).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnTrial, "{error}");
        assert!(error.to_string().contains("the rollback would put"), "{error}");
    }
    assert_eq!(rt.configure("nothing", &script).unwrap_err().kind(), ErrorKind::NotFound);
    rt.configure("clock", &script).unwrap();
    rt.abandon("the old one was better").unwrap();
    rt.service::<dyn Clock>().unwrap();
    assert!(script.has_come("clock 1.0.0", Moment::Create), "the rollback left the clock's configuration");
    rt.configure("vault", &script).unwrap();
    rt.configure("orchard", &script).unwrap();
}

#[test]
fn a_plan_that_brings_what_stands_in_the_way_of_the_rollback_is_refused_meanwhile() {
    let rt = empty_runtime();
    rt.load(component("rail_track_1_gauge_1000")).unwrap();
    let refused = |plan: lcr::PlanBuilder<'_>, what: &str| {
        let error = plan.override_protected().commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OnTrial, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    // A dependent of a version that only the trial has, and one of what the trial has added.
    let plan = rt.plan().replace(component("rail_track_2_gauge_1520")).add(component("till_1"));
    plan.trial(Trial::until_confirmed()).commit().unwrap();
    refused(rt.plan().add(component("rail_train_needs_track_2")), "offers only since then");
    refused(rt.plan().add(component("clerk")), "component `clerk` needs");
    rt.abandon("the old ones were better").unwrap();
    // A second provider of what the version before needs, and of what it offered.
    rt.plan().add(component("till_1")).add(component("clerk")).commit().unwrap();
    let second = || rt.plan().add(component("till_1_of_another_component"));
    let removal = rt.plan().remove("clerk").override_protected();
    removal.trial(Trial::until_confirmed()).commit().unwrap();
    refused(second(), "component `second_till` would be a second one");
    rt.abandon("the old one was better").unwrap();
    let removal = rt.plan().remove("clerk").remove("till").override_protected();
    removal.trial(Trial::until_confirmed()).commit().unwrap();
    refused(second(), "component `second_till` would be a second one");
    // With a binding it is known which one is meant.
    second().bind::<dyn lcr_tests::till::v1::Till>("second_till").commit().unwrap();
    rt.abandon("the old ones were better").unwrap();
    assert_eq!(rt.status().components.len(), 4);
}

#[test]
fn a_handle_on_what_the_trial_added_makes_the_rollback_fail_and_the_end_says_so() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let plan = rt.plan().replace(component("clock_v2")).add(component("orchard_1"));
    plan.trial(Trial::until_confirmed().tries(NonZeroU32::MIN)).commit().unwrap();
    let orchard = rt.service::<dyn Orchard>().unwrap();
    rt.abandon("the old one was better").unwrap_err();
    let end = rt.wait_trial(LONG).unwrap();
    assert_eq!(end.outcome, TrialOutcome::Failed, "{end}");
    assert!(end.refusal.as_ref().unwrap().contains("`orchard 1.0.0`"), "{end}");
    assert_eq!((orchard.trees(), rt.service::<dyn Clock>().unwrap().version()), (0, 2));
}
