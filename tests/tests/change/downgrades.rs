//! Rollbacks to a version whose state has another type: the newer version writes the older one's state.

use std::{fs, time::Duration};

use lcr::{
    Back, ErrorKind, Handle, Report, Runtime, Trial, TrialEnd, TrialOutcome,
    manifest::Manifest,
    plan::{StateBackDescription, StateDescription},
};
use lcr_tests::{
    component,
    depot::Depot,
    empty_runtime,
    orchard::{FOREIGN, Orchard, ROTTEN, SLOW, STUBBORN},
};

const LONG: Duration = Duration::from_secs(120);

/// A runtime with an orchard of version 1 that has 5 trees, in use: generation 2.
fn planted() -> (Runtime, Handle<dyn Orchard>) {
    let rt = empty_runtime();
    rt.load(component("orchard_1")).unwrap();
    let orchard = rt.service::<dyn Orchard>().unwrap();
    assert_eq!(orchard.plant("apple", 5), 5);
    (rt, orchard)
}

/// The same, with version 2 in its place.
fn grown() -> (Runtime, Handle<dyn Orchard>) {
    let (rt, orchard) = planted();
    rt.replace(component("orchard_2")).unwrap();
    (rt, orchard)
}

/// What a trial of version 2 came to that an operator abandons after these trees were planted.
fn abandoned(rt: &Runtime, orchard: &Handle<dyn Orchard>, kind: &str, trees: u64) -> TrialEnd {
    rt.plan().replace(component("orchard_2")).trial(Trial::until_confirmed()).commit().unwrap();
    orchard.plant(kind, trees);
    rt.abandon("the old one was better").unwrap()
}

fn member(report: &Report) -> (usize, Option<&str>, Option<u64>) {
    let member = &report.members[0];
    (member.downgraded, member.not_downgraded.as_deref(), member.restored_snapshot)
}

#[test]
fn a_rollback_by_hand_keeps_what_the_newer_version_wrote() {
    let (rt, orchard) = grown();
    assert_eq!(orchard.plant("pear", 2), 7);
    let report = rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((orchard.version(), orchard.trees(), member(&report)), (1, 7, (1, None, None)));
    assert!(report.to_string().contains("(state downgraded)"), "{report}");
    // And forward again, with what was planted since.
    orchard.plant("plum", 1);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((orchard.version(), orchard.trees()), (2, 8));
}

#[test]
fn a_state_goes_back_step_by_step_through_versions_that_each_know_the_one_before() {
    let (rt, orchard) = grown();
    rt.replace(component("orchard_3")).unwrap();
    orchard.plant("pear", 2);
    // Version 3 knows version 2 alone, and version 1 knows no other.
    let plan = rt.plan().rollback(Back::Steps(2)).build();
    let why = "state v3 of `orchard 3.0.0` is not downgraded to v1: it declares downgrades_to(2), and downgrades are \
               not chained; go back one version after the other, or list 1 there too";
    assert!(plan.to_string().contains(why), "{plan}");
    let error = plan.commit().unwrap_err();
    assert_eq!((error.kind(), orchard.version()), (ErrorKind::State, 3), "{error}");
    assert!(error.to_string().contains(&format!("{why}; then component `orchard 1.0.0`")), "{error}");
    for (version, kind) in [(2, "plum"), (1, "quince")] {
        let report = rt.rollback(Back::To(version + 1)).unwrap();
        assert_eq!((u64::from(orchard.version()), report.members[0].downgraded), (version, 1));
        orchard.plant(kind, 1);
    }
    assert_eq!(orchard.trees(), 9);
}

#[test]
fn a_state_that_was_copied_ahead_is_downgraded_at_a_rollback_by_hand_and_by_a_trial() {
    let rt = empty_runtime();
    rt.load(component("depot_hash")).unwrap();
    let depot: Handle<dyn Depot> = rt.service().unwrap();
    depot.take("the successor's own");
    (0..1_000).for_each(|number| depot.put(&number.to_string(), number));
    // The machine may be busy.
    let patient = || rt.plan().precopy_hold(LONG).deadline(LONG).timeout(LONG);
    let forward = || patient().replace(component("depot_wide_back"));
    let plan = forward().build();
    let said = "at a rollback, state v2 is downgraded to v1; if that fails, the rollback is refused, as no snapshot is \
                saved at this commit";
    assert!(plan.to_string().contains(said), "{plan}");
    for (turn, by_trial) in (1..).zip([false, true, false]) {
        let plan = if by_trial { forward().trial(Trial::until_confirmed()) } else { forward() };
        let report = plan.commit().unwrap();
        assert!(report.members[0].precopy.is_some() && depot.kind() == "texts", "{report}");
        depot.put("0", turn);
        depot.put(&format!("later {turn}"), turn);
        let back = match by_trial {
            true => rt.abandon("the old one was better").unwrap().back.unwrap(),
            false => patient().rollback(Back::Steps(1)).commit().unwrap(),
        };
        assert_eq!((member(&back), back.members[0].precopy), ((1, None, None), None), "{back}");
        let last = depot.get(&format!("later {turn}"));
        assert_eq!((depot.kind().as_str(), depot.count(), depot.get("0")), ("hash", 1_000 + turn, Some(turn)));
        assert_eq!(last, Some(turn), "what the newer version was given is there");
    }
}

#[test]
fn each_instance_of_a_component_goes_back_with_its_own_state() {
    let (rt, orchard) = planted();
    let own: Vec<Handle<dyn Orchard>> = (0..3).map(|_| rt.reference::<dyn Orchard>(&()).unwrap()).collect();
    rt.replace(component("orchard_2")).unwrap();
    for (own, trees) in own.iter().zip(10..) {
        assert_eq!(own.plant("pear", trees), trees);
    }
    let report = rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(report.members[0].downgraded, 4);
    assert_eq!((orchard.trees(), own.iter().map(|own| own.trees()).collect::<Vec<_>>()), (5, vec![10, 11, 12]));
}

#[test]
fn a_trial_that_fails_ends_with_the_version_before_and_what_was_written_meanwhile() {
    let (rt, orchard) = planted();
    rt.plan().replace(component("orchard_2")).trial(Trial::until_confirmed()).commit().unwrap();
    assert_eq!(orchard.plant("pear", 2), 7);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| orchard.wither())).is_err());
    let end = rt.wait_trial(LONG).unwrap();
    assert_eq!(end.outcome, TrialOutcome::RolledBack, "{end}");
    assert_eq!((orchard.version(), orchard.trees()), (1, 7));
    assert_eq!(member(end.back.as_ref().unwrap()), (1, None, None));
}

#[test]
fn a_downgrade_that_refuses_or_panics_leaves_the_newer_version_serving_and_says_both_reasons() {
    for (kind, why) in [
        (STUBBORN, "refused in its downgrade: downgrade to version 1: a stubborn tree"),
        (ROTTEN, "panicked in its downgrade: a rotten tree"),
    ] {
        let (rt, orchard) = grown();
        orchard.plant(kind, 1);
        let error = rt.rollback(Back::Steps(1)).unwrap_err();
        assert_eq!((error.kind(), orchard.version(), orchard.trees()), (ErrorKind::State, 2, 6));
        let text = error.to_string();
        assert!(text.contains(why) && text.contains("; then component `orchard 1.0.0` refused"), "{text}");
        // With leave, the snapshot comes back.
        let report = rt.plan().rollback(Back::Steps(1)).restore_snapshot("orchard").commit().unwrap();
        assert_eq!((orchard.version(), orchard.trees()), (1, 5));
        let (downgraded, not, snapshot) = member(&report);
        assert!(downgraded == 0 && not.unwrap().contains(why) && snapshot == Some(2), "{report:?}");
    }
}

#[test]
fn in_a_trial_a_downgrade_that_refuses_or_panics_falls_to_the_snapshot() {
    for kind in [STUBBORN, ROTTEN] {
        let (rt, orchard) = planted();
        let end = abandoned(&rt, &orchard, kind, 1);
        assert_eq!((end.outcome, orchard.version(), orchard.trees()), (TrialOutcome::RolledBack, 1, 5), "{end}");
        let (downgraded, not, snapshot) = member(end.back.as_ref().unwrap());
        assert!(downgraded == 0 && not.is_some() && snapshot == Some(2), "{end:?}");
    }
}

#[test]
fn a_version_that_does_not_restore_what_it_is_downgraded_to_gets_the_snapshot_in_a_trial() {
    let (rt, orchard) = planted();
    let end = abandoned(&rt, &orchard, "pear", FOREIGN - 5);
    assert_eq!((end.outcome, orchard.version(), orchard.trees()), (TrialOutcome::RolledBack, 1, 5), "{end}");
    assert_eq!(member(end.back.as_ref().unwrap()), (0, None, Some(2)));
}

#[test]
fn a_downgrade_that_hangs_ends_a_rollback_at_its_deadline_and_a_trial_with_the_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let gone = directory.path().join("gone");
    let slow = format!("{SLOW}{}", gone.display());
    let (rt, orchard) = grown();
    orchard.plant(&slow, 1);
    let error = rt.rollback(Back::Steps(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    assert!(error.to_string().contains("the downgrade of component `orchard 2.0.0` has not ended"), "{error}");
    assert_eq!((orchard.version(), orchard.trees()), (2, 6));
    let (other, orchard) = planted();
    let end = abandoned(&other, &orchard, &slow, 1);
    assert_eq!((end.outcome, orchard.version(), orchard.trees()), (TrialOutcome::RolledBack, 1, 5), "{end}");
    let (_, not, snapshot) = member(end.back.as_ref().unwrap());
    assert!(not.unwrap().contains("did not return before") && snapshot == Some(2), "{end:?}");
    // The threads that hang go on.
    fs::write(gone, "").unwrap();
}

#[test]
fn a_plan_says_beforehand_which_way_state_goes_and_which_way_it_would_go_back() {
    let (rt, orchard) = planted();
    let plan = rt.plan().replace(component("orchard_2")).build();
    let said = "at a rollback, state v2 is downgraded to v1; if that fails, only the snapshot saved at this commit can \
                come back, and what was written since is lost";
    assert!(plan.to_string().contains(said), "{plan}");
    let described = |plan: &lcr::Plan| {
        let interface = &plan.describe().members[0].interfaces[0];
        (interface.state.clone(), interface.back.clone().unwrap())
    };
    let (state, back) = described(&plan);
    assert!(matches!(state, StateDescription::Copied { from: 1, to: 2, .. }), "{state:?}");
    assert!(matches!(back, StateBackDescription::Downgraded { from: 2, to: 1, snapshot: true, .. }), "{back:?}");
    plan.commit().unwrap();
    orchard.plant("pear", 1);
    let plan = rt.plan().rollback(Back::Steps(1)).build();
    assert!(plan.to_string().contains("1 instance, state v2 downgraded to v1\n"), "{plan}");
    let (state, back) = described(&plan);
    assert!(matches!(state, StateDescription::Downgraded { from: 2, to: 1, .. }), "{state:?}");
    assert!(matches!(back, StateBackDescription::Migrated { from: 1, to: 2, snapshot: true, .. }), "{back:?}");
    // Where nothing may be lost, only a trial asks.
    let same = || rt.plan().replace(component("orchard_2"));
    assert!(!same().build().to_string().contains("at a rollback"));
    let plan = same().trial(Trial::until_confirmed()).build();
    assert!(plan.to_string().contains("at a rollback, state v2 goes back as it is"), "{plan}");
    let two = Manifest::read(component("orchard_3")).unwrap();
    assert_eq!(two.exports[0].downgrades_to, [2]);
    assert!(two.to_string().contains("state v3 (goes back to v2)"), "{two}");
}

#[test]
fn a_rehearsal_downgrades_copies_on_both_ways_and_says_what_fails() {
    let (rt, orchard) = planted();
    let forward = rt.plan().replace(component("orchard_2")).build().rehearse().unwrap();
    let member = &forward.members[0];
    assert!(member.downgraded == 0 && member.back_bytes.is_some() && member.no_way_back.is_none(), "{forward}");
    assert!(forward.to_string().contains("bytes would come back at a rollback, downgraded"), "{forward}");
    rt.replace(component("orchard_2")).unwrap();
    orchard.plant("pear", 1);
    let back = rt.plan().rollback(Back::Steps(1)).build().rehearse().unwrap();
    assert_eq!((back.members[0].downgraded, back.members[0].copied), (1, 1), "{back}");
    orchard.plant(STUBBORN, 1);
    let error = rt.plan().rollback(Back::Steps(1)).build().rehearse().unwrap_err();
    assert!(error.to_string().contains("a stubborn tree; then component"), "{error}");
    assert_eq!((orchard.version(), orchard.trees()), (2, 7));
    let forward = rt.plan().replace(component("orchard_3")).build().rehearse().unwrap();
    assert!(forward.members[0].no_way_back.as_ref().unwrap().contains("a stubborn tree"), "{forward}");
}
