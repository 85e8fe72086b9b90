//! Threads that stay inside a component that is to be replaced: the runtime names them, waits for them or
//! gives up, and never destroys the object under them.

use std::{
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, ScopedJoinHandle},
    time::{Duration, Instant},
};

use lcr::{ErrorKind, Handle, report::HeldBy};
use lcr_tests::{
    GIVES_UP,
    bank::{Bank, Branch, Clock, Teller as _, Vault as _},
    component, empty_runtime, names,
    script::{Misdeed, Moment, Script},
    wait_until,
};

/// A thread that is inside a component until it is told to leave.
struct Guest<'scope> {
    leave: Sender<()>,
    thread: ScopedJoinHandle<'scope, ()>,
}

impl<'scope> Guest<'scope> {
    /// Starts `visit`, which gets a function to call while inside, and returns once the thread is inside.
    fn enter<'env>(
        scope: &'scope thread::Scope<'scope, 'env>,
        name: &str,
        visit: impl FnOnce(&dyn Fn()) + Send + 'scope,
    ) -> Guest<'scope> {
        let (leave, told) = mpsc::channel::<()>();
        let (inside, entered) = mpsc::channel();
        let stay = move |told: Receiver<()>| {
            visit(&|| {
                let _ = inside.send(());
                let _ = told.recv();
            })
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, move || stay(told));
        entered.recv().expect("the guest enters");
        Guest { leave, thread: thread.expect("the thread starts") }
    }

    fn leave(self) {
        let _ = self.leave.send(());
        self.thread.join().expect("the guest leaves without a panic");
    }
}

/// Ends a sibling thread that loops until it is told to stop, also if the test fails meanwhile.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn a_stateful_replacement_gives_up_when_its_timeout_ends_and_names_the_stragglers() {
    let bank = Bank::open();
    let timeout = GIVES_UP;
    let replacement = || bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2")).timeout(timeout);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let guest = Guest::enter(scope, "guest", |stay| bank.vault.inside(stay));
        // Sibling threads call both members without a pause, and never wait because of the guest.
        let (bank, is_over) = (&bank, &is_over);
        let end = OnDrop(|| is_over.store(true, Ordering::Relaxed));
        let sibling = scope.spawn(move || {
            let mut was_held = false;
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!((bank.teller.versions(), bank.vault.version()), ((1, 1), 1));
                was_held |= bank.rt.status().is_gate_shut;
            }
            was_held
        });
        let begun = Instant::now();
        let error = replacement().commit().unwrap_err();
        let lasted = begun.elapsed();
        assert_eq!(error.kind(), ErrorKind::Deadline, "{error}");
        assert!(error.is_transient());
        assert!(lasted >= timeout, "{lasted:?}");
        let [straggler] = error.stragglers() else { panic!("{error:?}") };
        assert_eq!(names(straggler), ["guest", "vault 1.0.0", "bank.vault.inside"]);
        assert!(straggler.thread_id > 0 && straggler.seen_for <= lasted, "{straggler:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "callers did not leave within the plan's timeout of {timeout:?}: {straggler}; the old version serves \
                 on, try again when they have left, or raise the timeout"
            )
        );
        drop(end);
        assert!(!sibling.join().unwrap(), "the gate was shut with a caller inside");
        // All members serve on, also the one with the guest inside.
        assert_eq!((bank.vault.add(1), bank.branch.deposit(1), bank.teller.customers()), (1, 2, 1));
        assert_eq!(bank.rt.status().stragglers, []);
        guest.leave();
    });
    let report = replacement().timeout(Duration::MAX).commit().unwrap();
    assert_eq!(report.stragglers, []);
    assert_eq!((bank.branch.versions(), bank.vault.add(1), bank.teller.customers()), ((2, 2), 3, 1));
    bank.close();
}

#[test]
fn a_stateful_replacement_waits_for_a_call_that_ends_in_time() {
    let bank = Bank::open();
    thread::scope(|scope| {
        let guest = Guest::enter(scope, "guest", |stay| bank.vault.inside(stay));
        let plan = bank.rt.plan().replace(component("vault_v2")).deadline(Duration::MAX).gate_wait(Duration::MAX);
        let change = scope.spawn(|| plan.commit());
        wait_until("the gate is shut", || bank.rt.status().is_gate_shut);
        assert!(!bank.script.transcript().iter().any(|line| line.contains("save")), "saved with a caller inside");
        guest.leave();
        assert_eq!(change.join().unwrap().unwrap().stragglers, []);
    });
    assert_eq!(bank.vault.version(), 2);
    bank.close();
}

#[test]
fn a_gate_that_shuts_on_a_call_opens_again_and_the_replacement_is_tried_again() {
    let bank = Bank::open();
    // A second script, so that only the branch that is built later hangs.
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let slow = ("branch 2.0.0", Moment::Create);
    script.set(slow.0, slow.1, Misdeed::Hang);
    let has_retired_worlds = || bank.rt.status().retired_worlds > 0;
    wait_until("the worlds of the beginning are freed", || !has_retired_worlds());
    thread::scope(|scope| {
        let first = Guest::enter(scope, "first", |stay| bank.vault.inside(stay));
        let plan = bank.rt.plan().add(component("clock_v1")).replace(component("branch_v2"));
        let plan =
            plan.replace(component("vault_v2")).gate_wait(Duration::from_secs(1)).deadline(Duration::from_secs(30));
        let change = scope.spawn(|| plan.commit());
        wait_until("the drain waits for the first guest", has_retired_worlds);
        // While the transaction waits for the first guest, a further branch is built. The transaction
        // constructs a successor for it when that guest has left. The second guest enters then.
        let branch: Handle<dyn Branch> = bank.rt.reference(&script).unwrap();
        first.leave();
        script.wait_for(slow.0, slow.1);
        let guest = Guest::enter(scope, "second", |stay| bank.vault.inside(stay));
        script.clear(slow.0, slow.1);
        wait_until("the gate is shut", || bank.rt.status().is_gate_shut);
        // The gate held this call, and opened with the guest inside.
        assert_eq!(bank.vault.add(1), 1);
        wait_until("the gate is open", || !bank.rt.status().is_gate_shut);
        // Now the transaction waits for the guest with the gate open.
        assert_eq!((bank.vault.add(1), bank.vault.version(), change.is_finished()), (2, 1, false));
        guest.leave();
        let report = change.join().unwrap().unwrap();
        assert_eq!(report.stragglers, []);
        assert_eq!(branch.versions(), (1, 2));
    });
    assert_eq!((bank.vault.version(), bank.vault.add(0)), (2, 2));
    bank.close();
}

#[test]
fn a_replacement_without_state_commits_at_once_and_destroys_the_old_instance_when_no_call_is_left_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let script = Script::new(directory.path());
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    rt.configure("clock", &script).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    let was_dropped = || script.transcript().iter().any(|line| line.starts_with("clock 1.0.0 drop on "));
    thread::scope(|scope| {
        let guest = Guest::enter(scope, "guest", |stay| {
            clock.inside(&|| {
                stay();
                assert!(!was_dropped(), "destroyed with a caller inside");
            });
        });
        let report = rt.replace(component("clock_v2")).unwrap();
        assert_eq!(report.held, Duration::ZERO);
        let [straggler] = &report.stragglers[..] else { panic!("{report:?}") };
        assert_eq!(names(straggler), ["guest", "clock 1.0.0", "bank.clock.inside"]);
        // Later calls go to the new version while a call is still in the old one.
        assert_eq!(clock.version(), 2);
        let error = rt.wait_drained(Duration::from_millis(50)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        let [straggler] = error.stragglers() else { panic!("{error:?}") };
        assert_eq!(names(straggler), ["guest", "clock 1.0.0", "bank.clock.inside"]);
        assert_eq!(
            error.to_string(),
            format!("1 replaced instances are still in use after 50ms: {straggler}; wait again, or have them leave")
        );
        let status = rt.status();
        assert_eq!((status.retiring, status.stragglers.len()), (1, 1), "{status:#?}");
        assert!(!was_dropped());
        guest.leave();
    });
    rt.wait_drained(Duration::from_secs(30)).unwrap();
    assert!(was_dropped());
    assert_eq!(rt.status().stragglers, []);
}

#[test]
fn a_pin_is_a_straggler_of_a_stateful_replacement() {
    let bank = Bank::open();
    let replacement = || bank.rt.plan().replace(component("vault_v2")).timeout(GIVES_UP);
    let pinned = AtomicU64::new(0);
    thread::scope(|scope| {
        let world = Guest::enter(scope, "pins the world", |stay| {
            let pin = bank.rt.pin().unwrap();
            pinned.store(pin.generation(), Ordering::Relaxed);
            stay();
            assert_eq!(bank.vault.version(), 1);
            drop(pin);
        });
        let error = replacement().commit().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deadline);
        let [straggler] = error.stragglers() else { panic!("{error:?}") };
        let generation = pinned.load(Ordering::Relaxed);
        assert_eq!(
            (straggler.thread.as_deref(), &straggler.held_by),
            (Some("pins the world"), &HeldBy::Pin { generation })
        );
        assert!(straggler.to_string().contains(&format!("holds a pin on generation {generation} for ")), "{straggler}");
        world.leave();

        let handle = Guest::enter(scope, "pins a handle", |stay| {
            let pinned = Handle::pin(&bank.vault).unwrap();
            stay();
            assert_eq!(pinned.version(), 1);
        });
        let error = replacement().commit().unwrap_err();
        assert_eq!(error.stragglers()[0].thread.as_deref(), Some("pins a handle"), "{error:?}");
        assert_eq!(bank.vault.version(), 1);
        handle.leave();
    });
    replacement().timeout(Duration::from_secs(30)).commit().unwrap();
    assert_eq!(bank.vault.version(), 2);
    bank.close();
}

#[test]
fn a_pin_keeps_a_replaced_instance_without_state_and_is_named() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    let pinned = Handle::pin(&clock).unwrap();
    rt.replace(component("clock_v2")).unwrap();
    assert_eq!((clock.version(), pinned.version()), (2, 1));
    let error = rt.wait_drained(Duration::from_millis(20)).unwrap_err();
    let [straggler] = error.stragglers() else { panic!("{error:?}") };
    assert!(matches!(straggler.held_by, HeldBy::Pin { .. }), "{straggler:?}");
    drop(pinned);
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_commit_that_would_wait_for_its_own_thread_is_refused() {
    let bank = Bank::open();
    let generation = bank.rt.generation();
    bank.vault.inside(&|| {
        let error = bank.rt.replace(component("vault_v2")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Reentrant);
        assert_eq!(
            error.to_string(),
            "the calling thread is inside component `vault 1.0.0`, whose state would have to move; commit from another \
             thread"
        );
    });
    let pin = bank.rt.pin().unwrap();
    let error = bank.rt.replace(component("vault_v2")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Reentrant);
    assert_eq!(
        error.to_string(),
        "the calling thread holds a pin, which a hand-over of state would wait for; drop the pin first"
    );
    drop(pin);
    assert_eq!(bank.rt.generation(), generation, "nothing was published");
    bank.rt.replace(component("vault_v2")).unwrap();
    bank.close();
}

#[test]
fn a_component_without_state_may_replace_itself_from_inside() {
    let rt = empty_runtime();
    rt.load(component("clock_v1")).unwrap();
    let clock: Handle<dyn Clock> = rt.service().unwrap();
    clock.inside(&|| {
        let report = rt.replace(component("clock_v2")).unwrap();
        assert_eq!(names(&report.stragglers[0])[1], "clock 1.0.0");
        assert_eq!(clock.version(), 2);
    });
    rt.wait_drained(Duration::from_secs(30)).unwrap();
}

#[test]
fn a_thread_inside_one_member_passes_the_gate_to_the_other() {
    let bank = Bank::open();
    thread::scope(|scope| {
        let (inside, entered) = mpsc::channel();
        let bank = &bank;
        let guest = scope.spawn(move || {
            bank.vault.inside(&|| {
                inside.send(()).unwrap();
                wait_until("the gate is shut", || bank.rt.status().is_gate_shut);
                // The hand-over waits for this thread; so it must not wait for the gate.
                assert_eq!((bank.teller.versions(), bank.teller.deposit(5)), ((1, 1), 5));
                // A pin that it takes now must not wait either.
                assert_eq!(Handle::pin(&bank.teller).unwrap().customers(), 1);
            });
        });
        entered.recv().unwrap();
        let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
        plan.deadline(None).gate_wait(None).commit().unwrap();
        guest.join().unwrap();
    });
    // The deposit that the guest made behind the gate was handed over.
    assert_eq!((bank.branch.versions(), bank.vault.add(0), bank.teller.customers()), ((2, 2), 5, 1));
    assert_eq!(bank.script.transcript().iter().filter(|line| line.contains(&Moment::Save.to_string())).count(), 2);
    bank.close();
}
