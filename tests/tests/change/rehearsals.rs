//! Rehearsals: what they try beside the callers, what they find, and that nothing of them stays.

use std::{fs, thread, time::Duration};

use lcr::{
    ErrorKind, Handle,
    events::{EventKind, Refused},
    plan::Rehearsal,
};
use lcr_tests::{
    bank::{Bank, Customers, Vault as _},
    component,
    depot::Depot,
    empty_runtime,
    hoard::Hoard,
    interfaces::Counter,
    names, patient,
    script::{Misdeed, Moment, Script},
    wait_until,
};

#[test]
fn a_rehearsal_migrates_a_copy_of_the_live_state_beside_its_callers_and_nothing_changes() {
    let bank = Bank::open();
    let customers = Customers::of(&bank.branch);
    let plan = patient(&bank.rt).replace(component("vault_v2")).replace(component("teller_v2")).build();
    let (generation, before) = (bank.rt.generation(), bank.rt.status().components.len());
    bank.script.clear_transcript();
    let rehearsal = plan.rehearse().unwrap();
    let transcript = bank.script.transcript().join("\n");
    for moment in ["vault 1.0.0 save", "vault 2.0.0 migrate", "vault 2.0.0 restore", "vault 2.0.0 healthy"] {
        assert!(transcript.contains(moment), "{transcript}");
    }
    let [vault, teller] = &rehearsal.members[..] else { panic!("{rehearsal}") };
    assert_eq!(vault.after.as_ref().unwrap().to_string(), "vault 2.0.0");
    for member in [vault, teller] {
        assert_eq!((member.instances, member.copied, member.by_pointer), (1, 1, 0), "{rehearsal}");
        assert!(member.state_bytes > 0 && member.carried_bytes.is_some_and(|bytes| bytes > 0), "{rehearsal}");
    }
    assert!(rehearsal.expected_hold > Duration::ZERO && rehearsal.total >= rehearsal.expected_hold, "{rehearsal}");
    let read: Rehearsal = serde_json::from_str(&serde_json::to_string(&rehearsal).unwrap()).unwrap();
    assert_eq!((read.generation, read.members.len()), (generation, 2));

    assert_eq!((bank.rt.generation(), bank.vault.version()), (generation, 1));
    assert_eq!(bank.rt.status().components.len(), before);
    wait_until("the copies are destroyed", || {
        let transcript = bank.script.transcript().join("\n");
        ["vault 2.0.0 drop on", "teller 2.0.0 drop on"].iter().all(|drop| transcript.contains(drop))
    });
    assert!(!bank.script.transcript().iter().any(|line| line.contains("drop on customers")));
    // The very plan commits, with everything that the customers did meanwhile.
    let report = plan.commit().unwrap();
    let served = customers.count();
    assert_eq!((report.members.len(), bank.vault.version(), bank.vault.add(0)), (2, 2, served));
    bank.close();
}

#[test]
fn a_rehearsal_finds_what_would_refuse_the_commit_and_leaves_the_way_free() {
    let bank = Bank::open();
    let failures = [
        ("vault 1.0.0", Moment::Save, ErrorKind::State),
        ("vault 2.0.0", Moment::Migrate, ErrorKind::State),
        ("vault 2.0.0", Moment::Restore, ErrorKind::State),
        ("vault 2.0.0", Moment::Healthy, ErrorKind::Unhealthy),
    ];
    bank.vault.add(5);
    let plan = bank.rt.plan().replace(component("vault_v2")).build();
    for (who, moment, kind) in failures {
        for misdeed in [Misdeed::Error, Misdeed::Panic] {
            bank.script.set(who, moment, misdeed);
            let error = plan.rehearse().unwrap_err();
            assert_eq!(error.kind(), kind, "{who} {moment}: {error}");
            assert!(error.to_string().contains(who), "{error}");
            assert_eq!((bank.vault.version(), bank.vault.add(0)), (1, 5));
            bank.script.clear(who, moment);
        }
    }
    plan.rehearse().unwrap();
    plan.commit().unwrap();
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 5));
    bank.close();
}

#[test]
fn a_rehearsal_is_a_transaction_with_a_limit_that_names_what_hangs() {
    let bank = Bank::open();
    bank.script.set("vault 2.0.0", Moment::Restore, Misdeed::Hang);
    let plan = bank.rt.plan().replace(component("vault_v2")).timeout(Duration::from_secs(5)).build();
    thread::scope(|scope| {
        let rehearsing = scope.spawn(|| plan.rehearse());
        bank.script.wait_for("vault 2.0.0", Moment::Restore);
        assert_eq!(bank.rt.load(component("clock_v1")).unwrap_err().kind(), ErrorKind::Busy);
        assert_eq!((bank.vault.version(), bank.vault.add(1)), (1, 1), "callers are served");
        let error = rehearsing.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        let [straggler] = error.stragglers() else { panic!("{error:?}") };
        assert_eq!(names(straggler), ["lcr-change", "vault 2.0.0", "restore"]);
    });
    // The next transaction does not wait for the thread that hangs.
    bank.rt.load(component("clock_v1")).unwrap();
    bank.script.clear("vault 2.0.0", Moment::Restore);
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 1));
    bank.close();
}

#[test]
fn a_rehearsal_does_not_touch_a_state_that_moves_by_pointer() {
    let directory = tempfile::tempdir().unwrap();
    let (rt, script) = (empty_runtime(), Script::new(directory.path()));
    rt.load(component("hoard_version_1")).unwrap();
    rt.configure("hoard", &script).unwrap();
    let hoard: Handle<dyn Hoard> = rt.service().unwrap();
    hoard.put(1, "short");
    let at = hoard.address();
    let plan = rt.plan().replace(component("hoard_version_1")).build();
    let rehearsal = plan.rehearse().unwrap();
    let [member] = &rehearsal.members[..] else { panic!("{rehearsal}") };
    assert_eq!((member.instances, member.by_pointer, member.copied, member.state_bytes), (1, 1, 0, 0), "{rehearsal}");
    assert!(rehearsal.to_string().contains("1 would move by pointer, untouched"), "{rehearsal}");
    assert_eq!((hoard.address(), hoard.get(1).as_deref()), (at, Some("short")));
    assert_eq!(plan.commit().unwrap().members[0].moved, 1);
    assert_eq!((hoard.address(), hoard.get(1).as_deref()), (at, Some("short")));
}

#[test]
fn a_rehearsal_copies_ahead_what_is_copied_ahead_and_stops_tracking_it() {
    let rt = empty_runtime();
    rt.load(component("depot_hash")).unwrap();
    let depot: Handle<dyn Depot> = rt.service().unwrap();
    (0..1_000).for_each(|number| depot.put(&format!("first {number}"), number));
    let long = Duration::from_secs(600);
    let plan = rt.plan().replace(component("depot_tree")).precopy_hold(long).deadline(long).timeout(long).build();
    let rehearsal = plan.rehearse().unwrap();
    let [member] = &rehearsal.members[..] else { panic!("{rehearsal}") };
    let precopy = member.precopy.expect("it is copied ahead");
    assert!(precopy.rounds > 0 && precopy.bytes > 1_000 && precopy.bytes_at_gate == 0, "{rehearsal:?}");
    assert_eq!((member.copied, member.state_bytes), (1, precopy.bytes));
    depot.put("since", 7);
    plan.commit().unwrap();
    assert_eq!((depot.get("first 999"), depot.get("since")), (Some(999), Some(7)));
}

#[test]
fn a_rehearsal_of_another_file_or_of_an_overtaken_plan_is_stale() {
    let bank = Bank::open();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("libvault.so");
    fs::copy(component("vault_v2"), &file).unwrap();
    let plan = bank.rt.plan().replace(&file).build();
    fs::remove_file(&file).unwrap();
    fs::copy(component("vault_plain"), &file).unwrap();
    let error = plan.rehearse().unwrap_err();
    assert!(error.kind() == ErrorKind::Stale && error.to_string().contains("another content"), "{error}");
    let plan = bank.rt.plan().replace(component("vault_v2")).build();
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!(plan.rehearse().unwrap_err().kind(), ErrorKind::Stale);
    let refused = bank.rt.plan().replace(component("vault_plain")).build();
    assert_eq!(refused.rehearse().unwrap_err().kind(), ErrorKind::State);
    drop((plan, refused));
    bank.close();
}

#[test]
fn a_refused_rehearsal_is_an_event_and_can_be_asked_for_and_is_no_entry_of_a_history() {
    let directory = tempfile::tempdir().unwrap();
    let history = lcr::history::History::at(directory.path());
    let rt = lcr::Runtime::builder().linked(false).history(history).build().unwrap();
    rt.load(component("counter_v1")).unwrap();
    let counter: Handle<dyn Counter> = rt.service().unwrap();
    counter.add(13);
    let mut events = rt.events();
    let bad = rt.plan().replace(component("counter_deadly")).reason("does it restore?").build();
    // Refused while it runs, and before it begins.
    let errors = [bad.rehearse(), rt.plan().add("/nowhere.so").build().rehearse()].map(Result::unwrap_err);
    let refusals = rt.last_refusals();
    assert_eq!(refusals.len(), 2);
    for (error, refused) in errors.iter().zip(&refusals) {
        assert!(refused.is_rehearsal && refused.kind == error.kind(), "{refused:?}");
        assert!(refused.text.starts_with(&error.to_string()), "{} is not {error}", refused.text);
        let event = events.try_next().expect("the refusal is told");
        assert!(matches!(&event.kind, EventKind::Refused(told) if **told == *refused), "{event:?}");
    }
    assert!(refusals[0].text.contains("13 brings bad luck") && refusals[0].plan.contains("counter 4.0.0"));
    assert_eq!(refusals[0].reason.as_deref(), Some("does it restore?"));
    let text = serde_json::to_string(&refusals).unwrap();
    let read: Vec<Refused> = serde_json::from_str(&text).unwrap();
    assert!(read.iter().all(|refused| refused.is_rehearsal) && serde_json::to_string(&read).unwrap() == text, "{text}");
    assert_eq!(rt.history().unwrap().entries(usize::MAX).unwrap().len(), 1, "a rehearsal is no change");
    bad.commit().unwrap_err();
    assert!(!rt.last_refusals()[2].is_rehearsal);
}
