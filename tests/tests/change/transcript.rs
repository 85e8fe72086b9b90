//! The order in which components are constructed, saved, restored, checked and destroyed, and the
//! threads that do it.

use std::thread;

use lcr::{FaultKind, Handle};
use lcr_tests::{
    bank::{Bank, Branch as _, Teller as _, Vault},
    component,
    script::{Misdeed, Moment},
    wait_until,
};

/// Runs a test on a thread whose name the transcript can tell from those of the runtime's own threads.
fn as_caller(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let caller = thread::Builder::new().name("caller".to_owned()).spawn_scoped(scope, test);
        caller.expect("the thread starts").join().expect("the test passes");
    });
}

/// Waits until the transcript has as many lines as `expected`, and compares them.
fn expect(bank: &Bank, expected: &[&str]) {
    wait_until(&format!("{expected:#?}"), || bank.script.transcript().len() >= expected.len());
    assert_eq!(bank.script.transcript(), expected);
    bank.script.clear_transcript();
}

/// Dependents are saved first, dependencies are restored first.
const HAND_OVER: [&str; 8] = [
    "teller 1.0.0 save on lcr-change",
    "vault 1.0.0 save on lcr-change",
    "vault 2.0.0 migrate on lcr-change",
    "vault 2.0.0 restore on lcr-change",
    "vault 2.0.0 healthy on lcr-change",
    "teller 2.0.0 migrate on lcr-change",
    "teller 2.0.0 restore on lcr-change",
    "teller 2.0.0 healthy on lcr-change",
];

#[test]
fn dependencies_are_restored_first_and_destroyed_last() {
    as_caller(|| {
        let bank = Bank::open();
        expect(
            &bank,
            &["vault 1.0.0 create on caller", "teller 1.0.0 create on caller", "branch 1.0.0 create on caller"],
        );

        // The order of the requests does not matter.
        bank.rt.plan().replace(component("teller_v2")).replace(component("vault_v2")).commit().unwrap();
        let mut expected = HAND_OVER.to_vec();
        expected.extend(["teller 1.0.0 drop on lcr-reaper", "vault 1.0.0 drop on lcr-reaper"]);
        expect(&bank, &expected);

        // With a released instance go the instances that only it needed.
        let Bank { vault, teller, branch, rt, script, .. } = bank;
        drop((vault, teller));
        assert_eq!(rt.status().instances, 3);
        assert_eq!(script.transcript(), [""; 0]);
        drop(branch);
        wait_until("all instances are destroyed", || rt.status().instances == 0 && script.transcript().len() == 3);
        assert_eq!(
            script.transcript(),
            ["branch 1.0.0 drop on lcr-reaper", "teller 2.0.0 drop on lcr-reaper", "vault 2.0.0 drop on lcr-reaper"]
        );
    });
}

#[test]
fn a_refused_hand_over_destroys_what_it_made_and_nothing_else() {
    as_caller(|| {
        let bank = Bank::open();
        bank.script.clear_transcript();
        bank.script.set("teller 2.0.0", Moment::Healthy, Misdeed::Error);
        bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).commit().unwrap_err();
        let mut expected = HAND_OVER.to_vec();
        expected.extend(["teller 2.0.0 drop on lcr-reaper", "vault 2.0.0 drop on lcr-reaper"]);
        expect(&bank, &expected);
        bank.close();
    });
}

#[test]
fn successors_without_state_are_constructed_and_checked_before_any_gate() {
    as_caller(|| {
        let bank = Bank::open();
        bank.script.clear_transcript();
        let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
        let report = plan.discard_state("teller").commit().unwrap();
        assert_eq!(report.members.iter().map(|member| member.instances).collect::<Vec<_>>(), [1, 1]);
        expect(
            &bank,
            &[
                "teller 2.0.0 create on lcr-change",
                "teller 2.0.0 healthy on lcr-change",
                "vault 1.0.0 save on lcr-change",
                "vault 2.0.0 migrate on lcr-change",
                "vault 2.0.0 restore on lcr-change",
                "vault 2.0.0 healthy on lcr-change",
                "teller 1.0.0 drop on lcr-reaper",
                "vault 1.0.0 drop on lcr-reaper",
            ],
        );
        bank.close();
    });
}

#[test]
fn a_dropped_runtime_destroys_dependents_first_and_never_on_the_callers_thread() {
    as_caller(|| {
        let bank = Bank::open();
        let own: Handle<dyn Vault> = bank.rt.reference(&bank.script).unwrap();
        bank.script.clear_transcript();
        let Bank { vault, teller, branch, rt, script, .. } = bank;
        drop(rt);
        let transcript = script.transcript();
        let (own_drops, services) = (transcript.len() - 3, ["branch", "teller", "vault"]);
        assert_eq!(own_drops, 1, "{transcript:?}");
        assert!(transcript.iter().all(|line| line.ends_with(" 1.0.0 drop on lcr-shutdown")), "{transcript:?}");
        let place = |name: &str| transcript.iter().rposition(|line| line.starts_with(name)).unwrap();
        let [branch_at, teller_at, vault_at] = services.map(place);
        assert!(branch_at < teller_at && teller_at < vault_at, "{transcript:?}");

        // Handles outlive their runtime; calls through them are faults.
        let fault = Handle::pin(&vault).unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Revoked);
        assert_eq!(fault.to_string(), "bank.vault was not pinned: its runtime is gone");
        for refused in [
            thread::scope(|scope| scope.spawn(|| own.add(1)).join()).map(drop),
            thread::scope(|scope| scope.spawn(|| branch.deposit(1)).join()).map(drop),
            thread::scope(|scope| scope.spawn(|| teller.customers()).join()).map(drop),
        ] {
            let text = refused.unwrap_err();
            let text = text.downcast_ref::<String>().unwrap();
            assert!(text.ends_with(" was not called: its runtime is gone"), "{text}");
        }
        drop((own, branch, teller, vault));
        assert_eq!(script.transcript(), transcript, "nothing is destroyed twice");
    });
}
