//! `fork`: the child has the forking thread alone, and finds its runtime in order whatever the other threads
//! were doing. The parent notices nothing.
//!
//! Each test has a process of its own. Std holds a lock while a thread begins or ends; a child that is
//! forked at that moment has the lock for ever, and hangs when it starts a thread. So no test may fork while
//! another test starts threads.

mod child;

use std::{
    cell::{Cell, RefCell},
    panic::{self, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use child::in_child;
use lcr::{ErrorKind, Handle, Pinned, Runtime, RuntimeBuilder};
use lcr_tests::{
    bank::{Bank, Branch as _, Clock, Teller as _, Vault as _},
    component,
    crowd::{Crew, Lower, Scene, Upper},
    empty_runtime, in_a_process_of_its_own,
    interfaces::Counter,
    keeper::Keeper,
    script::{Misdeed, Moment, Script, slow_file},
    wait_until,
};

const PAIR: &[&str] = &["crowd_lower", "crowd_upper"];
const STATEFUL_PAIR: &[&str] = &["crowd_ledger", "crowd_clerk"];
const LONG: Duration = Duration::from_secs(30);

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
fn a_child_calls_and_replaces_while_its_parents_threads_are_anywhere() {
    in_a_process_of_its_own(|| {
        for cast in [PAIR, STATEFUL_PAIR] {
            let scene = Scene::open(Runtime::builder(), cast);
            let (lower, upper): (Handle<dyn Lower>, Handle<dyn Upper>) =
                (scene.rt.service().unwrap(), scene.rt.service().unwrap());
            // The crew is inside components, in the middle of entering and leaving them.
            let work = |_| (0..100).map(|_| upper.add(1).0).fold(100, |calls, epoch| calls + epoch);
            let fork = || {
                in_child(|| {
                    let (_, _, sum) = upper.add(1);
                    assert_eq!(scene.rt.status().stragglers, []);
                    for epoch in 1..4 {
                        let report = scene.replace().unwrap();
                        assert_eq!(report.stragglers, []);
                        assert_eq!(upper.both(), (epoch, epoch));
                    }
                    if cast == STATEFUL_PAIR {
                        assert_eq!(lower.add(1).1, sum + 1);
                    }
                    // The child starts threads of its own, which call.
                    thread::scope(|scope| assert_eq!(scope.spawn(|| upper.both()).join().unwrap(), (3, 3)));
                    let own: Handle<dyn Upper> = scene.rt.reference(&7_u64).unwrap();
                    assert_eq!(own.both(), (7, 3));
                    drop(own);
                    scene.rt.wait_drained(LONG).unwrap();
                    wait_until("what the child replaced and released is destroyed", || {
                        let counts = scene.counts();
                        (counts.born, counts.died) == (9, 7)
                    });
                });
            };
            let (calls, forks) = Crew::new(10_000, 20).run(work, fork);
            assert!(calls >= 10_000 && forks >= 20);
            // The parent's instances did not change.
            assert_eq!((upper.both(), scene.epoch()), ((0, 0), 0));
            if cast == STATEFUL_PAIR {
                assert_eq!(lower.add(0), (0, calls));
            }
            scene.replace().unwrap();
            drop((lower, upper));
            assert_eq!(scene.close().born, 4);
        }
    });
}

#[test]
fn a_child_that_is_forked_in_the_middle_of_replacements_calls_and_replaces() {
    in_a_process_of_its_own(|| {
        for builder in both_ways() {
            // The runtime is boxed, because the C library of a child reclaims the stacks of threads that
            // are gone, that of this thread included, and unmaps those that its cache has no room for.
            let rt = Box::new(builder.build().unwrap());
            rt.load(component("counter_v1")).unwrap();
            let counter: Box<Handle<dyn Counter>> = Box::new(rt.service().unwrap());
            let replace = || rt.replace(component("counter_v2")).unwrap();
            let fork = |_| {
                in_child(|| {
                    let before = counter.add(1);
                    match rt.replace(component("counter_v1")) {
                        Ok(_) => assert_eq!(counter.version(), 1),
                        Err(error) => assert_was_cut_off(&error),
                    }
                    assert_eq!(counter.add(1), before + 1);
                });
                counter.add(1);
                5
            };
            Crew::new(200, 20).run(fork, || drop(replace()));
        }
    });
}

#[test]
fn a_child_is_forked_while_other_threads_begin_and_end() {
    in_a_process_of_its_own(|| {
        // Std holds a lock while a thread begins or ends, and a child that is forked then has the lock for
        // ever. The runtime's own threads must not need it.
        let rt = Box::new(empty_runtime());
        rt.load(component("counter_v1")).unwrap();
        let counter: Box<Handle<dyn Counter>> = Box::new(rt.service().unwrap());
        let is_over = Box::new(AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        let brief: Vec<_> = (0..16).map(|_| thread::spawn(|| ())).collect();
                        brief.into_iter().for_each(|thread| thread.join().unwrap());
                    }
                });
            }
            let forked = panic::catch_unwind(AssertUnwindSafe(|| {
                for _ in 0..400 {
                    in_child(|| {
                        rt.replace(component("counter_v2")).unwrap();
                        assert_eq!((counter.version(), counter.add(1)), (2, 1));
                        rt.wait_drained(LONG).unwrap();
                    });
                }
            }));
            is_over.store(true, Ordering::Relaxed);
            forked.unwrap();
        });
    });
}

#[test]
fn a_child_is_forked_while_images_are_mapped_and_unmapped() {
    in_a_process_of_its_own(|| {
        let rt = Box::new(empty_runtime());
        rt.load(component("keeper_unload")).unwrap();
        let keeper: Box<Handle<dyn Keeper>> = Box::new(rt.service().unwrap());
        let replace = || rt.replace(component("keeper_unload"));
        let fork = |_| {
            in_child(|| {
                keeper.park();
                match replace() {
                    Ok(_) => assert_eq!(keeper.leave_local(), 0, "each version has thread-locals of its own"),
                    Err(error) => assert_was_cut_off(&error),
                }
                keeper.join_thread();
            });
            keeper.park();
            5
        };
        Crew::new(200, 20).run(fork, || drop(replace().unwrap()));
    });
}

/// While the constructor of a library hangs, each child that is forked has lost the loader.
#[test]
fn a_child_whose_loader_was_lost_to_a_thread_in_a_constructor_is_told() {
    in_a_process_of_its_own(|| {
        let (rt, another) = (empty_runtime(), empty_runtime());
        rt.load(component("counter_v2")).unwrap();
        let counter: Handle<dyn Counter> = rt.service().unwrap();
        std::fs::write(slow_file(), "").unwrap();
        thread::scope(|scope| {
            let load = scope.spawn(|| rt.load(component("clock_slow")));
            wait_until("the library is mapped", || {
                std::fs::read_to_string("/proc/self/maps")
                    .unwrap()
                    .lines()
                    .any(|line| line.contains("r-xp") && line.contains("/clock-"))
            });
            let forked = panic::catch_unwind(AssertUnwindSafe(|| {
                in_child(|| {
                    let error = another.load(component("counter_v1")).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Load, "{error}");
                    assert!(error.to_string().contains("forked while another thread"), "{error}");
                    // The component that is loaded serves.
                    assert_eq!((counter.version(), counter.add(1)), (2, 1));
                });
            }));
            std::fs::remove_file(slow_file()).unwrap();
            forked.unwrap();
            load.join().unwrap().unwrap();
        });
        another.load(component("counter_v1")).unwrap();
    });
}

#[test]
fn a_child_is_forked_while_destructors_hang() {
    in_a_process_of_its_own(|| {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let [hangs, others] = directories.each_ref().map(Script::new);
        let rt = empty_runtime();
        rt.load(component("clock_v1")).unwrap();
        let own = |script: &Script| rt.reference::<dyn Clock>(script).unwrap();
        let clocks: Vec<_> = (0..3).map(|_| own(&hangs)).collect();
        hangs.set("clock 1.0.0", Moment::Drop, Misdeed::Hang);
        drop(clocks);
        wait_until("a destructor hangs", || !rt.status().stragglers.is_empty());
        let destroyed = rt.status().destroyed;
        in_child(|| {
            // The destructors that run are the parent's. Those that were queued hang in the child, too.
            for _ in 0..10 {
                own(&others);
            }
            wait_until("the child destroys its own", || rt.status().destroyed >= destroyed + 10);
            rt.replace(component("clock_v2")).unwrap();
            assert_eq!(own(&others).version(), 2);
        });
        assert_eq!(rt.status().destroyed, destroyed);
        hangs.clear("clock 1.0.0", Moment::Drop);
        rt.wait_drained(LONG).unwrap();
        assert_eq!(rt.status().destroyed, destroyed + 3);
    });
}

#[test]
fn a_child_is_forked_while_a_gate_is_shut() {
    in_a_process_of_its_own(|| {
        let bank = Bank::open();
        thread::scope(|scope| {
            bank.script.set("vault 1.0.0", Moment::Save, Misdeed::Hang);
            let change = scope.spawn(|| bank.rt.plan().replace(component("vault_v2")).deadline(LONG).commit());
            bank.script.wait_for("vault 1.0.0", Moment::Save);
            let waiting = scope.spawn(|| bank.vault.add(1));
            in_child(|| {
                // The child's gate is open, because no thread of the child would open it.
                assert_eq!((bank.vault.add(10), bank.branch.deposit(5)), (10, 15));
                let error = bank.rt.replace(component("teller_v2")).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                let another = empty_runtime();
                another.load(component("counter_v1")).unwrap();
                let counter: Handle<dyn Counter> = another.service().unwrap();
                another.replace(component("counter_v2")).unwrap();
                assert_eq!(counter.version(), 2);
            });
            bank.script.clear("vault 1.0.0", Moment::Save);
            change.join().unwrap().unwrap();
            assert_eq!(waiting.join().unwrap(), 1);
        });
        assert_eq!((bank.vault.version(), bank.vault.add(1)), (2, 2));
        bank.close();
    });
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
            let refused = bank.rt.plan().replace(component("vault_v2")).timeout(Duration::from_secs(2)).commit();
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
            let error = scene.rt.wait_drained(Duration::from_millis(200)).unwrap_err();
            assert_eq!(error.stragglers().len(), 1, "{error}");
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
