//! Faults while a library is mapped. This is a test binary of its own, because the loader lets no other test
//! load a library while an initialiser hangs.

use std::fs;

use lcr::{ErrorKind, Handle};
use lcr_tests::{
    GIVES_UP,
    bank::{Bank, Branch as _, Clock, Customers, Vault as _},
    component, patient,
    script::slow_file,
    wait_until,
};

#[test]
fn a_library_that_cannot_be_loaded_leaves_the_old_world_serving() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = bank.rt.service().unwrap();
    let customers = Customers::of(&bank.branch);
    for first in [true, false] {
        // The other member is loaded before this one or after it, by the order of the requests.
        let plan = bank.rt.plan();
        let plan = if first { plan.replace(component("clock_unresolved")) } else { plan };
        let plan = plan.replace(component("vault_v2"));
        let plan = if first { plan } else { plan.replace(component("clock_unresolved")) };
        let error = plan.commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Load, "{error}");
        let text = error.to_string();
        assert!(text.contains("undefined symbol: lcr_tests_defined_nowhere"), "{text}");
        assert!(text.ends_with("link what defines it into the library"), "{text}");
        assert_eq!((bank.vault.version(), clock.version()), (1, 1));
    }
    patient(&bank.rt).replace(component("vault_v2")).replace(component("clock_v2")).commit().unwrap();
    assert_eq!((bank.vault.version(), clock.version(), bank.branch.versions()), (2, 2, (1, 2)));
    let served = customers.count();
    assert_eq!(bank.vault.add(0), served);
    drop(clock);
    bank.close();
}

#[test]
fn a_library_whose_initialiser_hangs_leaves_the_old_world_serving() {
    let bank = Bank::open();
    bank.rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = bank.rt.service().unwrap();
    let customers = Customers::of(&bank.branch);
    fs::write(slow_file(), "").unwrap();
    let error = bank.rt.plan().replace(component("clock_slow")).timeout(GIVES_UP).commit().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
    let text = error.to_string();
    assert!(text.starts_with("the loading of component `clock 2.0.0` has not ended after "), "{text}");
    assert!(
        text.ends_with("in the load phase; the old version serves on; if it is only slow, raise the plan's timeout"),
        "{text}"
    );
    assert_eq!((bank.branch.versions(), clock.version()), ((1, 1), 1));
    fs::remove_file(slow_file()).unwrap();
    // Its image stays unused, and does not stand in the way of the next one.
    bank.rt.replace(component("clock_slow")).unwrap();
    assert_eq!((bank.branch.versions(), clock.version()), ((1, 1), 2));
    let served = customers.count();
    assert_eq!(bank.vault.add(0), served);
    drop(clock);
    wait_until("the clocks are destroyed", || bank.rt.status().retiring == 0);
    bank.close();
}
