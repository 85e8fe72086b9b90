//! Plans: what they say before they are committed, and what they refuse.

use std::{sync::mpsc, thread, time::Duration};

use lcr::{Error, ErrorKind, Handle};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock, Teller as _, Vault as _},
    component, empty_runtime, in_a_process_of_its_own,
    interfaces::Counter,
    keeper::Keeper,
    script::{Misdeed, Moment, Script},
    wait_until,
};

/// The text with its hashes and sizes masked.
fn masked(text: &str) -> String {
    let mask = |word: &str| {
        let digits = word.trim_start_matches('(').trim_end_matches(',');
        let is_hash = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hash { word.replace(digits, "HASH") } else { word.to_owned() }
    };
    let lines = text.lines().map(|line| {
        let words: Vec<String> = line.split(' ').map(mask).collect();
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        if let Some(unit) = words.iter().position(|word| *word == "KiB)") {
            words[unit - 1] = "SIZE";
        }
        words.join(" ")
    });
    lines.map(|line| line + "\n").collect()
}

/// The error's text without the file that it begins with.
fn about(error: &Error, file: &str) -> String {
    let text = error.to_string();
    let place = format!("{}: ", component(file).display());
    text.strip_prefix(&place).unwrap_or_else(|| panic!("`{text}` does not name {place}")).to_owned()
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu"))]
#[test]
fn a_plan_says_how_many_images_with_static_thread_locals_fit_and_the_next_one_is_refused() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("counter_fixed")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let plan = rt.plan().replace(component("counter_fixed")).build();
        let fits = plan.fits().unwrap();
        assert!((1..20).contains(&fits), "{plan}");
        let line = format!("by its static thread-local storage, {fits} of its kind fit into this process");
        assert!(plan.to_string().contains(&line), "{plan}");
        for left in (0..fits).rev() {
            rt.replace(component("counter_fixed")).unwrap();
            assert_eq!(counter.add(1), 1, "{left} more fit");
        }
        let plan = rt.plan().replace(component("counter_fixed")).build();
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Load, "{error}");
        assert!(error.to_string().contains("bytes of static thread-local storage"), "{error}");
        assert_eq!(counter.add(1), 2, "the counter that is loaded serves on");
        // A library that takes no static thread-local storage can still be loaded.
        rt.replace(component("counter_v1")).unwrap();
        assert_eq!(rt.plan().replace(component("counter_v2")).build().fits().map(|fits| fits > 1_000), Some(true));
    });
}

/// The test has a process of its own, because thread keys belong to the whole process.
#[test]
fn a_process_that_is_short_of_thread_keys_loads_nothing_more_and_serves_on() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("keeper_early")).unwrap();
        let keeper: Handle<dyn Keeper> = rt.service().unwrap();
        let mut keys = Vec::new();
        loop {
            let mut key = 0;
            // SAFETY: the pointer is valid; the key has no destructor.
            assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, None) }, 0);
            keys.push(key);
            if key > 940 {
                break;
            }
        }
        // Each of these takes a key, which its file does not show.
        let mut loads = 0;
        let error = loop {
            match rt.replace(component("keeper_early")) {
                Ok(_) => loads += 1,
                Err(error) => break error,
            }
        };
        assert!((1..40).contains(&loads), "{loads}");
        assert_eq!(error.kind(), ErrorKind::Load, "{error}");
        assert!(error.to_string().contains("no more than 64 thread keys left"), "{error}");
        assert_eq!((keeper.park(), keeper.join_thread()), (0, 0), "the keeper serves on");
        for key in keys {
            // SAFETY: made above.
            unsafe { libc::pthread_key_delete(key) };
        }
        rt.replace(component("keeper_early")).unwrap();
    });
}

#[test]
fn a_plan_says_what_it_would_do_in_which_order_and_does_nothing() {
    let bank = Bank::open();
    let own = bank.rt.reference::<dyn lcr_tests::bank::Vault>(&bank.script).unwrap();
    let generation = bank.rt.generation();
    bank.script.clear_transcript();
    let plan = bank
        .rt
        .plan()
        .replace(component("branch_v2"))
        .replace(component("teller_v2"))
        .add(component("clock_v3"))
        .replace(component("vault_v2"))
        .discard_state("teller")
        .deadline(Duration::from_millis(250))
        .build();
    let text = format!(
        "plan on generation {generation}, callers held at most 250ms\n\
         \x20 1. replace vault 1.0.0 by vault 2.0.0 (HASH, SIZE KiB)\n\
         \x20    at a rollback, state v2 is offered to migrate of v1; if the version before refuses state v2, only the \
         snapshot saved at this commit can come back, and what was written since is lost\n\
         \x20    bank.vault v1: 2 instances, state v1 offered to migrate of v2\n\
         \x20    used by teller 2.0.0\n\
         \x20 2. replace teller 1.0.0 by teller 2.0.0 (HASH, SIZE KiB)\n\
         \x20    at a rollback, state v2 is offered to migrate of v1; if the version before refuses state v2, \
         the rollback \
         is refused, as no snapshot is saved at this commit\n\
         \x20    bank.teller v1: 1 instance, constructed anew, state v1 discarded\n\
         \x20    used by branch 2.0.0\n\
         \x20 3. add clock 3.0.0 (HASH, SIZE KiB)\n\
         \x20    bank.alarm v1: new\n\
         \x20    bank.clock v1: new\n\
         \x20    used by branch 2.0.0\n\
         \x20 4. replace branch 1.0.0 by branch 2.0.0 (HASH, SIZE KiB)\n\
         \x20    bank.branch v1: 1 instance, constructed anew\n\
         \x20 hold: as long as save and restore take; a rehearsal measures them\n"
    );
    assert_eq!(masked(&plan.to_string()), text);
    assert_eq!(plan.refusals().count(), 0);
    drop(plan);
    assert_eq!((bank.rt.generation(), bank.branch.versions()), (generation, (1, 1)));
    assert_eq!(bank.script.transcript(), [""; 0]);
    drop(own);
    bank.close();
}

#[test]
fn a_plan_says_everything_that_it_would_refuse() {
    let bank = Bank::open();
    bank.rt.load(component("guard")).unwrap();
    let plan = bank
        .rt
        .plan()
        .add(component("vault_v2"))
        .replace(component("clock_v1"))
        .replace(component("guard"))
        .remove("sundial")
        .add("nowhere.so")
        .build();
    let refusals: Vec<(ErrorKind, String)> = plan.refusals().map(|error| (error.kind(), error.to_string())).collect();
    let kinds: Vec<ErrorKind> = refusals.iter().map(|(kind, _)| *kind).collect();
    use ErrorKind::*;
    assert_eq!(kinds, [NotFound, Invalid, Protected, Invalid, NotFound], "{refusals:#?}");
    assert!(plan.to_string().contains("  refused (not-found): nowhere.so: no such file"), "{plan}");
    assert_eq!(plan.to_string().matches("  refused (").count(), 5, "{plan}");
    let error = plan.commit().unwrap_err();
    assert_eq!((error.kind(), error.to_string()), refusals[0]);
    bank.close();
}

#[test]
fn a_plan_that_makes_no_sense_is_refused_with_the_way_out() {
    let bank = Bank::open();
    let plan = || bank.rt.plan();
    let generation = bank.rt.generation();
    let refused = |error: Error, kind, file: Option<&str>, text: &str| {
        let found = file.map_or_else(|| error.to_string(), |file| about(&error, file));
        assert_eq!((error.kind(), &*found), (kind, text));
    };
    use ErrorKind::*;
    refused(
        plan().commit().unwrap_err(),
        Invalid,
        None,
        "the plan is empty; add, replace, remove, bind or configure a component",
    );
    refused(
        plan().add(component("vault_v2")).commit().unwrap_err(),
        Invalid,
        Some("vault_v2"),
        "component `vault 1.0.0` is present already; replace it instead",
    );
    refused(
        plan().replace(component("vault_v2")).replace(component("vault_v1")).commit().unwrap_err(),
        Invalid,
        Some("vault_v1"),
        "component `vault` is in the plan twice; one step each",
    );
    refused(
        plan().replace(component("clock_v1")).commit().unwrap_err(),
        NotFound,
        Some("clock_v1"),
        "nothing present has the name or the interfaces of component `clock`; add it instead",
    );
    refused(
        plan().replace_component("sundial", component("clock_v1")).commit().unwrap_err(),
        NotFound,
        Some("clock_v1"),
        "component `sundial` is not present; nothing to replace",
    );
    refused(
        plan().replace_component("vault", component("clock_v1")).commit().unwrap_err(),
        Invalid,
        Some("clock_v1"),
        "1 instance of component `vault 1.0.0` as bank.vault v1 is in use; drop its handles, or replace the \
         component by one that serves them",
    );
    refused(
        plan().remove("sundial").commit().unwrap_err(),
        NotFound,
        None,
        "component `sundial` is not present; nothing to remove",
    );
    refused(
        plan().remove("vault").commit().unwrap_err(),
        Invalid,
        None,
        "1 instance of component `vault 1.0.0` as bank.vault v1 is in use; drop its handles, or replace the \
         component by one that serves them",
    );
    refused(
        plan().replace(component("vault_plain")).commit().unwrap_err(),
        State,
        Some("vault_plain"),
        "component `vault 3.0.0` takes no state, and that of `vault 1.0.0` would be lost; \
         declare #[lcr::component(state)], or let the plan discard it",
    );
    assert_eq!((bank.rt.generation(), bank.branch.versions()), (generation, (1, 1)));
    bank.close();
}

#[test]
fn a_component_may_be_replaced_by_one_of_another_name() {
    let rt = empty_runtime();
    rt.plan().add(component("clock_v1")).commit().unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    // The guard replaces the only component with its interface, and the clock replaces the guard.
    rt.plan().replace(component("guard")).commit().unwrap();
    let names = || rt.status().components.iter().map(|found| found.id.name.clone()).collect::<Vec<_>>();
    assert_eq!((clock.version(), names()), (7, vec!["guard".to_owned()]));
    rt.plan().replace_component("guard", component("clock_v1")).override_protected().commit().unwrap();
    assert_eq!((clock.version(), names()), (1, vec!["clock".to_owned()]));

    rt.load(component("guard")).unwrap();
    let error = rt.plan().replace_component("clock", component("guard")).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(
        about(&error, "guard"),
        "component `guard` is present beside `clock`; remove one of them, or replace it by its own name"
    );
}

#[test]
fn a_replacement_that_several_components_could_make_room_for_must_name_one() {
    let rt = empty_runtime();
    rt.plan().add(component("clock_v1")).add(component("guard")).commit().unwrap();
    let clock: Handle<dyn Clock> = rt.service_of("clock").unwrap();
    let error = rt.replace(component("clock_other")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous);
    assert_eq!(about(&error, "clock_other"), "component `sundial` could replace clock, guard; name the one you mean");
    rt.plan().replace_component("clock", component("clock_other")).commit().unwrap();
    assert_eq!(clock.version(), 5);
}

#[test]
fn a_protected_component_changes_only_with_the_override() {
    let rt = empty_runtime();
    rt.load(component("guard")).unwrap();
    let text = "component `guard 7.0.0` is protected; let the plan override_protected()";
    let error = rt.replace(component("guard")).unwrap_err();
    assert_eq!((error.kind(), &*about(&error, "guard")), (ErrorKind::Protected, text));
    let error = rt.plan().remove("guard").commit().unwrap_err();
    assert_eq!((error.kind(), &*error.to_string()), (ErrorKind::Protected, text));
    let plan = rt.plan().replace(component("guard")).override_protected().build();
    assert!(masked(&plan.to_string()).contains("bank.clock v1: 0 instances, constructed anew, protected\n"), "{plan}");
    let report = plan.commit().unwrap();
    assert!(report.members[0].overrode_protection, "{report:?}");
    assert!(report.to_string().contains("guard 7.0.0 -> guard 7.0.0 (protection overridden)"), "{report}");
    let report = rt.plan().remove("guard").override_protected().commit().unwrap();
    assert!(report.members[0].overrode_protection && report.members[0].source.is_none(), "{report:?}");
    // The report does not mention an override that nothing needed.
    let report = rt.plan().add(component("clock_v1")).override_protected().commit().unwrap();
    assert!(!report.members[0].overrode_protection, "{report:?}");
    rt.plan().remove("clock").commit().unwrap();
    assert_eq!(rt.service::<dyn Clock>().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn state_is_lost_only_where_the_plan_says_so() {
    let bank = Bank::open();
    assert_eq!(bank.branch.deposit(5), 5);
    let began = std::time::SystemTime::now();
    let report = bank.rt.plan().replace(component("vault_plain")).discard_state("vault").commit().unwrap();
    let member = &report.members[0];
    let status = bank.rt.status();
    let present = status.components.iter().find(|component| component.id.name == "vault").unwrap();
    assert_eq!((member.discarded_state, member.overrode_protection), (Some(1), false), "{report:?}");
    assert_eq!(member.source.as_deref(), Some(&*component("vault_plain")));
    assert_eq!((member.hash.is_some(), member.hash), (true, present.hash));
    assert!(report.to_string().contains(" (state v1 discarded); held "), "{report}");
    // The time is that of the system's clock, which may be set meanwhile, so it is right within a minute.
    let apart = report.started.duration_since(began).unwrap_or_else(|early| early.duration());
    assert!(apart < Duration::from_secs(60), "{report:?}");
    assert_eq!((bank.vault.version(), bank.vault.add(1), bank.teller.customers()), (3, 1, 1));
    // The predecessor has no state, so nothing is handed over.
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!((bank.vault.version(), bank.vault.add(1)), (2, 1));
    bank.close();
}

#[test]
fn a_plan_that_discards_the_state_of_what_it_does_not_change_is_refused() {
    let bank = Bank::open();
    assert_eq!(bank.branch.deposit(5), 5);
    // The first name is of no component, the second of one that stays.
    for name in ["vualt", "teller"] {
        let plan = bank.rt.plan().replace(component("vault_v2")).discard_state(name).build();
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        let text = format!("the plan discards the state of component `{name}`, which it neither replaces nor removes");
        assert!(error.to_string().contains(&text), "{error}");
        assert_eq!((bank.vault.version(), bank.vault.add(0)), (1, 5));
    }
    // Of a step that is refused itself, only that refusal is told.
    let plan = bank.rt.plan().replace("vualt.so").discard_state("vualt").build();
    assert_eq!(plan.refusals().count(), 1, "{plan}");
    // The state of a component that is removed is lost anyhow.
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.plan().remove("clock").discard_state("clock").commit().unwrap();
    bank.close();
}

#[test]
fn a_second_transaction_is_told_that_one_is_running() {
    let bank = Bank::open();
    bank.script.set("vault 2.0.0", Moment::Create, Misdeed::Hang);
    thread::scope(|scope| {
        let change = scope.spawn(|| bank.rt.plan().replace(component("vault_v2")).discard_state("vault").commit());
        bank.script.wait_for("vault 2.0.0", Moment::Create);
        let error = bank.rt.load(component("clock_v1")).unwrap_err();
        assert!(error.kind() == ErrorKind::Busy && error.is_transient());
        assert_eq!(error.to_string(), "another transaction is running; try again when it is done");
        // Planning and calling are possible meanwhile.
        let plan = bank.rt.plan().add(component("clock_v1")).build();
        assert_eq!((plan.refusals().count(), bank.branch.versions()), (0, (1, 1)));
        bank.script.clear("vault 2.0.0", Moment::Create);
        change.join().unwrap().unwrap();
        plan.commit().unwrap();
    });
    bank.close();
}

#[test]
fn a_plan_is_resolved_again_when_it_is_committed() {
    let bank = Bank::open();
    let plans = mpsc::channel();
    for _ in 0..2 {
        plans.0.send(bank.rt.plan().add(component("clock_v1")).build()).unwrap();
    }
    plans.1.recv().unwrap().commit().unwrap();
    let error = plans.1.recv().unwrap().commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stale);
    assert!(error.to_string().contains("component `clock 1.0.0` is present already"), "{error}");
    bank.close();
}

#[test]
fn a_plan_says_that_a_state_is_offered_because_it_cannot_know_whether_the_successor_takes_it() {
    let bank = Bank::open();
    bank.script.set("vault 2.0.0", Moment::Migrate, Misdeed::Error);
    let plan = bank.rt.plan().replace(component("vault_v2")).build();
    assert!(format!("{plan}\n").contains("1 instance, state v1 offered to migrate of v2\n"), "{plan}");
    let error = plan.commit().unwrap_err();
    assert!(error.to_string().contains("migrate from version 1: "), "{error}");
    bank.script.clear("vault 2.0.0", Moment::Migrate);
    let plan = bank.rt.plan().replace(component("vault_v1")).build();
    assert!(format!("{plan}\n").contains("1 instance, state v1 offered to restore\n"), "{plan}");
    plan.commit().unwrap();
    bank.close();
}

/// CASES C7: a configuration of a wrong type was accepted, failed at the next replacement, and stayed.
#[test]
fn a_configuration_in_a_plan_is_read_before_the_commit_or_changes_nothing() {
    let bank = Bank::open();
    let text = |error: Error| error.to_string();
    // The branch is in use; the clock is not.
    let construct = bank.rt.plan().replace(component("branch_v1"));
    let error = construct.configure("branch", &7_u8).unwrap().commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Construct && text(error).contains("the configuration of component `branch`"));
    let add = |config: &dyn Fn(lcr::PlanBuilder<'_>) -> lcr::Result<lcr::Report>| {
        config(bank.rt.plan().add(component("clock_v1")))
    };
    let error = add(&|plan| plan.configure("clock", &7_u8)?.commit()).unwrap_err();
    assert!(error.kind() == ErrorKind::Construct && text(error).contains("the configuration of component `clock`"));
    assert_eq!((bank.vault.version(), bank.rt.status().components.len()), (1, 3));
    // The next instance reads the configuration of before.
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!(bank.vault.version(), 2);
    bank.script.clear_transcript();
    add(&|plan| plan.configure("clock", &bank.script)?.commit()).unwrap();
    let clocks = || bank.script.transcript().iter().filter(|line| line.starts_with("clock 1.0.0 create ")).count();
    assert_eq!(clocks(), 1, "tried");
    assert_eq!((bank.rt.service::<dyn Clock>().unwrap().version(), clocks()), (1, 2));
    // The configured component is present and stays.
    let error = bank.rt.plan().replace(component("vault_v1")).configure("clock", &7_u8).unwrap().commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Construct && text(error).contains("the configuration of component `clock`"));
    assert_eq!(bank.vault.version(), 2);
    let clock: Handle<dyn Clock> = bank.rt.service().unwrap();
    let plan = bank.rt.plan().configure("clock", &Script::default()).unwrap().build();
    assert!(plan.to_string().contains("`clock` is configured"), "{plan}");
    let before = clocks();
    plan.commit().unwrap();
    drop(clock);
    wait_until("the shared clock is destroyed", || bank.rt.status().instances == 3);
    assert_eq!(
        (bank.rt.service::<dyn Clock>().unwrap().version(), clocks()),
        (1, before),
        "the new configuration holds: the transcript has no line of the new clock"
    );
    let error = bank.rt.plan().configure("sundial", &()).unwrap().commit().unwrap_err();
    assert!(error.kind() == ErrorKind::Invalid && text(error).contains("would not be present"));
    let plan = bank.rt.plan().remove("clock").configure("clock", &Script::default()).unwrap();
    assert_eq!(plan.commit().unwrap_err().kind(), ErrorKind::Invalid);
    bank.close();
}
