//! Protected components: every way to change one is refused without the override, and told with it. No runtime here
//! has a history.

use std::sync::Arc;

use lcr::{Back, Error, ErrorKind, Handle, PlanBuilder, Report, Runtime};
use lcr_tests::{bank::Clock, component, empty_runtime};

/// A clock of the program.
struct Sundial;

impl Clock for Sundial {
    fn version(&self) -> u32 {
        1000
    }
    fn inside(&self, f: &dyn Fn()) {
        f();
    }
}

/// A way to change the guard, which is present.
type Way = for<'rt> fn(PlanBuilder<'rt>) -> PlanBuilder<'rt>;

const WAYS: [(&str, Way); 7] = [
    ("replace", |plan| plan.replace(component("guard"))),
    ("replace_component", |plan| plan.replace_component("guard", component("clock_v1"))),
    ("remove", |plan| plan.remove("guard")),
    ("provide", |plan| plan.provide::<dyn Clock, _>("guard", Arc::new(Sundial)).unwrap()),
    ("provide_in_place_of", |plan| {
        plan.provide_in_place_of::<dyn Clock, _>("guard", "clock", Arc::new(Sundial)).unwrap()
    }),
    ("configure", |plan| plan.configure("guard", &7_u32).unwrap()),
    ("bind", |plan| plan.add(component("clock_other")).bind::<dyn Clock>("sundial")),
];

fn refused(result: Result<Report, Error>, way: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protected, "{way}: {error}");
    assert!(
        error.to_string().contains("guard") && error.to_string().contains("override_protected()"),
        "{way}: {error}"
    );
}

fn guarded() -> Runtime {
    let rt = empty_runtime();
    rt.load(component("guard")).unwrap();
    rt
}

/// PEERS 24: LibHotSwap's modules are protected only while its server runs.
#[test]
fn every_way_to_change_a_protected_component_is_refused_without_the_override_and_told_with_it() {
    for (way, change) in WAYS {
        let rt = guarded();
        refused(change(rt.plan()).commit(), way);
        let planned = change(rt.plan()).build();
        assert!(planned.refusals().any(|error| error.kind() == ErrorKind::Protected), "{way}: {planned}");
        assert_eq!((rt.generation(), rt.service::<dyn Clock>().unwrap().version()), (2, 7), "{way}");
        let report = change(rt.plan()).override_protected().commit().unwrap();
        assert_eq!(report.overrode_protection_of, ["guard"], "{way}: {report}");
    }
}

#[test]
fn a_rollback_of_a_protected_component_is_refused_without_the_override() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    rt.plan().replace_component("clock", component("guard")).commit().unwrap();
    for back in [Back::Steps(1), Back::To(2), Back::Original] {
        refused(rt.rollback(back), "rollback");
        assert_eq!((clock.version(), rt.generation()), (7, 3));
    }
    let report = rt.plan().rollback(Back::Steps(1)).override_protected().commit().unwrap();
    assert_eq!((clock.version(), report.overrode_protection_of), (1, vec!["guard".to_owned()]));
    // What comes back may be protected; what is there counts.
    let report = rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((clock.version(), report.overrode_protection_of), (7, Vec::new()));
}

#[test]
fn a_configuration_beside_any_plan_is_refused_for_a_protected_component() {
    let rt = guarded();
    let error = rt.configure("guard", &7_u32).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protected, "{error}");
    assert!(error.to_string().contains("by a plan that has override_protected()"), "{error}");
}

#[test]
fn an_override_that_nothing_needed_is_not_told() {
    let rt = guarded();
    let report = rt.plan().add(component("clock_v1")).bind::<dyn Clock>("guard").override_protected().commit().unwrap();
    assert_eq!(report.overrode_protection_of, [""; 0]);
    // A binding that stays with the protected component needs none either.
    rt.plan().bind::<dyn Clock>("guard").commit().unwrap();
}

#[test]
fn two_plans_take_the_callers_of_a_protected_component_no_more_than_one() {
    let rt = guarded();
    rt.load(component("clock_other")).unwrap();
    refused(rt.plan().bind::<dyn Clock>("sundial").commit(), "bind in a second plan");
    let report = rt.plan().bind::<dyn Clock>("sundial").override_protected().commit().unwrap();
    assert_eq!(
        (report.overrode_protection_of, rt.service::<dyn Clock>().unwrap().version()),
        (vec!["guard".into()], 5)
    );
    // What has no callers any more loses none.
    rt.plan().add(component("clock_v1")).bind::<dyn Clock>("clock").commit().unwrap();
    // Back to the protected one needs no override.
    let report = rt.plan().bind::<dyn Clock>("guard").commit().unwrap();
    assert_eq!((report.overrode_protection_of, rt.service::<dyn Clock>().unwrap().version()), (Vec::new(), 7));
}

#[test]
fn a_patch_library_of_a_protected_component_comes_and_goes_by_the_override_alone_and_that_is_told() {
    let rt = guarded();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    refused(rt.replace(component("patch_later_1")), "patch");
    let report = rt.plan().replace(component("patch_later_1")).override_protected().commit().unwrap();
    assert_eq!((report.overrode_protection_of, clock.version()), (vec!["guard".to_owned()], 107));
    refused(rt.replace(component("patch_later_2_panics_inside")), "another version of the patch");
    refused(rt.plan().remove("later").commit(), "its removal");
    refused(rt.rollback(Back::Steps(1)), "a rollback");
    let planned = rt.plan().remove("later").build();
    assert!(planned.refusals().any(|error| error.kind() == ErrorKind::Protected), "{planned}");
    let report = rt.plan().remove("later").override_protected().commit().unwrap();
    assert_eq!((report.overrode_protection_of, clock.version()), (vec!["guard".to_owned()], 7));
    refused(rt.rollback(Back::Steps(1)), "a rollback that brings it back");
}
