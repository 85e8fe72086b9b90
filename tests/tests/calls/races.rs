//! Pairs of events that must not disturb each other: a transaction that was given up and the next one, the
//! end of a runtime and the work in it, a hand-over and the end of a handle.

use std::{
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use lcr::{ErrorKind, Handle};
use lcr_tests::{
    GIVES_UP,
    bank::{Bank, Clock, Teller as _, Vault},
    component, empty_runtime,
    script::{Misdeed, Moment, Script},
    wait_until,
};

const LONG: Duration = Duration::from_secs(60);

/// Calls `look` again and again, which fails if something happens that must not.
fn for_a_while(look: impl Fn()) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(100) {
        look();
        thread::yield_now();
    }
}

#[test]
fn a_transaction_that_was_given_up_does_not_undo_the_next_one() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    bank.rt.configure("clock", &bank.script).unwrap();
    let clock: Handle<dyn Clock> = bank.rt.service().unwrap();
    // The first transaction hangs in a constructor, and is given up.
    bank.script.set("clock 2.0.0", Moment::Create, Misdeed::Hang);
    let plan = bank.rt.plan().replace(component("clock_v2")).timeout(GIVES_UP);
    let error = plan.commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    let given_up = PathBuf::from(format!("/proc/self/task/{}", error.stragglers()[0].thread_id));
    assert!(given_up.exists());

    thread::scope(|scope| {
        // The next transaction is in the middle of its hand-over, with its gate shut.
        bank.script.set("vault 1.0.0", Moment::Save, Misdeed::Hang);
        let next = scope.spawn(|| bank.rt.plan().replace(component("vault_v2")).deadline(LONG).commit());
        bank.script.wait_for("vault 1.0.0", Moment::Save);
        let shut = bank.rt.generation();
        // Now the constructor fails, and the thread that was given up ends.
        bank.script.set("clock 2.0.0", Moment::Create, Misdeed::Error);
        wait_until("the first transaction's thread is gone", || !given_up.exists());
        assert_eq!(bank.rt.generation(), shut, "the gate was opened in the middle of a hand-over");
        let caller = scope.spawn(|| bank.vault.add(1));
        bank.script.clear("vault 1.0.0", Moment::Save);
        next.join().unwrap().unwrap();
        assert_eq!(caller.join().unwrap(), 1);
    });
    assert_eq!((bank.vault.version(), clock.version()), (2, 1));
    drop(clock);
    bank.close();
}

#[test]
fn a_slot_that_was_released_behind_a_gate_stays_closed_when_the_gate_opens() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.plan().add(component("vault_v1")).add(component("clock_v1")).commit().unwrap();
    let one: Handle<dyn Vault> = rt.reference(&script).unwrap();
    let other: Handle<dyn Vault> = rt.reference(&script).unwrap();
    thread::scope(|scope| {
        script.set("vault 2.0.0", Moment::Restore, Misdeed::Hang);
        let change = scope.spawn(|| rt.plan().replace(component("vault_v2")).deadline(LONG).commit());
        script.wait_for("vault 2.0.0", Moment::Restore);
        drop(one);
        wait_until("the handle's slot is taken back", || rt.status().handles == 1);
        script.set("vault 2.0.0", Moment::Restore, Misdeed::Error);
        assert_eq!(change.join().unwrap().unwrap_err().kind(), ErrorKind::State);
    });
    assert_eq!(other.add(1), 1);
    let pin = rt.pin().unwrap();
    // All older worlds go, and with them all that keeps the slot's number from being used again.
    rt.replace(component("clock_v2")).unwrap();
    wait_until("the released object and the older worlds are gone", || {
        let status = rt.status();
        (status.instances, status.retired_worlds, status.retiring) == (1, 1, 0)
    });
    let late: Handle<dyn Vault> = rt.reference(&script).unwrap();
    assert!(
        Handle::generation(&late).unwrap() > pin.generation(),
        "a late handle found another object in a pinned world"
    );
    assert_eq!((late.add(5), other.add(1)), (5, 2));
    drop((pin, late, other));
    rt.wait_drained(LONG).unwrap();
}

#[test]
fn a_transaction_and_the_end_of_its_runtime_take_turns() {
    for misdeed in [None, Some(Misdeed::Error)] {
        let bank = Bank::open();
        let script = bank.script.clone();
        let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).deadline(LONG).build();
        let late_plan = bank.rt.plan().replace(component("vault_v2")).build();
        // The vault's state has moved, the teller's is moving.
        script.set("teller 2.0.0", Moment::Restore, Misdeed::Hang);
        thread::scope(|scope| {
            let change = scope.spawn(|| plan.commit());
            script.wait_for("teller 2.0.0", Moment::Restore);
            let Bank { vault, teller, branch, rt, .. } = bank;
            let end = scope.spawn(|| drop(rt));
            // The drop waits, and so does a call at the gate.
            let waiting = vault.clone();
            let caller = scope.spawn(move || waiting.version());
            for_a_while(|| assert!(!end.is_finished() && !script.has_come("vault 1.0.0", Moment::Drop)));
            match misdeed {
                None => script.clear("teller 2.0.0", Moment::Restore),
                Some(misdeed) => script.set("teller 2.0.0", Moment::Restore, misdeed),
            }
            assert_eq!(change.join().unwrap().is_ok(), misdeed.is_none());
            end.join().unwrap();
            // The call came in time or is refused; no later call gets in.
            let _ = caller.join();
            thread::spawn(move || teller.customers()).join().unwrap_err();
            thread::spawn(move || vault.version()).join().unwrap_err();
            drop(branch);
        });
        assert_eq!(late_plan.commit().unwrap_err().kind(), ErrorKind::Closed);
        let lines = script.transcript();
        let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
        let objects = count(" create ") + count(" restore ") - usize::from(misdeed.is_some());
        assert_eq!(count(" drop "), objects, "{lines:#?}");
    }
}

#[test]
fn the_end_of_a_runtime_waits_for_a_destructor_before_it_destroys_the_dependencies_of_that_instance() {
    let bank = Bank::open();
    let script = bank.script.clone();
    script.set("teller 1.0.0", Moment::Drop, Misdeed::Hang);
    let Bank { vault, teller, branch, rt, .. } = bank;
    // The branch is destroyed, then the teller, whose destructor hangs. The test holds the vault.
    drop((branch, teller));
    script.wait_for("teller 1.0.0", Moment::Drop);
    thread::scope(|scope| {
        let end = scope.spawn(|| drop(rt));
        for_a_while(|| {
            assert!(!script.has_come("vault 1.0.0", Moment::Drop), "the vault was destroyed before its dependent")
        });
        script.clear("teller 1.0.0", Moment::Drop);
        end.join().unwrap();
    });
    assert!(script.has_come("vault 1.0.0", Moment::Drop));
    drop(vault);
}

#[test]
fn a_call_that_waits_at_a_gate_when_its_runtime_ends_is_refused() {
    let bank = Bank::open();
    let Bank { vault, teller, branch, rt, script, .. } = bank;
    thread::scope(|scope| {
        script.set("vault 1.0.0", Moment::Save, Misdeed::Hang);
        let change = scope.spawn(|| rt.plan().replace(component("vault_v2")).deadline(Duration::from_secs(1)).commit());
        script.wait_for("vault 1.0.0", Moment::Save);
        let caller = scope.spawn(|| vault.add(1));
        assert_eq!(change.join().unwrap().unwrap_err().kind(), ErrorKind::Deadline);
        // The transaction is given up: the old vault serves while its save still hangs.
        assert_eq!(caller.join().unwrap(), 1);
    });
    drop((teller, branch));
    thread::scope(|scope| {
        let end = scope.spawn(|| drop(rt));
        wait_until("the handle is revoked", || thread::scope(|scope| scope.spawn(|| vault.version()).join().is_err()));
        // The save that was given up holds its object until it ends.
        script.clear("vault 1.0.0", Moment::Save);
        end.join().unwrap();
    });
    assert!(script.has_come("vault 1.0.0", Moment::Drop));
}
