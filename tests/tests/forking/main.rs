//! `fork`: the child has the forking thread alone, and finds its runtime in order whatever the other threads
//! were doing. The parent notices nothing.
//!
//! Each test has a process of its own. Std holds a lock while a thread begins or ends; a child that is
//! forked at that moment has the lock for ever, and hangs when it starts a thread. So no test may fork while
//! another test starts threads.

mod child;
mod history;
mod meanwhile;

use std::{
    cell::{Cell, RefCell},
    sync::{
        Barrier, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use child::in_child;
use lcr::{
    ErrorKind, Handle, Pinned, Runtime, RuntimeBuilder, Trial,
    canary::Canary,
    watch::{Watch, Watching},
};
use lcr_tests::{
    bank::{Bank, Branch as _, Teller as _, Vault as _},
    component,
    courier::Courier,
    crowd::{Lower, Scene, Upper},
    empty_runtime, in_a_process_of_its_own,
    interfaces::Counter,
    mill::Press,
    script::{Misdeed, Moment},
    wait_until,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];
const LONG: Duration = Duration::from_secs(120);

/// Checks the error that a child gets which was forked while a transaction of its parent ran.
#[track_caller]
fn assert_was_cut_off(error: &lcr::Error) {
    // What the thread of the lost transaction held is not known.
    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
}

fn both_ways() -> [RuntimeBuilder; 2] {
    [Runtime::builder(), Runtime::builder().fences(true)]
}

#[test]
fn a_child_does_not_wait_for_threads_that_it_does_not_have() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        let (inside, entered): (Sender<()>, Receiver<()>) = mpsc::channel();
        let (leave, told) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let bank = &bank;
            scope.spawn(move || {
                let pin = bank.rt.pin().unwrap();
                bank.vault.inside(&|| {
                    inside.send(()).unwrap();
                    let _ = told.recv();
                });
                drop(pin);
            });
            entered.recv().unwrap();
            in_child(|| {
                let status = bank.rt.status();
                assert_eq!((status.pins, status.stragglers.len()), (0, 0), "{status:#?}");
                let plan = bank.rt.plan().replace(component("vault_v2")).replace(component("teller_v2"));
                plan.deadline(LONG).commit().unwrap();
                assert_eq!((bank.branch.versions(), bank.branch.deposit(3), bank.teller.customers()), ((2, 2), 3, 1));
                bank.rt.wait_drained(LONG).unwrap();
            });
            let refused = bank.rt.plan().replace(component("vault_v2")).timeout(lcr_tests::GIVES_UP).commit();
            leave.send(()).unwrap();
            let error = refused.unwrap_err();
            assert_eq!(error.stragglers().len(), 2, "{error}");
        });
        bank.close();
    });
}

#[test]
fn a_thread_forks_while_it_is_inside_a_component() {
    in_a_process_of_its_own(|| {
        for builder in both_ways() {
            let scene = Scene::open(builder, STATEFUL_PAIR);
            let (lower, upper): (Handle<dyn Lower>, Handle<dyn Upper>) =
                (scene.rt.service().unwrap(), scene.rt.service().unwrap());
            let forked = Cell::new(false);
            let pin = scene.rt.pin().unwrap();
            in_child(|| {
                // The child holds what its thread held, and releases it as the parent does.
                assert_eq!((scene.rt.status().pins, upper.both()), (1, (0, 0)));
                upper.inside(&|epoch| {
                    in_child(|| {
                        assert_eq!(scene.replace().unwrap_err().kind(), ErrorKind::Reentrant);
                        forked.set(true);
                    });
                    epoch
                });
            });
            drop(pin);
            upper.inside(&|_| {
                in_child(|| {
                    // A grandchild is forked three calls deep, and calls one level deeper first.
                    in_child(|| assert_eq!(lower.inside(&|_| upper.both().0), 0));
                    assert_eq!(scene.replace().unwrap_err().kind(), ErrorKind::Reentrant);
                });
                0
            });
            in_child(|| {
                scene.replace().unwrap();
                assert_eq!(upper.both(), (1, 1));
            });
            assert!(!forked.get());
            scene.replace().unwrap();
            drop((lower, upper));
            scene.close();
        }
    });
}

#[test]
fn a_pin_that_another_thread_took_holds_its_instance_in_the_child_too() {
    in_a_process_of_its_own(|| {
        let scene = Scene::open(Runtime::builder(), PAIR);
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        let pinned: Pinned<dyn Upper> =
            thread::scope(|scope| scope.spawn(|| Handle::pin(&upper).unwrap()).join().unwrap());
        in_child(|| {
            scene.replace().unwrap();
            // Gives the reaper time to destroy the instance, if it wrongly took it for unused.
            let held = || scene.rt.wait_drained(Duration::from_millis(200)).unwrap_err().stragglers().len();
            wait_until("only the pin holds an instance", || held() == 1);
            assert_eq!((pinned.epoch(), upper.epoch()), (0, 1));
            assert_eq!(pinned.both(), (0, 1));
            drop(pinned);
            scene.rt.wait_drained(LONG).unwrap();
        });
        scene.replace().unwrap();
        drop(upper);
    });
}

#[test]
fn parent_and_child_stage_the_same_file() {
    in_a_process_of_its_own(|| {
        let scene = Scene::open(Runtime::builder(), STATEFUL_PAIR);
        let upper: Handle<dyn Upper> = scene.rt.service().unwrap();
        in_child(|| {
            in_child(|| assert_eq!((scene.replace().unwrap().members.len(), upper.both()), (2, (1, 1))));
            (0..3).for_each(|_| drop(scene.replace().unwrap()));
            assert_eq!(upper.both(), (3, 3));
        });
        (0..3).for_each(|_| drop(scene.replace().unwrap()));
        in_child(|| assert_eq!((scene.replace().unwrap().members.len(), upper.both()), (2, (4, 4))));
        assert_eq!(upper.both(), (3, 3));
        drop(upper);
        scene.close();
    });
}

#[test]
fn a_child_ends_its_copy_of_a_runtime_and_the_parents_goes_on() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        let in_use = component("counter_v1");
        bank.script.set("vault 1.0.0", Moment::Drop, Misdeed::Hang);
        let Bank { vault, teller, branch, rt, script, .. } = bank;
        rt.replace(component("vault_v2")).unwrap();
        // The reaper is inside a destructor, which no thread of the child will ever leave.
        script.wait_for("vault 1.0.0", Moment::Drop);
        let rt = RefCell::new(Some(rt));
        in_child(|| {
            let rt = rt.take().unwrap();
            assert_eq!(branch.deposit(1), 1);
            rt.load(&in_use).unwrap();
            rt.replace(component("teller_v2")).unwrap();
            assert_eq!(branch.versions(), (2, 2));
            drop(rt);
            thread::spawn(move || vault.version()).join().unwrap_err();
        });
        let rt = rt.take().unwrap();
        script.clear("vault 1.0.0", Moment::Drop);
        // The store belongs to the parent, and is still there.
        rt.load(&in_use).unwrap();
        assert_eq!((branch.deposit(1), branch.versions(), teller.customers()), (1, (1, 2), 1));
    });
}

#[test]
fn a_child_makes_a_tokio_runtime_of_its_own_and_waits_for_none_of_its_parents() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("courier")).unwrap();
        let courier: Handle<dyn Courier> = rt.service().unwrap();
        wait_until("the parent's tasks run", || courier.ticks() > 0);
        in_child(|| {
            let ticks = courier.ticks();
            thread::sleep(Duration::from_millis(20));
            assert_eq!(courier.ticks(), ticks, "no thread of the child runs the parent's tasks");
            rt.replace(component("courier")).unwrap();
            wait_until("the child's tasks run", || courier.ticks() > ticks);
            rt.wait_drained(LONG).unwrap();
            assert_eq!(rt.status().left_threads, []);
        });
        let ticks = courier.ticks();
        wait_until("the parent's tasks run on", || courier.ticks() > ticks);
        rt.replace(component("courier")).unwrap();
    });
}

thread_local! {
    static FORKS: RefCell<Option<Forks>> = const { RefCell::new(None) };
}

/// Forks when its thread ends.
struct Forks {
    rt: &'static Runtime,
    counter: Handle<dyn Counter>,
}

impl Drop for Forks {
    fn drop(&mut self) {
        in_child(|| {
            let before = self.counter.add(1);
            self.rt.replace(component("counter_v2")).unwrap();
            assert_eq!((self.counter.version(), self.counter.add(1)), (2, before + 1));
        });
        assert_eq!(self.counter.version(), 1);
    }
}

#[test]
fn a_thread_forks_in_the_destructor_of_a_thread_local() {
    in_a_process_of_its_own(|| {
        let rt: &'static Runtime = Box::leak(Box::new(empty_runtime()));
        rt.load(component("counter_v1")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let own = counter.clone();
        thread::spawn(move || FORKS.set(Some(Forks { rt, counter: own }))).join().unwrap();
        assert_eq!(counter.add(1), 1);
    });
}

#[test]
fn a_child_has_no_trial_and_what_is_on_trial_in_its_parent_serves_on_in_it() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        let rules = Trial::until_confirmed().healthy_every(Duration::from_millis(1)).check(|| Ok(()));
        bank.rt.plan().replace(component("vault_v2")).trial(rules).commit().unwrap();
        in_child(|| {
            assert!(bank.rt.trial().is_none() && bank.rt.wait_trial(LONG).is_none());
            assert_eq!(bank.rt.confirm().unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!((bank.vault.version(), bank.vault.add(1)), (2, 1));
            // Nothing stands in the way of another plan, and a fault rolls nothing back.
            bank.rt.replace(component("vault_v1")).unwrap();
            assert_eq!((bank.vault.version(), bank.vault.add(1)), (1, 2));
        });
        assert_eq!(bank.vault.add(0), 0);
        assert!(bank.rt.trial().is_some());
        bank.rt.confirm().unwrap();
        assert_eq!(bank.vault.version(), 2);
    });
}

#[test]
fn a_request_keeps_the_version_that_a_canary_drew_for_it_in_the_child_too_and_no_later_one_is_drawn_for() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("press_1")).unwrap();
        let press: Handle<dyn Press> = rt.service().unwrap();
        rt.plan().replace(component("press_2")).canary(Canary::share(0.5).of_requests()).unwrap();
        let mut pin = rt.pin().ok();
        while press.version() == 1 {
            drop(pin.take());
            pin = rt.pin().ok();
        }
        let before = rt.canary().unwrap();
        in_child(|| {
            assert_eq!((press.version(), rt.canary().is_none()), (2, true));
            drop(pin.take());
            for _ in 0..20 {
                let _pin = rt.pin().unwrap();
                assert_eq!((press.version(), press.press(4)), (1, Ok(2)));
            }
        });
        // The parent's is as it was, and counts at its end.
        assert_eq!(press.version(), 2);
        drop(pin);
        let after = rt.canary().unwrap();
        assert_eq!((after.old, after.new.calls, after.under_way), (before.old, before.new.calls + 1, 0), "{after}");
        assert_eq!(rt.promote_canary().unwrap().new.calls, after.new.calls);
    });
}

#[test]
fn a_child_has_no_lines_of_a_watch_of_its_parent_and_nothing_in_it_waits_for_them() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("counter_v1")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let trace = rt.watch(Watch::trace("test.counter.add")).unwrap();
        let slow = rt.watch(Watch::slow("test.counter.add")).unwrap();
        assert_eq!((counter.add(1), slow.slowest().len()), (1, 1));
        in_child(|| {
            assert_eq!((trace.next_line(), slow.slowest().len(), trace.is_over()), (None, 0, true));
            assert_eq!(counter.add(1), 2);
            assert_eq!(trace.next_line(), None);
            drop((trace, slow));
            assert_eq!(counter.add(1), 3);
        });
    });
}

#[test]
fn a_child_counts_in_statistics_of_its_own_and_has_none_of_its_parent() {
    in_a_process_of_its_own(|| {
        let rt = empty_runtime();
        rt.load(component("counter_v1")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        let calls = |stats: &Watching| stats.stats()[0].calls;
        let count = |times: u64| (0..times).for_each(|_| _ = counter.add(1));
        let stats = rt.watch(Watch::stats("test.counter.add")).unwrap();
        // More than can count without meeting, and all there when the process forks.
        let (counted, over) = (Barrier::new(65), Mutex::new(()));
        thread::scope(|scope| {
            let not_over = over.lock().unwrap();
            for _ in 0..64 {
                scope.spawn(|| {
                    count(100);
                    counted.wait();
                    drop(over.lock());
                });
            }
            counted.wait();
            count(100);
            assert_eq!(calls(&stats), 6_500);
            in_child(|| {
                count(1_000);
                assert!(stats.stats().is_empty());
                let own = rt.watch(Watch::stats("test.counter.add")).unwrap();
                thread::scope(|scope| (0..40).for_each(|_| _ = scope.spawn(|| count(100))));
                count(100);
                assert_eq!(calls(&own), 4_100);
            });
            count(100);
            assert_eq!(calls(&stats), 6_600);
            drop(not_over);
        });
    });
}
