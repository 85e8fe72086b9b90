//! Mocks around components of libraries that run, are called across images, and are replaced meanwhile.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use lcr_tests::{
    bank::{Bank, Branch, Clock, Vault},
    component, empty_runtime, patient,
    script::Script,
    wait_until,
};

fn elsewhere<T: Send>(call: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| scope.spawn(call).join().unwrap())
}

/// What a closure panics with.
#[track_caller]
fn panics(closure: impl FnOnce()) -> String {
    *catch_unwind(AssertUnwindSafe(closure)).expect_err("it does not panic").downcast::<String>().unwrap()
}

#[test]
fn a_mock_for_one_thread_answers_calls_of_other_libraries_on_it_and_holds_up_no_hand_over() {
    let bank = Bank::open();
    let mock = bank.rt.mock::<dyn Vault>().for_this_thread().unwrap();
    mock.expect().add().with(5).times(2).returns(500);
    assert_eq!((bank.branch.deposit(5), elsewhere(|| bank.branch.deposit(5)), bank.vault.version()), (500, 5, 1));
    bank.rt.replace(component("vault_v2")).unwrap();
    assert_eq!((bank.branch.deposit(5), elsewhere(|| bank.branch.deposit(1)), bank.vault.version()), (500, 6, 2));
    let text = panics(|| assert_eq!(bank.branch.deposit(7), 0));
    assert!(text.contains("unexpected call add(7)"), "{text}");
    let text = panics(|| drop(mock));
    assert!(text.contains("a mock of bank.vault was not used as expected:\n  unexpected call add(7)"), "{text}");
    assert_eq!(bank.branch.deposit(1), 7, "nothing of what was mocked came to the vault");
    bank.close();
}

#[test]
fn what_is_built_under_a_mock_for_one_thread_gets_mocked_dependencies() {
    let directory = tempfile::tempdir().unwrap();
    let rt = empty_runtime();
    let plan = rt.plan().add(component("vault_v1")).add(component("teller_v1")).add(component("branch_v1"));
    plan.commit().unwrap();
    for name in ["vault", "teller", "branch"] {
        rt.configure(name, &Script::new(directory.path())).unwrap();
    }
    let mock = rt.mock::<dyn Vault>().for_this_thread().unwrap();
    mock.expect().add().times(1).then(|n| n + 1_000);
    mock.expect().version().times(1).returns(7);
    let branch = rt.service::<dyn Branch>().unwrap();
    assert_eq!((branch.deposit(5), branch.versions()), (1_005, (1, 7)));
    assert_eq!(elsewhere(|| (branch.deposit(5), branch.versions())), (5, (1, 1)));
}

#[test]
fn a_mock_for_all_stands_in_the_next_version_and_goes_with_its_guard() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock = rt.service::<dyn Clock>().unwrap();
    let mock = rt.mock::<dyn Clock>().for_all().unwrap();
    mock.expect().inside().times(2).then(|f| {
        f();
        f();
    });
    let count = |clock: &lcr::Handle<dyn Clock>| {
        let count = std::cell::Cell::new(0);
        clock.inside(&|| count.set(count.get() + 1));
        count.get()
    };
    assert_eq!((count(&clock), clock.version()), (2, 1));
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!((elsewhere(|| count(&clock)), clock.version()), (2, 2));
    elsewhere(move || drop(mock));
    assert_eq!((count(&clock), rt.patches().len()), (1, 0));
    wait_until("the hooks are destroyed", || rt.status().retiring == 0);
}

#[test]
fn a_hundred_threads_with_mocks_of_their_own_call_while_the_component_is_replaced() {
    const TESTS: u64 = 100;
    let bank = Bank::open();
    let (together, replaced) = (Barrier::new(TESTS as usize + 1), AtomicBool::new(false));
    thread::scope(|scope| {
        for number in 0..TESTS {
            let (bank, together, replaced) = (&bank, &together, &replaced);
            scope.spawn(move || {
                let mock = bank.rt.mock::<dyn Vault>().for_this_thread().unwrap();
                mock.expect().add().with(1).times(..).returns(1_000 + number);
                together.wait();
                // At least once in each world.
                while !replaced.load(Ordering::Acquire) {
                    assert_eq!((bank.branch.deposit(1), bank.vault.add(1)), (1_000 + number, 1_000 + number));
                    thread::yield_now();
                }
                assert_eq!((bank.branch.deposit(1), bank.branch.versions()), (1_000 + number, (2, 2)));
            });
        }
        together.wait();
        // All of them want the processor while the states move.
        patient(&bank.rt).replace(component("vault_v2")).commit().unwrap();
        patient(&bank.rt).replace(component("teller_v2")).commit().unwrap();
        assert_eq!(bank.branch.deposit(1), 1);
        replaced.store(true, Ordering::Release);
    });
    assert_eq!(bank.branch.deposit(1), 2, "no call of a mock came to the vault");
    bank.close();
}
