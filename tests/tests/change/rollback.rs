//! Rolling back: what comes back, what is refused, and that neither stands in the way of the next change.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lcr::{Back, Error, ErrorKind, Handle, Report, Runtime};
use lcr_tests::{
    bank::{Bank, Branch, Clock, Customers, Teller, Vault},
    component, empty_runtime,
    guest::{Guest, House},
    larder::Larder,
    patient,
    script::{Misdeed, Moment},
    wait_until,
};

/// A runtime whose clock, of version 1, is in use: generation 2.
fn clocked() -> (Runtime, Handle<dyn Clock>) {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service().unwrap();
    (rt, clock)
}

/// The names and versions of what is present.
fn present(rt: &Runtime) -> Vec<String> {
    rt.status().components.iter().map(|found| found.id.to_string()).collect()
}

/// The generations that can be gone back to.
fn kept(rt: &Runtime) -> Vec<u64> {
    rt.revisions().iter().filter(|revision| !revision.is_present).map(|revision| revision.generation).collect()
}

fn refused(result: Result<Report, Error>, kind: ErrorKind, text: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(text), "{error}");
}

/// PEERS 25: LibHotSwap's server crashes at the edit after a full rollback, and loses its history.
#[test]
fn the_change_after_a_full_rollback_works() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    rt.replace(component("clock_v1")).unwrap();
    rt.replace(component("clock_v2")).unwrap();
    for round in 1..=3 {
        assert_eq!(clock.version(), 2);
        let report = rt.rollback(Back::Original).unwrap();
        assert_eq!(report.members[0].after.as_ref().unwrap().to_string(), "clock 1.0.0", "round {round}");
        assert_eq!(clock.version(), 1);
        refused(rt.rollback(Back::Original), ErrorKind::Invalid, "nothing to roll back");
        rt.replace(component("clock_v2")).unwrap();
    }
    assert_eq!(kept(&rt), (1..rt.generation()).collect::<Vec<_>>(), "nothing of the history is lost");
}

/// PEERS 26: a refused rollback of LibHotSwap deletes history all the same, and the next one goes two steps.
#[test]
fn a_refused_rollback_changes_nothing_and_the_next_one_goes_one_step() {
    let bank = Bank::open();
    bank.rt.replace(component("vault_v2")).unwrap();
    bank.rt.replace(component("clock_v1")).unwrap_err();
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.replace(component("clock_v2")).unwrap();
    bank.rt.replace(component("vault_v1")).unwrap();
    bank.vault.add(5);
    let (generation, before, revisions) = (bank.rt.generation(), present(&bank.rt), bank.rt.revisions());
    for moment in [Moment::Migrate, Moment::Restore, Moment::Healthy] {
        for misdeed in [Misdeed::Error, Misdeed::Panic] {
            bank.script.set("vault 2.0.0", moment, misdeed);
            let error = bank.rt.rollback(Back::Steps(1)).unwrap_err();
            assert!([ErrorKind::State, ErrorKind::Unhealthy].contains(&error.kind()), "{error}");
            bank.script.clear("vault 2.0.0", moment);
            assert_eq!((bank.rt.generation(), present(&bank.rt)), (generation, before.clone()));
            assert_eq!((bank.rt.revisions(), bank.vault.version()), (revisions.clone(), 1));
        }
    }
    bank.rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 5));
    assert!(present(&bank.rt).contains(&"clock 2.0.0".to_owned()), "one step, and not two");
    bank.close();
}

#[test]
fn a_rollback_can_be_rolled_back() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    for version in [1, 2, 1, 2] {
        rt.rollback(Back::Steps(1)).unwrap();
        assert_eq!(clock.version(), version);
    }
    // To the generation of the second rollback, in which version 2 served.
    rt.rollback(Back::To(4)).unwrap();
    assert_eq!(clock.version(), 1);
    rt.rollback(Back::To(5)).unwrap();
    assert_eq!(clock.version(), 2);
}

#[test]
fn a_rollback_to_a_generation_that_does_not_exist_is_refused() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    refused(rt.rollback(Back::To(7)), ErrorKind::NotFound, "generation 7 is not kept; generations 1 to 2 are");
    refused(rt.rollback(Back::To(0)), ErrorKind::NotFound, "generation 0 is not kept");
    refused(rt.rollback(Back::To(3)), ErrorKind::Invalid, "generation 3 is the present one");
    refused(rt.rollback(Back::Steps(3)), ErrorKind::NotFound, "the generation 3 steps back is not kept");
    refused(rt.rollback(Back::Steps(u32::MAX)), ErrorKind::NotFound, "is not kept");
    refused(rt.rollback(Back::Steps(0)), ErrorKind::Invalid, "go back by 1 or more");
    let twice = rt.plan().rollback(Back::Steps(1)).rollback(Back::Original).commit();
    refused(twice, ErrorKind::Invalid, "several rollbacks");
    assert_eq!((rt.generation(), clock.version()), (3, 2));
    let fresh = empty_runtime();
    refused(fresh.rollback(Back::Steps(1)), ErrorKind::NotFound, "nothing was changed yet");
}

#[test]
fn a_rollback_removes_what_was_added_and_adds_what_was_removed() {
    let (rt, clock) = clocked();
    rt.load(component("vault_v1")).unwrap();
    let vault: Handle<dyn Vault> = rt.service().unwrap();
    refused(rt.rollback(Back::Steps(1)), ErrorKind::Invalid, "in use");
    assert_eq!((vault.add(3), rt.generation()), (3, 3));
    drop(vault);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(present(&rt), ["clock 1.0.0"]);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(present(&rt), ["clock 1.0.0", "vault 1.0.0"]);
    assert_eq!(rt.service::<dyn Vault>().unwrap().add(1), 1);
    rt.plan().remove("vault").replace(component("clock_v2")).commit().unwrap();
    rt.rollback(Back::To(5)).unwrap();
    assert_eq!((present(&rt), clock.version()), (vec!["clock 1.0.0".to_owned(), "vault 1.0.0".to_owned()], 1));
}

#[test]
fn a_component_that_took_anothers_place_gives_it_back() {
    let (rt, clock) = clocked();
    rt.plan().replace_component("clock", component("clock_other")).commit().unwrap();
    rt.replace(component("clock_other")).unwrap();
    assert_eq!((clock.version(), present(&rt)), (5, vec!["sundial 5.0.0".to_owned()]));
    rt.rollback(Back::Original).unwrap();
    assert_eq!((clock.version(), present(&rt)), (1, vec!["clock 1.0.0".to_owned()]));
    rt.rollback(Back::To(3)).unwrap();
    assert_eq!((clock.version(), present(&rt)), (5, vec!["sundial 5.0.0".to_owned()]));
}

#[test]
fn a_rollback_of_three_components_at_once_carries_their_state_back_under_load() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let new = |plan: lcr::PlanBuilder<'_>| {
        plan.replace(component("vault_v2")).replace(component("teller_v2")).replace(component("branch_v2")).commit()
    };
    let customers = Customers::of(&bank.branch);
    new(patient(&bank.rt)).unwrap();
    for round in 1..=3 {
        let plan = patient(&bank.rt).rollback(Back::Steps(1)).build();
        assert_eq!(plan.refusals().count(), 0, "{plan}");
        let report = plan.commit().unwrap();
        assert_eq!(report.members.len(), 3, "round {round}: {report}");
        let version = if round % 2 == 1 { 1 } else { 2 };
        assert_eq!(bank.branch.versions(), (version, version));
    }
    let served = customers.count();
    assert_eq!((bank.vault.add(0), bank.teller.customers()), (served, served), "no deposit is lost");
    bank.close();
}

#[test]
fn a_rollback_that_fails_half_way_leaves_everything_serving_and_can_be_tried_again() {
    let bank = Bank::open();
    bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).commit().unwrap();
    bank.branch.deposit(9);
    // The vault is restored by then.
    bank.script.set("teller 1.0.0", Moment::Restore, Misdeed::Panic);
    let customers = Customers::of(&bank.branch);
    for _ in 0..3 {
        refused(patient(&bank.rt).rollback(Back::Steps(1)).commit(), ErrorKind::State, "teller 1.0.0");
        assert_eq!((bank.branch.versions(), bank.rt.generation()), ((2, 2), 3));
    }
    bank.script.clear("teller 1.0.0", Moment::Restore);
    patient(&bank.rt).rollback(Back::Steps(1)).commit().unwrap();
    let served = customers.count();
    assert_eq!((bank.branch.versions(), bank.vault.add(0)), ((1, 1), served + 9));
    bank.close();
}

#[test]
fn configurations_and_bindings_come_back_with_their_components() {
    #[derive(serde::Serialize)]
    struct Odd(Vec<u8>);
    let (rt, clock) = clocked();
    rt.load(component("clock_other")).unwrap();
    refused(
        rt.plan().replace(component("clock_v3")).configure("clock", &Odd(vec![7])).unwrap().commit(),
        ErrorKind::Construct,
        "",
    );
    rt.plan().bind::<dyn Clock>("sundial").commit().unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap().version(), 5);
    rt.rollback(Back::Steps(1)).unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap_err().kind(), ErrorKind::Ambiguous, "no binding, as before");
    let plan = rt.plan().rollback(Back::Steps(1)).build();
    assert!(plan.to_string().contains("bank.clock is bound to `sundial`"), "{plan}");
    plan.commit().unwrap();
    assert_eq!((rt.service::<dyn Clock>().unwrap().version(), clock.version()), (5, 1));

    // A configuration that was set between two commits belongs to the generation between them.
    let directory = tempfile::tempdir().unwrap();
    let script = lcr_tests::script::Script::new(directory.path());
    rt.configure("clock", &script).unwrap();
    rt.replace(component("clock_v2")).unwrap();
    let other = tempfile::tempdir().unwrap();
    rt.configure("clock", &lcr_tests::script::Script::new(other.path())).unwrap();
    rt.rollback(Back::Steps(1)).unwrap();
    let lines = std::fs::read_to_string(directory.path().join("transcript")).unwrap();
    assert!(lines.contains("clock 1.0.0"), "version 1 has its own configuration again: {lines}");
    assert!(!other.path().join("transcript").exists());
}

#[test]
fn an_object_of_the_program_comes_back_for_as_long_as_the_program_has_it() {
    struct Sundial(u32);
    impl Clock for Sundial {
        fn version(&self) -> u32 {
            self.0
        }
        fn inside(&self, f: &dyn Fn()) {
            f();
        }
    }
    let rt = empty_runtime();
    let sundial = Arc::new(Sundial(1000));
    rt.provide::<dyn Clock, _>("clock", Arc::clone(&sundial)).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    for _ in 0..3 {
        rt.replace(component("clock_v1")).unwrap();
        rt.wait_drained(Duration::from_secs(60)).unwrap();
        assert_eq!((clock.version(), Arc::strong_count(&sundial)), (1, 1), "a revision has no count of the object");
        rt.rollback(Back::Original).unwrap();
        assert_eq!(clock.version(), 1000);
    }
    rt.replace(component("clock_v1")).unwrap();
    rt.wait_drained(Duration::from_secs(60)).unwrap();
    drop(sundial);
    refused(rt.rollback(Back::Steps(1)), ErrorKind::NotFound, "which has dropped it; provide it again");
    assert_eq!(clock.version(), 1);
}

#[test]
fn a_component_that_was_unmapped_is_loaded_again() {
    let house = House::open_to(lcr::Trust::default(), "guest_1_unload");
    let image = house.mapped().remove(0);
    house.accept(&component("guest_3"));
    wait_until("the image is unmapped", || !house.mapped().contains(&image));
    for version in [1, 3, 1] {
        house.rt.rollback(Back::Steps(1)).unwrap();
        assert_eq!(house.guest.version(), version);
    }
    house.close();
}

#[test]
fn going_back_maps_no_further_image_and_takes_the_retained_one() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    rt.wait_drained(Duration::from_secs(60)).unwrap();
    let before = rt.status();
    assert_eq!(before.retained_images, 1);
    for _ in 0..20 {
        rt.rollback(Back::Steps(1)).unwrap();
        rt.rollback(Back::Steps(1)).unwrap();
    }
    rt.wait_drained(Duration::from_secs(60)).unwrap();
    let after = rt.status();
    assert_eq!((after.retained_images, after.retained_image_bytes), (1, before.retained_image_bytes));
    assert_eq!((clock.version(), after.constructed - after.destroyed), (2, 1));
}

#[test]
fn the_number_of_revisions_is_bounded_and_the_original_stays() {
    let (rt, clock) = clocked();
    for number in 1..=50 {
        rt.replace(component(if number % 2 == 1 { "clock_v2" } else { "clock_v3" })).unwrap();
    }
    assert_eq!(kept(&rt), (20..52).collect::<Vec<_>>());
    refused(rt.rollback(Back::To(19)), ErrorKind::NotFound, "generations 20 to 51 are");
    rt.keep_revisions(2);
    assert_eq!(kept(&rt), [50, 51]);
    rt.rollback(Back::Original).unwrap();
    assert_eq!(clock.version(), 1);
    rt.keep_revisions(0);
    refused(rt.rollback(Back::Steps(1)), ErrorKind::NotFound, "is not kept");
    rt.replace(component("clock_v2")).unwrap();
    assert!(kept(&rt).is_empty());
    rt.rollback(Back::Original).unwrap();
    assert_eq!(clock.version(), 1);
}

#[test]
fn a_rollback_that_another_commit_overtook_is_refused() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    let plan = rt.plan().rollback(Back::Steps(1)).build();
    rt.load(component("vault_v1")).unwrap();
    refused(plan.commit(), ErrorKind::Stale, "found for generation 3, and the present one is 4");
    assert_eq!((clock.version(), present(&rt).len()), (2, 2));
    let report = rt.rollback(Back::To(2)).unwrap();
    assert_eq!((clock.version(), report.members.len()), (1, 2));
}

#[test]
fn a_call_inside_goes_on_in_its_version_while_handles_go_back() {
    let (rt, clock) = clocked();
    rt.replace(component("clock_v2")).unwrap();
    let clones: Vec<_> = (0..10).map(|_| clock.clone()).collect();
    let pin = rt.pin().unwrap();
    clock.inside(&|| {
        std::thread::scope(|scope| {
            let rolled_back = scope.spawn(|| rt.rollback(Back::Steps(1)).unwrap());
            let report = rolled_back.join().unwrap();
            assert!(!report.stragglers.is_empty(), "who is inside version 2 is named: {report:?}");
        });
        assert_eq!(clock.version(), 2, "the pin of this thread holds its world");
    });
    drop(pin);
    assert!(clones.iter().all(|clone| clone.version() == 1));
    rt.wait_drained(Duration::from_secs(60)).unwrap();
}

#[test]
fn a_rollback_waits_for_async_calls_and_keeps_what_they_wrote() {
    let rt = empty_runtime();
    rt.load(component("larder_1")).unwrap();
    let larder: Handle<dyn Larder> = rt.service().unwrap();
    rt.replace(component("larder_2")).unwrap();
    let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (larder, stop) = (larder.clone(), Arc::clone(&stop));
            tokio.spawn(async move {
                let mut stored = 0;
                while !stop.load(Ordering::Relaxed) {
                    larder.store(1, 3).await.unwrap();
                    stored += 1;
                }
                stored
            })
        })
        .collect();
    for version in [1, 2, 1] {
        patient(&rt).rollback(Back::Steps(1)).commit().unwrap();
        assert_eq!(larder.version(), version);
    }
    stop.store(true, Ordering::Relaxed);
    let stored: u64 = tasks.into_iter().map(|task| tokio.block_on(task).unwrap()).sum();
    assert_eq!(larder.count(), stored, "nothing that was stored is lost");
}

#[test]
fn a_snapshot_comes_back_only_where_the_older_version_refuses_the_state_and_the_plan_allows_it() {
    let bank = Bank::open();
    bank.vault.add(5);
    bank.rt.replace(component("vault_v2")).unwrap();
    bank.vault.add(10);
    let revision = bank.rt.revisions().into_iter().find(|revision| revision.generation == 2).unwrap();
    assert!(revision.snapshot_bytes > 0, "what version 1 had saved is kept: {revision:?}");
    let rollback = || bank.rt.plan().rollback(Back::Steps(1));

    bank.script.set("vault 1.0.0", Moment::Migrate, Misdeed::Error);
    refused(rollback().commit(), ErrorKind::State, "vault 1.0.0");
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 15), "nothing is lost without the word of the plan");
    let plan = rollback().restore_snapshot("vault").build();
    let text = format!("the snapshot of generation 2 comes back ({} bytes)", revision.snapshot_bytes);
    assert!(plan.to_string().contains(&text) && plan.to_string().contains("since is lost"), "{plan}");
    let report = plan.commit().unwrap();
    assert_eq!(report.members[0].restored_snapshot, Some(2), "{report}");
    assert!(report.to_string().contains("(snapshot of generation 2 restored)"), "{report}");
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (1, 5));

    // A version that takes the state gets all of it.
    bank.script.clear("vault 1.0.0", Moment::Migrate);
    bank.rt.replace(component("vault_v2")).unwrap();
    bank.vault.add(10);
    let report = rollback().restore_snapshot("vault").commit().unwrap();
    assert_eq!((bank.vault.add(0), report.members[0].restored_snapshot), (15, None));

    let plan = bank.rt.plan().replace(component("teller_v2")).restore_snapshot("teller");
    refused(plan.commit(), ErrorKind::NotFound, "no snapshot of the state of component `teller` is kept");
    bank.close();
}
