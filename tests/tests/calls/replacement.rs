//! Loading, calling and replacing components through the public API.

use std::{thread, time::Duration};

use lcr::{ErrorKind, Handle};
use lcr_tests::{
    bank::{Bank, Teller as _, Vault},
    component, empty_runtime,
    interfaces::Counter,
    script::{Misdeed, Moment, Script},
};

#[test]
fn state_survives_a_replacement_and_the_handle_goes_on() {
    let rt = empty_runtime();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    assert_eq!(counter.add(2), 2);
    assert_eq!(counter.version(), 1);
    let report = rt.replace(component("counter_v2")).unwrap();
    println!("{report}");
    assert_eq!(counter.version(), 2);
    assert_eq!(counter.add(3), 5);
    assert_eq!(Handle::generation(&counter), Some(report.generation));
    rt.wait_drained(lcr_tests::LONG).unwrap();
    let status = rt.status();
    assert_eq!((status.constructed, status.destroyed), (2, 1), "{status:#?}");
}

#[test]
fn a_panic_becomes_a_fault_that_names_the_component() {
    let rt = empty_runtime();
    rt.load(component("counter_v1")).unwrap();
    let counter = rt.service::<dyn Counter>().unwrap();
    let fault = counter.fail("boom").unwrap_err();
    assert_eq!(fault.to_string(), "component `counter 1.0.0` panicked in test.counter.fail: boom");
    assert_eq!(counter.inside(&|n| n + counter.add(1)), 1);
}

#[test]
fn a_commit_makes_one_generation_and_a_refused_one_makes_none() {
    let bank = Bank::open();
    let seen = || {
        let pin = bank.rt.pin().unwrap();
        let plan = bank.rt.plan().add(component("clock_v1")).build().to_string();
        let planned = plan.split(&[' ', ',']).nth(3).unwrap().parse().unwrap();
        let handles = [Handle::generation(&bank.vault), Handle::generation(&bank.branch)].map(Option::unwrap);
        [bank.rt.generation(), bank.rt.status().generation, pin.generation(), planned, handles[0], handles[1]]
    };
    let first = bank.rt.generation();
    assert_eq!(seen(), [first; 6]);
    let report = bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!((report.generation, seen()), (first + 1, [first + 1; 6]));
    assert!(report.to_string().starts_with(&format!("generation {}: ", first + 1)), "{report}");
    // One commit is refused behind a gate, another because a caller does not leave.
    bank.script.set("teller 2.0.0", Moment::Restore, Misdeed::Error);
    bank.rt.replace(component("teller_v2")).unwrap_err();
    bank.teller.inside(&|| {
        let plan = || bank.rt.plan().replace(component("teller_v2")).timeout(Duration::from_millis(50));
        let refused = thread::scope(|scope| scope.spawn(|| plan().commit()).join().unwrap());
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Deadline);
    });
    assert_eq!(seen(), [first + 1; 6]);
    // These are more handles than the table has room for.
    let many: Vec<Handle<dyn Vault>> = (0..200).map(|_| bank.rt.reference(&Script::default()).unwrap()).collect();
    assert_eq!((many.len(), seen()), (200, [first + 1; 6]));
    drop(many);
    bank.script.clear("teller 2.0.0", Moment::Restore);
    let plan = bank.rt.plan().replace(component("teller_v2")).replace(component("vault_v2"));
    assert_eq!(plan.commit().unwrap().generation, first + 2);
    bank.rt.plan().bind::<dyn Vault>("vault").commit().unwrap();
    assert_eq!(seen(), [first + 3; 6]);
    bank.close();
}
