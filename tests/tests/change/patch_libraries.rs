//! Patches that come in libraries: plans put them in, replace them and take them off, as they do with components.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, OnceLock, Weak, mpsc},
    thread,
    time::Duration,
};

use lcr::{Back, ErrorKind, Handle, Runtime, Trial, TrialOutcome, manifest::Manifest};
use lcr_tests::{bank::Clock, component, empty_runtime, in_a_process_of_its_own, script::Script, wait_until};
use tracing::{Event, Subscriber, field::Field, subscriber::set_global_default};
use tracing_subscriber::{
    Layer, Registry,
    layer::{Context, SubscriberExt as _},
};

fn clock() -> (Runtime, Handle<dyn Clock>) {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service().unwrap();
    (rt, clock)
}

#[test]
fn a_library_patches_what_serves_and_its_next_version_takes_its_place_and_a_removal_takes_it_off() {
    let (rt, clock) = clock();
    rt.replace(component("patch_later_1")).unwrap();
    assert_eq!((clock.version(), rt.reference::<dyn Clock>(&Script::default()).unwrap().version()), (101, 101));
    let outer = rt.patch::<dyn Clock>("outer").methods(|m| m.version(|next| next() * 2)).commit().unwrap();
    assert_eq!(clock.version(), 202);
    rt.replace(component("patch_later_2_panics_inside")).unwrap();
    assert_eq!(clock.version(), 402, "below the other patch, where the first version was");
    let patches = rt.patches();
    let library = patches[0].library.as_ref().map(ToString::to_string);
    assert_eq!((library.as_deref(), patches[1].library.as_ref()), (Some("later 2.0.0"), None));
    assert_eq!((&patches[0].methods[..], &*patches[0].component), (&["version".into(), "inside".into()][..], "clock"));
    assert!(rt.status().components.iter().any(|component| component.interface == "patch of bank.clock"));
    drop(outer);
    rt.plan().remove("later").commit().unwrap();
    assert_eq!((clock.version(), rt.patches()), (1, Vec::new()));
    wait_until("the hooks are destroyed", || rt.status().retiring == 0);
}

#[test]
fn a_panic_in_a_library_is_a_fault_of_the_patch_after_what_is_below_was_called() {
    let (rt, clock) = clock();
    rt.plan().add(component("patch_later_2_panics_inside")).commit().unwrap();
    let called = std::cell::Cell::new(false);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| clock.inside(&|| called.set(true))));
    let text = *panic.unwrap_err().downcast::<String>().unwrap();
    assert!(called.get() && text.contains("it is too late"), "{text}");
    let faults = |name: &str| {
        let status = rt.status();
        status.components.iter().find(|component| component.id.name == name).unwrap().faults
    };
    assert_eq!((faults("later"), faults("clock")), (1, 0));
}

#[test]
fn a_patch_on_trial_that_panics_is_rolled_back_to_the_version_before() {
    let (rt, clock) = clock();
    rt.replace(component("patch_later_1")).unwrap();
    let trial = Trial::for_time(Duration::from_secs(600));
    rt.plan().replace(component("patch_later_2_panics_inside")).trial(trial).commit().unwrap();
    assert_eq!(clock.version(), 201);
    let handle = clock.clone();
    let panicked = thread::spawn(move || handle.inside(&|| {})).join();
    assert!(panicked.is_err());
    let end = rt.wait_trial(Duration::from_secs(60)).unwrap();
    assert_eq!(end.outcome, TrialOutcome::RolledBack, "{end:?}");
    assert_eq!(clock.version(), 101);
    let error = rt.replace(component("patch_later_2_panics_inside")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Quarantined, "{error}");
}

/// Has the first version of a patch come back by the end of the second one's trial, when what it was on is gone.
#[track_caller]
fn have_a_patch_come_back_without_its_component(rt: &Runtime) {
    rt.load(component("clock_v1")).unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    let next = rt.plan().replace(component("patch_later_2_panics_inside"));
    next.trial(Trial::until_confirmed()).commit().unwrap();
    rt.plan().remove("clock").commit().unwrap();
    let end = rt.abandon("the first one was better").unwrap();
    assert_eq!(end.outcome, TrialOutcome::RolledBack, "{end:?}");
}

#[test]
fn a_patch_comes_back_with_the_end_of_its_trial_and_rests_if_its_component_is_gone_by_then() {
    let rt = empty_runtime();
    have_a_patch_come_back_without_its_component(&rt);
    let patch = rt.patches().remove(0);
    let library = patch.library.map(|library| library.to_string());
    assert_eq!((library.as_deref(), &*patch.component, patch.rests.is_some()), (Some("later 1.0.0"), "clock", true));
    rt.load(component("clock_v1")).unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 101);
}

/// Asks a runtime for its status at each event, on another thread, and notes whether it was told.
struct Asking {
    of: Arc<OnceLock<Weak<Runtime>>>,
    told: Arc<Mutex<Vec<(String, bool)>>>,
}

impl<S: Subscriber> Layer<S> for Asking {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(rt) = self.of.get().and_then(Weak::upgrade) else { return };
        let (send, answer) = mpsc::channel();
        thread::spawn(move || {
            drop(rt.status());
            drop(rt);
            let _ = send.send(());
        });
        let is_told = answer.recv_timeout(Duration::from_secs(30)).is_ok();
        let mut text = String::new();
        event.record(&mut |field: &Field, value: &dyn Debug| text += &format!("{field}={value:?} "));
        self.told.lock().unwrap().push((text, is_told));
    }
}

#[test]
fn a_subscriber_that_hears_of_a_patch_that_rests_may_call_the_runtime() {
    in_a_process_of_its_own(|| {
        let (of, told) = (Arc::default(), Arc::default());
        let asking = Asking { of: Arc::clone(&of), told: Arc::clone(&told) };
        set_global_default(Registry::default().with(asking)).unwrap();
        let rt = Arc::new(empty_runtime());
        of.set(Arc::downgrade(&rt)).unwrap();
        have_a_patch_come_back_without_its_component(&rt);
        let told = told.lock().unwrap();
        assert!(told.iter().all(|(_, is_told)| *is_told), "{told:#?}");
        assert!(told.iter().any(|(text, _)| text.contains("patch `later 1.0.0` rests: ")), "{told:#?}");
    });
}

#[test]
fn a_rollback_brings_back_a_library_that_rested_and_it_rests_again() {
    let (rt, clock) = clock();
    drop(clock);
    rt.replace(component("patch_later_1")).unwrap();
    rt.plan().remove("clock").commit().unwrap();
    rt.plan().remove("later").commit().unwrap();
    let plan = rt.plan().rollback(Back::Steps(1)).build();
    assert!(plan.to_string().contains("rests"), "{plan}");
    plan.commit().unwrap();
    let [patch] = &rt.patches()[..] else { panic!("{:?}", rt.patches()) };
    assert!(patch.component == "clock" && patch.rests.is_some(), "{patch:?}");
    rt.load(component("clock_v1")).unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 101);
}

#[test]
fn a_point_of_a_library_is_as_protected_as_the_component_that_its_patch_is_on() {
    let rt = empty_runtime();
    rt.load(component("guard")).unwrap();
    rt.plan().add(component("patch_later_2_panics_inside")).override_protected().commit().unwrap();
    let change = |(later,): &mut (u32,)| *later += 1000;
    let error = rt.at_point("later.version").run(change).unwrap_err();
    assert!(error.kind() == ErrorKind::Protected && error.to_string().contains("`guard 7.0.0`"), "{error}");
    let clock = rt.service::<dyn Clock>().unwrap();
    assert_eq!(clock.version(), 207);
    let armed = rt.at_point("later.version").override_protected().run(change).unwrap();
    assert_eq!(clock.version(), 1207);
    drop(armed);
    drop(rt.at_point("later.version").watch(|_| {}).unwrap());
}

#[test]
fn libraries_that_a_rollback_brings_back_stand_inside_those_that_stood_around_them() {
    let (rt, clock) = clock();
    let names = || rt.patches().into_iter().map(|patch| patch.name).collect::<Vec<_>>();
    rt.replace(component("patch_thrice_1")).unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    assert_eq!(clock.version(), 103);
    rt.plan().remove("thrice").commit().unwrap();
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((clock.version(), names()), (103, vec!["thrice".to_owned(), "later".to_owned()]));
    rt.plan().remove("thrice").commit().unwrap();
    rt.plan().remove("later").commit().unwrap();
    rt.rollback(Back::Steps(2)).unwrap();
    assert_eq!((clock.version(), names()), (103, vec!["thrice".to_owned(), "later".to_owned()]));
}

#[test]
fn a_rollback_to_before_libraries_were_removed_leaves_the_one_that_has_come_back_since() {
    let (rt, clock) = clock();
    let names = || rt.patches().into_iter().map(|patch| patch.name).collect::<Vec<_>>();
    rt.replace(component("patch_thrice_1")).unwrap();
    rt.replace(component("patch_later_1")).unwrap();
    rt.plan().remove("later").commit().unwrap();
    rt.plan().remove("thrice").commit().unwrap();
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((clock.version(), names()), (3, vec!["thrice".to_owned()]));
    let report = rt.rollback(Back::Steps(3)).unwrap();
    assert_eq!((clock.version(), names()), (103, vec!["thrice".to_owned(), "later".to_owned()]));
    assert_eq!(report.members.len(), 1, "`thrice` is the same: {report:?}");
}

#[test]
fn what_does_not_fit_is_refused_by_its_reason_and_changes_nothing() {
    let rt = empty_runtime();
    let refused = |file: &str, kind: ErrorKind, text: &str| {
        let error = rt.replace(component(file)).unwrap_err();
        assert!(error.kind() == kind && error.to_string().contains(text), "{error}");
        assert_eq!(rt.patches(), []);
    };
    refused("patch_later_1", ErrorKind::NotFound, "nothing would provide");
    rt.load(component("guard")).unwrap();
    refused("patch_later_1", ErrorKind::Protected, "`guard 7.0.0`, which is protected");
    rt.load(component("clock_v1")).unwrap();
    refused("patch_later_1", ErrorKind::Ambiguous, "let the patch name its `component`");
    rt.plan().remove("guard").override_protected().commit().unwrap();
    refused("patch_of_another_signature", ErrorKind::Mismatch, "version: result: expected u64, found u32");
    refused("patch_of_an_unknown_method", ErrorKind::NotFound, "has no method `chime`");
    let plans = [
        rt.plan().replace_component("clock", component("patch_later_1")),
        rt.plan().add(component("patch_later_1")).remove("clock"),
    ];
    for (plan, kind) in plans.into_iter().zip([ErrorKind::Invalid, ErrorKind::NotFound]) {
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    rt.replace(component("patch_later_1")).unwrap();
    let error = rt.unpatch(rt.patches()[0].number).unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("remove(\"later\")"), "{error}");
    let error = rt.plan().replace_component("later", component("clock_other")).commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("is present, is a patch"), "{error}");
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 101);
}

#[test]
fn one_plan_brings_a_component_and_its_patch_and_a_rehearsal_of_it_changes_nothing() {
    let rt = empty_runtime();
    let plan = || rt.plan().add(component("patch_later_1")).add(component("clock_v1"));
    let built = plan().build();
    assert!(built.to_string().contains("stands around version of bank.clock in component `clock`"), "{built}");
    built.rehearse().unwrap();
    assert!(rt.status().components.is_empty() && rt.patches().is_empty());
    drop(built);
    plan().commit().unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 101);
}

#[test]
fn a_patch_stands_in_what_replaces_its_component_and_falls_off_where_the_plan_said_so() {
    let (rt, clock) = clock();
    rt.replace(component("patch_later_1")).unwrap();
    let _closure = rt.patch::<dyn Clock>("closure").methods(|m| m.inside(|next, f| next(f))).commit().unwrap();
    let plan = rt.plan().replace(component("clock_v2")).require_patches().build();
    let text = plan.to_string();
    for name in ["`later` stands on around version", "`closure` stands on around inside"] {
        assert!(text.contains(name), "{text}");
    }
    plan.commit().unwrap();
    assert_eq!(clock.version(), 102);
    let away = || rt.plan().replace_component("clock", component("clock_other"));
    let error = away().require_patches().commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Mismatch && error.to_string().contains("would fall off"), "{error}");
    let plan = away().build();
    let description = plan.describe();
    let rests: Vec<_> = description.members[0].patches.iter().map(|patch| patch.rests.is_some()).collect();
    assert_eq!(rests, [true, true], "{plan}");
    plan.commit().unwrap();
    assert_eq!((clock.version(), rt.patches().iter().all(|patch| patch.rests.is_some())), (5, true));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(clock.version(), 102);
}

#[test]
fn a_rollback_takes_patch_libraries_back_as_it_does_components_and_patches_of_the_program_by_their_number() {
    let (rt, clock) = clock();
    let now = || (clock.version(), rt.patches().len());
    rt.replace(component("patch_later_1")).unwrap();
    let _kept = rt.patch::<dyn Clock>("double").methods(|m| m.version(|next| next() * 2)).commit().unwrap().keep();
    rt.replace(component("patch_later_2_panics_inside")).unwrap();
    assert_eq!(now(), (402, 2));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(now(), (202, 2));
    rt.rollback(Back::Steps(3)).unwrap();
    assert_eq!(now(), (101, 1), "before the patch of the program");
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(now(), (202, 2));
    rt.rollback(Back::Original).unwrap();
    assert_eq!(now(), (1, 0));
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(now(), (102, 2), "a library that comes back stands around the others");
}

#[test]
fn a_patch_behind_a_plan_that_brings_one_library_and_replaces_another_has_a_number_of_its_own() {
    let (rt, clock) = clock();
    rt.replace(component("patch_later_1")).unwrap();
    let plan = rt.plan().add(component("patch_thrice_1")).replace(component("patch_later_2_panics_inside"));
    plan.commit().unwrap();
    assert_eq!(clock.version(), 603);
    let patch = rt.patch::<dyn Clock>("double").methods(|m| m.version(|next| next() * 2)).commit().unwrap();
    assert!(rt.patches().iter().filter(|other| other.number == patch.number()).count() == 1, "{:?}", rt.patches());
    assert_eq!(clock.version(), 1206);
    patch.remove().unwrap();
    assert_eq!(clock.version(), 603);
}

#[test]
fn a_trial_by_calls_of_a_patch_alone_is_refused_since_nobody_calls_a_patch() {
    let (rt, clock) = clock();
    let plan = rt.plan().add(component("patch_later_1")).trial(Trial::for_calls(10));
    let error = plan.commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && error.to_string().contains("trial by calls"), "{error}");
    assert_eq!((clock.version(), rt.patches()), (1, Vec::new()));
}

#[test]
fn a_manifest_says_that_it_is_a_patch_and_of_what() {
    let manifest = Manifest::read(component("patch_later_2_panics_inside")).unwrap();
    let patch = manifest.exports[0].patch.as_ref().unwrap();
    assert_eq!((&*patch.interface, &patch.component, manifest.exports[0].methods.len()), ("bank.clock", &None, 2));
    assert!(manifest.to_string().contains("  later patches bank.clock v1\n    fn version(&self) -> u32"), "{manifest}");
}

#[test]
fn calls_see_a_version_of_a_patch_whole_while_it_is_replaced_and_taken_off() {
    let (rt, clock) = clock();
    let rt = Arc::new(rt);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| (0..2_000).for_each(|_| assert!([1, 101, 201].contains(&clock.version()))));
        }
        for _ in 0..8 {
            rt.replace(component("patch_later_1")).unwrap();
            rt.replace(component("patch_later_2_panics_inside")).unwrap();
            rt.plan().remove("later").commit().unwrap();
        }
    });
    assert_eq!(clock.version(), 1);
    wait_until("all hooks are destroyed", || rt.status().retiring == 0);
}
