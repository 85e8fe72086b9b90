//! Plans that something overtook between the moment at which they were built and the one at which they are committed.

use lcr::{Error, ErrorKind, Handle, Plan};
use lcr_tests::{
    bank::{Bank, Clock, Teller as _, Vault},
    component, empty_runtime,
};

/// The middle of the text of a stale plan: what changed.
fn changed(error: Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Stale, "{error}");
    let text = error.to_string();
    let changed = text.strip_prefix("the plan is not what it was when it was built: ").expect(&text);
    let changed = changed.strip_suffix("; nothing is changed, build the plan anew and look at it").expect(&text);
    changed.to_owned()
}

#[test]
fn a_component_that_was_replaced_meanwhile_makes_a_plan_stale() {
    let bank = Bank::open();
    let [first, second] = [(); 2].map(|()| bank.rt.plan().replace(component("teller_v2")).build());
    bank.rt.replace(component("teller_v2")).unwrap();
    let generation = bank.rt.generation();
    assert_eq!(changed(first.commit().unwrap_err()), "component `teller 1.0.0` has become `teller 2.0.0`");
    assert_eq!((bank.rt.generation(), bank.teller.versions()), (generation, (2, 1)));
    let refused = bank.rt.last_refusals().pop().unwrap();
    assert!(refused.kind == ErrorKind::Stale && refused.plan.contains("replace teller 1.0.0 by teller 2.0.0"));

    // Back to the version that the plan was built for, but not to the same build of it.
    bank.rt.replace(component("teller_v1")).unwrap();
    let text = "component `teller 1.0.0` was replaced, by another build of its version";
    assert_eq!(changed(second.commit().unwrap_err()), text);
    bank.rt.plan().replace(component("teller_v2")).build().commit().unwrap();
    bank.close();
}

#[test]
fn a_component_that_came_or_went_meanwhile_makes_a_plan_stale() {
    let rt = empty_runtime();
    let add = rt.plan().add(component("clock_v1")).build();
    rt.load(component("clock_v2")).unwrap();
    assert!(
        changed(add.commit().unwrap_err()).ends_with("component `clock 2.0.0` is present already; replace it instead")
    );
    let replace = rt.plan().replace(component("clock_v1")).build();
    let remove = rt.plan().remove("clock").build();
    rt.plan().remove("clock").commit().unwrap();
    assert!(changed(replace.commit().unwrap_err()).contains("nothing present has the name or the interfaces"));
    assert_eq!(changed(remove.commit().unwrap_err()), "component `clock` is not present; nothing to remove");
}

#[test]
fn a_dependent_that_came_or_went_meanwhile_makes_a_plan_stale() {
    let rt = empty_runtime();
    rt.load(component("vault_v1")).unwrap();
    let plan = rt.plan().replace(component("vault_v2")).build();
    rt.load(component("teller_v1")).unwrap();
    assert_eq!(changed(plan.commit().unwrap_err()), "component `teller 1.0.0` would use `vault 2.0.0` now");
    let plan = rt.plan().replace(component("vault_v2")).build();
    rt.plan().remove("teller").commit().unwrap();
    assert_eq!(changed(plan.commit().unwrap_err()), "component `teller 1.0.0` does not use `vault 2.0.0` any more");
}

#[test]
fn an_instance_makes_a_plan_stale_only_where_its_state_would_go_another_way() {
    let rt = empty_runtime();
    rt.load(component("vault_v1")).unwrap();
    let losing = rt.plan().replace(component("vault_plain")).build();
    let keeping = rt.plan().replace(component("vault_v2")).build();
    assert_eq!((losing.refusals().count(), keeping.refusals().count()), (0, 0), "no instance has a state");
    let vault: Handle<dyn Vault> = rt.service().unwrap();
    vault.add(5);
    let text = changed(losing.commit().unwrap_err());
    assert!(text.contains("component `vault 3.0.0` takes no state, and that of `vault 1.0.0` would be lost"), "{text}");
    // More instances and handles go the way that the plan says.
    let further: Handle<dyn Vault> = rt.reference(&lcr_tests::script::Script::default()).unwrap();
    keeping.commit().unwrap();
    assert_eq!((vault.add(0), further.version()), (5, 2));
}

#[test]
fn a_transaction_that_changes_nothing_of_a_plan_does_not_make_it_stale() {
    let bank = Bank::open();
    let plan = bank.rt.plan().replace(component("teller_v2")).build();
    let handle = bank.teller.clone();
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.replace(component("vault_v2")).unwrap();
    plan.commit().unwrap();
    assert_eq!(handle.versions(), (2, 2));
    drop(handle);
    bank.close();
}

#[test]
fn a_builder_that_commits_at_once_does_what_its_requests_come_to() {
    let bank = Bank::open();
    let builder = bank.rt.plan().replace(component("teller_v2"));
    bank.rt.replace(component("teller_v2")).unwrap();
    let report = builder.commit().unwrap();
    assert_eq!(report.members[0].before.as_ref().unwrap().to_string(), "teller 2.0.0");
    bank.close();
}

#[test]
fn a_patch_or_an_export_that_came_or_went_meanwhile_makes_a_plan_stale() {
    let rt = empty_runtime();
    rt.plan().add(component("clock_v1")).add(component("counter_v1")).commit().unwrap();
    let patch = || rt.patch::<dyn Clock>("double").methods(|m| m.version(|next| next() * 2)).commit().unwrap();
    let export = || rt.add_export::<fn() -> u8, _>("clock", "chime", || 12).commit().unwrap();
    let of_clock =
        || [rt.plan().replace(component("clock_v2")).build(), rt.plan().add(component("patch_later_1")).build()];
    let elsewhere = rt.plan().replace(component("counter_v2")).build();
    let stale = |plans: [Plan; 2], text: &str| {
        plans.into_iter().for_each(|plan| assert_eq!(changed(plan.commit().unwrap_err()), text));
    };

    let plans = of_clock();
    let first = patch();
    stale(plans, "`double` was put in");
    let plans = of_clock();
    drop(first);
    stale(plans, "`double` was taken off");
    let first = patch();
    let plans = of_clock();
    drop(first);
    let second = patch();
    stale(plans, "`double` was put in");
    let plans = of_clock();
    let chime = export();
    stale(plans, "`chime` was put in");
    let [plan, _] = of_clock();
    drop(chime);
    assert_eq!(changed(plan.commit().unwrap_err()), "`chime` was taken off");
    elsewhere.commit().unwrap();
    let [replace, _] = of_clock();
    replace.commit().unwrap();
    drop(second);
}
